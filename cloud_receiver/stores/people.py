"""What the store knows of one home or meter, for whoever it is about; and what waits for meter keys.

Queries as in queries.py, and `erase`, a writer's job. Erasing takes what shows how somebody lives: a home's
electricity, the hours of its water, and the telegrams those could be read from again. One reading a day stays, which
is what a bill stands on.
"""

import json

from .. import dayrows
from . import DECODED, NO_KEY, NUMBERS, PENDING, TEXTS, WRONG_KEY, queries

DAY = 86_400


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


def person(db, gateway, meters, since):
    """All that is stored of a home (its gateway's id, or None) and its meters (texts) from `since` on, as plain data."""
    found: dict = {"home_hours": [], "meters": []}
    if gateway is not None:
        found["home_hours"] = [list(row) for row in db.execute(
            "SELECT h.hour, h.import_wh, h.export_wh, h.estimated FROM home_hours h JOIN gateways g "
            "ON g.id = h.gateway WHERE g.gateway = ? AND h.hour >= ? ORDER BY h.hour", (gateway, since))]
    for name in meters:
        row = db.execute("SELECT id, media, first_heard, last_heard FROM meters WHERE meter = ?", (name,)).fetchone()
        if row is None:
            continue
        readings = []
        for day, blob in db.execute("SELECT day, hours FROM readings WHERE meter = ? AND day >= ? ORDER BY day",
                                    (row[0], since // DAY)).fetchall():
            for hour, entry in enumerate(dayrows.unpack(blob)):
                if entry is not None and day * DAY + hour * 3600 + entry[0] >= since:
                    readings.append([day * DAY + hour * 3600 + entry[0], entry[1]])
        found["meters"].append({
            "meter": name, "media": row[1], "first_heard": row[2], "last_heard": row[3], "readings": readings,
            "alarms": [list(a) for a in db.execute(
                "SELECT alarm, since, last, ended FROM alarms WHERE meter = ? AND last >= ? ORDER BY since",
                (row[0], since))],
            "telegrams": [[time, data.hex()] for time, data in db.execute(
                "SELECT time, data FROM telegrams WHERE meter = ? AND time >= ? ORDER BY id", (row[0], since))]})
    return found


def erase(db, gateway, meters, before):
    """Forget what a home (its gateway's id, or None) and its meters (texts) did before a time, but for one reading of
    each day; returns what that was: {hours, days, telegrams, alarms}."""
    gone = dict.fromkeys(("hours", "days", "telegrams", "alarms"), 0)
    if gateway is not None:
        gone["hours"] = db.execute("DELETE FROM home_hours WHERE hour < ? AND gateway = "
                                   "(SELECT id FROM gateways WHERE gateway = ?)", (before, gateway)).rowcount
        db.execute("UPDATE gateways SET name = '' WHERE gateway = ?", (gateway,))
    rows = [row[0] for row in db.execute(f"SELECT id FROM meters WHERE meter IN {TEXTS}", (json.dumps(meters),))]
    for row in rows:
        last = before // DAY
        days = db.execute("SELECT day, hours FROM readings WHERE meter = ? AND day <= ?", (row, last)).fetchall()
        changed = [(dayrows.daily(day, blob), day, row) for day, blob in days if not dayrows.is_daily(blob)]
        db.executemany("UPDATE readings SET hours = ? WHERE day = ? AND meter = ?", changed)
        gone["days"] += len(changed)
        gone["alarms"] += db.execute("DELETE FROM alarms WHERE meter = ? AND last < ?", (row, before)).rowcount
    gone["telegrams"] = db.execute(f"DELETE FROM telegrams WHERE received < ? AND meter IN {NUMBERS}",
                                   (before, json.dumps(rows))).rowcount
    return gone
