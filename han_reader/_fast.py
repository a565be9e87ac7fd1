"""The loops of accel.py for MicroPython's native emitter. Same results as the plain ones there; never imported by
CPython. Masks are written out, so that 32- and 64-bit machines agree. Nothing here allocates.
"""
# ruff: noqa: F821, SIM102
# mypy: ignore-errors

import micropython

from .accel import P1_TABLE, X25_TABLE


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
def copy(target, at: int, source, start: int, count: int):
    """Copy source[start:start+count] to target[at:]; the two may be the same buffer when at <= start."""
    t = ptr8(target)
    s = ptr8(source)
    i = 0
    while i < count:
        t[at + i] = s[start + i]
        i += 1
