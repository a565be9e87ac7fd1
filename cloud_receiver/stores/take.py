"""What taking a verified batch does to the tables; runs in the writer's transaction, and is done once that commits.

Per ring (epoch) of a gateway there is a high-water mark. What is at or below it is known and skipped, except in a gap:
a range that was jumped over, which a later batch may still fill (rewind). The same range with other content than
before is an equivocation: noted, nothing stored.
"""

import json

import firmware.batch as batch

from ..records import OPAQUE
from . import DECODED, PENDING, Taken, settle

SAME_TELEGRAM_S = 900  # two gateways' clocks may differ by this much over one telegram
AHEAD_S = 86_400  # a time further ahead of ours than this is not believed
DAY = 86_400
MOST_RSSI = 255  # receptions of a meter and day kept for their median


def take(db, gateway, head, digest, records, now):
    """Store what is new of a batch; `gateway` is its row's id, `digest` that of the record bytes. Returns Taken."""
    db.execute("UPDATE gateways SET last_contact = ?, firmware = ?, boot = ?, clock = ? WHERE id = ?",
               (now, head.firmware, head.boot, head.clock, gateway))
    row = db.execute("SELECT id, through FROM epochs WHERE gateway = ? AND epoch = ?", (gateway, head.epoch)).fetchone()
    if row is None:
        if not head.last:
            return Taken(0, False, 0, 0)
        epoch = db.execute("INSERT INTO epochs (gateway, epoch, through, first_contact, last_contact) "
                           "VALUES (?,?,0,?,?)", (gateway, head.epoch, now, now)).lastrowid
        through = 0
    else:
        epoch, through = row
    if not head.last:
        return Taken(through, False, 0, 0)
    before = db.execute("SELECT digest FROM batches WHERE epoch = ? AND first = ? AND last = ?",
                        (epoch, head.first, head.last)).fetchone()
    if before is not None and not same_content(before[0], digest):
        db.execute("INSERT INTO equivocations (epoch, first, last, stored, received, time) VALUES (?,?,?,?,?,?)",
                   (epoch, head.first, head.last, before[0], digest, now))
        return Taken(through, True, 0, len(records))
    gaps = db.execute("SELECT first, last, since FROM gaps WHERE epoch = ? AND last >= ? AND first <= ? ORDER BY first",
                      (epoch, head.first, head.last)).fetchall()
    batch_job = _Batch(db, gateway, epoch, now)
    new = [r for r in records if not is_known(r.seq, through, gaps)]
    for record in new:
        batch_job.store(record)
    _mark(db, epoch, head, through, gaps, sorted({r.seq for r in records}), now)
    db.execute("INSERT OR IGNORE INTO batches VALUES (?,?,?,?,?,?)",
               (epoch, head.first, head.last, digest, now, len(records)))
    rewind = through if head.first > through + 1 and not told_lost(db, epoch, through + 1, head.first - 1) else None
    return Taken(max(through, head.last), False, len(new), len(records) - len(new), rewind,
                 tuple(r.fields for r in new if r.kind == batch.RESULT))


def told_lost(db, epoch: int, first: int, last: int) -> bool:
    """Whether the gateway itself has told that it no longer has the records first..last."""
    at = first
    for start, end in db.execute("SELECT first, last FROM lost WHERE epoch = ? AND last >= ? AND first <= ? "
                                 "ORDER BY first", (epoch, first, last)):
        if start > at:
            return False
        at = max(at, end + 1)
    return at > last


def same_content(stored: bytes, received: bytes) -> bool:
    """Whether a batch of a known range is the one that was stored."""
    return stored == received


def is_known(seq: int, through: int, gaps) -> bool:
    """Whether a record was taken before: at or below the mark and in none of the (first, last, since) gaps."""
    return seq <= through and not any(first <= seq <= last for first, last, _ in gaps)


def _mark(db, epoch, head, through, gaps, seqs, now):
    """Move the mark to the end of the batch and keep the list of gaps true."""
    for first, last, since in gaps:  # filled ones shrink, split or go
        db.execute("DELETE FROM gaps WHERE epoch = ? AND first = ?", (epoch, first))
        _insert_gaps(db, epoch, first, last, seqs, since)
    if head.last > through:
        _insert_gaps(db, epoch, through + 1, head.last, seqs, now)
    db.execute("UPDATE epochs SET through = max(through, ?), last_contact = ? WHERE id = ?", (head.last, now, epoch))


def _insert_gaps(db, epoch, first, last, seqs, since):
    """Note as gaps what of first..last is not among the sorted seqs."""
    at = first
    for seq in seqs:
        if seq < at:
            continue
        if seq > last:
            break
        if seq > at:
            db.execute("INSERT OR REPLACE INTO gaps VALUES (?,?,?,?)", (epoch, at, seq - 1, since))
        at = seq + 1
    if at <= last:
        db.execute("INSERT OR REPLACE INTO gaps VALUES (?,?,?,?)", (epoch, at, last, since))


class _Batch:
    """The records of one batch on their way into the tables."""

    def __init__(self, db, gateway, epoch, now):
        self.db, self.gateway, self.epoch, self.now = db, gateway, epoch, now
        self.boot = None  # (seq, start, quality) of the boot the record being stored belongs to

    def store(self, record):
        """Enter one record in its table."""
        entry = _ENTRIES.get(record.kind)
        if entry is None:
            self.keep(record, None)
        else:
            entry(self, record)

    def keep(self, record, time):
        """The record's bytes, for what has no table of its own."""
        self.db.execute("INSERT INTO records (epoch, seq, kind, received, raw_time, time, body) VALUES (?,?,?,?,?,?,?)",
                        (self.epoch, record.seq, record.kind, self.now, record.time, time, record.body))

    # --- time

    def time_of(self, record):
        """Unix seconds of a record, or None while its boot's start is not known."""
        if record.time >= batch.UNIX_FROM:
            return believed(record.time, self.now)
        start = self.boot_of(record.seq)[1]
        return None if start is None else believed(start + record.time, self.now)

    def boot_of(self, seq):
        """The boot (seq, start, quality) a record belongs to: the last one before it in its ring."""
        if self.boot is None:
            self.boot = self.db.execute(
                "SELECT seq, start, quality FROM boots WHERE epoch = ? AND seq <= ? ORDER BY seq DESC LIMIT 1",
                (self.epoch, seq)).fetchone() or (0, None, 0)
        return self.boot

    def boot_record(self, record):
        count, _cause = record.fields
        start = believed(record.time, self.now) if record.time >= batch.UNIX_FROM else None
        self.db.execute("INSERT OR IGNORE INTO boots VALUES (?,?,?,?,?)", (self.epoch, record.seq, count, start, 0))
        self.boot = (record.seq, start, 0)
        if start is not None:
            time_boot(self.db, self.epoch, record.seq, start, self.now)
        self.keep(record, start)

    def clock_record(self, record):
        unix, quality = record.fields
        seq, start, known = self.boot_of(record.seq)
        if unix >= batch.UNIX_FROM and quality > batch.CLOCK_FLOOR and record.time < batch.UNIX_FROM \
                and (start is None or quality > known):
            start = believed(unix, self.now) - record.time
            self.db.execute("INSERT INTO boots (epoch, seq, start, quality) VALUES (?,?,?,?) ON CONFLICT (epoch, seq) "
                            "DO UPDATE SET start = excluded.start, quality = excluded.quality",
                            (self.epoch, seq, start, quality))
            self.boot = (seq, start, quality)
            time_boot(self.db, self.epoch, seq, start, self.now)
        self.keep(record, believed(unix, self.now))

    # --- what meters sent

    def telegram(self, record):
        t = record.fields
        time = self.time_of(record)
        moment = self.now if time is None else time
        meter = self.meter(t, moment)
        self.covered(meter, moment // DAY, t.rssi)
        if same_telegram(self.db, t.digest, t.data, time, moment) is not None:
            return
        self.db.execute("INSERT INTO telegrams (meter, epoch, seq, received, raw_time, time, day, digest, state, data) "
                        "VALUES (?,?,?,?,?,?,?,?,?,?)",
                        (meter, self.epoch, record.seq, self.now, record.time, time, moment // DAY, t.digest, PENDING,
                         t.data))

    def meter(self, t, moment):
        """The row id of a telegram's meter, made at first sight; keeps when it was last heard."""
        row = self.db.execute("SELECT id FROM meters WHERE meter = ?", (t.meter,)).fetchone()
        if row is None:
            return self.db.execute(
                "INSERT INTO meters (meter, media, first_heard, last_heard, encrypted, state, status) "
                "VALUES (?,?,?,?,?,?,?)",
                (t.meter, t.media, moment, moment, t.encrypted, PENDING, t.status)).lastrowid
        self.db.execute("UPDATE meters SET first_heard = min(first_heard, ?1), encrypted = max(encrypted, ?2), "
                        "status = CASE WHEN last_heard <= ?1 THEN ?3 ELSE status END, "
                        "last_heard = max(last_heard, ?1) WHERE id = ?4", (moment, t.encrypted, t.status, row[0]))
        return row[0]

    def covered(self, meter, day, rssi):
        """Count a reception in the coverage of (meter, gateway, day)."""
        row = self.db.execute("SELECT rssi, heard, best, median FROM coverage "
                              "WHERE day = ? AND meter = ? AND gateway = ?", (day, meter, self.gateway)).fetchone()
        heard, best, median = (0, None, None) if row is None else row[1:]
        levels = b"" if row is None else row[0]
        if rssi < 0:
            levels = (levels + bytes((-rssi,)))[:MOST_RSSI]
            best = rssi if best is None else max(best, rssi)
            if not heard:  # a heard record knows better: it counts what was thinned too
                median = -sorted(levels)[len(levels) // 2]
        self.db.execute("INSERT INTO coverage VALUES (?,?,?,1,0,?,?,?) ON CONFLICT (day, meter, gateway) "
                        "DO UPDATE SET telegrams = telegrams + 1, best = excluded.best, median = excluded.median, "
                        "rssi = excluded.rssi",
                        (day, meter, self.gateway, best, median, levels))

    def heard(self, record):
        """A day's (or a part of a day's) receptions of a meter, thinned ones included."""
        text, day, count, best, median = record.fields
        row = self.db.execute("SELECT id FROM meters WHERE meter = ?", (text,)).fetchone()
        if row is None:  # never relayed yet: kept as a record, not as a meter
            self.keep(record, self.time_of(record))
            return
        there = self.db.execute("SELECT heard, best, median FROM coverage WHERE day = ? AND meter = ? AND gateway = ?",
                                (day, row[0], self.gateway)).fetchone()
        total = count  # below 2^32, so a day's sum stays within a column
        if best >= 0:
            best = median = None
        if there is not None:
            total += there[0]
            best = max((b for b in (best, there[1]) if b is not None), default=None)
            if there[0] and there[2] is not None and median is not None:  # parts of one day, weighted
                median = round((median * count + there[2] * there[0]) / max(total, 1))
        self.db.execute("INSERT INTO coverage VALUES (?,?,?,0,?,?,?,x'') ON CONFLICT (day, meter, gateway) "
                        "DO UPDATE SET heard = excluded.heard, best = excluded.best, "
                        "median = coalesce(excluded.median, median)",
                        (day, row[0], self.gateway, total, best, median))

    # --- what the gateway says of itself and its home

    def han_hour(self, record):
        hour, import_wh, export_wh, estimated = record.fields
        self.db.execute("INSERT INTO home_hours VALUES (?,?,?,?,?) ON CONFLICT (gateway, hour) DO UPDATE SET "
                        "import_wh = excluded.import_wh, export_wh = excluded.export_wh, "
                        "estimated = excluded.estimated WHERE estimated >= excluded.estimated",
                        (self.gateway, hour, import_wh, export_wh, int(estimated)))

    def status(self, record):
        self.db.execute("UPDATE gateways SET status = ?, status_at = ? WHERE id = ?",
                        (json.dumps(record.fields[0]), self.time_of(record) or self.now, self.gateway))

    def lost(self, record):
        first, last, count = record.fields
        self.db.execute("INSERT OR IGNORE INTO lost VALUES (?,?,?,?,?,?)",
                        (self.epoch, record.seq, first, last, count, self.now))

    def other(self, record):
        self.keep(record, self.time_of(record))


_ENTRIES = {
    OPAQUE: lambda job, record: job.keep(record, None),
    batch.TELEGRAM: _Batch.telegram,
    batch.HEARD: _Batch.heard,
    batch.HAN_HOUR: _Batch.han_hour,
    batch.EVENT: _Batch.other,
    batch.STATUS: _Batch.status,
    batch.BOOT: _Batch.boot_record,
    batch.CLOCK: _Batch.clock_record,
    batch.LOST: _Batch.lost,
    batch.POSITION: _Batch.other,
    batch.RESULT: _Batch.other,
}


def believed(time, now):
    """A gateway's Unix time, unless it lies ahead of ours by more than a clock's error: then ours."""
    return time if time <= now + AHEAD_S else now


def same_telegram(db, digest, data, time, moment, but=None):
    """The row of this telegram if some gateway's reception of it is stored: the same bytes at about the same time.

    Later identical bytes (a meter that stands still, in plain text) are a reading of their own. One whose time is not
    known yet matches on its bytes alone.
    """
    days = {(moment - SAME_TELEGRAM_S) // DAY, (moment + SAME_TELEGRAM_S) // DAY}
    for day in sorted(days):
        for row, known, content in db.execute("SELECT id, time, data FROM telegrams WHERE day = ? AND digest = ?",
                                              (day, digest)):
            if row != but and content == data and (time is None or known is None
                                                   or abs(known - time) <= SAME_TELEGRAM_S):
                return row
    return None


def time_boot(db, epoch, boot, start, now):
    """Give the records behind a boot their time, now that its start is known; and those of boots before it that never
    learnt theirs the latest they can have, so that no reading is held back for good."""
    following = db.execute("SELECT min(seq) FROM boots WHERE epoch = ? AND seq > ?", (epoch, boot)).fetchone()[0]
    _time_range(db, epoch, boot, (1 << 62) if following is None else following, start, now)
    earlier = db.execute("SELECT seq FROM boots WHERE epoch = ? AND seq < ? AND start IS NULL ORDER BY seq DESC",
                         (epoch, boot)).fetchall()
    end_seq, end = boot, start
    for (seq,) in earlier:
        span = max(db.execute(f"SELECT coalesce(max(raw_time), 0) FROM {table} WHERE epoch = ? AND seq >= ? "
                              "AND seq < ? AND raw_time < ?", (epoch, seq, end_seq, batch.UNIX_FROM)).fetchone()[0]
                   for table in ("telegrams", "records"))
        end -= span
        db.execute("UPDATE boots SET start = ? WHERE epoch = ? AND seq = ?", (end, epoch, seq))
        _time_range(db, epoch, seq, end_seq, end, now)
        end_seq = seq


def _time_range(db, epoch, first, end, start, now):
    db.execute("UPDATE records SET time = ? + raw_time WHERE epoch = ? AND seq >= ? AND seq < ? AND time IS NULL "
               "AND raw_time < ?", (start, epoch, first, end, batch.UNIX_FROM))
    rows = db.execute("SELECT id, meter, raw_time, time, digest, state, data FROM telegrams "
                      "WHERE raw_time < 1073741824 AND epoch = ? AND seq >= ? AND seq < ?",
                      (epoch, first, end)).fetchall()
    for row, meter, raw, before, digest, state, data in rows:
        time = believed(start + raw, now)
        if time == before:
            continue
        if same_telegram(db, digest, data, time, time, but=row) is not None:
            db.execute("DELETE FROM telegrams WHERE id = ?", (row,))  # another gateway's reception has it
        else:
            db.execute("UPDATE telegrams SET time = ?, day = ? WHERE id = ?", (time, time // DAY, row))
            if before is not None and state == DECODED:  # its reading moves with it
                settle.withdraw(db, row, meter, before)
        db.execute("UPDATE meters SET first_heard = min(first_heard, ?) WHERE id = ?", (time, meter))
