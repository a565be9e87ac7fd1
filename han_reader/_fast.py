"""The loops of accel.py for MicroPython's native emitter. Same results as the plain ones there; never imported by
CPython. Masks are written out, so that 32- and 64-bit machines agree. Nothing here allocates.
"""
# ruff: noqa: F821, SIM102
# mypy: ignore-errors

from array import array

import micropython

from ._tables import P1_TABLE, X25_TABLE, ghash_table_plain


@micropython.viper
def _crc(data, start: int, end: int, table, crc: int) -> int:
    d = ptr8(data)
    t = ptr16(table)
    i = start
    while i < end:
        crc = (crc >> 8) ^ t[(crc ^ d[i]) & 0xFF]
        i += 1
    return crc


def x25(data, start, end):
    """The CRC-16/X-25 of data[start:end]."""
    return _crc(data, start, end, X25_TABLE, 0xFFFF) ^ 0xFFFF


def x25_ok(data, start, end):
    """Whether data[start:end] ends with the CRC-16/X-25 of what stands before."""
    return _crc(data, start, end, X25_TABLE, 0xFFFF) == 0xF0B8


def p1(data, start, end):
    """The P1 CRC-16 of data[start:end]."""
    return _crc(data, start, end, P1_TABLE, 0)


@micropython.viper
def text_end(data, start: int, end: int) -> int:
    """The index of the first byte of data[start:end] that no line of text holds, or `end`."""
    d = ptr8(data)
    i = start
    while i < end:
        c = d[i]
        if c > 126:
            return i
        if c < 32:
            if c != 13:
                if c != 10:
                    if c != 9:
                        return i
        i += 1
    return end


@micropython.viper
def same(data, at: int, other, count: int) -> bool:
    """Whether data[at:at+count] is other[:count]."""
    d = ptr8(data)
    o = ptr8(other)
    i = 0
    while i < count:
        if d[at + i] != o[i]:
            return False
        i += 1
    return True


@micropython.viper
def total(data, start: int, end: int) -> int:
    """The sum of data[start:end], modulo 256."""
    d = ptr8(data)
    value = 0
    i = start
    while i < end:
        value += d[i]
        i += 1
    return value & 0xFF


@micropython.viper
def copy(target, at: int, source, start: int, count: int):
    """Copy source[start:start+count] to target[at:]; the two may be the same buffer when at <= start."""
    t = ptr8(target)
    s = ptr8(source)
    i = 0
    while i < count:
        t[at + i] = s[start + i]
        i += 1


@micropython.viper
def _ghash(products, reduced, data, y, x):
    # Blocks as eight words of 16 bits, so that shifts agree on machines of any word size.
    p = ptr16(products)
    r = ptr16(reduced)
    d = ptr8(data)
    z = ptr16(y)
    b = ptr8(x)
    n = int(len(data))
    at = 0
    while at < n:
        i = 0
        while i < 8:
            w = z[i]
            b[2 * i] = (w >> 8) ^ d[at + 2 * i]
            b[2 * i + 1] = (w & 0xFF) ^ d[at + 2 * i + 1]
            z[i] = 0
            i += 1
        k = 15
        while k >= 0:
            c = b[k]
            half = 0
            while half < 2:
                v = (c & 15) << 3
                low = z[7] & 15
                z[7] = (z[7] >> 4) | ((z[6] & 15) << 12)
                z[6] = (z[6] >> 4) | ((z[5] & 15) << 12)
                z[5] = (z[5] >> 4) | ((z[4] & 15) << 12)
                z[4] = (z[4] >> 4) | ((z[3] & 15) << 12)
                z[3] = (z[3] >> 4) | ((z[2] & 15) << 12)
                z[2] = (z[2] >> 4) | ((z[1] & 15) << 12)
                z[1] = (z[1] >> 4) | ((z[0] & 15) << 12)
                z[0] = (z[0] >> 4) ^ r[low]
                i = 0
                while i < 8:
                    z[i] = z[i] ^ p[v + i]
                    i += 1
                c = c >> 4
                half += 1
            k -= 1
        at += 16


def ghash_table(h):
    """What `ghash` needs of a hash key of 16 bytes."""
    products, reduced = ghash_table_plain(h)
    words = array("H", bytes(256))
    i = 0
    for product in products:
        for shift in range(112, -1, -16):
            words[i] = product >> shift & 0xFFFF
            i += 1
    return words, array("H", [value >> 112 for value in reduced])


def ghash(table, data):
    """GHASH of data, a multiple of 16 bytes, as 16 bytes."""
    y = array("H", bytes(16))
    _ghash(table[0], table[1], data, y, bytearray(16))
    out = bytearray(16)
    for i in range(8):
        out[2 * i] = y[i] >> 8
        out[2 * i + 1] = y[i] & 0xFF
    return bytes(out)
