"""The inner loops: both CRCs, GHASH, and the copying of received bytes.

The one place of this package that asks which runtime it is on. CPython borrows a C helper, the device takes the
viper code of `_fast.py` where the build has it, and everything else takes the plain functions here. All variants
give the same numbers (tests/test_han_accel.py).

- CRC-16/X-25 (ISO/IEC 13239 4.2.5.2): polynomial 0x1021 reflected, start and final XOR 0xFFFF, low byte first.
- GHASH (NIST SP 800-38D 6.4): multiplication in GF(2^128), the first bit of a block being its lowest power.
- CRC-16 of P1 (DSMR 5.0.2 6.2): polynomial 0x8005 reflected, start 0, no final XOR.
"""

import sys

from ._tables import P1_TABLE, REDUCTION, X25_GOOD, X25_TABLE, ghash_table_plain


def x25_plain(data, start, end):
    """The CRC-16/X-25 of data[start:end]."""
    crc = 0xFFFF
    table = X25_TABLE
    for byte in data[start:end]:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFF


def x25_ok_plain(data, start, end):
    """Whether data[start:end] ends with the CRC-16/X-25 of what stands before."""
    return x25_plain(data, start, end) == X25_GOOD ^ 0xFFFF


def p1_plain(data, start, end):
    """The P1 CRC-16 of data[start:end]."""
    crc = 0
    table = P1_TABLE
    for byte in data[start:end]:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc


def text_end_plain(data, start, end):
    """The index of the first byte of data[start:end] that no line of text holds, or `end`."""
    i = start
    for c in data[start:end]:
        if c < 32 and c != 13 and c != 10 and c != 9 or c > 126:
            return i
        i += 1
    return end


def total_plain(data, start, end):
    """The sum of data[start:end], modulo 256."""
    return sum(data[start:end]) & 0xFF


def copy_plain(target, at, source, start, count):
    """Copy source[start:start+count] to target[at:]; the two may be the same buffer when at <= start."""
    target[at:at + count] = source[start:start + count]


def copy_bytes(target, at, source, start, count):
    """The same without a slice of what is short, so that a byte of a device's line costs no memory."""
    if count > 8:
        target[at:at + count] = source[start:start + count]
    else:
        while count:
            target[at] = source[start]
            at += 1
            start += 1
            count -= 1


def ghash_plain(table, data):
    """GHASH of data, a multiple of 16 bytes, as 16 bytes."""
    products, reduced = table
    y = 0
    for i in range(0, len(data), 16):
        x = y ^ int.from_bytes(data[i:i + 16], "big")
        y = 0
        for _ in range(32):
            y = (y >> 4) ^ reduced[y & 15] ^ products[x & 15]
            x >>= 4
    return y.to_bytes(16, "big")


def same_plain(data, at, other, count):
    """Whether data[at:at+count] is other[:count]."""
    return data[at:at + count] == other[:count]


def _reversed_bits(value, width):
    out = 0
    for _ in range(width):
        out = out << 1 | value & 1
        value >>= 1
    return out


x25 = x25_plain
x25_ok = x25_ok_plain
p1 = p1_plain
text_end = text_end_plain
copy = copy_plain
total = total_plain
same = same_plain
ghash_table = ghash_table_plain
ghash = ghash_plain

PLANS = 32  # how many layout plans are kept

if sys.implementation.name == "micropython":
    PLANS = 4  # a device hears one meter, which has up to three lists
    copy = copy_bytes
    try:
        from . import _fast
        x25 = _fast.x25
        x25_ok = _fast.x25_ok
        p1 = _fast.p1
        text_end = _fast.text_end
        ghash_table = _fast.ghash_table
        ghash = _fast.ghash
        same = _fast.same
        total = _fast.total
        copy = _fast.copy
    except (ImportError, SyntaxError):  # a build without the native emitter
        pass
else:
    from binascii import crc_hqx
    from functools import reduce
    from operator import getitem, xor

    # binascii's CRC runs most significant bit first: mirror the bits of every byte and of the result.
    _MIRROR = bytes(_reversed_bits(i, 8) for i in range(256))
    # 1 for what is not text, so that a search finds it.
    _BINARY = bytes(0 if 32 <= i <= 126 or i in (9, 10, 13) else 1 for i in range(256))

    def x25_hqx(data, start, end):
        """The CRC-16/X-25 of data[start:end]."""
        return _reversed_bits(crc_hqx(data[start:end].translate(_MIRROR), 0xFFFF), 16) ^ 0xFFFF

    def x25_ok_hqx(data, start, end):
        """Whether data[start:end] ends with the CRC-16/X-25 of what stands before."""
        return crc_hqx(data[start:end].translate(_MIRROR), 0xFFFF) == 0x1D0F

    # The P1 polynomial is (x + 1)(x^15 + x + 1). Modulo the second factor x^(15 * 2^k) equals x^(2^k) + 1, so that a
    # telegram, as one long number, folds down in a few steps of C; modulo the first there is only the parity.
    _FACTOR = 0x8003
    _FOLDS = [(15 << k, 1 << k, (1 << (15 << k)) - 1) for k in range(12, -1, -1)]

    def p1_folded(data, start, end):
        """The P1 CRC-16 of data[start:end], by folding."""
        number = int.from_bytes(data[start:end].translate(_MIRROR), "big") << 16
        size = number.bit_length()
        ones = number.bit_count()
        for top, shift, mask in _FOLDS:
            if top < size:
                for _ in (0, 1):
                    high = number >> top
                    if high:
                        number = (number & mask) ^ high ^ (high << shift)
        if (ones ^ number.bit_count()) & 1:
            number ^= _FACTOR
        return _reversed_bits(number, 16)

    def text_end_find(data, start, end):
        """The index of the first byte of data[start:end] that no line of text holds, or `end`."""
        end_at = data[start:end].translate(_BINARY).find(1)
        return end if end_at < 0 else start + end_at

    def ghash_table_bytes(h):
        """What `ghash_bytes` needs of a hash key: for each byte of a block, its products with all 256 values."""
        power = int.from_bytes(h, "big")
        tables = []
        for _ in range(16):
            row = [0] * 256
            bit = 128
            while bit:
                row[bit] = power
                power = (power >> 1) ^ (REDUCTION if power & 1 else 0)
                bit >>= 1
            for i in range(1, 256):
                low = i & -i
                row[i] = row[low] ^ row[i ^ low]
            tables.append(row)
        return tables

    def ghash_bytes(table, data):
        """GHASH of data, a multiple of 16 bytes, as 16 bytes: sixteen looked up products a block."""
        y = 0
        for i in range(0, len(data), 16):
            x = (y ^ int.from_bytes(data[i:i + 16], "big")).to_bytes(16, "big")
            y = reduce(xor, map(getitem, table, x))
        return y.to_bytes(16, "big")

    ghash_table = ghash_table_bytes
    ghash = ghash_bytes
    x25 = x25_hqx
    x25_ok = x25_ok_hqx
    p1 = p1_folded
    text_end = text_end_find
