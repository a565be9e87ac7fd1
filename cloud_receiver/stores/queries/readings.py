"""Readings of water: (Unix seconds, total in ml), oldest first, out of day rows (data/dayrows.py)."""

import json

from ...data import dayrows, usage
from ...data.clock import DAY, HOUR
from .. import NUMBERS


def entries(day: int, blob: bytes) -> "list[tuple[int, int]]":
    """The readings of a Unix day's row."""
    return [(day * DAY + hour * HOUR + entry[0], entry[1]) for hour, entry in enumerate(dayrows.unpack(blob))
            if entry is not None]


def day_rows(db, row: int, first: int, last: int) -> "list[tuple[int, bytes]]":
    """(Unix day, blob) of a meter's day rows from one day to another, by the key (day, meter)."""
    return db.execute(
        "WITH RECURSIVE days(day) AS (SELECT CAST(?1 AS BIGINT) UNION ALL SELECT day + 1 FROM days WHERE day < ?2) "
        "SELECT r.day, r.hours FROM days CROSS JOIN readings r WHERE r.day = days.day AND r.meter = ?3 ORDER BY r.day",
        (first, last, row)).fetchall()


def between(db, row: int, start: int, end: int) -> "list[tuple[int, int]]":
    """A meter's (its row's) readings with start <= time < end."""
    return [(time, total) for day, blob in day_rows(db, row, start // DAY, (end - 1) // DAY)
            for time, total in entries(day, blob) if start <= time < end]


def around(db, row: int, bounds: "list[int]", near: int) -> "list[tuple[int, int]]":
    """As much of a meter's readings as usage.uses needs for these bounds: what lies around each, and the whole of a
    period where that does not tell the total at both its ends. A year by month is a fraction of its days."""
    days = {day for bound in bounds for day in range((bound - near) // DAY, (bound + near) // DAY + 1)}
    readings = _of_days(db, row, days)
    times = [t for t, _ in readings]
    told = [usage.at(readings, times, bound, near) is not None for bound in bounds]
    rest = {day for n, (start, end) in enumerate(zip(bounds, bounds[1:])) if not (told[n] and told[n + 1])
            for day in range(start // DAY, (end - 1) // DAY + 1)} - days
    return sorted(readings + _of_days(db, row, rest)) if rest else readings


def _of_days(db, row, days):
    return [reading for day, blob in db.execute(
        f"SELECT day, hours FROM readings WHERE day IN {NUMBERS} AND meter = ? ORDER BY day",
        (json.dumps(sorted(days)), row)) for reading in entries(day, blob)]


def of_day(db, day: int, after: int, limit: int, daily: bool) -> "list[tuple[int, str, list[tuple[int, int]]]]":
    """The readings of a Unix day, of up to `limit` meters whose rows come after one: (row, meter, readings); `daily`:
    one per meter, the one nearest to local midnight."""
    return [(row, meter, entries(day, dayrows.daily(day, blob) if daily else blob)) for row, meter, blob in db.execute(
        "SELECT r.meter, m.meter, r.hours FROM readings r JOIN meters m ON m.id = r.meter "
        "WHERE r.day = ? AND r.meter > ? ORDER BY r.meter LIMIT ?", (day, after, limit)).fetchall()]
