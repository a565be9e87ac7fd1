"""What the store knows of one home or meter, for whoever it is about; and what waits for meter keys.

Queries as in queries.py, and `erase`, a writer's job. Erasing takes what shows how somebody lives: a home's
electricity, the hours of its water, and the telegrams those could be read from again. One reading a day stays, which
is what a bill stands on.
"""

import json

import firmware.wire.records as records

from ..data import dayrows
from ..data.clock import DAY
from . import DECODED, NO_KEY, NUMBERS, PENDING, TEXTS, WRONG_KEY, queries


def waiting(db):
    """[{meter, state, telegrams, first, last}] of every meter with telegrams whose key is missing (NO_KEY) or wrong."""
    return queries._dicts(db.execute(
        "SELECT m.meter, t.state, count(*) AS telegrams, min(t.received) AS first, max(t.received) AS last "
        "FROM telegrams t JOIN meters m ON m.id = t.meter WHERE t.state > 1 AND t.state IN (?,?) "
        "GROUP BY m.meter, t.state ORDER BY m.meter, t.state", (NO_KEY, WRONG_KEY)))


def progress(db, meters):
    """(decoded, still to be tried, not opened) telegrams of these meters (their texts)."""
    found = dict(db.execute(
        f"SELECT t.state, count(*) FROM telegrams t JOIN meters m ON m.id = t.meter WHERE m.meter IN {TEXTS} "
        "GROUP BY t.state", (json.dumps(sorted(meters)),)).fetchall())
    return found.get(DECODED, 0), found.get(PENDING, 0), found.get(NO_KEY, 0) + found.get(WRONG_KEY, 0)


def person(db, gateway, meters, since, until):
    """All that is stored of a home (its gateway's id, or None) and its meters (texts) from `since` to `until`, as plain
    data."""
    found: dict = {"home_hours": [], "records": [], "meters": []}
    if gateway is not None:
        found["home_hours"] = [list(row) for row in db.execute(
            "SELECT h.hour, h.import_wh, h.export_wh, h.estimated FROM home_hours h JOIN gateways g "
            "ON g.id = h.gateway WHERE g.gateway = ? AND h.hour >= ? AND h.hour < ? ORDER BY h.hour",
            (gateway, since, until))]
        found["records"] = [[time, kind, body.hex()] for time, kind, body in db.execute(
            "SELECT r.time, r.kind, r.body FROM records r JOIN epochs e ON e.id = r.epoch JOIN gateways g "
            "ON g.id = e.gateway WHERE g.gateway = ? AND r.received >= ? AND r.received < ? ORDER BY r.id",
            (gateway, since, until))]
    for name in meters:
        row = db.execute("SELECT id, media, first_heard, last_heard FROM meters WHERE meter = ?", (name,)).fetchone()
        if row is None:
            continue
        readings = []
        for day, blob in _day_rows(db, row[0], since, until):
            for hour, entry in enumerate(dayrows.unpack(blob)):
                if entry is not None and since <= day * DAY + hour * 3600 + entry[0] < until:
                    readings.append([day * DAY + hour * 3600 + entry[0], entry[1]])
        found["meters"].append({
            "meter": name, "media": row[1], "first_heard": row[2], "last_heard": row[3], "readings": readings,
            "alarms": [list(a) for a in db.execute(
                "SELECT alarm, since, last, ended FROM alarms WHERE meter = ? AND last >= ? ORDER BY since",
                (row[0], since))]})
    return found


def erase(db, gateway, meters, before, after, most=5000):
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
    for day, blob in _day_rows(db, row, 0, before):
        if (day + 1) * DAY <= before:
            anew = dayrows.daily(day, blob)
        else:
            hours = dayrows.unpack(blob)
            old = [n for n, h in enumerate(hours) if h is not None and day * DAY + n * 3600 + h[0] < before]
            for n in old[:-1]:
                hours[n] = None
            anew = dayrows.pack(hours) if old[:-1] else blob
        if anew != blob:
            changed.append((anew, day, row))
    db.executemany("UPDATE readings SET hours = ? WHERE day = ? AND meter = ?", changed)


def _day_rows(db, row, start, end):
    """(Unix day, blob) of a meter's day rows from the day of `start` to that of `end`, by the key (day, meter)."""
    first = db.execute("SELECT first_heard FROM meters WHERE id = ?", (row,)).fetchone()[0]
    return db.execute(
        "WITH RECURSIVE days(day) AS (SELECT CAST(?1 AS BIGINT) UNION ALL SELECT day + 1 FROM days WHERE day < ?2) "
        "SELECT r.day, r.hours FROM days CROSS JOIN readings r WHERE r.day = days.day AND r.meter = ?3 ORDER BY r.day",
        (max(start, first - DAY) // DAY, end // DAY, row)).fetchall()
