"""Files fetched for an update: whole ones in one piece, streamed ones as they come, nothing longer than it may be."""

import asyncio

from firmware.clock import Clock
from firmware.uplink import fetch, http

WORKS = {"host": "works.example", "port": 8443}


class Hal:
    async def within(self, _seconds, awaitable):
        return await awaitable

    def real_ms(self):
        return 0

    async def close(self, _writer):
        pass


class Line:
    """The lock of whoever may have a connection."""

    async def acquire(self):
        pass

    def release(self):
        pass


class Wire:
    """An answer that comes `step` bytes at a time, and what was asked."""

    def __init__(self, answer, step):
        self.answer, self.step, self.asked = answer, step, b""

    async def readline(self):
        line, self.answer = self.answer[:self.answer.index(b"\n") + 1], self.answer[self.answer.index(b"\n") + 1:]
        return line

    async def read(self, n):
        n = min(n, self.step)
        piece, self.answer = self.answer[:n], self.answer[n:]
        return piece

    def write(self, data):
        self.asked += data

    async def drain(self):
        pass


def fetched(body, most=5000, step=100, length=None):
    """(what `whole` gives, what was asked for it)."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(body) if length is None else length)
    wire = Wire(head + body, step)
    source = fetch.Source(Hal(), lambda: WORKS, Clock(lambda: 0, 0), Line())

    async def go():
        async with source.below("https://works.example:8443/v1/releases/1.2.3") as below:
            below._connection = wire, wire
            return await below.whole("manifest", most)
    return asyncio.run(go()), wire.asked


def test_a_whole_file_is_what_was_sent_however_it_is_cut():
    body = bytes(range(256)) * 15
    for step in (1, 7, 1000, 5000):
        data, asked = fetched(body, step=step)
        assert data == body and asked.startswith(b"GET /v1/releases/1.2.3/manifest HTTP/1.1\r\n")
    assert fetched(b"")[0] == b""


def test_a_whole_file_has_its_room_from_the_start():
    """Room for the whole is asked for once; what comes piece by piece goes into it."""
    room = fetch._Room()
    room.begin(3000)
    data = room.data
    for n in range(3):
        room.write(bytes([n]) * 1000)
    assert room.data is data and data == b"\0" * 1000 + b"\1" * 1000 + b"\2" * 1000


def refused(*args, **named):
    """The HttpError that a fetch ends with."""
    try:
        fetched(*args, **named)
    except http.HttpError as e:
        return str(e)
    raise AssertionError("fetched")


def test_no_room_is_made_for_more_than_it_may_be():
    assert "11 bytes" in refused(bytes(11), 10)
    assert "999999999 bytes" in refused(b"", length=999999999)
    assert refused(b"", length=1 << 40) == "no length"
    assert refused(bytes(10), length=20) == "connection ended"
