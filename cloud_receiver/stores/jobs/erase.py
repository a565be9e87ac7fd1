"""Forget how somebody lived: a home's electricity, the hours of its water, and the telegrams those could be read
from again. One reading a day stays, which is what a bill stands on."""

import json

import firmware.wire.records as records

from ...data import dayrows
from ...data.clock import DAY, HOUR
from .. import NUMBERS, TEXTS
from ..queries import people


def erase(db, gateway: "str | None", meters: "list[str]", before: int, after: int, most=5000) -> "int | None":
    """Forget, piece by piece, what a home (its gateway's id, or None) and its meters (texts) did before a time, but for
    one reading of each day. A piece looks at `most` telegrams behind the row id `after`; returns where the next begins,
    None at the end. The first piece (`after` 0) takes all but telegrams."""
    rows = [row[0] for row in db.execute(f"SELECT id FROM meters WHERE meter IN {TEXTS}", (json.dumps(meters),))]
    if not after:
        if gateway is not None:
            db.execute("DELETE FROM home_hours WHERE hour < ? AND gateway = "
                       "(SELECT id FROM gateways WHERE gateway = ?)", (before, gateway))
            db.execute("UPDATE gateways SET name = '' WHERE gateway = ?", (gateway,))
            db.execute("DELETE FROM records WHERE received < ? AND kind NOT IN (?,?) AND epoch IN (SELECT e.id FROM "
                       "epochs e JOIN gateways g ON g.id = e.gateway WHERE g.gateway = ?)",
                       (before, records.BOOT, records.CLOCK, gateway))  # those two say when other records were made
        for row in rows:
            _only_daily(db, row, before)
            db.execute("DELETE FROM alarms WHERE meter = ? AND last < ?", (row, before))
            db.execute("DELETE FROM held WHERE meter = ? AND time < ?", (row, before))
            db.execute("UPDATE meters SET latest = NULL WHERE id = ? AND read_at < ?", (row, before))
    if not rows:
        return None
    piece = [row[0] for row in db.execute("SELECT id FROM telegrams WHERE id > ? ORDER BY id LIMIT ?", (after, most))]
    if not piece:
        return None
    db.execute(f"DELETE FROM telegrams WHERE id > ? AND id <= ? AND received < ? AND meter IN {NUMBERS}",
               (after, piece[-1], before, json.dumps(rows)))
    return piece[-1]


def _only_daily(db, row, before):
    """Leave a meter (its row) one reading of each day before a time; the day of that time keeps what came after it."""
    changed = []
    for day, blob in people.lived_in(db, row, 0, before):
        if (day + 1) * DAY <= before:
            anew = dayrows.daily(day, blob)
        else:
            hours = dayrows.unpack(blob)
            old = [n for n, h in enumerate(hours) if h is not None and day * DAY + n * HOUR + h[0] < before]
            for n in old[:-1]:
                hours[n] = None
            anew = dayrows.pack(hours) if old[:-1] else blob
        if anew != blob:
            changed.append((anew, day, row))
    db.executemany("UPDATE readings SET hours = ?, counters = NULL WHERE day = ? AND meter = ?", changed)
