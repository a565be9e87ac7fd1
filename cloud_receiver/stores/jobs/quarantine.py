"""Setting aside what a stolen gateway sent: its telegrams stay, and tell nothing.

What another gateway has heard as well stays as it is: there is a witness. The readings of the others leave their hours,
their meters' latest and their alarms, as if they had not been sent, and what honest gateways sent meanwhile is judged
again without them. A piece looks at the latest telegrams first and ends with the first from before the time.
"""

from ...data.clock import HOUR
from .. import DECODED, HELD, PENDING, QUARANTINED, REPLAYED
from ..queries.quarantine import ALONE, EPOCHS
from . import can_wait, rising, settle
from .hours import Days

MOST = 2000  # telegrams that a piece looks at


@can_wait
def quarantine(db, gateway: str, act: str, since: int, before: int, most: int = MOST) -> "int | None":
    """Carry out a piece of a decision (office/quarantines.py) on a gateway (its id). `before` is 0, then what the piece
    before returned; None: that was the last."""
    return _ACTS[act](db, gateway, since, before or 1 << 62, most)


def _set_aside(db, gateway, since, before, most):
    piece = db.execute("SELECT id, received FROM telegrams WHERE id < ? ORDER BY id DESC LIMIT ?",
                       (before, most)).fetchall()
    if not piece:
        return None
    last = piece[-1][0]
    rows = db.execute(f"SELECT id, meter, time, state FROM telegrams WHERE id >= ? AND id < ? AND received >= ? "
                      f"AND state <> {QUARANTINED} AND epoch IN {EPOCHS} AND {ALONE}",
                      (last, before, since, gateway)).fetchall()
    db.executemany(f"UPDATE telegrams SET state = {QUARANTINED}, note = NULL WHERE id = ?", [(r[0],) for r in rows])
    db.executemany("DELETE FROM held WHERE telegram = ?", [(r[0],) for r in rows])
    times: "dict[int, set[int]]" = {}
    for _, meter, time, state in rows:
        if state == DECODED and time is not None:
            times.setdefault(meter, set()).add(time)
    for meter, those in sorted(times.items()):
        _withdraw(db, meter, sorted(those))
    return None if len(piece) < most or piece[-1][1] < since else last


def _withdraw(db, meter, times):
    """Take the readings of some times out of a meter, and have judged again what others sent from the first on."""
    days = Days(db)
    emptied = [time for time in times if days.take_out(meter, time)]
    days.write()
    for time in times:
        db.execute("DELETE FROM alarms WHERE meter = ? AND since = ?", (meter, time))
        settle.stand_again(db, meter, time)
    state = rising.states(db, [meter])[meter]
    while state.newest in times:
        rising.forget(db, Days(db), meter, state.newest)
        state = rising.states(db, [meter])[meter]
    db.execute("UPDATE meters SET latest = NULL, total_ml = ?, read_at = ? WHERE id = ? AND read_at >= ? AND read_at "
               "<= ?", (state.total_ml, state.read_at, meter, times[0], times[-1]))
    db.execute(f"UPDATE telegrams SET state = {PENDING}, note = NULL WHERE meter = ? AND time >= ? "
               f"AND state IN ({HELD},{REPLAYED})", (meter, times[0]))
    # An hour keeps its last reading: where that one goes, another's from the same hour comes back.
    db.executemany(f"UPDATE telegrams SET state = {PENDING}, note = NULL WHERE meter = ? AND time >= ? AND time < ? "
                   f"AND state = {DECODED}", [(meter, t // HOUR * HOUR, t // HOUR * HOUR + HOUR) for t in emptied])
    db.execute("DELETE FROM held WHERE meter = ? AND telegram IN "
               f"(SELECT id FROM telegrams WHERE meter = ? AND state = {PENDING})", (meter, meter))


def _release(db, gateway, since, before, most):
    db.execute(f"UPDATE telegrams SET state = {PENDING} WHERE state = {QUARANTINED} AND epoch IN {EPOCHS}", (gateway,))


def _remove(db, gateway, since, before, most):
    db.execute(f"DELETE FROM telegrams WHERE state = {QUARANTINED} AND epoch IN {EPOCHS}", (gateway,))


_ACTS = {"set aside": _set_aside, "release": _release, "remove": _remove}
