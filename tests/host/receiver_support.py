"""What the receiver's tests share: a gateway that speaks the wire contract, water meters, a receiver to talk to."""

import asyncio
import contextlib
import hashlib
import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import postgres
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

import firmware.wire.records as wire_records
from cloud_receiver import app
from cloud_receiver.data.clock import Clock
from cloud_receiver.office import kek, orders, trust
from cloud_receiver.office.accounts import Accounts
from cloud_receiver.office.directory import Directory, Settings
from cloud_receiver.office.office import Office
from cloud_receiver.operations import store_reader
from cloud_receiver.stores import queries
from cloud_receiver.web import access
from firmware import wire
from firmware.wire import enrolment, envelope

NOW = 1795503600  # 2026-11-24T07:00:00Z
HOUR, DAY = 3600, 86_400


class FixedClock(Clock):
    """A receiver's clock that stands where the test puts it."""

    def __init__(self, at=NOW):
        super().__init__()
        self.at = at

    def now(self):
        return float(self.at)


class Meter:
    """A water meter that sends its total in litres, in security mode 5 or in plain text."""

    def __init__(self, number, key=None, manufacturer="KAM", version=0x1B, kind=0x16):
        self.number, self.key, self.version, self.kind = number, key, version, kind
        self.manufacturer = manufacturer
        self.access = 0

    @property
    def text(self):
        return f"{self.manufacturer}-{self.number:08d}-{self.version:02X}-{self.kind:02X}"

    @property
    def address(self):
        code = 0
        for letter in self.manufacturer:
            code = code << 5 | ord(letter) - 64
        return (code.to_bytes(2, "little") + bytes.fromhex(f"{self.number:08d}")[::-1]
                + bytes((self.version, self.kind)))

    def telegram(self, litres, access=None, status=0):
        """One telegram: CI 7A, volume as 8 BCD digits in litres."""
        if access is None:
            self.access = access = (self.access + 1) & 255
        records = b"\x0c\x13" + bytes.fromhex(f"{litres:08d}")[::-1]
        if self.key is None:
            rest = bytes((0x7A, access, status, 0, 0)) + records
        else:
            plain = b"\x2f\x2f" + records
            plain += b"\x2f" * (-len(plain) % 16)
            cipher = Cipher(algorithms.AES(self.key), modes.CBC(self.address + bytes((access,)) * 8)).encryptor()
            configuration = 0x0500 | len(plain) // 16 << 4
            rest = bytes((0x7A, access, status)) + configuration.to_bytes(2, "little") + cipher.update(plain)
        return bytes((9 + len(rest), 0x44)) + self.address + rest


class Gateway:
    """The sending side: one key, rings that count, batches signed."""

    def __init__(self, works="works", seed=None):
        self.works = works
        self.key = Ed25519PrivateKey.from_private_bytes(seed or os.urandom(32))
        self.public = trust.public_bytes(self.key)
        self.id = envelope.gateway_id(self.public)
        self.epoch = os.urandom(8)
        self.seq = 0
        self.boot = 1

    def next(self):
        self.seq += 1
        return self.seq

    def sign(self, content, purpose="batch", works=None, kid=None, key=None, content_type=wire.CONTENT_TYPE):
        """The batch of some content: envelope and content."""
        kid = kid or envelope.kid(self.public)
        digest = hashlib.sha256(content).digest()
        signature = (key or self.key).sign(envelope.to_sign(purpose, works or self.works, kid, digest, content_type))
        return envelope.envelope(kid, digest, signature, content_type) + content

    def content(self, records, first=None, last=None, epoch=None, clock=wire_records.CLOCK_ANSWER):
        """Head and records; `records` are (seq, bytes) or bytes of the seqs just drawn."""
        if first is None:
            last = self.seq if records else 0
            first = self.seq - len(records) + 1 if records else 0
        return envelope.head(epoch or self.epoch, self.boot, "0.1.0", clock, first, last) + b"".join(records)

    def batch(self, records, **fields):
        return self.sign(self.content(records, **fields))

    def telegrams(self, telegrams, time=NOW - 60, rssi=-71):
        """The batch of these telegrams, as new records of the ring."""
        return self.batch([wire_records.telegram(self.next(), time, rssi, t) for t in telegrams])

    def enrolment(self, secret, works=None, key=None, **fields):
        signature = (key or self.key).sign(enrolment.to_sign(works or self.works, secret))
        return json.dumps({"token": secret, "public_key": self.public.hex(), "signature": signature.hex(),
                           "kind": "home", **fields}).encode()


def make(path, works="works", name="Prøveby vannverk", port=0, engine="sqlite"):
    """A new receiver's directory, whose store is SQLite's or an empty database of PostgreSQL."""
    directory = Directory(path)
    directory.path.mkdir(parents=True, exist_ok=True)
    trust.make(directory.ca, works, name, "localhost")
    kek.make(kek.file_of(directory.path))
    settings = Settings(works, name, "localhost", port)
    if engine == "postgres":
        postgres.need()
        settings.store = postgres.new_database()
    Office(directory, settings).close()
    directory.save(settings)
    return directory


class Answer:
    """A response: its status, headers, body."""

    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()


class Caller:
    """Speaks to a receiver as gateways and browsers do; certificates are verified."""

    directory: Directory
    device_port: int
    web_port: int

    def context(self):
        return ssl.create_default_context(cadata="".join(trust.anchors(self.directory.ca)))

    def device(self, method, path, body=None, headers=None):
        connection = http.client.HTTPSConnection("localhost", self.device_port, context=self.context(), timeout=20)
        return self._call(connection, method, path, body, headers)

    def web(self, path, method="GET", body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.web_port, timeout=20)
        return self._call(connection, method, path, body, headers)

    def _call(self, connection, method, path, body, headers):
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            return Answer(connection.getresponse())

    def send(self, body):
        return self.device("POST", "/v1/batches", body, {"Content-Type": wire.CONTENT_TYPE})

    def through(self, body):
        """Send a batch that must be taken; the answer's mark."""
        answer = self.send(body)
        assert answer.status == 200, (answer.status, answer.text)
        return envelope.open_answer(answer.body).through

    def json(self, path):
        answer = self.web(path)
        assert answer.status == 200, answer.text
        return answer.json()

    def token(self):
        with Office(self.directory) as office:
            return office.enrolled.make_token(NOW)

    def put_key(self, meter):
        with Office(self.directory) as office:
            office.meter_keys.put(meter.text, meter.key, NOW)

    def enrol(self, gateway=None, **fields):
        gateway = gateway or Gateway()
        answer = self.device("POST", "/v1/gateways", gateway.enrolment(self.token(), **fields))
        assert answer.status == 200, answer.text
        return gateway

    # What lies in the receiver's files, whatever pages there are to show it.

    def read(self, query, *arguments):
        """What a query of the store finds."""
        with store_reader.open_reader(self.directory, self.directory.load()) as read:
            return read(query, *arguments)

    def now(self):
        """Unix seconds of the receiver's clock."""
        return NOW

    def summary(self):
        """Counts over the whole store."""
        return self.read(queries.summary.everything)

    def gateway(self, gateway):
        """A gateway as the store tells of it, by its id."""
        return self.read(queries.gateways.one, gateway)

    def gateways(self):
        """All gateways, the newest contact first."""
        return self.read(queries.gateways.every)

    def meter(self, meter):
        """A meter as the store tells of it, by its text."""
        return self.read(queries.meters.one, self.now() // DAY - 1, meter)

    def meters(self):
        """All meters, by their text."""
        return self.read(queries.meters.page, self.now() // DAY - 1, self.now())[0]

    def gaps(self, gateway):
        """What is missing of a gateway's first ring: [[first, last]]."""
        return self.gateway(gateway)["epochs"][0]["gaps"]

    def orders(self, gateway, now=None):
        """A gateway's orders, newest first, with their state and what came of them."""
        now = self.now() if now is None else now
        with Office(self.directory) as office:
            return [{**o._asdict(), "state": orders.state(o, now), "result": orders.outcome(o)}
                    for o in office.orders.of(gateway)]

    def wait_for(self, ready, seconds=20):
        """Until `ready(summary)` holds, which the decoder brings about in its own time."""
        end = time.monotonic() + seconds
        while not ready(summary := self.summary()):
            assert time.monotonic() < end, summary
            time.sleep(0.05)
        return summary

    def wait_for_answer(self, ready, seconds=20):
        """Until `ready()` holds."""
        end = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < end
            time.sleep(0.05)


class Running(Caller):
    """A receiver in a thread of this process."""

    def __init__(self, directory, clock=None, public_name=""):
        self.directory, self.public_name = directory, public_name
        self.clock = clock or FixedClock()
        self._started = threading.Event()
        self._error = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)
        self._thread.start()
        self._started.wait()
        if self._error:
            raise self._error

    async def _main(self):
        self.loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            self.receiver = app.Receiver(self.directory, self.clock, self.public_name)
            await self.receiver.start(0, 0)
            self.device_port, self.web_port = self.receiver.device_port, self.receiver.web_port
        except Exception as e:  # noqa: BLE001 - raised again where the test waits
            self._error = e
            return
        finally:
            self._started.set()
        await self._stop.wait()
        await self.receiver.close()

    def read(self, query, *arguments):
        return self.run(self.receiver.store.read(query, *arguments))

    def now(self):
        return self.clock.seconds()

    def run(self, coroutine):
        """Run a coroutine in the receiver's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    @property
    def rules(self):
        """(method, path as routed) -> roles, of every route there is; to be changed by a test."""
        return self.receiver.web[access.RULES]

    def people(self):
        """The accounts, to be closed after use."""
        return contextlib.closing(Accounts(self.directory.access))

    @contextlib.contextmanager
    def locked_log(self):
        """The audit log cannot be written meanwhile (but read)."""
        self.receiver.office.accounts.audit.wait_s = 0.1
        with self.people() as people:
            people.db.execute("BEGIN IMMEDIATE")
            yield
            people.db.execute("ROLLBACK")

    def look(self):
        """Have it take up now what other processes decided, which else it does once a second."""
        self.run(self.receiver.devices.reload_if_changed())

    def stop(self):
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(30)
            assert not self._thread.is_alive()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()


class Process(Caller):
    """A receiver as users run it, `netti receiver serve` with processes of its own; `planted` is code run before it,
    `netti` the command of another tree."""

    NETTI = Path(sys.executable).parent / "netti"

    def __init__(self, directory, *arguments, planted="", stderr=None, netti=NETTI):
        self.directory = directory
        command = [netti]
        if planted:
            planted += "\nimport sys\nfrom netti_tools.cli import main\nsys.exit(main())"
            command = [sys.executable, "-c", planted]
        self.process = subprocess.Popen([*command, "receiver", "serve", directory.path, "--web-port", "0", *arguments],
                                        stdout=subprocess.PIPE, stderr=stderr, text=True, start_new_session=True)
        line = self.process.stdout.readline()
        assert line.startswith("netti receiver: devices https://"), line
        devices, pages = line.split("localhost:")[1].split("127.0.0.1:")
        self.device_port, self.web_port = int(devices.split()[0]), int(pages)

    def kill(self):
        """SIGKILL to all its processes at once, as a power cut."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def end(self):
        """SIGTERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.kill()
        self.process.stdout.close()
