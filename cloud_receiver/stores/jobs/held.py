"""What a person decides about a meter's readings (office/decisions.py), carried out.

What is accepted is entered as any reading is, and the telegrams held back are judged again by it: a meter that was
replaced or set needs one decision, not one for each reading. What is withdrawn leaves its hour, as if it had never been
sent; its telegrams stay, refused. Values that were handed out before are not called back.
"""

import json

from ...data import plausible
from ...data.clock import DAY
from ...data.plausible import Claim, Mark
from .. import DECODED, HELD, PENDING, REFUSED, REPLAYED, Settled
from ..queries import readings
from . import can_wait, rising, settle
from .hours import Days

BACK_DAYS = 400  # how far CORRECT looks for what contradicts a reading


@can_wait
def decide(db, meter: str, act: str, telegram: "int | None", time: "int | None", until: "int | None") -> int:
    """Carry out a decision on a meter (its text); returns how many readings it entered, refused or has judged again, 0
    where there was nothing of it any more."""
    row = db.execute("SELECT id FROM meters WHERE meter = ?", (meter,)).fetchone()
    return 0 if row is None else _ACTS[act](db, row[0], telegram, time, until)


def _held(db, meter, telegram, time):
    return db.execute("SELECT reading, total_ml, kind, counter FROM held WHERE telegram = ? AND meter = ? AND time = ?",
                      (telegram, meter, time)).fetchone()


def _accept(db, meter, telegram, time, until):
    held = _held(db, meter, telegram, time)
    if held is None:
        return 0
    state = rising.states(db, [meter])[meter]
    state.from_here(_leads_to(db, meter, Mark(time, held[1], held[3]), state))
    rising.write(db, [state])
    _enter(db, meter, telegram, time, held)
    return 1 + judge_again(db, meter, (HELD,))


def _leads_to(db, meter, mark, state):
    """The time of the first of the readings held back that go on, each from the one before, to the one of a mark."""
    q4 = state.q4_l_h or plausible.Q4_L_H
    for earlier in [Mark(*row) for row in db.execute(
            "SELECT time, total_ml, counter FROM held WHERE meter = ? AND time < ? AND time > ? ORDER BY time DESC",
            (meter, mark.time, state.newest))]:
        if not plausible.contradict(earlier, mark, q4):
            mark = earlier
    return mark.time


def _correct(db, meter, telegram, time, until):
    held = _held(db, meter, telegram, time)
    if held is None:
        return 0
    mine = Mark(time, held[1], held[3])
    state = rising.states(db, [meter])[meter]
    days, around = Days(db), [d for d, _ in readings.day_rows(
        db, meter, time // DAY - BACK_DAYS, time // DAY + BACK_DAYS)]
    days.load({d: {meter} for d in around})
    q4 = state.q4_l_h or plausible.Q4_L_H
    wrong = [m.time for m in days.marks(meter, around, held[2])
             if (plausible.contradict(m, mine, q4) if m.time < time else plausible.contradict(mine, m, q4))]
    count = _take_out(db, meter, wrong)
    state = rising.states(db, [meter])[meter]
    verdict, _ = plausible.judge(_claim(time, held), state.marks(), state.known())
    if state.newest > time or verdict != plausible.ENTERED:
        state.from_here(time)  # what stays of it says otherwise still: a counter, a date
        rising.write(db, [state])
    _enter(db, meter, telegram, time, held)
    return 1 + count + judge_again(db, meter, (HELD, REPLAYED))


def _claim(time, held):
    reading, total, kind, counter = held
    return Claim(time, total, kind or None, counter, plausible.own_date(json.loads(reading)), True)


def _enter(db, meter, telegram, time, held):
    """Enter a reading that was held back, whatever the rule says of it."""
    days, state = Days(db), rising.states(db, [meter])[meter]
    claim = _claim(time, held)
    days.load({time // DAY: {meter}})
    state.enter(claim)
    if claim.total is not None:
        days.put(meter, time, claim.total, claim.kind or "", claim.counter)
    days.write()
    rising.write(db, [state])
    db.execute("DELETE FROM held WHERE telegram = ?", (telegram,))
    db.execute("UPDATE telegrams SET state = ?, note = NULL WHERE id = ?", (DECODED, telegram))
    settle.tell(db, [rising.Judged(Settled(telegram, meter, time, DECODED, json.loads(held[0]), None), claim)])


def _refuse(db, meter, telegram, time, until):
    count = db.execute("DELETE FROM held WHERE telegram = ? AND meter = ? AND time = ?",
                       (telegram, meter, time)).rowcount
    if count:
        db.execute("UPDATE telegrams SET state = ? WHERE id = ?", (REFUSED, telegram))
    return count


def _withdraw(db, meter, telegram, time, until):
    until = min(until, time + BACK_DAYS * DAY)
    count = _take_out(db, meter, [t for t, _ in readings.between(db, meter, time, until)])
    if not count:
        return 0
    db.executemany(f"UPDATE telegrams SET state = {REFUSED} WHERE day = ? AND meter = ? AND time >= ? AND time < ? AND "
                   f"state = {DECODED}", [(day, meter, time, until) for day in range(time // DAY, until // DAY + 1)])
    return count + judge_again(db, meter, (HELD, REPLAYED))


def _take_out(db, meter, times):
    """Take the readings of some times out of their hours, and what they told out of their meter."""
    days = Days(db)
    for time in times:
        days.take_out(meter, time)
        db.execute("UPDATE telegrams SET state = ? WHERE day = ? AND meter = ? AND time = ? AND state = ?",
                   (REFUSED, time // DAY, meter, time, DECODED))
        db.execute("DELETE FROM alarms WHERE meter = ? AND since = ? AND last = ?", (meter, time, time))
        settle.stand_again(db, meter, time)
    days.write()
    if not times:
        return 0
    state = rising.states(db, [meter])[meter]
    while state.newest in times:
        before = state.newest
        rising.forget(db, Days(db), meter, before)
        state = rising.states(db, [meter])[meter]
    db.execute("UPDATE meters SET latest = NULL, total_ml = ?, read_at = ? WHERE id = ? AND read_at >= ? AND read_at "
               "<= ?", (state.total_ml, state.read_at, meter, min(times), max(times)))
    return len(times)


def _replaced(db, meter, telegram, time, until):
    state = rising.states(db, [meter])[meter]
    if time <= state.since:
        return 0
    state.from_here(time)
    later = readings.between(db, meter, time, time + BACK_DAYS * DAY)
    if later:  # it was entered late: what came since is the new meter's
        state.read_at, state.total_ml = later[-1]
        state.newest = state.read_at
    rising.write(db, [state])
    return 1 + judge_again(db, meter, (HELD, REPLAYED), time)


def _q4(db, meter, telegram, time, until):
    state = rising.states(db, [meter])[meter]
    state.q4_l_h, state.changed = until or None, True
    rising.write(db, [state])
    return 1 + judge_again(db, meter, (HELD,))


def judge_again(db, meter, states, since: int = 0) -> int:
    """Have a meter's telegrams that ended in one of these states, from a time on, decoded and judged again."""
    marks = ",".join(str(int(s)) for s in states)
    count = db.execute(f"UPDATE telegrams SET state = {PENDING}, note = NULL WHERE state > 1 AND meter = ? "
                       f"AND time >= ? AND state IN ({marks})", (meter, since)).rowcount
    db.execute("DELETE FROM held WHERE meter = ? AND telegram IN "
               f"(SELECT id FROM telegrams WHERE state = {PENDING} AND meter = ?)", (meter, meter))
    return count


_ACTS = {"accept": _accept, "correct": _correct, "refuse": _refuse, "withdraw": _withdraw, "replaced": _replaced,
         "q4": _q4}
