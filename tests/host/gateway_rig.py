"""The other ends of a gateway process: a receiver over real TLS, a radio bridge, and the process itself."""

import asyncio
import datetime
import hashlib
import ipaddress
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import cbor2
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import NameOID

from firmware import identity, wire
from firmware.wire import envelope as wire_envelope
from firmware.wire import records as wire_records

ROOT = Path(__file__).resolve().parent.parent.parent
MICROPYTHON = Path(sys.executable).parent / "micropython"
LOST = "lost"  # stored, but the connection ends without an answer
RUNTIMES = ("cpython", "micropython")


COMMAND_KEY = Ed25519PrivateKey.generate()


def public(key):
    """The raw bytes of a key's public half."""
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def command(me, counter, name, arguments, not_after, works="demo", key=COMMAND_KEY):
    """A signed command to a gateway."""
    content = cbor2.dumps([me.kid, counter, not_after, name, arguments], canonical=True)
    kid, digest = wire_envelope.kid(public(key)), hashlib.sha256(content).digest()
    signature = key.sign(wire_envelope.to_sign("command", works, kid, digest, "application/cbor"))
    return wire_envelope.envelope(kid, digest, signature, "application/cbor") + content


class Ca:
    """A certificate authority and what it signs."""

    def __init__(self, name="Test anchor"):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._build(self.name, self.key.public_key(), -1, 365).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(self.key, hashes.SHA256())
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def _build(self, subject, public, first_day, last_day):
        now = datetime.datetime.now(datetime.timezone.utc)
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public)
                .serial_number(x509.random_serial_number())
                .not_valid_before(now + datetime.timedelta(days=first_day))
                .not_valid_after(now + datetime.timedelta(days=last_day)))

    def server(self, folder, host="localhost", first_day=-1, last_day=90):
        """A TLS server context with a certificate for a host."""
        key = ec.generate_private_key(ec.SECP256R1())
        names: "list[x509.GeneralName]" = [x509.DNSName(host)]
        if host == "localhost":
            names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        certificate = self._build(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]), key.public_key(),
                                  first_day, last_day)
        signed = certificate.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(
            self.key, hashes.SHA256())
        path = folder / f"server{os.urandom(4).hex()}.pem"
        path.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


class Server:
    """An HTTPS server in its own thread, on a free port of the loopback: a context and (method, path, handler) rows."""

    def __init__(self, tls, *routes):
        self._tls, self._routes = tls, routes
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._started.wait(10)

    async def _serve(self):
        app = web.Application()
        for method, path, handler in self._routes:
            app.router.add_route(method, path, handler)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._tls).start()
        self.port = runner.addresses[0][1]
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._started.set()
        await self._stop.wait()
        await runner.cleanup()

    def close(self):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)


class Receiver(Server):
    """A receiver that keeps what it is sent and answers by a script, then by the rules. Runs in its own thread.

    It checks the contract itself: signature, one content per (epoch, seq), no gap within an epoch.
    """

    def __init__(self, tls, me, works="demo"):
        self.me, self.works = me, works
        self.script: "list" = []
        self.commands: "list[tuple[int, bytes]]" = []  # (counter, signed command)
        self.time = None  # None: the real time
        self.releases: "Path | None" = None  # a folder to serve below /releases
        self.fetched: "list[str]" = []
        self.stored: "dict[bytes, dict[int, list]]" = {}
        self.raw: "dict[tuple, bytes]" = {}
        self.heads: "list[wire_records.Head]" = []
        self.requests = 0
        self.wrong: "list[str]" = []
        super().__init__(tls, ("POST", "/v1/batches", self._post), ("GET", "/releases/{name:.*}", self._release))

    async def _post(self, request):
        body = await request.read()
        self.requests += 1
        step = self.script.pop(0) if self.script else 200
        if isinstance(step, bytes):
            return web.Response(status=200, body=step)
        status, headers = step if isinstance(step, tuple) else (step, {})
        if status not in (200, LOST):
            return web.Response(status=status, headers=headers, text="no\n")
        try:
            head = self._take(body)
        except (ValueError, AssertionError) as e:
            self.wrong.append(repr(e))
            return web.Response(status=400, text="no\n")
        if status == LOST:
            request.transport.abort()
            return web.Response()
        # Repeated until their result comes, as a receiver must.
        results = [r[3] for r in self.records(wire_records.RESULT)]
        commands = [data for counter, data in self.commands if counter not in results]
        now = int(time.time()) if self.time is None else self.time
        return web.Response(body=wire_envelope.answer(head.epoch, head.last, now, commands),
                            content_type=wire.ANSWER_TYPE)

    async def _release(self, request):
        name = request.match_info["name"]
        self.fetched.append(name)
        return web.Response(body=(self.releases / name).read_bytes())

    def _take(self, body):
        envelope = wire_envelope.open_envelope(body, "batch", self.works)
        assert envelope.kid == self.me.kid
        Ed25519PublicKey.from_public_bytes(self.me.public_key).verify(envelope.signature, envelope.to_verify)
        head, at = wire_envelope.open_head(body, envelope.end)
        self.heads.append(head)
        mine = self.stored.setdefault(head.epoch, {})
        expected = head.first
        import io
        stream = io.BytesIO(body[at:])
        while stream.tell() < len(body) - at:
            start = stream.tell()
            record = cbor2.load(stream)
            raw = body[at + start:at + stream.tell()]
            assert record[1] == expected, f"seq {record[1]} where {expected} should be"
            assert self.raw.setdefault((head.epoch, expected), raw) == raw, f"seq {expected} with two contents"
            assert expected == 1 or expected - 1 in mine, f"gap before {expected}"
            mine[expected] = record
            expected += 1
        assert expected == (head.last + 1 if head.first else 0)
        return head

    def records(self, kind=None):
        """All stored records, or those of one type."""
        return [r for epoch in self.stored.values() for r in epoch.values() if kind in (None, r[0])]

    def telegrams(self):
        """The relayed telegrams."""
        return [r[4] for r in self.records(wire_records.TELEGRAM)]


class Bridge:
    """A radio bridge: sends bursts to whoever is connected."""

    def __init__(self):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._peer = None
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                peer, _ = self._listening.accept()
            except OSError:
                return
            self._peer = peer

    def send(self, telegrams, rssi=-70):
        """Send telegrams as C1 format B bursts; whether somebody was there to hear them."""
        import wmbus_cases
        out = b""
        for telegram in telegrams:
            burst = b"\x54\x3d\x54\x3d" + wmbus_cases.frame_b(telegram)
            out += (len(burst) + 1).to_bytes(2, "big") + bytes((rssi & 255,)) + burst
        return self.send_raw(out)

    def send_raw(self, data):
        """Send bytes as they are; whether somebody was there."""
        if self._peer is None:
            return False
        try:
            self._peer.sendall(data)
        except OSError:
            self._peer = None
            return False
        return True

    def forget(self):
        """Whoever was connected is gone."""
        if self._peer is not None:
            self._peer.close()
            self._peer = None

    def close(self):
        self._listening.close()
        if self._peer is not None:
            self._peer.close()


class Process:
    """A gateway process on a folder."""

    def __init__(self, folder, runtime):
        self.folder, self.runtime = folder, runtime
        self.process = None
        self.lines: "list[dict]" = []
        self.errors = ""

    def start(self):
        if self.runtime == "micropython":
            command = [str(MICROPYTHON), "-X", "heapsize=192wK", "-m", "firmware.main", str(self.folder), "--status"]
        else:
            command = [sys.executable, "-m", "firmware.main", str(self.folder), "--status"]
        env = dict(os.environ, MICROPYPATH=f"{ROOT}:.frozen", PYTHONPATH=str(ROOT))
        self.process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._reading = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reading.start()

    def ended(self):
        """Wait until it ends by itself and all it said is there; its exit status."""
        status = self.process.wait(20)
        self._reading.join(20)
        return status

    def _read(self, process):
        for raw in process.stdout:
            text = raw.decode("utf-8", "replace")
            try:
                self.lines.append(json.loads(text))
            except ValueError:
                self.errors += text

    def status(self):
        return self.lines[-1] if self.lines else {}

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def stop(self):
        """End it with SIGTERM; its exit status, which under MicroPython, without signal handlers, is -15."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


class Rig:
    """A gateway's folder with both its other ends."""

    def __init__(self, folder, runtime, scale=3600, interval=600, host="localhost", tls=None, anchors=None, **settings):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.me = identity.of_seed(os.urandom(32))
        self.ca = Ca()
        self.receiver = Receiver(tls or self.ca.server(folder), self.me)
        self.bridge = Bridge()
        self.gateway = Process(folder, runtime)
        (folder / "identity.json").write_bytes(identity.dump(self.me))
        works = {"works": "demo", "url": f"https://{host}:{self.receiver.port}", "anchors": anchors or [self.ca.pem],
                 "command_keys": [public(COMMAND_KEY).hex()], "gateway": self.me.gateway, "window": 3600,
                 "interval": interval}
        (folder / "works.json").write_text(json.dumps(works))
        config = {"radios": [{"radio": "bursts", "port": f"tcp://127.0.0.1:{self.bridge.port}"}],
                  "simulated": {"scale": scale}}
        config.update(settings)
        (folder / "config.json").write_text(json.dumps(config))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.gateway.process is not None and self.gateway.process.poll() is None:
            self.gateway.kill()
        self.receiver.close()
        self.bridge.close()

    def until(self, true, seconds=40, doing=None):
        """Wait until something is true; what is done meanwhile is `doing`."""
        end = time.monotonic() + seconds
        while not true():
            if self.gateway.process.poll() is not None and doing is None:
                raise AssertionError(f"gateway ended: {self.gateway.errors[-2000:]}")
            if time.monotonic() > end:
                raise AssertionError(f"waited {seconds} s; {self.gateway.status()} {self.gateway.errors[-2000:]} "
                                     f"{self.receiver.wrong[:3]}")
            if doing:
                doing()
            time.sleep(0.05)

    def feed(self, telegrams, seconds=20):
        """Send telegrams until the gateway has heard them all."""
        before = self.gateway.status().get("heard", 0)
        self.until(lambda: self.bridge.send(telegrams), seconds)
        self.until(lambda: self.gateway.status().get("heard", 0) >= before + len(telegrams), seconds)
