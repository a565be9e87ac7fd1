"""The tables of the CRCs and of GHASH, which both accel.py and `_fast.py` take from here."""

from array import array


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

REDUCTION = 0xE1 << 120


def ghash_table_plain(h):
    """What `ghash_plain` needs of a hash key of 16 bytes: its products with the sixteen 4-bit elements."""
    power = int.from_bytes(h, "big")
    table = [0] * 16
    bit = 8
    while bit:
        table[bit] = power
        power = (power >> 1) ^ (REDUCTION if power & 1 else 0)
        bit >>= 1
    for i in range(1, 16):
        if i & (i - 1):
            high = 8 if i & 8 else 4 if i & 4 else 2
            table[i] = table[high] ^ table[i ^ high]
    reduced = []  # what four bits shifted out at the end come back as
    for i in range(16):
        value = i
        for _ in range(4):
            value = (value >> 1) ^ (REDUCTION if value & 1 else 0)
        reduced.append(value)
    return table, reduced
