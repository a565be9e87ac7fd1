"""Which records of a ring are stored: its mark, its gaps, what came again with other content.

At or below the mark all is stored but what lies in a gap; see batch.py.
"""

import hashlib


def other_content(db, epoch: int, head, digest: bytes, records):
    """(first, last, digest stored, digest received) of a range in a batch that came before with other content, or None.
    A gateway that sends again what was not acknowledged begins with the same seq, and may have more by now."""
    for first, last, stored, count in db.execute(
            "SELECT first, last, digest, records FROM batches WHERE epoch = ? AND first >= ? AND last <= ? "
            "ORDER BY first, last", (epoch, head.first, head.last)).fetchall():
        received = digest
        if (first, last) != (head.first, head.last):
            within = [r.body for r in records if first <= r.seq <= last]
            if not len(within) == count == last - first + 1:
                continue  # a hole, here or there: its flash may have lost a record since
            received = hashlib.sha256(b"".join(within)).digest()
        if not same_content(stored, received):
            return first, last, stored, received
    return None


def same_content(stored: bytes, received: bytes) -> bool:
    """Whether a batch of a stored range is the one that was stored."""
    return stored == received


def is_stored(seq: int, through: int, gaps) -> bool:
    """Whether a record was stored before: at or below the mark and in none of the (first, last, since) gaps."""
    return seq <= through and not any(first <= seq <= last for first, last, _ in gaps)


def advance_mark(db, epoch, head, through, gaps, seqs, now):
    """Move the mark to the end of the batch and keep the list of gaps true."""
    for first, last, since in gaps:  # filled ones shrink, split or go
        db.execute("DELETE FROM gaps WHERE epoch = ? AND first = ?", (epoch, first))
        _insert_gaps(db, epoch, first, last, seqs, since)
    if head.last > through:
        _insert_gaps(db, epoch, through + 1, head.last, seqs, now)
    db.execute("UPDATE epochs SET through = ?, last_contact = ? WHERE id = ?", (max(through, head.last), now, epoch))


_GAP = ("INSERT INTO gaps VALUES (?,?,?,?) ON CONFLICT (epoch, first) DO UPDATE SET last = excluded.last, "
        "since = excluded.since")


def _insert_gaps(db, epoch, first, last, seqs, since):
    """Note as gaps what of first..last is not among the sorted seqs."""
    at = first
    for seq in seqs:
        if seq < at:
            continue
        if seq > last:
            break
        if seq > at:
            db.execute(_GAP, (epoch, at, seq - 1, since))
        at = seq + 1
    if at <= last:
        db.execute(_GAP, (epoch, at, last, since))
