"""What a decoded telegram does to the tables: its state, its hour in the day row, its meter's latest, its alarms."""

import json

from ...data import dayrows
from ...data.clock import DAY, HOUR
from .. import DECODED, NO_KEY, NUMBERS, PENDING, WRONG_KEY
from . import can_wait, keeping


@can_wait
def settle(db, settled):
    """Enter what became of some telegrams, all or none; returns how many there were."""
    db.executemany("UPDATE telegrams SET state = ?, note = ? WHERE id = ?", [(s.state, s.note, s.id) for s in settled])
    read = [(s, total_of(s.reading)) for s in settled if s.state == DECODED and s.reading is not None]
    enter(db, [(s.meter, s.time, total) for s, total in read if total is not None])
    # Without a right key a reading holds the alarms of the plain status byte.
    telling = [s for s in settled if s.reading is not None and s.state in (DECODED, NO_KEY, WRONG_KEY)]
    standing = standing_alarms(db, {s.meter for s in telling})
    for s in telling:
        alarms(db, standing.setdefault(s.meter, {}), s.meter, s.time, alarm_names(s.reading))
    db.executemany("UPDATE meters SET state = ?, note = NULL, read_at = ?, latest = ?, "
                   "total_ml = coalesce(?, total_ml) WHERE id = ? AND (read_at IS NULL OR read_at <= ?)",
                   [(s.state, s.time, json.dumps(s.reading, sort_keys=True, default=str), total, s.meter, s.time)
                    for s, total in read])
    # Older failures say nothing about a meter that has been read since.
    db.executemany("UPDATE meters SET state = ?, note = ? WHERE id = ? AND (read_at IS NULL OR read_at < ?)",
                   [(s.state, s.note, s.meter, s.time) for s in settled
                    if s.state != DECODED or s.reading is None])
    return len(settled)


@can_wait
def reopen(db, meters, states):
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
        entry = hours[second // HOUR]
        if entry is not None and entry[0] == second % HOUR:
            hours[second // HOUR] = None
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
    names = reading.get("alarms") or ()
    if isinstance(names, str):
        names = names.replace(",", " ").split()
    return sorted({str(name).lower() for name in names} - {"ok", ""})


def enter(db, totals):
    """Put totals (meter, Unix seconds, ml) into their hours of the day rows."""
    wanted: "dict[int, set[int]]" = {}
    for meter, time, _ in totals:
        wanted.setdefault(time // DAY, set()).add(meter)
    days = {}
    for day, meters in wanted.items():
        for meter, blob in db.execute(f"SELECT meter, hours FROM readings WHERE day = ? AND meter IN {NUMBERS}",
                                      (day, json.dumps(sorted(meters)))):
            days[day, meter] = dayrows.unpack(blob)
    for meter, time, total in totals:
        day, second = divmod(time, DAY)
        dayrows.put(days.setdefault((day, meter), dayrows.empty()), second, total)
    aged = keeping.read_mark(db, keeping.AGED) if days else 0
    db.executemany("INSERT INTO readings (day, meter, hours) VALUES (?,?,?) ON CONFLICT (day, meter) "
                   "DO UPDATE SET hours = excluded.hours",
                   [(day, meter, dayrows.pack(hours) if day >= aged else dayrows.daily(day, dayrows.pack(hours)))
                    for (day, meter), hours in sorted(days.items())])


def standing_alarms(db, meters) -> "dict[int, dict]":
    """The alarms that stand, by meter: {alarm: (since, last)}."""
    standing: "dict[int, dict]" = {}
    for meter, name, since, last in db.execute(
            f"SELECT meter, alarm, since, last FROM alarms WHERE ended IS NULL AND meter IN {NUMBERS}",
            (json.dumps(sorted(meters)),)):
        standing.setdefault(meter, {})[name] = (since, last)
    return standing


def alarms(db, standing, meter, time, names):
    """Keep since when each alarm of a meter stands; a reading older than an alarm's last changes nothing."""
    for name in names:
        if name not in standing:
            db.execute("INSERT INTO alarms VALUES (?,?,?,?,NULL) ON CONFLICT DO NOTHING", (meter, name, time, time))
            standing[name] = (time, time)
            continue
        since, last = standing[name]
        if time > last or time < since:
            db.execute("UPDATE alarms SET since = ?, last = ? WHERE meter = ? AND alarm = ? AND since = ?",
                       (min(since, time), max(last, time), meter, name, since))
            standing[name] = (min(since, time), max(last, time))
    for name, (since, last) in list(standing.items()):
        if name not in names and time > last:
            db.execute("UPDATE alarms SET ended = ? WHERE meter = ? AND alarm = ? AND since = ?",
                       (time, meter, name, since))
            del standing[name]
