"""The tables of the CRC and of the 3-of-6 code, which both accel.py and `_fast.py` take from here."""

from array import array

POLYNOMIAL = 0x3D65

# The codes of the nibbles 0..F, six chips each, four ones or zeros of six never in a row (EN 13757-4 table 10).
CODES = b"\x16\x0d\x0e\x0b\x1c\x19\x1a\x13\x2c\x25\x26\x23\x34\x31\x32\x29"


def _crc_table() -> "array[int]":
    table = array("H", bytes(512))
    for byte in range(256):
        value = byte << 8
        for _ in range(8):
            value = ((value << 1) ^ POLYNOMIAL if value & 0x8000 else value << 1) & 0xFFFF
        table[byte] = value
    return table


TABLE = _crc_table()


def _nibbles() -> bytes:
    nibbles = bytearray(b"\xff" * 64)
    for value in range(16):
        nibbles[CODES[value]] = value
    return bytes(nibbles)


NIBBLES = _nibbles()
