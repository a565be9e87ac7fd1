"""From a meter's totals to use per hour, day or month of local time. Pure.

A total at a boundary is interpolated between the readings around it when they are close enough; where they are not,
there is no value rather than a guess. Days are local: 23 or 25 hours long when the clocks change.
"""

import bisect
import datetime
import zoneinfo
from collections import namedtuple

from .clock import DAY, HOUR

LOCAL = zoneinfo.ZoneInfo("Europe/Oslo")
# How far apart the two readings around a boundary may lie.
NEAR = {"hour": 3 * HOUR, "day": 30 * HOUR, "month": 3 * DAY}

# start, end: Unix seconds; ml: used in it or None; partial: the readings do not span all of it.
Use = namedtuple("Use", ("start", "end", "ml", "partial"))


def local(seconds: int) -> datetime.datetime:
    """Unix seconds as local time."""
    return datetime.datetime.fromtimestamp(seconds, LOCAL)


def midnight(day: datetime.date) -> int:
    """Unix seconds of a local day's beginning."""
    return int(datetime.datetime(day.year, day.month, day.day, tzinfo=LOCAL).timestamp())


def day_bounds(last: datetime.date, days: int) -> "list[int]":
    """The days + 1 midnights around the `days` local days that end with `last`."""
    return [midnight(last - datetime.timedelta(days=n)) for n in range(days - 1, -2, -1)]


def hour_bounds(day: datetime.date) -> "list[int]":
    """The hour boundaries of a local day: 24, 25 or 26 of them."""
    return list(range(midnight(day), midnight(day + datetime.timedelta(days=1)) + 1, HOUR))


def month_bounds(last: datetime.date, months: int) -> "list[int]":
    """The months + 1 boundaries around the local months that end with that of `last`."""
    first = last.year * 12 + last.month - months
    return [midnight(datetime.date(n // 12, n % 12 + 1, 1)) for n in range(first, first + months + 1)]


def uses(readings: "list[tuple[int, int]]", bounds: "list[int]", near: int) -> "list[Use]":
    """The use between each two bounds, from readings (Unix seconds, ml) in order of time.

    At the ends of the readings a period is partial: from the first, or to the last reading in it.
    """
    times = [t for t, _ in readings]
    used = []
    for start, end in zip(bounds, bounds[1:]):
        within = readings[bisect.bisect_left(times, start):bisect.bisect_right(times, end)]
        at_start, at_end = at(readings, times, start, near), at(readings, times, end, near)
        # From a boundary whose total is known, else from the first reading within; to the other likewise.
        since = (start, at_start) if at_start is not None else within[0] if within else None
        until = (end, at_end) if at_end is not None else within[-1] if within else None
        ml = until[1] - since[1] if since and until and since[0] < until[0] else None
        used.append(Use(start, end, ml, at_start is None or at_end is None))
    return used


def at(readings, times, when, near):
    """The total at a moment, from readings and their times; None where those around it are more than `near` apart."""
    n = bisect.bisect_left(times, when)
    if n < len(times) and times[n] == when:
        return readings[n][1]
    if n == 0 or n == len(times):
        return None
    (t0, v0), (t1, v1) = readings[n - 1], readings[n]
    if t1 - t0 > near:
        return None
    return round(v0 + (v1 - v0) * (when - t0) / (t1 - t0))
