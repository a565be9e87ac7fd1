"""The inner loops: both CRCs and the copying of received bytes.

The one place of this package that asks which runtime it is on. CPython borrows a C helper, the device takes the
viper code of `_fast.py` where the build has it, and everything else takes the plain functions here. All variants
give the same numbers (tests/test_han_accel.py).

- CRC-16/X-25 (ISO/IEC 13239 4.2.5.2): polynomial 0x1021 reflected, start and final XOR 0xFFFF, low byte first.
- CRC-16 of P1 (DSMR 5.0.2 6.2): polynomial 0x8005 reflected, start 0, no final XOR.
"""

import sys
from array import array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _table(polynomial):
    table = array("H", bytes(512))
    for i in range(256):
        crc = i
        for _ in range(8):
            crc = (crc >> 1) ^ polynomial if crc & 1 else crc >> 1
        table[i] = crc
    return table


X25_TABLE = _table(0x8408)
P1_TABLE = _table(0xA001)
X25_GOOD = 0xF0B8  # what the register holds after a block followed by its own check sequence


def x25_plain(data, start, end):
    """The CRC-16/X-25 of data[start:end]."""
    crc = 0xFFFF
    table = X25_TABLE
    for i in range(start, end):
        crc = (crc >> 8) ^ table[(crc ^ data[i]) & 0xFF]
    return crc ^ 0xFFFF


def x25_ok_plain(data, start, end):
    """Whether data[start:end] ends with the CRC-16/X-25 of what stands before."""
    return x25_plain(data, start, end) == X25_GOOD ^ 0xFFFF


def p1_plain(data, start, end):
    """The P1 CRC-16 of data[start:end]."""
    crc = 0
    table = P1_TABLE
    for i in range(start, end):
        crc = (crc >> 8) ^ table[(crc ^ data[i]) & 0xFF]
    return crc


def text_end_plain(data, start, end):
    """The index of the first byte of data[start:end] that no line of text holds, or `end`."""
    for i in range(start, end):
        c = data[i]
        if c < 32 and c != 13 and c != 10 and c != 9 or c > 126:
            return i
    return end


def copy_plain(target, at, source, start, count):
    """Copy source[start:start+count] to target[at:]; the two may be the same buffer when at <= start."""
    for i in range(count):
        target[at + i] = source[start + i]


def _reversed_bits(value, width):
    out = 0
    for _ in range(width):
        out = out << 1 | value & 1
        value >>= 1
    return out


x25: "Any" = x25_plain
x25_ok: "Any" = x25_ok_plain
p1: "Any" = p1_plain
text_end: "Any" = text_end_plain
copy: "Any" = copy_plain

PLANS = 32  # how many layout plans are kept

if sys.implementation.name == "micropython":
    PLANS = 4  # a device hears one meter, which has up to three lists
    try:
        from . import _fast
        x25 = _fast.x25
        x25_ok = _fast.x25_ok
        p1 = _fast.p1
        text_end = _fast.text_end  # type: ignore[has-type]
        copy = _fast.copy  # type: ignore[has-type]
    except (ImportError, SyntaxError):  # a build without the native emitter
        pass
else:
    from binascii import crc_hqx

    # binascii's CRC runs most significant bit first: mirror the bits of every byte and of the result.
    _MIRROR = bytes(_reversed_bits(i, 8) for i in range(256))
    # 1 for what is not text, so that a search finds it.
    _BINARY = bytes(0 if 32 <= i <= 126 or i in (9, 10, 13) else 1 for i in range(256))
    _P1_PAIRS: "list[int]" = []

    def x25_hqx(data, start, end):
        """The CRC-16/X-25 of data[start:end]."""
        return _reversed_bits(crc_hqx(data[start:end].translate(_MIRROR), 0xFFFF), 16) ^ 0xFFFF

    def x25_ok_hqx(data, start, end):
        """Whether data[start:end] ends with the CRC-16/X-25 of what stands before."""
        return crc_hqx(data[start:end].translate(_MIRROR), 0xFFFF) == 0x1D0F

    def p1_pairs(data, start, end):
        """The P1 CRC-16 of data[start:end], two bytes a step."""
        if not _P1_PAIRS:
            table = P1_TABLE
            low = [table[i] for i in range(256)]
            _P1_PAIRS.extend([(x >> 8) ^ low[x & 0xFF] for x in [low[i & 0xFF] ^ (i >> 8) for i in range(65536)]])
        pairs = _P1_PAIRS
        even = start + ((end - start) & ~1)
        crc = 0
        for word in memoryview(bytes(data[start:even])).cast("H"):
            crc = pairs[crc ^ word]
        if even != end:
            crc = (crc >> 8) ^ P1_TABLE[(crc ^ data[even]) & 0xFF]
        return crc

    def text_end_find(data, start, end):
        """The index of the first byte of data[start:end] that no line of text holds, or `end`."""
        found = data[start:end].translate(_BINARY).find(1)
        return end if found < 0 else start + found

    def copy_slice(target, at, source, start, count):
        """Copy source[start:start+count] to target[at:]; the two may be the same buffer when at <= start."""
        target[at:at + count] = source[start:start + count]

    x25 = x25_hqx
    x25_ok = x25_ok_hqx
    p1 = p1_pairs
    text_end = text_end_find
    copy = copy_slice
