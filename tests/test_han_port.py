"""The gateway's HAN port on a scripted line: pauses, closing, messages larger than the memory."""

import asyncio

import han_vectors as v

from firmware import port
from firmware.clock import Clock
from firmware.home import han_port


class Line:
    """The other end: what it sends, and how many milliseconds it waits before each piece."""

    def __init__(self, pieces):
        self.pieces = list(pieces)
        self.ms = 0
        self.closed = 0

    async def read(self, _n):
        if not self.pieces:
            return b""
        wait, data = self.pieces.pop(0)
        self.ms += wait
        return data


def heard(pieces, p1_without_crc=False):
    """(counts, line, port) after the port has read the whole line."""
    line = Line(pieces)
    counts = {}

    def count(name):
        counts[name] = counts.get(name, 0) + 1

    async def open_stream(_where):
        return line, line

    async def close(end):
        end.closed += 1
    before = port.open_stream, port.close, port.real_ms
    port.open_stream, port.close, port.real_ms = open_stream, close, lambda: line.ms
    try:
        config = {"port": "tcp://127.0.0.1:1", "ek": None, "ak": None, "p1_without_crc": p1_without_crc}
        han = han_port.HanPort(config, Clock(lambda: line.ms, 0), None, lambda data: None, None, count)
        use = han.use_reading
        han.readings = []

        def used(reading):
            han.readings.append(reading)
            use(reading)
        han.use_reading = used
        asyncio.run(han.run())
    finally:
        port.open_stream, port.close, port.real_ms = before
    return counts, line, han


def test_segments_with_a_pause_between_them_are_no_message():
    """Time-out of a segmented message: what stood is dropped, what comes next begins anew."""
    apdu = v.kaifa(3)
    for wire in (v.segments(apdu, 60), b"".join(v.blocks(apdu, 60)), b"".join(v.long_frames(apdu, 60)),
                 v.frame(v.LLC + apdu), v.telegram(v.P1_LINES)):
        half = len(wire) // 2
        after = v.frame(v.LLC + v.kaifa(1))
        counts, line, han = heard([(0, wire[:half]), (900, wire[half:]), (2500, after)])
        assert counts == {"han": 2} and line.closed == 1
        counts, line, han = heard([(0, wire[:half]), (2500, wire[half:]), (2500, after)])
        assert counts == {"han": 1} and han.rejected() > 0
        assert han.readings[-1]["import_w"] == 1234


def test_telegrams_without_crc_only_where_configured():
    wire = v.telegram(v.P1_OLD, crc_digits=False) * 2
    assert heard([(0, wire)])[0] == {}
    counts, _, han = heard([(0, wire)], True)
    assert counts["han"] >= 1 and han.readings[-1]["import_w"] == 890


def test_a_message_too_large_for_the_memory_ends_nothing():
    good = han_port.han_reader.decode

    def decode(message, *rest):
        if len(message) > 100:
            raise MemoryError
        return good(message, *rest)
    han_port.han_reader.decode = decode
    try:
        counts, _, han = heard([(0, v.frame(v.LLC + v.aidon(2))), (10, v.frame(v.LLC + v.kaifa(1)))])
    finally:
        han_port.han_reader.decode = good
    assert counts == {"han_errors": 1, "han": 1} and han.readings[-1]["import_w"] == 1234
