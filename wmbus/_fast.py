"""CRC and 3-of-6 for MicroPython's viper emitter. accel.py imports this there and nowhere else."""

import micropython

from wmbus._tables import NIBBLES, TABLE

_CRC = TABLE
_NIBBLES = bytearray(NIBBLES)


@micropython.viper
def _crc(data: ptr8, size: int, table: ptr16) -> int:  # type: ignore[name-defined] # noqa: F821
    value = 0
    i = 0
    while i < size:
        value = ((value << 8) & 0xFF00) ^ table[(value >> 8) ^ data[i]]
        i += 1
    return value ^ 0xFFFF


@micropython.viper
def _decode(chips: ptr8, count: int, out: ptr8, nibbles: ptr8) -> int:  # type: ignore[name-defined] # noqa: F821
    i = 0
    at = 0
    while i + 1 < count:  # three bytes of chips are two bytes
        a = chips[at]
        b = chips[at + 1]
        c = chips[at + 2]
        p = nibbles[a >> 2]
        q = nibbles[((a & 3) << 4) | (b >> 4)]
        r = nibbles[((b & 15) << 2) | (c >> 6)]
        s = nibbles[c & 63]
        if (p | q | r | s) & 0x80:
            return 0
        out[i] = (p << 4) | q
        out[i + 1] = (r << 4) | s
        i += 2
        at += 3
    if i < count:
        a = chips[at]
        p = nibbles[a >> 2]
        q = nibbles[((a & 3) << 4) | (chips[at + 1] >> 4)]
        if (p | q) & 0x80:
            return 0
        out[i] = (p << 4) | q
    return 1


@micropython.viper
def _blocks(frame: ptr8, size: int, out: ptr8, table: ptr16) -> int:  # type: ignore[name-defined] # noqa: F821
    at = 0
    count = 0
    end = 10
    while at < size:
        if end > size - 2:
            end = size - 2
        value = 0
        while at < end:
            value = ((value << 8) & 0xFF00) ^ table[(value >> 8) ^ frame[at]]
            out[count] = frame[at]
            count += 1
            at += 1
        value ^= 0xFFFF
        if frame[at] != value >> 8 or frame[at + 1] != value & 0xFF:
            return 0
        at += 2
        end = at + 16
    return count


@micropython.viper
def _xor(a: ptr8, b: ptr8, size: int, out: ptr8):  # type: ignore[name-defined] # noqa: F821
    i = 0
    while i < size:
        out[i] = a[i] ^ b[i]
        i += 1


def xor(a, b):
    """The bytes of `a` and `b`, of equal length, xored."""
    out = bytearray(len(a))
    _xor(a, b, len(a), out)
    return bytes(out)


def blocks_a(frame):
    """The data of a whole format A frame without its CRCs, or None when one is wrong."""
    out = bytearray(len(frame))
    count = _blocks(frame, len(frame), out, _CRC)
    return bytes(memoryview(out)[:count]) if count else None


def crc(data):
    """CRC of EN 13757-4 over `data`."""
    return _crc(data, len(data), _CRC)


def decode_3of6(chips):
    """The bytes coded 3-of-6 in `chips` (12 chips a byte, a last half group is dropped), or None at a bad code."""
    count = len(chips) * 2 // 3
    out = bytearray(count)
    if not _decode(chips, count, out, _NIBBLES):
        return None
    return bytes(out)
