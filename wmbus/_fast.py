"""CRC and 3-of-6 for MicroPython's viper emitter. accel.py imports this there and nowhere else."""

import micropython

from wmbus.accel import NIBBLES, TABLE

_CRC = bytearray(512)
for _i in range(256):
    _CRC[2 * _i] = TABLE[_i] & 0xFF
    _CRC[2 * _i + 1] = TABLE[_i] >> 8
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
    while i < count:
        at = (i * 3) >> 1
        if i & 1:
            pair = ((chips[at] & 0x0F) << 8) | chips[at + 1]
        else:
            pair = (chips[at] << 4) | (chips[at + 1] >> 4)
        high = nibbles[pair >> 6]
        low = nibbles[pair & 63]
        if high == 255 or low == 255:
            return 0
        out[i] = (high << 4) | low
        i += 1
    return 1


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
