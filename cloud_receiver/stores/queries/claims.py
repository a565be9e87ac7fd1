"""What was sent in a meter's name and is not among its readings: held back for a person, sent again, refused."""

from ...data import plausible
from ...data.clock import DAY
from .. import REFUSED, REPLAYED
from .rows import dicts

MOST_COUNTED = 1000


def held(db, row: int) -> "list[dict]":
    """A meter's (its row's) readings held back, the latest first: {telegram, time, reason, total_ml, kind, counter}."""
    return dicts(db.execute("SELECT telegram, time, reason, total_ml, kind, counter FROM held WHERE meter = ? "
                            "ORDER BY time DESC, telegram DESC", (row,)))


def of_meter(db, row: int) -> dict:
    """{held (the last of each day and reason, as `held`, with `count`), count (of all), goes_on (whether they tell of
    a meter that goes on by itself), replayed, refused (telegrams kept, of at most MOST_COUNTED), q4_l_h, since}."""
    there = held(db, row)
    by_day: dict = {}
    for h in there:
        last = by_day.setdefault((h["time"] // DAY, h["reason"]), dict(h, count=0))
        last["count"] += 1
    counts = dict(db.execute(
        f"SELECT state, count(*) FROM (SELECT state FROM telegrams WHERE state > 1 AND meter = ? AND state IN "
        f"({REPLAYED},{REFUSED}) LIMIT {MOST_COUNTED}) AS counted GROUP BY state", (row,)).fetchall())
    state = db.execute("SELECT q4_l_h, since FROM rising WHERE meter = ?", (row,)).fetchone() or (None, 0)
    return {"held": list(by_day.values()), "count": len(there),
            "goes_on": plausible.consistent([(h["time"], h["total_ml"], h["counter"]) for h in there]),
            "replayed": counts.get(REPLAYED, 0), "refused": counts.get(REFUSED, 0),
            "q4_l_h": state[0], "since": state[1] or None}
