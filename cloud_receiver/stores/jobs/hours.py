"""The day rows that a job changes: read many to a statement, changed in memory, written at its end.

Beside a day's hour values (data/dayrows.py) lie the counters of the telegrams they came from, while they are hourly:
what tells a telegram that came late from one that was played again.
"""

import json
import struct

from ...data import dayrows
from ...data.clock import DAY, HOUR
from ...data.plausible import ELL, MCR, Mark
from .. import NUMBERS
from ..queries import readings
from . import keeping

FAR_DAYS = 31  # how far the neighbour of a reading is looked for

_KINDS = ("", MCR, ELL)
_COUNTER = struct.Struct("<I")  # one for each hour, behind the kind's number in _KINDS
_COUNTERS = struct.Struct("<24I")
_NONE = 0xFFFFFFFF
_EMPTY = b"\xff" * 96


class Days:
    """Day rows by (Unix day, meter's row)."""

    def __init__(self, db):
        self.db = db
        self._rows: dict = {}  # (day, meter) -> None where there is none, its blobs, or as `_row` says
        self._changed: set = set()

    def load(self, wanted: "dict[int, set[int]]") -> None:
        """Read the rows of these days and meters that were not read yet."""
        for day, meters in sorted(wanted.items()):
            missing = [m for m in meters if (day, m) not in self._rows]
            if not missing:
                continue
            for m in missing:
                self._rows[day, m] = None
            for m, hours, counters in self.db.execute(
                    f"SELECT meter, hours, counters FROM readings WHERE day = ? AND meter IN {NUMBERS}",
                    (day, json.dumps(sorted(missing)))):
                self._rows[day, m] = (hours, counters)

    def _row(self, day, meter):
        """(24 of (second, total) or None, the counters' bytes) of a row that was read, or None."""
        row = self._rows[day, meter]
        if row is not None and type(row[1]) is not bytearray:
            row = self._rows[day, meter] = dayrows.unpack(row[0]), bytearray(row[1] or b"\0" + _EMPTY)
        return row

    def marks(self, meter: int, days, kind: str) -> "list[Mark]":
        """The readings of days that were read, by time, with the counters of that kind."""
        marks: "list[Mark]" = []
        for day in sorted(days):
            row = self._row(day, meter)
            if row is not None:
                counters = _COUNTERS.unpack_from(row[1], 1) if kind and kind == _KINDS[row[1][0]] else [_NONE] * 24
                marks += [Mark(day * DAY + n * HOUR + entry[0], entry[1],
                               None if counters[n] == _NONE else counters[n])
                          for n, entry in enumerate(row[0]) if entry is not None]
        return marks

    def around(self, meter: int, time: int, kind: str) -> "list[Mark]":
        """The neighbours of a time: what was read of the day before, the day, and the day after; where one of its sides
        has none, as far as FAR_DAYS."""
        day = time // DAY
        marks = self.marks(meter, [d for d in (day - 1, day, day + 1) if (d, meter) in self._rows], kind)
        for first, last in ((day - FAR_DAYS, day - 1), (day + 1, day + FAR_DAYS)):
            if not any((m.time > time) == (first > day) for m in marks):
                there = [d for d, _ in readings.day_rows(self.db, meter, first, last)]
                self.load({d: {meter} for d in there})
                marks = sorted(marks + self.marks(meter, there, kind))
        return marks

    def put(self, meter: int, time: int, total: int, kind: str = "", counter: "int | None" = None) -> None:
        """Enter a reading in its hour; the later one within an hour stays."""
        day, second = divmod(time, DAY)
        row = self._row(day, meter)
        if row is None:
            row = self._rows[day, meter] = dayrows.empty(), bytearray(b"\0" + _EMPTY)
        if dayrows.put(row[0], second, total):
            counters = row[1]
            if kind and _KINDS[counters[0]] != kind:  # another kind of counter is not to be compared with
                counters[:] = bytes((_KINDS.index(kind),)) + _EMPTY
            if counters[0]:
                _COUNTER.pack_into(counters, 1 + second // HOUR * 4, counter if kind and counter is not None else _NONE)
        self._changed.add((day, meter))

    def take_out(self, meter: int, time: int) -> bool:
        """Take the reading of a time out of its hour; whether it was there."""
        day, second = divmod(time, DAY)
        self.load({day: {meter}})
        row = self._row(day, meter)
        if row is None or row[0][second // HOUR] is None or row[0][second // HOUR][0] != second % HOUR:
            return False
        row[0][second // HOUR] = None
        _COUNTER.pack_into(row[1], 1 + second // HOUR * 4, _NONE)
        self._changed.add((day, meter))
        return True

    def write(self) -> None:
        """Put what changed into the table; days that have aged keep one reading."""
        if not self._changed:
            return
        aged = keeping.read_mark(self.db, keeping.AGED)
        rows: list = []
        for day, meter in sorted(self._changed):
            hours, counters = self._rows[day, meter]
            blob = dayrows.pack(hours)
            if day < aged:
                rows.append((day, meter, dayrows.daily(day, blob), None))
            else:
                rows.append((day, meter, blob, bytes(counters) if counters[0] else None))
        self.db.executemany("INSERT INTO readings (day, meter, hours, counters) VALUES (?,?,?,?) ON CONFLICT "
                            "(day, meter) DO UPDATE SET hours = excluded.hours, counters = excluded.counters", rows)
        self._changed = set()
