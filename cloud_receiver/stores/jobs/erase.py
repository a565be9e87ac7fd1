"""Forget how somebody lived: a home's electricity, the hours of its water, and the telegrams those could be read
from again. One reading a day stays, which is what a bill stands on. Where anything went, the store is to be scrubbed
(scrub.py)."""

import json

import firmware.wire.records as records

from ...data import dayrows
from ...data.clock import DAY, HOUR
from .. import NUMBERS, TEXTS
from ..queries import people
from . import scrub


def erase(db, gateway: "str | None", meters: "list[str]", before: int, after: int, most=5000) -> "int | None":
    """Forget, piece by piece, what a home (its gateway's id, or None) and its meters (texts) did before a time, but for
    one reading of each day. A piece looks at `most` telegrams behind the row id `after`; returns where the next begins,
    None at the end. The first piece (`after` 0) takes all but telegrams."""
    rows = [row[0] for row in db.execute(f"SELECT id FROM meters WHERE meter IN {TEXTS}", (json.dumps(meters),))]
    changed, last = 0, None
    if not after:
        if gateway is not None:
            changed += db.execute("DELETE FROM home_hours WHERE hour < ? AND gateway = "
                                  "(SELECT id FROM gateways WHERE gateway = ?)", (before, gateway)).rowcount
            changed += db.execute("UPDATE gateways SET name = '' WHERE gateway = ? AND name <> ''",
                                  (gateway,)).rowcount
            changed += db.execute(
                "DELETE FROM records WHERE received < ? AND kind NOT IN (?,?) AND epoch IN (SELECT e.id FROM "
                "epochs e JOIN gateways g ON g.id = e.gateway WHERE g.gateway = ?)",
                (before, records.BOOT, records.CLOCK, gateway)).rowcount  # those say when other records were made
        for row in rows:
            changed += _only_daily(db, row, before)
            for sql in ("DELETE FROM alarms WHERE meter = ? AND last < ?", "DELETE FROM held WHERE meter = ? AND "
                        "time < ?", "UPDATE meters SET latest = NULL WHERE id = ? AND read_at < ? "
                        "AND latest IS NOT NULL"):
                changed += db.execute(sql, (row, before)).rowcount
    if rows:
        piece = db.execute("SELECT id FROM telegrams WHERE id > ? ORDER BY id LIMIT ?", (after, most)).fetchall()
        if piece:
            last = piece[-1][0]
            changed += db.execute(f"DELETE FROM telegrams WHERE id > ? AND id <= ? AND received < ? "
                                  f"AND meter IN {NUMBERS}", (after, last, before, json.dumps(rows))).rowcount
    if changed:
        scrub.mark(db)
    return last


def _only_daily(db, row, before):
    """Leave a meter (its row) one reading of each day before a time; the day of that time keeps what came after it.
    Returns how many days changed."""
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
    return len(changed)
