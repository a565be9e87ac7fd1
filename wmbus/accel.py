"""The inner loops of the link layer, each in the fastest form the runtime has.

CRC of EN 13757-4 (polynomial 3D65, start 0, complemented) and the 3-of-6 code (EN 13757-4 table 10). CPython has no C
helper for this polynomial, but its map and reduce run a table per byte position without a bytecode loop; MicroPython
has viper (`_fast.py`); everywhere else plain Python serves. All variants are tested against each other. With the
firmware's port module this is the only place that asks for the runtime.
"""

import sys

from wmbus._tables import CODES, NIBBLES, TABLE

MICROPYTHON = sys.implementation.name == "micropython"
# How many records the compiled layouts kept may have together (see plan.py): a home has a handful of meters, a receiver
# hundreds of models. A record takes about 100 bytes on a device.
RECORDS = 200 if MICROPYTHON else 50000
FORMATS = 4 if MICROPYTHON else 8  # compact frames' formats kept of one meter at most


def crc_plain(data: bytes) -> int:
    """CRC of EN 13757-4 over `data`, with a table and a loop."""
    table = TABLE
    value = 0
    for byte in data:
        value = (value << 8 & 0xFF00) ^ table[value >> 8 ^ byte]
    return value ^ 0xFFFF


def decode_3of6_plain(chips: bytes) -> "bytes | None":
    """The bytes coded 3-of-6 in `chips` (12 chips a byte, a last half group is dropped), or None at a bad code."""
    nibbles = NIBBLES
    count = len(chips) * 2 // 3
    data = bytearray(count)
    for i in range(count):
        at = i * 3 >> 1
        if i & 1:
            pair = (chips[at] & 0x0F) << 8 | chips[at + 1]
        else:
            pair = chips[at] << 4 | chips[at + 1] >> 4
        high = nibbles[pair >> 6]
        low = nibbles[pair & 63]
        if high == 255 or low == 255:
            return None
        data[i] = high << 4 | low
    return bytes(data)


def blocks_a_plain(frame: bytes) -> "bytes | None":
    """The data of a whole format A frame: blocks of 10, 16, 16 … bytes, each with its CRC; None when one is wrong."""
    parts = []
    size = len(frame)
    at = 0
    end = 10
    while at < size:
        if end > size - 2:
            end = size - 2
        block = frame[at:end]
        if crc(block) != frame[end] << 8 | frame[end + 1]:
            return None
        parts.append(block)
        at = end + 2
        end = at + 16
    return b"".join(parts)


def xor_plain(a: bytes, b: bytes) -> bytes:
    """The bytes of `a` and `b`, of equal length, xored."""
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(len(a), "big")


crc = crc_plain
xor = xor_plain
blocks_a = blocks_a_plain
decode_3of6 = decode_3of6_plain

if MICROPYTHON:
    try:
        from wmbus import _fast
        crc = _fast.crc
        blocks_a = _fast.blocks_a
        xor = _fast.xor
        decode_3of6 = _fast.decode_3of6
    except (ImportError, SyntaxError, ValueError):  # a port without the native emitter
        pass
else:
    from functools import reduce
    from operator import getitem
    from operator import xor as xor_numbers

    def _position_tables() -> "list[list[int]]":
        tables = [list(TABLE)]
        for _ in range(31):
            tables.append([(v << 8 & 0xFF00) ^ TABLE[v >> 8] for v in tables[-1]])
        tables.reverse()
        return tables

    # _TABLES[i][b]: what byte b contributes when 31 - i bytes follow it. The CRC is linear, so a block is one xor.
    _TABLES = _position_tables()
    _SHORT = [_TABLES[32 - n:] for n in range(33)]

    def crc(data: bytes) -> int:
        """CRC of EN 13757-4 over `data`."""
        size = len(data)
        if size <= 32:
            return reduce(xor_numbers, map(getitem, _SHORT[size], data), 0xFFFF)
        value = 0
        at = 0
        while at < size:
            block = data[at:at + 32]
            at += 32
            tables = _SHORT[len(block)]
            if value:
                # What went before is carried by the first two bytes of this block.
                if len(block) == 1:
                    value = (value << 8 & 0xFF00) ^ TABLE[value >> 8 ^ block[0]]
                    continue
                value = tables[0][value >> 8] ^ tables[1][value & 0xFF]
            value ^= reduce(xor_numbers, map(getitem, tables, block))
        return value ^ 0xFFFF

    _PAIRS = {"%03x" % (CODES[v >> 4] << 6 | CODES[v & 15]): v for v in range(256)}

    def decode_3of6(chips: bytes) -> "bytes | None":
        """The bytes coded 3-of-6 in `chips` (12 chips a byte, a last half group is dropped), or None at a bad code."""
        text = chips.hex()
        pairs = _PAIRS
        try:
            return bytes([pairs[text[i:i + 3]] for i in range(0, len(text) - 2, 3)])
        except KeyError:
            return None
