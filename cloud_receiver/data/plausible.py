"""Whether a reading can be: the rule by which a decoded telegram is entered, marked as a replay, or held back.

A telegram is a claim: whoever has a radio can send one, or one again. A reading is judged by its neighbours in time,
those entered before and after it:

- what must rise (wmbus/freshness.py) rises with time. Of two readings the later has the higher counter; one that has
  not is an earlier telegram, played again or given a wrong time: a replay. An equal counter is the same telegram.
  Where it contradicts only the latest there is, a person tells which of the two has the wrong time.
- a meter that had a counter sends one: without it anybody's recording of former years would do.
- a meter in mode 5 that has not moved sends another access number than in its last telegrams; one of those is a replay.
  That number comes round, so one reading in some forty of a meter at rest is left out.
- a total does not go back by more than a litre, does not rise faster than the meter's Q4 lets water through, and is
  not below zero or above what a meter passes in its life.
- the meter's own date and time, where the reading has it, goes with ours, or as far from ours as it always was.

A replay is a telegram's, not a person's to accept. What is held back is a person's to accept or refuse.
"""

import datetime
from collections import namedtuple

from wmbus.freshness import ACCESS, ELL, MCR

from .clock import DAY, HOUR, UTC

ENTERED, ASIDE, REPLAYED, HELD = range(4)  # ASIDE: genuine, but tells nothing that its neighbours do not

TIE_S = 120  # two gateways' clocks differ by as much: nearer than this, which came first is not told by their times
SLACK = {MCR: 64, ELL: 64}  # by how much a counter may rise in that time: a telegram each 2 s; 4 minutes
LITRE = 1000  # ml
SET_S = 2 * HOUR  # a meter's clock may be set back by as much: summer time
DATE_S = DAY + SET_S  # the meter's own date: some send that of their daily value
MANY, MANY_S = 3, 2 * DAY  # readings held back that tell of a meter that goes on by itself
LIFE_H = 20 * 365 * 24
# Litres per hour, for a meter whose own Q4 is not given. ISO 4064-1 has Q4 = 1.25 Q3, with Q3 of the series 1, 1.6,
# 2.5, 4, 6.3, 10, 16 ... m³/h; the largest meter that screws in (DN 40) has Q3 16, so Q4 20. Three times that; flanged
# meters in mains want their own (`netti meter q4`).
Q4_L_H = 60_000

# Reasons, as a telegram's note and a page's words have them.
RANGE, BACKWARDS, JUMP, DATE, UNCOUNTED, ORDER = "range", "backwards", "jump", "date", "uncounted", "order"
AGAIN, EARLIER = "again", "earlier"  # of a replay: the same counter; a lower one

# time: Unix seconds; total: ml, or None; counter: what must rise, of the kind its meter has, or None.
Mark = namedtuple("Mark", ("time", "total", "counter"))
# What is judged. kind, counter: of freshness ("", 0 where nothing must rise; None, 0 where that is not known); date:
# the meter's own clock as Unix seconds, or None; sane: False where its total is no number that can be; access: its
# access number, where it has that alone.
Claim = namedtuple("Claim", ("time", "total", "kind", "counter", "date", "sane", "access"), defaults=(None,))
# What is known of a meter. kind: of what rises, "" if nothing does; date, date_at: its own clock, and when; q4: litres
# per hour, or None; access: its last access numbers, as `remembered` has them, or None.
Known = namedtuple("Known", ("kind", "date", "date_at", "q4", "access"), defaults=(None,))
UNKNOWN = Known("", None, None, None)
NUMBERS = 7  # access numbers that are remembered: with their count they fit a column of 64 bits


def judge(claim: Claim, marks: "list[Mark]", known: Known) -> "tuple[int, str]":
    """(ENTERED, ASIDE, REPLAYED or HELD, the reason) of a reading between its neighbours, `marks`, sorted by time."""
    if not marks or marks[-1].time <= claim.time:  # nearly always: the latest there is
        before, after = marks, []
    else:
        before = [m for m in marks if m.time <= claim.time]
        after = marks[len(before):]
    verdict, reason = rises(claim, before, after, known)
    if verdict in (REPLAYED, HELD):
        return verdict, reason
    q4 = known.q4 or Q4_L_H
    if not claim.sane or claim.total is not None and not in_range(claim.total, q4):
        return HELD, RANGE
    if not dated(claim, known):
        return HELD, DATE
    if claim.total is not None:
        mine = Mark(claim.time, claim.total, None)
        for near, there in ((_nearest(before, -1), True), (_nearest(after, 0), False)):
            if near is None:
                continue
            earlier, later = (near, mine) if there else (mine, near)
            between = step(earlier, later, q4)
            if between:
                if between == BACKWARDS and later.time - earlier.time <= TIE_S and \
                        earlier.total - later.total <= q4 * 1000 * TIE_S // HOUR:
                    verdict = ASIDE
                else:
                    return HELD, between
        if not after and at_rest(_nearest(before, -1), claim) and repeats(claim.access, known.access):
            return REPLAYED, AGAIN
    return verdict, ""


def told(fresh: "tuple[str, int] | None") -> "tuple[str | None, int | None, int | None]":
    """(kind, counter, access number) of what freshness says of a telegram, as a Claim has them."""
    if fresh is None:
        return None, None, None
    kind, value = fresh
    return ("", None, value) if kind == ACCESS else (kind, value if kind else None, None)


def at_rest(last: "Mark | None", claim: Claim) -> bool:
    """Whether a meter has not moved since its last reading, some time ago."""
    return last is not None and claim.time - last.time > TIE_S and claim.total - last.total <= LITRE


def repeats(access: "int | None", remembered: "int | None") -> bool:
    """Whether an access number is one of a meter's last, of a meter that does not always send the same."""
    if access is None or not remembered:
        return False
    numbers = remembered.to_bytes(8, "big")[1:1 + (remembered >> 56)]
    return access in numbers and len(set(numbers)) > 1


def remember(access: int, remembered: "int | None") -> int:
    """The last access numbers with one more: their count, then each, the latest first."""
    count = (remembered or 0) >> 56
    numbers = (remembered or 0) & (1 << 56) - 1
    return min(count + 1, NUMBERS) << 56 | access << 48 | numbers >> 8


def _nearest(marks, at):
    if not marks or marks[at].total is not None:
        return marks[at] if marks else None
    those = [m for m in marks if m.total is not None]
    return those[at] if those else None


def rises(claim: Claim, before: "list[Mark]", after: "list[Mark]", known: Known) -> "tuple[int, str]":
    """The verdict on what must rise with time."""
    if claim.kind is None:
        return ENTERED, ""
    if claim.kind != known.kind and known.kind:
        return HELD, UNCOUNTED
    if not claim.kind:
        return ENTERED, ""
    verdict = ENTERED
    for earlier, marks in ((True, reversed(before)), (False, after)):
        for m in marks:
            if m.counter is None:
                continue
            ahead = m.counter - claim.counter if earlier else claim.counter - m.counter  # above 0: against time
            near = abs(claim.time - m.time) <= TIE_S
            if ahead > 0 or ahead == 0 and not near:
                if not near or ahead > SLACK[claim.kind]:
                    if not earlier and ahead > 0 and all(x.time <= m.time for x in after if x.counter is not None):
                        return HELD, ORDER  # one witness, the latest: which of the two is late cannot be told
                    return REPLAYED, AGAIN if ahead == 0 else EARLIER
                verdict = ASIDE
            if not near:
                break
    return verdict, ""


def in_range(total: int, q4: int) -> bool:
    """Whether a total in ml can be a meter's: not negative, no more than passes it in its life."""
    return 0 <= total <= q4 * LIFE_H * 1000


def step(earlier: Mark, later: Mark, q4: int) -> str:
    """"" where a meter with this Q4 in litres per hour can have gone from one total to the other, else BACKWARDS or
    JUMP."""
    used = later.total - earlier.total
    if used < -LITRE:
        return BACKWARDS
    return JUMP if used * HOUR > q4 * 1000 * (later.time - earlier.time + TIE_S) else ""


def contradict(earlier: Mark, later: Mark, q4: int) -> bool:
    """Whether two readings cannot both be a meter's at these times."""
    return (earlier.counter is not None and later.counter is not None and later.counter <= earlier.counter
            or earlier.total is not None and later.total is not None and step(earlier, later, q4) != "")


def dated(claim: Claim, known: Known) -> bool:
    """Whether the meter's own clock goes with ours: not back where nothing else must rise; and as near as a day, or as
    far off as it is known to be. One that stands still says nothing."""
    if claim.date is None or claim.date == known.date:
        return True
    if known.date is not None and not claim.kind and (
            known.date - claim.date > SET_S if claim.time >= known.date_at else claim.date - known.date > SET_S):
        return False  # of two telegrams without a counter the later has the later date
    off = 0 if known.date is None else known.date - known.date_at
    return abs(claim.date - claim.time - off) <= DATE_S


def own_date(reading) -> "int | None":
    """A meter's own clock in a reading, as Unix seconds (its zone is not known: as if UTC); None without one."""
    text = reading.get("meter_datetime") or reading.get("meter_date")
    if not isinstance(text, str):
        return None
    try:
        return int(datetime.datetime.fromisoformat(text.replace(" ", "T")).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


def consistent(claims) -> bool:
    """Whether readings held back, (time, total or None, counter or None) each, tell of a meter that goes on by itself:
    three or more over two days or more, each of which follows from the one before."""
    those = sorted((Mark(*c) for c in claims if c[1] is not None), key=lambda m: m.time)
    if len(those) < MANY or those[-1].time - those[0].time < MANY_S:
        return False
    return all(not step(a, b, Q4_L_H) and (a.counter is None or b.counter is None or a.counter <= b.counter)
               for a, b in zip(those, those[1:]))
