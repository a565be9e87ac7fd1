"""Whether decoded readings are entered, are replays, or are held back: the rule (data/plausible.py) asked with what the
store knows of their meters. The same for every store.

Of each meter its table keeps what must rise, as of its latest reading. A reading later than that is judged by it alone,
without a look at anything else; one that comes late, by its neighbours in the day rows. `since` is a person's word: the
meter was replaced or set, and what came before says nothing about what came since.
"""

import json
from collections import namedtuple

from ...data import plausible
from ...data.clock import DAY
from ...data.plausible import Claim, Known, Mark
from .. import DECODED, HELD, NUMBERS, REPLAYED
from .hours import Days

MOST_HELD = 100  # kept of a meter: the latest; a person accepts or refuses one, not thousands

_COLUMNS = ("kind", "counter", "counted_at", "total_ml", "read_at", "date", "date_at", "since", "q4_l_h", "access")
NEVER = -1


class State:
    """What is known of a meter (its row): the columns of its row in `rising`."""

    __slots__ = ("meter", "changed", "newest", *_COLUMNS)

    def __init__(self, meter, values=("", None, None, None, None, None, None, 0, None, None)):
        self.meter, self.changed = meter, False
        (self.kind, self.counter, self.counted_at, self.total_ml, self.read_at, self.date, self.date_at, self.since,
         self.q4_l_h, self.access) = values
        # The time of the latest reading that was entered, NEVER before the first.
        self.newest = max(NEVER if self.counted_at is None else self.counted_at,
                          NEVER if self.read_at is None else self.read_at)

    def marks(self) -> "list[Mark]":
        """The latest reading, as one mark or as two."""
        if self.counted_at == self.read_at:
            return [] if self.read_at is None else [Mark(self.read_at, self.total_ml, self.counter)]
        marks = []
        if self.read_at is not None:
            marks.append(Mark(self.read_at, self.total_ml, None))
        if self.counted_at is not None:
            marks.append(Mark(self.counted_at, None, self.counter))
        return sorted(marks, key=lambda m: m.time)

    def known(self) -> Known:
        """What the rule asks for beside neighbours."""
        return Known(self.kind, self.date, self.date_at, self.q4_l_h, self.access)

    def enter(self, claim: Claim) -> None:
        """Note a reading that was entered; what it has and is the latest of is the meter's."""
        if claim.kind and (self.counted_at is None or claim.time >= self.counted_at):
            self.kind, self.counter, self.counted_at = claim.kind, claim.counter, claim.time
        if claim.total is not None and (self.read_at is None or claim.time >= self.read_at):
            self.total_ml, self.read_at = claim.total, claim.time
        if claim.date is not None and (self.date_at is None or claim.time >= self.date_at):
            self.date, self.date_at = claim.date, claim.time
        if (claim.kind or claim.total is not None) and claim.time > self.newest:
            self.newest = claim.time
            if claim.access is not None:
                self.access = plausible.remember(claim.access, self.access)
        self.changed = True

    def from_here(self, time: int) -> None:
        """Judge what comes from a time on by nothing before it."""
        self.kind, self.counter, self.counted_at, self.total_ml, self.read_at = "", None, None, None, None
        self.date, self.date_at, self.since, self.newest, self.changed = None, None, time, NEVER, True
        self.access = None


# What is judged: the Settled; its claim.
Judged = namedtuple("Judged", ("settled", "claim"))


def states(db, meters) -> "dict[int, State]":
    """What is known of meters (their rows)."""
    there = {row[0]: State(row[0], row[1:]) for row in db.execute(
        f"SELECT meter, {', '.join(_COLUMNS)} FROM rising WHERE meter IN {NUMBERS}", (json.dumps(sorted(meters)),))}
    return {meter: there.get(meter) or State(meter) for meter in meters}


def write(db, changed) -> None:
    """Keep what changed of some States."""
    db.executemany(
        f"INSERT INTO rising (meter, {', '.join(_COLUMNS)}) VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (meter) DO "
        f"UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS)}",
        [(s.meter, s.kind, s.counter, s.counted_at, s.total_ml, s.read_at, s.date, s.date_at, s.since, s.q4_l_h,
          s.access)
         for s in changed if s.changed])


def claim_of(settled, total) -> Claim:
    """What a decoded telegram claims; `total` in ml or None."""
    kind, counter, access = plausible.told(settled.fresh)
    said = settled.reading.get("total_m3")
    return Claim(settled.time, total, kind, counter, plausible.own_date(settled.reading),
                 said is None or total is not None, access)


def judge(db, days: Days, claims: "list[Judged]") -> "list[tuple[int, str, bool]]":
    """(verdict, reason, whether a later one had been entered) of each of some claims, in the order they came. What is
    entered goes into `days` and into its meter's state, and is judged by from then on. The job writes `days`."""
    known = states(db, {j.settled.meter for j in claims})
    load(days, claims, {meter: state.newest for meter, state in known.items()})
    verdicts = []
    for settled, claim in claims:
        state = known[settled.meter]
        late = claim.time < state.newest
        verdict = plausible.judge(claim, neighbours(days, state, claim), state.known())
        if verdict[0] == plausible.ENTERED:
            state.enter(claim)
            if claim.total is not None:
                days.put(settled.meter, claim.time, claim.total, claim.kind or "", claim.counter)
        elif verdict == (plausible.HELD, plausible.BACKWARDS) and is_stored(db, settled):
            verdict = plausible.REPLAYED, plausible.AGAIN
        verdicts.append((*verdict, late))
    write(db, known.values())
    return verdicts


def load(days, claims, newest):
    """Read the day rows that the claims go into, and around those that came late."""
    wanted: "dict[int, set[int]]" = {}
    for settled, claim in claims:
        day, meter = claim.time // DAY, settled.meter
        late = claim.time < newest[meter]
        newest[meter] = max(newest[meter], claim.time)
        for at in (day - 1, day, day + 1) if late else (day,):
            wanted.setdefault(at, set()).add(meter)
    days.load(wanted)


def neighbours(days, state, claim) -> "list[Mark]":
    """The readings of its meter that a claim is judged by."""
    marks = state.marks()
    if claim.time < state.newest:
        marks = sorted({*marks, *days.around(state.meter, claim.time, state.kind)}, key=lambda m: m.time)
    ours = claim.time >= state.since
    return [m for m in marks if (m.time >= state.since) == ours] if state.since else marks


def is_stored(db, settled) -> bool:
    """Whether the very telegram was stored with an earlier time, within the last month."""
    day = settled.time // DAY
    return db.execute(
        "WITH RECURSIVE days(day) AS (SELECT CAST(?1 AS BIGINT) UNION ALL SELECT day + 1 FROM days WHERE day < ?2) "
        "SELECT 1 FROM telegrams t CROSS JOIN days CROSS JOIN telegrams o WHERE t.id = ?3 AND o.day = days.day AND "
        f"o.meter = t.meter AND o.digest = t.digest AND o.id <> t.id AND o.state = {DECODED} AND o.data = t.data "
        "LIMIT 1",
        (day - 31, day, settled.id)).fetchone() is not None


def hold_back(db, held: "list[tuple[Judged, str]]") -> None:
    """Keep readings for a person to accept or refuse: (Judged, reason) of each."""
    db.executemany(
        "INSERT INTO held (telegram, meter, time, reason, total_ml, kind, counter, reading) VALUES (?,?,?,?,?,?,?,?) "
        "ON CONFLICT (telegram) DO UPDATE SET reason = excluded.reason, time = excluded.time",
        [(s.id, s.meter, s.time, reason, claim.total, claim.kind or "", claim.counter,
          json.dumps(s.reading, sort_keys=True, default=str)) for (s, claim), reason in held])
    for meter in sorted({j.settled.meter for j, _ in held}):
        db.execute("DELETE FROM held WHERE meter = ? AND telegram NOT IN "
                   "(SELECT telegram FROM held WHERE meter = ? ORDER BY telegram DESC LIMIT ?)",
                   (meter, meter, MOST_HELD))


def forget(db, days: Days, meter: int, time: int) -> None:
    """Forget that a reading of a time was a meter's latest: the one before it is, where there is one."""
    state = states(db, [meter])[meter]
    if time not in (state.counted_at, state.read_at, state.date_at):
        return
    days.load({day: {meter} for day in (time // DAY - 1, time // DAY)})
    marks = [m for m in days.around(meter, time, state.kind) if m.time < time and m.time >= state.since]
    if state.counted_at == time:
        last = [m for m in marks if m.counter is not None][-1:]
        state.counter, state.counted_at = (last[0].counter, last[0].time) if last else (None, None)
    if state.read_at == time:
        state.total_ml, state.read_at = (marks[-1].total, marks[-1].time) if marks else (None, None)
    if state.date_at == time:
        state.date = state.date_at = None
    state.changed = True
    write(db, [state])


VERDICTS = {plausible.ENTERED: DECODED, plausible.ASIDE: DECODED, plausible.REPLAYED: REPLAYED, plausible.HELD: HELD}
