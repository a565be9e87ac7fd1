"""What somebody on the network can do, without any key: at the port of the gateways and at that of the pages."""

import contextlib
import http.client
import json
import os
import socket
import ssl
import time

from receiver_support import HOUR, NOW, Gateway

import firmware.wire.records as wire_records
from firmware import wire

from .gateways import PATIENCE_S, resident
from .ground import FORM, HOST, SetupFailed, attempt
from .registry import attack

LONGEST_S = 25.0  # that a connection which says nothing, or goes on and on, may stay open


def served(ground, gateway, context=None):
    """None where an enrolled gateway's valid batch is accepted, and soon; else what happened."""
    began = time.monotonic()
    answer = attempt(ground.send, gateway.batch([wire_records.event(gateway.next(), ground.clock(), "here", "")]))
    took = time.monotonic() - began
    if answer is None or answer.status != 200:
        return f"an enrolled gateway is answered {answer and answer.status} {answer and answer.text.strip()}"
    return f"an enrolled gateway waits {took:.1f} s" if took > PATIENCE_S else None


@attack("stranger", alone=True)
def gateways_locked_out(ground):
    """Hundreds of forged and unsigned batches from the address behind which a gateway is, with its kid and with
    unknown ones, with every length. Held where its own batch is served."""
    victim = ground.gateway()
    if seen := served(ground, victim):
        raise SetupFailed(seen)
    stranger = Gateway()
    good = victim.batch([wire_records.event(7, ground.clock(), "x", "")], first=7, last=7)
    for n in range(400):
        body = (stranger.batch([]), good[:-1], os.urandom(200), good[:-1] + b"\0", b"", victim.sign(
            victim.content([]), key=stranger.key))[n % 6]
        answer = attempt(ground.send, body)
        if answer is not None and answer.status == 200:
            return "a forged batch is accepted"
        if n % 50 == 49 and (seen := served(ground, victim)):
            return seen
    return served(ground, victim)


@attack("stranger", alone=True, quick=False)
def an_ipv6_network_tries(ground):
    """Forged batches from many addresses of one /64, each with what one address may do. Held where they are counted as
    one: some are told to wait (429). Where no addresses can be added to this machine it cannot be tried."""
    import subprocess
    prefix = f"fd00:{os.urandom(2).hex()}:15:1:"
    added = []
    try:
        for n in range(1, 9):
            address = f"{prefix}:{n:x}"
            if subprocess.run(["ip", "-6", "addr", "add", f"{address}/128", "dev", "lo"],
                              capture_output=True).returncode:
                break
            added.append(address)
        if not added:
            raise SetupFailed("no IPv6 address can be added here")
        stranger, statuses = Gateway(), []
        for n in range(320):
            connection = http.client.HTTPSConnection("localhost", ground.device_port, context=ground.context(),
                                                     timeout=10, source_address=(added[n % len(added)], 0))
            connection.sock = ground.context().wrap_socket(socket.create_connection(
                (added[0], ground.device_port), timeout=10, source_address=(added[n % len(added)], 0)),
                server_hostname="localhost")
            with contextlib.closing(connection):
                connection.request("POST", wire.PATH, stranger.batch([]), {"Content-Type": wire.CONTENT_TYPE})
                statuses.append(connection.getresponse().status)
        return None if 429 in statuses else f"320 forged batches of a /64 in a row were looked at: {set(statuses)}"
    finally:
        for address in added:
            subprocess.run(["ip", "-6", "addr", "del", f"{address}/128", "dev", "lo"], capture_output=True)


def _still_open(sock, send=b""):
    """Whether the other end has not closed."""
    try:
        if send:
            sock.send(send)
        sock.settimeout(0.05)
        return sock.recv(1) != b""
    except (TimeoutError, ssl.SSLWantReadError, BlockingIOError):
        return True
    except OSError:
        return False


@attack("stranger", alone=True, quick=False)
def connections_that_say_nothing(ground):
    """TCP connections without a handshake, TLS connections without a request, half a request, a body in drips. Held
    where each is closed within a time, whatever it sends meanwhile."""
    context, port = ground.context(), ground.device_port

    def tls():
        return context.wrap_socket(socket.create_connection(("localhost", port), timeout=10),
                                   server_hostname="localhost")
    head = f"POST {wire.PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {wire.CONTENT_TYPE}\r\n"
    kinds = {"no handshake": (socket.create_connection(("localhost", port), timeout=10), b""),
             "half a handshake": (socket.create_connection(("localhost", port), timeout=10), b""),
             "no request": (tls(), b""), "half a head": (tls(), b""), "a head in drips": (tls(), b"X"),
             "no body": (tls(), b""), "a body in drips": (tls(), b"x")}
    kinds["half a handshake"][0].send(b"\x16\x03\x01\x02\x00\x01\x00")
    for name in ("half a head", "a head in drips"):
        kinds[name][0].send(head.encode())
    for name in ("no body", "a body in drips"):
        kinds[name][0].send((head + "Content-Length: 30000\r\n\r\n").encode())
    end = time.monotonic() + LONGEST_S
    open_ones = dict(kinds)
    while open_ones and time.monotonic() < end:
        time.sleep(0.5)
        open_ones = {name: (sock, drip) for name, (sock, drip) in open_ones.items() if _still_open(sock, drip)}
    for sock, _ in kinds.values():
        sock.close()
    # What sends on may take as long as a batch over a slow line; never for ever, which a minute does not show.
    standing = sorted(set(open_ones) - {"no body", "a body in drips"})
    return f"still open after {LONGEST_S:.0f} s: {', '.join(standing)}" if standing else None


@attack("stranger", alone=True, quick=False)
def thousands_of_idle_connections(ground):
    """As many connections as there are file descriptors, most of one address, that say nothing. Held where an enrolled
    gateway is served all the while, and the receiver lives."""
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = _limit(ground)
    wanted = min(allowed + 200, 6000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, wanted + 500), hard))
    victim, socks = ground.gateway(), []
    try:
        for n in range(wanted):
            try:
                sock = socket.create_connection(("127.0.0.1", ground.device_port), timeout=2)
            except OSError:
                break
            socks.append(sock)
            if n % 500 == 499 and (seen := served(ground, victim)):
                return f"with {len(socks)} idle connections {seen}"
        seen = served(ground, victim)
        return seen and f"with {len(socks)} idle connections {seen}"
    finally:
        for sock in socks:
            sock.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _limit(ground):
    """How many files a process of the receiver may have open."""
    with open(f"/proc/{ground.process.pid}/limits") as f:
        return next(int(line.split()[3]) for line in f if line.startswith("Max open files"))


@attack("stranger")
def tokens_of_others(ground):
    """An enrolment token that was used, by another key; one that is made up, an empty one, one altered, one of another
    works; a key of small order; a signature by another key. Held where each is refused."""
    token = ground.token()
    first, second = Gateway(), Gateway()
    if ground.device("POST", "/v1/gateways", first.enrolment(token)).status != 200:
        raise SetupFailed("the token is refused to the first")
    small = Gateway()
    fresh = ground.token()
    forged = json.loads(small.enrolment(fresh))
    forged["public_key"] = (b"\x01" + bytes(31)).hex()
    forged["signature"] = ((b"\x01" + bytes(31)) + bytes(32)).hex()
    bodies = [second.enrolment(token), second.enrolment("x" * 32), second.enrolment(""),
              second.enrolment(fresh[:-1] + ("A" if fresh[-1] != "A" else "B")),
              second.enrolment(fresh, works="elsewhere"), second.enrolment(fresh, key=first.key),
              json.dumps(forged).encode(), b"[" * 5000, b"{", json.dumps({"token": 1}).encode(), b"\xff" * 3000]
    for n, body in enumerate(bodies):
        answer = ground.device("POST", "/v1/gateways", body)
        if answer.status == 429:
            raise SetupFailed("this address is locked out")
        if answer.status == 200:
            return f"enrolled by attempt {n}"
        if answer.status >= 500:
            return f"attempt {n} is answered {answer.status}"
    for gateway in (second, small):
        if ground.send(gateway.batch([])).status == 200:
            return "a gateway that was not enrolled is served"
    return None


@attack("stranger")
def paths_out_of_their_folder(ground):
    """Addresses of releases, of static files and of exports that lead out of their folders, in every writing. Held
    where none shows a file that is not theirs."""
    (ground.directory.path / "releases" / "0.1.0").mkdir(parents=True, exist_ok=True)
    marks = (b"BEGIN", b"root:", b"SQLite format", b"kek", b'"works":', b"[project]")
    ups = ["../" * n for n in (1, 2, 4, 8)] + [
        "..%2f" * 2, "..%2f" * 3, "..%2f" * 4, "%2e%2e/" * 4, "%2e%2e%2f" * 4, "..%5c" * 4, "....//" * 4,
        "%252e%252e%252f" * 4, "/", "//", "%00/", "..;/" * 4]
    files = ("etc/passwd", "receiver.json", "ca/anchor1.key", "keys.sqlite", "pyproject.toml")
    for up in ups:
        for name in files:
            for port, prefix in ((0, "/v1/releases/"), (0, "/v1/releases/0.1.0/"), (1, "/static/"), (1, "/")):
                path = prefix + up + name
                if port:
                    answer = attempt(_raw, ground, path)
                else:
                    answer = attempt(ground.device, "GET", path)
                if answer is not None and answer.status == 200 and any(mark in answer.body for mark in marks):
                    return f"{path} shows a file"
                if answer is not None and answer.status >= 500:
                    return f"{path} is answered {answer.status}"
        # Each of these was a connection of its own: enough of them for one writing.
    return None


def _raw(ground, path):
    """A page's address as it is written."""
    return ground.web(path, headers={"Host": HOST, "Authorization": f"Bearer {ground.bearer}"})


@attack("stranger")
def without_the_works_ca(ground):
    """TLS 1.1, no TLS, and a client that trusts public authorities only. Held where
    nothing is had of the port but by TLS 1.2 with the works' certificate."""
    port = ground.device_port
    plain = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    with contextlib.closing(plain):
        plain.request("GET", "/v1/anchors")
        with contextlib.suppress(OSError, http.client.HTTPException):
            if plain.getresponse().status == 200:
                return "it answers without TLS"
    import warnings
    for context in (ssl.create_default_context(), _old()):
        with warnings.catch_warnings(), contextlib.suppress(OSError):
            warnings.simplefilter("ignore")
            context.wrap_socket(socket.create_connection(("localhost", port), timeout=3),
                                server_hostname="localhost").close()
            return f"a handshake with {context.maximum_version} and its authorities succeeds"
    served_ = ground.device("GET", "/v1/anchors")
    return None if served_.status == 200 else "the works' own clients are not served"


def _old():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    import warnings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    return context


@attack("stranger")
def every_page_without_a_session(ground):
    """Every page and route of the API without a session, with sessions and tokens that are made up, ended, expired, in
    other headers, and under another host's name. Held where none shows anything."""
    import installed
    gateway, meter = ground.gateway(name="Fyrveien 3"), ground.meter()
    ground.heard(gateway, [meter.plain(4_321_987, 1)])
    from cloud_receiver.office.accounts import Accounts
    with contextlib.closing(Accounts(ground.directory.access)) as accounts:
        expired = accounts.make_token(f"expired{os.urandom(4).hex()}", "operations", 1, NOW - 10 * 24 * HOUR)
        name = f"ended{os.urandom(4).hex()}"
        ended = accounts.make_token(name, "operations", 10, NOW - HOUR)
        accounts.revoke_token(name, NOW)
    ids = {"gateway": gateway.id, "meter": meter.text}
    paths = [p for p in installed.addresses(ids) if "{" not in p and not p.startswith("/login")]
    stolen = ({}, {"Authorization": f"Bearer {expired}"}, {"Authorization": f"Bearer {ended}"},
              {"Authorization": "Bearer "}, {"Cookie": "__Host-netti=" + "A" * 32}, {"X-Forwarded-For": "127.0.0.1"},
              {"Authorization": f"Basic {ground.bearer}"}, {"Cookie": f"__Host-netti={ground.bearer}"})
    for path in paths:
        for headers in stolen:
            answer = ground.web(path, headers={"Host": HOST, **headers})
            if answer.status == 200 and (meter.text in answer.text or gateway.id in answer.text
                                         or "4321" in answer.text.replace(",", "")):
                return f"{path} is shown with {headers}"
    other = ground.web("/v1/meters", headers={"Host": "attacker.example", "Authorization": f"Bearer {ground.bearer}"})
    return None if other.status != 200 else "the API answers under another host's name"


@attack("stranger", alone=True)
def owner_kept_logged_out(ground):
    """Who knows a user's name tries passwords for it, from one address and from a dozen. Held where the
    owner with the right password gets in, from an address of his own."""
    from access_rig import PASSWORD

    owner = "198.51.100.7"

    def log_in(name, password, address):
        return ground.web("/login", "POST", f"name={name}&password={password.replace(' ', '+')}",
                          {"Host": HOST, "X-Forwarded-For": address, "Origin": f"https://{HOST}", **FORM})
    first = log_in("operations", PASSWORD, owner)
    if first.status != 303:
        raise SetupFailed(f"the owner does not get in: {first.status}")
    for n in range(24):
        log_in("operations", "wrong password", f"203.0.113.{n % 12 + 1}")
    again = log_in("operations", PASSWORD, owner)
    return None if again.status == 303 else f"the owner is answered {again.status}"


@attack("stranger", quick=False)
def requests_that_are_none(ground):
    """Requests with two lengths, with a length and chunks, with heads of a megabyte, ten thousand headers, methods and
    bytes of no protocol at both ports. Held where the receiver lives, serves on, and no process grows."""
    victim = ground.gateway()
    wrong = [b"POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 50\r\n\r\nhello",
             b"POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
             b"0\r\n\r\nGET /v1/meters HTTP/1.1\r\nHost: x\r\n\r\n",
             b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * (1 << 20) + b"\r\n\r\n",
             b"GET / HTTP/1.1\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(10_000)) + b"\r\n",
             b"\x00" * 5000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET " + b"/a" * 50_000 + b" HTTP/1.1\r\n\r\n",
             b"GET http://169.254.169.254/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
             b"CONNECT localhost:22 HTTP/1.1\r\n\r\n",
             b"TRACE / HTTP/1.1\r\nHost: localhost\r\nX-Secret: 1\r\n\r\n"]
    from .gateways import processes
    for data in wrong:
        for port in (ground.device_port, ground.web_port):
            with contextlib.suppress(OSError):
                sock = socket.create_connection(("localhost", port), timeout=3)
                if port == ground.device_port:
                    sock = ground.context().wrap_socket(sock, server_hostname="localhost")
                with contextlib.closing(sock):
                    sock.sendall(data)
                    sock.settimeout(1)
                    answer = sock.recv(4096)
                    if answer.startswith(b"HTTP/1.1 200") and b"meters" in answer:
                        return f"{data[:60]!r} is answered"
    peak = max(resident(pid) for pid in processes(ground))
    if peak > 600 << 20:
        return f"a process has {peak >> 20} MB"
    return served(ground, victim)
