"""Which records of a ring are stored: its mark, its gaps, what came again with other content.

At or below the mark all is stored but what lies in a gap; see batch.py.
"""

import bisect
import hashlib
import json

from .. import NUMBERS


def gaps_within(db, epoch: int, first: int, last: int, most: int) -> "list[tuple[int, int, int]]":
    """The gaps of a ring (its row) that touch a range, in order: (first, last, since); `most` at most. Gaps do not
    overlap, so those below the one that begins before the range are not looked at."""
    return db.execute("SELECT first, last, since FROM gaps WHERE epoch = ?1 AND first <= ?3 AND last >= ?2 "
                      "AND first >= coalesce((SELECT max(first) FROM gaps WHERE epoch = ?1 AND first <= ?2), 0) "
                      "ORDER BY first LIMIT ?4", (epoch, first, last, most)).fetchall()


def other_content(db, epoch: int, head, digest: bytes, records):
    """(first, last, digest stored, digest received) of a range in a batch that came before with other content, or None.
    A gateway that sends again what was not acknowledged begins with the same seq, and may have more by now."""
    seqs = [r.seq for r in records]
    # Only a range whose every record is in the batch is compared, so it begins with one of them.
    text = json.dumps(sorted(set(seqs)))
    for first, last, stored, count in db.execute(
            f"SELECT first, last, digest, records FROM batches WHERE epoch = ? AND first IN {NUMBERS} AND last <= ? "
            "UNION SELECT first, last, digest, records FROM batches WHERE epoch = ? AND first = ? AND last = ? "
            "ORDER BY 1, 2", (epoch, text, head.last, epoch, head.first, head.last)).fetchall():
        received = digest
        if (first, last) != (head.first, head.last):
            if count != last - first + 1:
                continue
            within = [r.body for r in records[bisect.bisect_left(seqs, first):bisect.bisect_right(seqs, last)]]
            if len(within) != count:
                continue  # a hole, here or there: its flash may have lost a record since
            received = hashlib.sha256(b"".join(within)).digest()
        if not same_content(stored, received):
            return first, last, stored, received
    return None


def same_content(stored: bytes, received: bytes) -> bool:
    """Whether a batch of a stored range is the one that was stored."""
    return stored == received


def is_stored(seq: int, through: int, gaps) -> bool:
    """Whether a record was stored before: at or below the mark and in none of the gaps (first, last, since), which are
    in order."""
    if seq > through:
        return False
    n = bisect.bisect_right(gaps, seq, key=_first) - 1
    return n < 0 or seq > gaps[n][1]


def _first(gap):
    return gap[0]


def missing(first: int, last: int, seqs: "list[int]") -> "list[tuple[int, int]]":
    """The ranges of first..last in which no seq of the sorted ones lies."""
    ranges, at = [], first
    for seq in seqs[bisect.bisect_left(seqs, first):bisect.bisect_right(seqs, last)]:
        if seq > at:
            ranges.append((at, seq - 1))
        at = seq + 1
    return ranges + [(at, last)] if at <= last else ranges


def plan(head, through: int, gaps, seqs: "list[int]") -> "list[tuple[tuple | None, list]]":
    """What a batch with these sorted seqs does to a ring's list of gaps: (the gap that goes, None where there was none;
    the ranges in its place)."""
    changes: list = []
    for gap in gaps:  # filled ones shrink, split or go
        if bisect.bisect_left(seqs, gap[0]) < bisect.bisect_right(seqs, gap[1]):
            changes.append((gap, missing(gap[0], gap[1], seqs)))
    if head.last > through:
        changes.append((None, missing(through + 1, head.last, seqs)))
    return changes


def more_gaps(changes) -> int:
    """How many more gaps there are after a plan than before."""
    return sum(len(ranges) - (gap is not None) for gap, ranges in changes)


def advance_mark(db, epoch, head, through, changes, now):
    """Move the mark to the end of the batch and keep the list of gaps true, as planned."""
    for gap, ranges in changes:
        if gap is not None:
            db.execute("DELETE FROM gaps WHERE epoch = ? AND first = ?", (epoch, gap[0]))
        for first, last in ranges:
            db.execute(_GAP, (epoch, first, last, now if gap is None else gap[2]))
    db.execute("UPDATE epochs SET through = ?, last_contact = ? WHERE id = ?", (max(through, head.last), now, epoch))


_GAP = ("INSERT INTO gaps VALUES (?,?,?,?) ON CONFLICT (epoch, first) DO UPDATE SET last = excluded.last, "
        "since = excluded.since")


def add_up_lost(db, epoch: int, most: int) -> bool:
    """Have a ring (its row) no more than `most` rows of what was lost: the oldest are added up. Whether there were."""
    rows = db.execute("SELECT seq, first, last, count FROM lost WHERE epoch = ? ORDER BY seq", (epoch,)).fetchall()
    if len(rows) <= most:
        return False
    seqs, firsts, lasts, counts = zip(*rows[:len(rows) - most + 1])
    db.execute("DELETE FROM lost WHERE epoch = ? AND seq < ?", (epoch, seqs[-1]))
    db.execute("UPDATE lost SET first = ?, last = ?, count = ? WHERE epoch = ? AND seq = ?",
               (min(firsts), max(lasts), sum(counts), epoch, seqs[-1]))
    return True
