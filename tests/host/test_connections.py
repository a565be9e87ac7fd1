"""Before anybody has said who they are: every step has its time, and there are only so many connections."""

import contextlib
import http.client
import resource
import socket
import ssl
import threading
import time

import pytest
from receiver_support import Meter, Running, make

from cloud_receiver.edge import connections
from firmware import wire

PLAIN = Meter(11111111)


@pytest.fixture
def receiver(tmp_path):
    with Running(make(tmp_path / "works")) as running:
        yield running


@pytest.fixture
def hasty(monkeypatch):
    """Each step takes half a second at most."""
    for step in ("HANDSHAKE_S", "HEAD_S", "BODY_S", "IDLE_S", "WORK_S"):
        monkeypatch.setattr(connections, step, 0.5)
    monkeypatch.setattr(connections, "LOOK_S", 0.1)


def closed(sock, seconds=20.0):
    """Wait until the other side has closed a connection; False where it does not."""
    sock.settimeout(seconds)
    try:
        while sock.recv(4096):
            pass
        return True
    except TimeoutError:
        return False
    except OSError:  # reset
        return True


def connect(receiver, tls=True, source=""):
    sock = socket.create_connection(("127.0.0.1", receiver.device_port), timeout=20,
                                    source_address=(source, 0) if source else None)
    return receiver.context().wrap_socket(sock, server_hostname="localhost") if tls else sock


SAID = {"a handshake": b"", "half a handshake": b"\x16\x03\x01\x02\x00\x01", "a head": b"",
        "half a head": b"POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nX: ",
        "a body": b"POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n",
        "half a body": b"POST /v1/gateways HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
        "a chunk": b"POST /v1/gateways HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "the next request": b"GET /v1/anchors HTTP/1.1\r\nHost: localhost\r\n\r\n"}


@pytest.mark.parametrize("missing", SAID)
def test_what_never_comes_is_not_waited_for(receiver, hasty, missing):
    with contextlib.closing(connect(receiver, tls="handshake" not in missing)) as sock:
        sock.sendall(SAID[missing])
        assert closed(sock)
    receiver.wait_for_answer(lambda: len(receiver.receiver.devices.connections) == 0)


def test_seen_where_it_is_waited_for(receiver, hasty, monkeypatch):
    """Known-bad: no deadline but those of the TLS library, and of aiohttp for a connection that pauses."""
    monkeypatch.setattr(connections.Connections, "look", lambda self: None)
    with contextlib.closing(connect(receiver)) as sock:
        sock.sendall(SAID["half a head"])
        assert not closed(sock, 2)


def test_what_comes_in_time_is_served_in_pieces_and_again(receiver, hasty):
    gateway = receiver.enrol()
    body = gateway.telegrams([PLAIN.telegram(5)])
    with contextlib.closing(connect(receiver)) as sock:
        head = f"POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        for piece in (head[:20], head[20:], body[:50], body[50:]):
            sock.sendall(piece)
            time.sleep(0.05)
        assert b" 200 " in sock.recv(4096)
        sock.sendall(head + body)
        assert b" 200 " in sock.recv(4096)


def test_a_gateway_gets_in_and_goes_on_while_one_sender_holds_all_it_can(receiver):
    limits = receiver.receiver.devices.connections
    limits.of_a_sender = 8
    gateway = receiver.enrol()
    working = http.client.HTTPSConnection("127.0.0.1", receiver.device_port, context=context(receiver), timeout=20)
    with contextlib.ExitStack() as stack:
        stack.callback(working.close)
        assert post(working, gateway.telegrams([PLAIN.telegram(1)])) == 200
        silent = [stack.enter_context(contextlib.closing(connect(receiver, tls=n % 2))) for n in range(40)]
        receiver.wait_for_answer(lambda: limits.dropped["displaced"] >= 33)
        assert limits.of_sender("127.0.0.1") <= 8
        assert post(working, gateway.telegrams([PLAIN.telegram(2)])) == 200, "it had proved itself"
        assert receiver.through(gateway.telegrams([PLAIN.telegram(3)])) == 3, "and so may a new one"
        assert sum(closed(s, 5) for s in silent[:30]) == 30, "the longest open went first"


def test_seen_where_there_is_no_bound(receiver, monkeypatch):
    monkeypatch.setattr(connections.Connections, "room", lambda self, sender: True)
    limits = receiver.receiver.devices.connections
    limits.of_a_sender = 8
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(contextlib.closing(connect(receiver)))
        assert limits.of_sender("127.0.0.1") > 8


def test_the_port_has_a_bound_over_all_senders(receiver):
    limits = receiver.receiver.devices.connections
    limits.most = 16
    gateway = receiver.enrol()
    working = http.client.HTTPSConnection("127.0.0.1", receiver.device_port, context=context(receiver), timeout=20)
    with contextlib.ExitStack() as stack:
        stack.callback(working.close)
        assert post(working, gateway.telegrams([PLAIN.telegram(1)])) == 200
        for n in range(60):
            stack.enter_context(contextlib.closing(connect(receiver, tls=False, source=f"127.0.0.{n + 2}")))
        receiver.wait_for_answer(lambda: limits.dropped["displaced"] >= 45)
        assert len(limits) <= 16 and post(working, gateway.telegrams([PLAIN.telegram(2)])) == 200


def test_no_more_connections_than_files(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda what: (1024, 4096))
    assert connections.Connections().most == 1024 - connections.SPARE_FILES
    monkeypatch.setattr(resource, "getrlimit", lambda what: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert connections.Connections().most == connections.MOST


def test_pages_are_served_while_somebody_says_nothing(receiver, hasty):
    with contextlib.closing(socket.create_connection(("127.0.0.1", receiver.web_port))) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: loc")
        assert receiver.web("/healthz").status == 200
        assert closed(sock)


def test_those_that_work_for_a_proven_sender_stay_and_the_newcomer_goes(receiver):
    """A request in progress is not cut off for somebody who has said nothing."""
    limits, ingest = receiver.receiver.devices.connections, receiver.receiver.devices.ingest
    limits.of_a_sender = 2
    gateway = receiver.enrol()
    lines = [http.client.HTTPSConnection("127.0.0.1", receiver.device_port, context=context(receiver), timeout=20)
             for _ in range(2)]
    with contextlib.ExitStack() as stack:
        for line in lines:
            stack.callback(line.close)
            assert post(line, gateway.batch([])) == 200
        real, go = ingest._store, threading.Event()
        stack.callback(go.set)

        async def slow(batch, now):
            await receiver.loop.run_in_executor(None, go.wait)
            return await real(batch, now)
        ingest._store = slow
        found: list = []
        threads = [threading.Thread(target=lambda line=line: found.append(post(line, gateway.batch([]))))
                   for line in lines]
        for thread in threads:
            thread.start()
        receiver.wait_for_answer(lambda: [c.state in ("body", "work") for c in limits._all] == [True] * 2)
        with contextlib.closing(connect(receiver, tls=False)) as sock:
            assert closed(sock)
        go.set()
        for thread in threads:
            thread.join()
        assert found == [200, 200] and limits.dropped["refused"] == 1


def context(receiver):
    found = receiver.context()
    found.check_hostname = False
    assert found.verify_mode == ssl.CERT_REQUIRED
    return found


def post(connection, body):
    connection.request("POST", "/v1/batches", body, {"Content-Type": wire.CONTENT_TYPE})
    response = connection.getresponse()
    response.read()
    return response.status
