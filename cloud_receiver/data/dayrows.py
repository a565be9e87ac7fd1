"""A day row: the 24 hour values of one meter and UTC day in one blob.

Per hour it keeps the last reading heard in it: the second within the hour and the meter's total. Totals are whole
millilitres (the finest any water meter sends), written as 32-bit differences from the day's first; a scale of ten to
a power keeps a main's differences within 32 bits. A day that has aged keeps one reading, for its day's use.
"""

import datetime
import struct

from . import usage
from .clock import DAY, HOUR

HOURS = 24
_HEAD = struct.Struct("<BBq")  # layout version, scale exponent, base in ml
_BODY = struct.Struct("<24H24i")
_DAILY = struct.Struct("<BIq")  # layout version 2: one reading: its second of the day, total in ml
_EMPTY = 0xFFFF
_MOST = (1 << 31) - 1


def empty() -> "list[tuple[int, int] | None]":
    """A day without readings."""
    return [None] * HOURS


def pack(hours: "list[tuple[int, int] | None]") -> bytes:
    """The blob of 24 entries, each None or (second within the hour, total in ml)."""
    totals = [h[1] for h in hours if h is not None]
    base = totals[0] if totals else 0
    widest = max((abs(t - base) for t in totals), default=0)
    exponent = 0
    while widest // 10 ** exponent > _MOST:
        exponent += 3
    unit = 10 ** exponent
    seconds = [_EMPTY if h is None else h[0] for h in hours]
    steps = [0 if h is None else (h[1] - base) // unit for h in hours]
    return _HEAD.pack(1, exponent, base) + _BODY.pack(*seconds, *steps)


def unpack(blob: bytes) -> "list[tuple[int, int] | None]":
    """The 24 entries of a blob; raises ValueError for a layout it does not know."""
    if is_daily(blob):
        _, second, total = _DAILY.unpack(blob)
        hours = empty()
        hours[second // HOUR] = (second % HOUR, total)
        return hours
    version, exponent, base = _HEAD.unpack_from(blob)
    if version != 1:
        raise ValueError(f"day row of layout {version}")
    body = _BODY.unpack_from(blob, _HEAD.size)
    unit = 10 ** exponent
    return [None if body[n] == _EMPTY else (body[n], base + body[HOURS + n] * unit) for n in range(HOURS)]


def is_daily(blob: bytes) -> bool:
    """Whether a blob holds one reading for the whole day."""
    return blob[0] == 2


def daily(day: int, blob: bytes) -> bytes:
    """A Unix day's blob with one reading left, the one nearest to local midnight: days, not hours, can be told apart.
    A day without readings stays as it is."""
    readings = [(hour * HOUR + entry[0], entry[1]) for hour, entry in enumerate(unpack(blob)) if entry is not None]
    if not readings:
        return blob
    midnight = usage.midnight(usage.local(day * DAY + DAY // 2).date() + datetime.timedelta(days=1)) - day * DAY
    second, total = min(readings, key=lambda r: (abs(midnight - r[0]), r[0]))
    return _DAILY.pack(2, second, total)


def put(hours: "list[tuple[int, int] | None]", second_of_day: int, total_ml: int) -> bool:
    """Enter a reading; the later one within an hour stays, whatever order they come in. Returns whether it changed."""
    hour, second = divmod(second_of_day, HOUR)
    kept = hours[hour]
    if kept is not None and kept[0] >= second:
        return False
    hours[hour] = (second, total_ml)
    return True
