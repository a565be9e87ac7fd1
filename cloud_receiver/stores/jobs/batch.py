"""What taking a verified batch does to the tables; runs in the writer's transaction, and is done once that commits.

Per ring (epoch) of a gateway there is a high-water mark. What is at or below it is known and skipped, except in a gap:
a range that was jumped over, which a later batch may still fill (rewind). A batch with a range in it that was taken
before with other content is an equivocation: noted, nothing stored.
"""

import json
from collections import namedtuple

import firmware.wire.records as wire_records

from ...data.clock import DAY
from ...data.records import OPAQUE
from .. import DECODED, PAIRS, PENDING, TEXTS, TakeResult, queries
from . import common_batch, coverage, ledger, settle
from .common_batch import AHEAD_S, SAME_TELEGRAM_S
from .coverage import Coverage

# A telegram that is stored: its row (None: about to be), time or None, when it was received, and who heard it.
StoredTelegram = namedtuple("StoredTelegram", ("row", "digest", "time", "received", "data", "receptions"))


def store_batch(db, gateway, head, digest, content, now, rows=None):
    """Store what is new of a batch; `gateway` is its row's id, `digest` that of the record bytes, `content` a
    content.Content, `rows` what common_batch.rows made of it. Returns TakeResult."""
    db.execute("UPDATE gateways SET last_contact = ?, firmware = ?, boot = ?, clock = ? WHERE id = ?",
               (now, head.firmware, head.boot, head.clock, gateway))
    row = db.execute("SELECT id, through FROM epochs WHERE gateway = ? AND epoch = ?", (gateway, head.epoch)).fetchone()
    if row is None:
        if not head.last:
            return TakeResult(0, False, 0, 0)
        epoch = db.execute("INSERT INTO epochs (gateway, epoch, through, first_contact, last_contact) "
                           "VALUES (?,?,0,?,?) RETURNING id", (gateway, head.epoch, now, now)).fetchall()[0][0]
        through = 0
    else:
        epoch, through = row
    if not head.last:
        return TakeResult(through, False, 0, 0)
    count = head.last - through
    if (rows is not None and head.first == through + 1
            and common_batch.enter(db, gateway, epoch, head.first, rows, count, now)):
        db.execute("UPDATE epochs SET through = ?, last_contact = ? WHERE id = ?", (head.last, now, epoch))
        db.execute("INSERT INTO batches VALUES (?,?,?,?,?,?) ON CONFLICT DO NOTHING",
                   (epoch, head.first, head.last, digest, now, count))
        return TakeResult(head.last, False, count, 0)
    records = content.read()
    other = None if head.first > through else ledger.other_content(db, epoch, head, digest, records)
    if other is not None:
        db.execute("INSERT INTO equivocations (epoch, first, last, stored, received, time) VALUES (?,?,?,?,?,?)",
                   (epoch, *other, now))
        return TakeResult(through, True, 0, len(records))
    gaps = db.execute("SELECT first, last, since FROM gaps WHERE epoch = ? AND last >= ? AND first <= ? ORDER BY first",
                      (epoch, head.first, head.last)).fetchall()
    batch_job = _Batch(db, gateway, epoch, now)
    new = [r for r in records if not ledger.is_known(r.seq, through, gaps)]
    for record in new:
        batch_job.store(record)
    batch_job.finish()
    ledger.advance_mark(db, epoch, head, through, gaps, sorted({r.seq for r in records}), now)
    db.execute("INSERT INTO batches VALUES (?,?,?,?,?,?) ON CONFLICT DO NOTHING",
               (epoch, head.first, head.last, digest, now, len(records)))
    jumped = head.first > through + 1 and not queries.rings.told_lost(db, epoch, through + 1, head.first - 1)
    return TakeResult(max(through, head.last), False, len(new), len(records) - len(new), through if jumped else None,
                      tuple(r.fields for r in new if r.kind == wire_records.RESULT))


class _Batch:
    """The records of one batch on their way into the tables: as few statements as can be, whatever their number."""

    def __init__(self, db, gateway, epoch, now):
        self.db, self.gateway, self.epoch, self.now = db, gateway, epoch, now
        self.boot = None  # (seq, start, quality) of the boot the record being stored belongs to
        self._telegrams: list = []  # (record, time or None, moment)
        self._deferred: "dict[str, list]" = {}  # statement -> rows
        self._coverages: "dict[int, Coverage]" = {}

    def store(self, record):
        """Enter one record in its table, by `finish` at the latest."""
        entry = _ENTRIES.get(record.kind)
        if entry is None:
            self.keep(record, None)
        else:
            entry(self, record)

    def finish(self):
        """Write all that was put off."""
        self.flush()
        for cover in self._coverages.values():
            cover.write()

    def flush(self):
        """Write the records put off: what follows looks at them in the tables."""
        for sql, rows in self._deferred.items():
            self.db.executemany(sql, rows)
        self._deferred = {}
        if self._telegrams:
            waiting, self._telegrams = self._telegrams, []
            self._enter(waiting)

    def defer(self, sql, *row):
        """Put a row off."""
        self._deferred.setdefault(sql, []).append(row)

    def coverage(self, gateway) -> Coverage:
        """The coverage of a gateway (its row)."""
        cover = self._coverages.get(gateway)
        if cover is None:
            cover = self._coverages[gateway] = Coverage(self.db, gateway)
        return cover

    def keep(self, record, time):
        """The record's bytes, for what has no table of its own."""
        self.defer("INSERT INTO records (epoch, seq, kind, received, raw_time, time, body) VALUES (?,?,?,?,?,?,?)",
                   self.epoch, record.seq, record.kind, self.now, record.time, time, record.body)

    # --- time

    def time_of(self, record):
        """Unix seconds of a record, or None while its boot's start is not known."""
        if record.time >= wire_records.UNIX_FROM:
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
        start = believed(record.time, self.now) if record.time >= wire_records.UNIX_FROM else None
        self.db.execute("INSERT INTO boots VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING",
                        (self.epoch, record.seq, count, start, 0))
        self.boot = (record.seq, start, 0)
        if start is not None:
            self.time_boot(record.seq, start)
        self.keep(record, start)

    def clock_record(self, record):
        unix, quality = record.fields
        seq, start, known = self.boot_of(record.seq)
        if (unix >= wire_records.UNIX_FROM and quality > wire_records.CLOCK_FLOOR
                and record.time < wire_records.UNIX_FROM and (start is None or quality > known)):
            start = believed(unix, self.now) - record.time
            self.db.execute("INSERT INTO boots (epoch, seq, start, quality) VALUES (?,?,?,?) ON CONFLICT (epoch, seq) "
                            "DO UPDATE SET start = excluded.start, quality = excluded.quality",
                            (self.epoch, seq, start, quality))
            self.boot = (seq, start, quality)
            self.time_boot(seq, start)
        self.keep(record, believed(unix, self.now))

    def time_boot(self, boot, start):
        """Give the records behind a boot their time, now that its start is known; and those of boots before it that
        never learnt theirs the latest they can have, so that no reading is held back for good."""
        self.flush()
        db = self.db
        following = db.execute("SELECT min(seq) FROM boots WHERE epoch = ? AND seq > ?",
                               (self.epoch, boot)).fetchone()[0]
        self._time_range(boot, (1 << 62) if following is None else following, start)
        earlier = db.execute("SELECT seq FROM boots WHERE epoch = ? AND seq < ? AND start IS NULL ORDER BY seq DESC",
                             (self.epoch, boot)).fetchall()
        end_seq, end = boot, start
        for (seq,) in earlier:
            span = max(db.execute(f"SELECT coalesce(max(raw_time), 0) FROM {table} WHERE epoch = ? AND seq >= ? "
                                  "AND seq < ? AND raw_time < ?",
                                  (self.epoch, seq, end_seq, wire_records.UNIX_FROM)).fetchone()[0]
                       for table in ("telegrams", "records"))
            end -= span
            db.execute("UPDATE boots SET start = ? WHERE epoch = ? AND seq = ?", (end, self.epoch, seq))
            self._time_range(seq, end_seq, end)
            end_seq = seq

    def _time_range(self, first, end, start):
        db = self.db
        db.execute("UPDATE records SET time = ? + raw_time WHERE epoch = ? AND seq >= ? AND seq < ? AND time IS NULL "
                   "AND raw_time < ?", (start, self.epoch, first, end, wire_records.UNIX_FROM))
        rows = db.execute("SELECT id, meter, raw_time, time, digest, state, data, heard FROM telegrams "
                          "WHERE raw_time < 1073741824 AND epoch = ? AND seq >= ? AND seq < ?",
                          (self.epoch, first, end)).fetchall()
        for row, meter, raw, before, digest, state, data, heard in rows:
            time = believed(start + raw, self.now)
            if time == before:
                continue
            receptions = self._count_anew(meter, coverage.receptions(heard), before, time)
            other = same_telegram([c for c in stored(db, around(time), [(meter, digest)]) if c.row != row], data, time)
            if other is not None:  # another gateway's reception has it
                db.execute("DELETE FROM telegrams WHERE id = ?", (row,))
                known = {reception[0] for reception in other.receptions}
                db.execute("UPDATE telegrams SET heard = ? WHERE id = ?",
                           (coverage.pack(other.receptions + [e for e in receptions if e[0] not in known]), other.row))
            else:
                db.execute("UPDATE telegrams SET time = ?, day = ?, heard = ? WHERE id = ?",
                           (time, time // DAY, coverage.pack(receptions), row))
                if before is not None and state == DECODED:  # its reading moves with it
                    settle.withdraw(db, row, meter, before)
            db.execute("UPDATE meters SET first_heard = ? WHERE id = ? AND first_heard > ?", (time, meter, time))
            db.execute("UPDATE meters SET last_heard = ? WHERE id = ? AND last_heard < ?", (time, meter, time))
            db.cache.forget()

    def _count_anew(self, meter, receptions, before, time):
        """Count receptions whose day was not known, and move this gateway's own where its day was wrong."""
        day, found = time // DAY, []
        for gateway, rssi, counted in receptions:
            cover = self.coverage(gateway)
            if counted and before is not None and gateway == self.gateway and before // DAY != day:
                cover.uncount(before // DAY, meter, rssi)
                counted = False
            if not counted:
                cover.read(day, [meter])
                cover.count(day, meter, rssi)
            found.append((gateway, rssi, 1))
        return found

    # --- what meters sent

    def telegram(self, record):
        time = self.time_of(record)
        self._telegrams.append((record, time, self.now if time is None else time))

    def _enter(self, waiting):
        """Telegrams that came: their meters, who heard them, and those nobody had told of before."""
        meters = self._meters(waiting)
        known: "dict[int, list]" = {}  # digest -> what is stored
        for c in stored(self.db, {day for _, _, moment in waiting for day in around(moment)},
                        [(meters[r.fields.meter], r.fields.digest) for r, _, _ in waiting]):
            known.setdefault(c.digest, []).append(c)
        cover = self.coverage(self.gateway)
        days: "dict[int, list]" = {}
        for record, _, moment in waiting:
            days.setdefault(moment // DAY, []).append(meters[record.fields.meter])
        for day, ids in days.items():
            cover.read(day, ids)
        new, changed = [], {}
        for record, time, moment in waiting:
            t = record.fields
            meter = meters[t.meter]
            there = same_telegram(known.get(t.digest, ()), t.data, time)
            if there is None:
                there = StoredTelegram(None, t.digest, time, self.now, t.data, [])
                known.setdefault(t.digest, []).append(there)
                new.append((meter, self.epoch, record.seq, self.now, record.time, time, moment // DAY, t.digest,
                            PENDING, t.data, there.receptions))
            elif any(gateway == self.gateway for gateway, _, _ in there.receptions):
                continue  # a repeat, or a ring sent again
            elif there.row is not None:
                changed[there.row] = there.receptions
            when = time if time is not None else there.time
            there.receptions.append((self.gateway, t.rssi, int(when is not None)))
            if when is not None:
                cover.read(when // DAY, [meter])
                cover.count(when // DAY, meter, t.rssi)
        if new:
            self.db.executemany("INSERT INTO telegrams (meter, epoch, seq, received, raw_time, time, day, digest, "
                                "state, data, heard) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                                [(*row[:-1], coverage.pack(row[-1])) for row in new])
        if changed:
            self.db.executemany("UPDATE telegrams SET heard = ? WHERE id = ?",
                                [(coverage.pack(receptions), row) for row, receptions in changed.items()])
        if len(new) == len(waiting):
            self.db.cache.crowded.discard(self.gateway)

    def _meters(self, waiting):
        """The row of each telegram's meter by its text, made at first sight; keeps when it was last heard."""
        found = {text: [row, first, last, encrypted, status] for row, text, first, last, encrypted, status in
                 self.db.execute(f"SELECT id, meter, first_heard, last_heard, encrypted, status FROM meters "
                                 f"WHERE meter IN {TEXTS}",
                                 (json.dumps(list({r.fields.meter for r, _, _ in waiting})),))}
        changed = {}
        for record, _, moment in waiting:
            t = record.fields
            self.db.cache.heard.pop(t.meter, None)
            m = found.get(t.meter)
            if m is None:
                row = self.db.execute(
                    "INSERT INTO meters (meter, media, first_heard, last_heard, encrypted, state, status) "
                    "VALUES (?,?,?,?,?,?,?) RETURNING id",
                    (t.meter, t.media, moment, moment, int(t.encrypted), PENDING, t.status)).fetchall()[0][0]
                found[t.meter] = [row, moment, moment, int(t.encrypted), t.status]
                continue
            if moment >= m[2]:
                m[2], m[4] = moment, t.status
            m[1] = min(m[1], moment)
            m[3] = max(m[3], int(t.encrypted))
            changed[m[0]] = m
        if changed:
            self.db.executemany("UPDATE meters SET first_heard = ?, last_heard = ?, encrypted = ?, status = ? "
                                "WHERE id = ?", [(*m[1:], m[0]) for m in changed.values()])
        return {text: m[0] for text, m in found.items()}

    def heard(self, record):
        """A day's (or a part of a day's) receptions of a meter, thinned ones included."""
        text, day, count, best, middle = record.fields
        self.flush()  # its meter may have come just before
        row = self.db.execute("SELECT id FROM meters WHERE meter = ?", (text,)).fetchone()
        if row is None:  # never relayed yet: kept as a record, not as a meter
            self.keep(record, self.time_of(record))
            return
        self.coverage(self.gateway).heard(day, row[0], count, best, middle)

    # --- what the gateway says of itself and its home

    def han_hour(self, record):
        hour, import_wh, export_wh, estimated = record.fields
        self.defer("INSERT INTO home_hours VALUES (?,?,?,?,?) ON CONFLICT (gateway, hour) DO UPDATE SET "
                   "import_wh = excluded.import_wh, export_wh = excluded.export_wh, "
                   "estimated = excluded.estimated WHERE home_hours.estimated >= excluded.estimated",
                   self.gateway, hour, import_wh, export_wh, int(estimated))

    def status(self, record):
        self.defer("UPDATE gateways SET status = ?, status_at = ? WHERE id = ?",
                   json.dumps(record.fields[0]), self.time_of(record) or self.now, self.gateway)

    def lost(self, record):
        first, last, count = record.fields
        self.defer("INSERT INTO lost VALUES (?,?,?,?,?,?) ON CONFLICT DO NOTHING",
                   self.epoch, record.seq, first, last, count, self.now)

    def other(self, record):
        self.keep(record, self.time_of(record))


_ENTRIES = {
    OPAQUE: lambda job, record: job.keep(record, None),
    wire_records.TELEGRAM: _Batch.telegram,
    wire_records.HEARD: _Batch.heard,
    wire_records.HAN_HOUR: _Batch.han_hour,
    wire_records.EVENT: _Batch.other,
    wire_records.STATUS: _Batch.status,
    wire_records.BOOT: _Batch.boot_record,
    wire_records.CLOCK: _Batch.clock_record,
    wire_records.LOST: _Batch.lost,
    wire_records.POSITION: _Batch.other,
    wire_records.RESULT: _Batch.other,
}


def believed(time, now):
    """A gateway's Unix time, unless it lies ahead of ours by more than a clock's error: then ours."""
    return time if time <= now + AHEAD_S else now


def around(moment) -> "set[int]":
    """The days on which the same telegram may have been heard by others."""
    return {(moment - SAME_TELEGRAM_S) // DAY, (moment + SAME_TELEGRAM_S) // DAY}


def stored(db, days, contents) -> "list[StoredTelegram]":
    """The stored telegrams of these days with one of these contents: (meter's row, digest)."""
    text = json.dumps(list(set(contents)))
    return [StoredTelegram(row, digest, time, received, data, coverage.receptions(heard) or [(gateway, 0, 1)])
            for day in sorted(days) for row, digest, time, received, data, heard, gateway in db.execute(
                f"SELECT t.id, t.digest, t.time, t.received, t.data, t.heard, e.gateway FROM {PAIRS} p "
                "CROSS JOIN telegrams t CROSS JOIN epochs e WHERE t.day = ? AND t.meter = p.a AND t.digest = p.b "
                "AND e.id = t.epoch ORDER BY t.id", (text, day)).fetchall()]  # CROSS: in this order


def same_telegram(candidates, data, time) -> "StoredTelegram | None":
    """Which of the stored ones is this telegram, received by some gateway: the same bytes at about the same time.

    Later identical bytes (a meter that stands still, in plain text) are a reading of their own. One whose time is not
    known yet matches on its bytes, unless it had been received before the other was sent.
    """
    for c in candidates:
        if c.data == data and (time is None or (
                time <= c.received + SAME_TELEGRAM_S if c.time is None else abs(c.time - time) <= SAME_TELEGRAM_S)):
            return c
    return None
