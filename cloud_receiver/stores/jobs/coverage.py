"""How each gateway hears each meter, by day: receptions, best and median RSSI.

A gateway's reception of a telegram counts once, on the day of the reception. Each stored telegram keeps who heard it,
so a batch that comes again, in a new ring or late, counts nothing twice, and what was heard before a clock was right
counts once the day is known, and moves with it when the clock is put right.

How a reception is counted stands here, in Python for those of one batch (`add`) and in SQL for what a batch adds to the
table (`count_receptions`).
"""

import functools
import struct

MOST_LEVELS = 255  # receptions of a meter and day kept for their median
# By RSSI in dBm, -128 to 127: what a reception adds to a day's levels and to its best. Not below 0 it is not known.
LEVELS = [b""] * 128 + [bytes((-n,)) for n in range(-128, 0)]
BEST = [None] * 128 + list(range(-128, 0))
# And what follows the gateway's row in the blob of a telegram that it alone has heard, and that is counted.
COUNTED = [struct.pack(">bB", n, 1) for n in (*range(128), *range(-128, 0))]
_RECEPTION = struct.Struct(">IbB")  # gateway's row, RSSI in dBm (0: unknown), whether it is counted


def receptions(blob: "bytes | None") -> "list[tuple[int, int, int]]":
    """Who heard a telegram: (gateway's row, RSSI, counted)."""
    return [] if blob is None else list(_RECEPTION.iter_unpack(blob))


def row_bytes(gateway: int) -> bytes:
    """How the blob of a telegram's receptions names a gateway."""
    return gateway.to_bytes(4, "big")


def pack(receptions: "list[tuple[int, int, int]]") -> bytes:
    """The blob of a telegram's receptions."""
    return b"".join([_RECEPTION.pack(*reception) for reception in receptions])


def add(counts: dict, key, rssi: int) -> None:
    """Count a reception: {key: (receptions, best RSSI or None, levels)}."""
    count, best, levels = counts.get(key, (0, None, b""))
    counts[key] = (count + 1, louder(best, BEST[rssi]), (levels + LEVELS[rssi])[:MOST_LEVELS])


def louder(best: "int | None", other: "int | None") -> "int | None":
    """The louder of two RSSI in dBm; None is one that is not known."""
    return other if best is None else best if other is None else max(best, other)


@functools.cache
def count_receptions(count: int) -> str:
    """The statement that adds to a gateway's coverage: its row, then meter, day, receptions, best RSSI, levels for each
    of so many."""
    return ("INSERT INTO coverage (day, meter, gateway, telegrams, heard, best, rssi) VALUES "
            + ",".join([f"(?{n + 1},?{n},?1,?{n + 2},0,?{n + 3},?{n + 4})" for n in range(2, 2 + count * 5, 5)])
            + " ON CONFLICT (day, meter, gateway) DO UPDATE SET telegrams = coverage.telegrams + excluded.telegrams, "
              "best = CASE WHEN coverage.best >= excluded.best THEN coverage.best "
              "ELSE coalesce(excluded.best, coverage.best) END, "
              f"rssi = CAST(substr(coverage.rssi || excluded.rssi, 1, {MOST_LEVELS}) AS BLOB)")


class Coverage:
    """The coverage of one gateway (its row), changed in memory and written at the end of a job."""

    def __init__(self, db, gateway: int):
        self.db, self.gateway = db, gateway
        self._counts: dict = {}  # (day, meter) -> as in `add`: counted, and not in the table yet
        self._rows: "dict[tuple[int, int], list]" = {}  # (day, meter) -> [telegrams, heard, best, median, levels], anew

    def count(self, day: int, meter: int, rssi: int) -> None:
        """Count a reception of a meter (its row)."""
        add(self._counts, (day, meter), rssi)

    def uncount(self, day: int, meter: int, rssi: int) -> None:
        """Take a reception back, whose day was wrong."""
        row = self._row(day, meter)
        row[0] = max(row[0] - 1, 0)
        level = LEVELS[rssi]
        if level and level in row[4]:
            row[4] = row[4].replace(level, b"", 1)
            if not row[1]:  # else its own count knows of more than these
                row[2] = -min(row[4]) if row[4] else None

    def heard(self, day: int, meter: int, count: int, best: int, middle: int) -> None:
        """Add a gateway's own count of a day (or of a part of it), thinned receptions included."""
        row = self._row(day, meter)
        if best < 0:
            row[2] = louder(row[2], best)
            if row[1] and row[3] is not None:  # parts of one day, weighted
                row[3] = round((middle * count + row[3] * row[1]) / max(count + row[1], 1))
            else:
                row[3] = middle
        row[1] += count  # below 2^32 each, so a day's sum stays within a column

    def _row(self, day, meter):
        """The row of a day and meter as it is now, to be changed; it is written anew."""
        if (day, meter) in self._counts:
            self.write()
        row = self._rows.get((day, meter))
        if row is None:
            stored = self.db.execute("SELECT telegrams, heard, best, median, rssi FROM coverage "
                                     "WHERE day = ? AND gateway = ? AND meter = ?",
                                     (day, self.gateway, meter)).fetchone()
            row = self._rows[day, meter] = list(stored) if stored else [0, 0, None, None, b""]
        return row

    def write(self) -> None:
        """Put what changed into the table."""
        if self._rows:
            self.db.executemany(
                "INSERT INTO coverage (day, meter, gateway, telegrams, heard, best, median, rssi) "
                "VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (day, meter, gateway) DO UPDATE SET "
                "telegrams = excluded.telegrams, heard = excluded.heard, best = excluded.best, "
                "median = excluded.median, rssi = excluded.rssi",
                [(day, meter, self.gateway, *row) for (day, meter), row in self._rows.items()])
            self._rows = {}
        if self._counts:  # on top of those rows: what was counted after one was read
            self.db.executemany(count_receptions(1), [(self.gateway, meter, day, *counted)
                                                      for (day, meter), counted in self._counts.items()])
            self._counts = {}
