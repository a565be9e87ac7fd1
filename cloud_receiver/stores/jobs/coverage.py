"""How each gateway hears each meter, by day: receptions, best and median RSSI.

A gateway's reception of a telegram counts once, on the day of the reception. Each stored telegram keeps who heard it,
so a batch that comes again, in a new ring or late, counts nothing twice, and what was heard before a clock was right
counts once the day is known, and moves with it when the clock is put right.
"""

import json
import struct

from .. import NUMBERS

MOST_LEVELS = 255  # receptions of a meter and day kept for their median
# By RSSI in dBm, -128 to 127: what a reception adds to a day's levels and to its best. Not below 0 it is not known.
LEVELS = [b""] * 128 + [bytes((-n,)) for n in range(-128, 0)]
KNOWN = [None] * 128 + list(range(-128, 0))
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


class Coverage:
    """The coverage of one gateway, changed in memory and written at the end of a job."""

    def __init__(self, db, gateway):
        self.db, self.gateway = db, gateway
        self.rows: dict = {}  # (day, meter) -> [telegrams, heard, best, median, levels]
        self._changed: "dict[tuple[int, int], None]" = {}

    def read(self, day, meters):
        """Have the rows of a day and meters at hand."""
        wanted = [m for m in meters if (day, m) not in self.rows]
        if not wanted:
            return
        for m in wanted:
            self.rows[day, m] = [0, 0, None, None, b""]
        for meter, *row in self.db.execute(
                "SELECT meter, telegrams, heard, best, median, rssi FROM coverage "
                f"WHERE day = ? AND gateway = ? AND meter IN {NUMBERS}", (day, self.gateway, json.dumps(wanted))):
            self.rows[day, meter] = row

    def count(self, day, meter, rssi):
        """Count a reception; its row has been read."""
        row = self.rows[day, meter]
        row[0] += 1
        if rssi < 0:
            row[4] = (row[4] + bytes((-rssi,)))[:MOST_LEVELS]
            row[2] = rssi if row[2] is None else max(row[2], rssi)
        self._changed[day, meter] = None

    def uncount(self, day, meter, rssi):
        """Take a reception back, whose day was wrong."""
        self.read(day, [meter])
        row = self.rows[day, meter]
        row[0] = max(row[0] - 1, 0)
        level = bytes((-rssi,)) if rssi < 0 else b""
        if level and level in row[4]:
            row[4] = row[4].replace(level, b"", 1)
            if not row[1]:  # else its own count knows of more than these
                row[2] = -min(row[4]) if row[4] else None
        self._changed[day, meter] = None

    def heard(self, day, meter, count, best, middle):
        """Add a gateway's own count of a day (or of a part of it), thinned receptions included."""
        self.read(day, [meter])
        row = self.rows[day, meter]
        if best < 0:
            row[2] = best if row[2] is None else max(row[2], best)
            if row[1] and row[3] is not None:  # parts of one day, weighted
                row[3] = round((middle * count + row[3] * row[1]) / max(count + row[1], 1))
            else:
                row[3] = middle
        row[1] += count  # below 2^32 each, so a day's sum stays within a column
        self._changed[day, meter] = None

    def write(self):
        """Put what changed into the table."""
        if self._changed:
            self.db.executemany(
                "INSERT INTO coverage (day, meter, gateway, telegrams, heard, best, median, rssi) "
                "VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (day, meter, gateway) DO UPDATE SET "
                "telegrams = excluded.telegrams, heard = excluded.heard, best = excluded.best, "
                "median = excluded.median, rssi = excluded.rssi",
                [(day, meter, self.gateway, *self.rows[day, meter]) for day, meter in self._changed])
            self._changed = {}
