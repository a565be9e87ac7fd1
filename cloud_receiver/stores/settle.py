"""What a decoded telegram does to the tables: its state, its hour in the day row, its meter's latest, its alarms."""

import json

from .. import dayrows
from . import DECODED, NO_KEY, PENDING, WRONG_KEY

DAY = 86_400


def settle(db, settled):
    """Enter what became of some telegrams, all or none; returns how many there were."""
    days: dict = {}
    for s in settled:
        db.execute("UPDATE telegrams SET state = ?, note = ? WHERE id = ?", (s.state, s.note, s.id))
        reading = s.reading if s.state == DECODED else None
        total_ml = None
        if reading is not None:
            total_ml = total_of(reading)
            if total_ml is not None:
                enter(db, days, s.meter, s.time, total_ml)
            alarms(db, s.meter, s.time, alarm_names(reading))
        latest(db, s, reading, total_ml)
    for (day, meter), hours in days.items():
        db.execute("INSERT INTO readings VALUES (?,?,?) ON CONFLICT (day, meter) DO UPDATE SET hours = excluded.hours",
                   (day, meter, dayrows.pack(hours)))
    return len(settled)


def reopen(db, meters, states=(NO_KEY, WRONG_KEY)):
    """Have the telegrams of these meters (their texts) that ended in one of `states` tried again; returns how many."""
    count = 0
    for meter in meters:
        count += db.execute(f"UPDATE telegrams SET state = {PENDING} WHERE state > 1 "
                            "AND meter = (SELECT id FROM meters WHERE meter = ?) "
                            f"AND state IN ({','.join(str(int(s)) for s in states)})", (meter,)).rowcount
    return count


def withdraw(db, row, meter, time):
    """Take a telegram's reading out of its hour and have it decoded again, because its time was put right."""
    day, second = divmod(time, DAY)
    blob = db.execute("SELECT hours FROM readings WHERE day = ? AND meter = ?", (day, meter)).fetchone()
    if blob is not None:
        hours = dayrows.unpack(blob[0])
        entry = hours[second // 3600]
        if entry is not None and entry[0] == second % 3600:
            hours[second // 3600] = None
            db.execute("UPDATE readings SET hours = ? WHERE day = ? AND meter = ?", (dayrows.pack(hours), day, meter))
    db.execute("UPDATE telegrams SET state = ? WHERE id = ?", (PENDING, row))
    db.execute("UPDATE meters SET read_at = NULL WHERE id = ? AND read_at = ?", (meter, time))


def total_of(reading) -> "int | None":
    """The meter's total in whole millilitres, or None where the reading has none."""
    total = reading.get("total_m3")
    if isinstance(total, bool) or not isinstance(total, (int, float)) or not abs(total) < 1e12:
        return None
    return round(total * 1_000_000)


def alarm_names(reading) -> "list[str]":
    """The alarms a reading names, sorted."""
    found = reading.get("alarms") or ()
    if isinstance(found, str):
        found = found.replace(",", " ").split()
    return sorted({str(name).lower() for name in found} - {"ok", ""})


def enter(db, days, meter, time, total_ml):
    """Put a total into its hour of the day row, in `days` until that is written."""
    day, second = divmod(time, DAY)
    hours = days.get((day, meter))
    if hours is None:
        row = db.execute("SELECT hours FROM readings WHERE day = ? AND meter = ?", (day, meter)).fetchone()
        hours = days[day, meter] = dayrows.unpack(row[0]) if row else dayrows.empty()
    dayrows.put(hours, second, total_ml)


def alarms(db, meter, time, names):
    """Keep since when each alarm stands; a reading older than an alarm's last changes nothing."""
    standing = {name: (since, last) for name, since, last in db.execute(
        "SELECT alarm, since, last FROM alarms WHERE meter = ? AND ended IS NULL", (meter,))}
    for name in names:
        if name in standing:
            since, last = standing.pop(name)
            if time > last or time < since:
                db.execute("UPDATE alarms SET since = ?, last = ? WHERE meter = ? AND alarm = ? AND since = ?",
                           (min(since, time), max(last, time), meter, name, since))
        else:
            db.execute("INSERT OR IGNORE INTO alarms VALUES (?,?,?,?,NULL)", (meter, name, time, time))
    for name, (since, last) in standing.items():
        if time > last:
            db.execute("UPDATE alarms SET ended = ? WHERE meter = ? AND alarm = ? AND since = ?",
                       (time, meter, name, since))


def latest(db, s, reading, total_ml):
    """The meter's key state and, from the newest reading, its total and fields."""
    text = None if reading is None else json.dumps(reading, sort_keys=True, default=str)
    if reading is None:
        # Older failures say nothing about a meter that has been read since.
        db.execute("UPDATE meters SET state = ?, note = ? WHERE id = ? AND (read_at IS NULL OR read_at < ?)",
                   (s.state, s.note, s.meter, s.time))
    else:
        db.execute("UPDATE meters SET state = ?, note = NULL, read_at = ?, latest = ?, "
                   "total_ml = coalesce(?, total_ml) WHERE id = ? AND (read_at IS NULL OR read_at <= ?)",
                   (s.state, s.time, text, total_ml, s.meter, s.time))
