"""What a decoded telegram does to the tables: its state, its hour in the day row, its meter's latest, its alarms."""

import json

from ...data import plausible
from ...data.clock import DAY
from .. import DECODED, NUMBERS, PENDING
from . import can_wait, rising
from .hours import Days
from .rising import Judged

QUIET_S = DAY  # for how long after a reading a telegram that does not open says nothing of its meter's key


@can_wait
def settle(db, settled):
    """Enter what became of some telegrams, all or none; returns how many there were."""
    read = [Judged(s, rising.claim_of(s, total_of(s.reading))) for s in settled
            if s.state == DECODED and s.reading is not None]
    days = Days(db)
    verdicts = rising.judge(db, days, read) if read else []
    days.write()
    ended = {j.settled.id: (rising.VERDICTS[verdict], reason or None)
             for j, (verdict, reason, _) in zip(read, verdicts)}
    db.executemany("UPDATE telegrams SET state = ?, note = ? WHERE id = ?",
                   [(*ended.get(s.id, (s.state, s.note)), s.id) for s in settled])
    held = [(j, reason) for j, (verdict, reason, _) in zip(read, verdicts) if verdict == plausible.HELD]
    if held:
        rising.hold_back(db, held)
        db.executemany("UPDATE meters SET state = ?, note = NULL WHERE id = ? AND read_at IS NULL",
                       [(DECODED, j.settled.meter) for j, _ in held])  # its key is right
    entered = [(j, late) for j, (verdict, _, late) in zip(read, verdicts) if verdict == plausible.ENTERED]
    tell(db, [j for j, _ in entered], {j.settled.id for j, late in entered if late})
    # Older failures say nothing about a meter that has been read since, nor does what others send in its name.
    db.executemany("UPDATE meters SET state = ?, note = ? WHERE id = ? AND (read_at IS NULL OR read_at < ?)",
                   [(s.state, s.note, s.meter, s.time - QUIET_S) for s in settled
                    if s.state != DECODED or s.reading is None])
    return len(settled)


def tell(db, entered, late=()):
    """What readings that were entered tell of their meters: alarms, and the latest. `late`: the telegrams (rows) that
    came after a later one, which has told what stands."""
    standing = standing_alarms(db, {j.settled.meter for j in entered}) if entered else {}
    for s, claim in entered:
        stands, names = standing.setdefault(s.meter, {}), alarm_names(s.reading)
        if not claim.kind and names != sorted(stands) and rising.is_stored(db, s):
            continue  # the bytes of a former telegram: a meter that stands still may repeat them, and so may anybody
        alarms(db, stands, s.meter, s.time, names, s.id in late)
    db.executemany("UPDATE meters SET state = ?, note = NULL, read_at = ?, latest = ?, "
                   "total_ml = coalesce(?, total_ml) WHERE id = ? AND (read_at IS NULL OR read_at <= ?)",
                   [(s.state, s.time, json.dumps(s.reading, sort_keys=True, default=str), claim.total, s.meter, s.time)
                    for s, claim in entered])


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
    days = Days(db)
    days.take_out(meter, time)
    days.write()
    rising.forget(db, days, meter, time)
    db.execute("DELETE FROM held WHERE telegram = ?", (row,))
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


def stand_again(db, meter: int, time: int) -> None:
    """Have the alarms that a reading of this time ended stand, as it is taken back; not those that came again since."""
    db.execute("UPDATE alarms SET ended = NULL WHERE meter = ? AND ended = ? AND NOT EXISTS (SELECT 1 FROM alarms o "
               "WHERE o.meter = alarms.meter AND o.alarm = alarms.alarm AND o.since > alarms.since)", (meter, time))


def standing_alarms(db, meters) -> "dict[int, dict]":
    """The alarms that stand, by meter: {alarm: (since, last)}."""
    standing: "dict[int, dict]" = {}
    for meter, name, since, last in db.execute(
            f"SELECT meter, alarm, since, last FROM alarms WHERE ended IS NULL AND meter IN {NUMBERS}",
            (json.dumps(sorted(meters)),)):
        standing.setdefault(meter, {})[name] = (since, last)
    return standing


def alarms(db, standing, meter, time, names, late=False):
    """Keep since when each alarm of a meter stands; a reading older than an alarm's last changes nothing. One that is
    late raises none that stands: a later one has told otherwise."""
    for name in names:
        if name not in standing:
            if late:
                db.execute("INSERT INTO alarms VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING",
                           (meter, name, time, time, time))
                continue
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
