"""What storing a verified batch does to the tables; runs in the writer's transaction, and is done once that commits.

Per ring (epoch) of a gateway there is a high-water mark. What is at or below it is stored and skipped, except in a gap:
a range that was jumped over, which a later batch may still fill (rewind). A batch with a range in it that was stored
before with other content is an equivocation: noted, nothing stored. Nor is anything stored of a batch of a gateway that
has reached a bound of the day (bounds.py).
"""

import json

import firmware.wire.records as wire_records

from ...data.bounds import BATCH, GAPS_AT_ONCE
from ...data.clock import DAY
from ...data.records import OPAQUE
from .. import PENDING, TakeResult, queries
from . import common_batch, coverage, ledger, matching, meters
from .bounds import Account
from .coverage import Coverage
from .matching import StoredTelegram
from .times import Times, believed


def store_batch(db, gateway: int, head, digest: bytes, content, now: int, rows: "bytes | None" = None,
                times: int = 1) -> TakeResult:
    """Store what is new of a batch, and say how it went: a TakeResult.

    `gateway`: its row; `head`: the batch's (an envelope.Head); `digest`: the SHA-256 of the record bytes; `content`: a
    content.Content; `now`: Unix seconds; `rows`: what common_batch.rows made of the content; `times`: how many times
    its bounds the gateway is given.
    """
    db.execute("UPDATE gateways SET last_contact = ?, firmware = ?, boot = ?, clock = ? WHERE id = ?",
               (now, head.firmware, head.boot, head.clock, gateway))
    account = Account(db, gateway, head.epoch, now, times)
    through = account.through
    if not head.last:
        return TakeResult(through, False, 0, 0)
    over = account.full()
    if over:
        return TakeResult(through, False, 0, 0, over=account.refuse(over))
    count = head.last - through
    if rows is not None and head.first == through + 1:
        epoch = _ring(db, account, gateway, head, now)
        if common_batch.enter(db, gateway, epoch, head.first, rows, count, now):
            db.execute("UPDATE epochs SET through = ?, last_contact = ? WHERE id = ?", (head.last, now, epoch))
            db.execute("INSERT INTO batches VALUES (?,?,?,?,?,?) ON CONFLICT DO NOTHING",
                       (epoch, head.first, head.last, digest, now, count))
            account.write_common(count, len(content.data))
            return TakeResult(head.last, False, count, 0)
    return _store_any(db, account, gateway, head, digest, content, now)


def _ring(db, account, gateway, head, now):
    """The row of the batch's ring, which is made where it is new."""
    if account.epoch is None:
        account.epoch = db.execute("INSERT INTO epochs (gateway, epoch, through, first_contact, last_contact) "
                                   "VALUES (?,?,0,?,?) RETURNING id", (gateway, head.epoch, now, now)).fetchall()[0][0]
        account.add("epochs", 1)
    return account.epoch


def _store_any(db, account, gateway, head, digest, content, now):
    """As store_batch, for a batch of any form."""
    epoch, through, records = account.epoch, account.through, content.read()
    other = sum([len(r.body) for r in records if r.kind != wire_records.TELEGRAM])
    if other and account.left("other") <= 0:
        return TakeResult(through, False, 0, 0, over=account.refuse("other"))
    gaps: list = []
    if epoch is not None and head.first <= through:
        conflict = ledger.other_content(db, epoch, head, digest, records)
        if conflict is not None:
            if account.take("equivocations"):
                db.execute("INSERT INTO equivocations (epoch, first, last, stored, received, time) "
                           "VALUES (?,?,?,?,?,?)", (epoch, *conflict, now))
            account.add("bytes", len(content.data))
            account.write()
            return TakeResult(through, True, 0, len(records))
        gaps = ledger.gaps_within(db, epoch, head.first, head.last, GAPS_AT_ONCE + 1)
    changes = ledger.plan(head, through, gaps, sorted({r.seq for r in records}))
    more = ledger.more_gaps(changes)
    if len(gaps) > GAPS_AT_ONCE or 0 < more > account.left("gaps"):
        return TakeResult(through, False, 0, 0, over=account.refuse("gaps"))
    epoch = _ring(db, account, gateway, head, now)
    batch = _Batch(db, account, gateway, epoch, now)
    new = [r for r in records if not ledger.is_stored(r.seq, through, gaps)]
    for record in new:
        batch.store(record)
    batch.finish()
    ledger.advance_mark(db, epoch, head, through, changes, now)
    db.execute("INSERT INTO batches VALUES (?,?,?,?,?,?) ON CONFLICT DO NOTHING",
               (epoch, head.first, head.last, digest, now, len(records)))
    for name, count in (("records", len(records)), ("bytes", len(content.data) + BATCH), ("other", other),
                        ("gaps", max(more, 0))):
        account.add(name, count)
    account.write()
    jumped = head.first > through + 1 and not queries.rings.told_lost(db, epoch, through + 1, head.first - 1)
    return TakeResult(max(through, head.last), False, len(new), len(records) - len(new), through if jumped else None,
                      tuple(r.fields for r in new if r.kind == wire_records.RESULT)[:MOST_RESULTS])


MOST_RESULTS = 64  # of orders, told of a batch: others are told again, as the gateway is


class _Batch:
    """The records of one batch on their way into the tables: as few statements as can be, whatever their number."""

    def __init__(self, db, account, gateway, epoch, now):
        self.db, self.account, self.gateway, self.epoch, self.now = db, account, gateway, epoch, now
        self.times = Times(db, gateway, epoch, now, self.coverage)
        self._telegrams: list = []  # (record, time or None, moment)
        self._lost = False  # whether any record tells of lost ones
        self._deferred: "dict[str, list]" = {}  # statement -> rows
        self._coverages: "dict[int, Coverage]" = {}

    def store(self, record):
        """Enter one record in its table, by `finish` at the latest."""
        entry = ENTRIES.get(record.kind)
        if entry is None:
            self.keep(record, None)
        else:
            entry(self, record)

    def finish(self):
        """Write all that was deferred."""
        self.flush()
        if self._lost and ledger.add_up_lost(self.db, self.epoch, self.account.left("lost")):
            self.account.note("lost")
        for cover in self._coverages.values():
            cover.write()

    def flush(self):
        """Write the records deferred: what follows looks at them in the tables."""
        for sql, rows in self._deferred.items():
            self.db.executemany(sql, rows)
        self._deferred = {}
        if self._telegrams:
            telegrams, self._telegrams = self._telegrams, []
            self._enter(telegrams)

    def defer(self, sql, *row):
        """Have a row written with others, by `flush`."""
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

    # --- what meters sent

    def telegram(self, record):
        time = self.times.of(record)
        self._telegrams.append((record, time, self.now if time is None else time))

    def _enter(self, telegrams):
        """Telegrams that came: their meters, who heard them, and those nobody had told of before."""
        rows = meters.enter(self.db, [(r.fields.meter, r.fields.media, moment, r.fields.encrypted, r.fields.status)
                                      for r, _, moment in telegrams], lambda: self.account.take("meters"))
        within = [t for t in telegrams if t[0].fields.meter in rows]
        self.account.leave_out(len(telegrams) - len(within))
        telegrams = within
        stored: "dict[int, list]" = {}  # by digest
        for s in matching.stored(self.db, {day for _, _, moment in telegrams for day in matching.days_around(moment)},
                                 [(rows[r.fields.meter], r.fields.digest) for r, _, _ in telegrams]):
            stored.setdefault(s.digest, []).append(s)
        cover = self.coverage(self.gateway)
        new, changed = [], {}
        for record, time, moment in telegrams:
            t = record.fields
            meter = rows[t.meter]
            same = matching.same_telegram(stored.get(t.digest, ()), t.data, time, self.gateway)
            if same is None:
                same = StoredTelegram(None, t.digest, time, self.now, t.data, [])
                stored.setdefault(t.digest, []).append(same)
                new.append((meter, self.epoch, record.seq, self.now, record.time, time, moment // DAY, t.digest,
                            PENDING, t.data, same.receptions))
            elif matching.has(same, self.gateway):
                continue  # a repeat, or a ring sent again
            elif same.row is not None:
                changed[same.row] = same.receptions
            same.receptions.append((self.gateway, t.rssi, int(time is not None)))
            if time is not None:
                cover.count(time // DAY, meter, t.rssi)
        if new:
            self.db.executemany("INSERT INTO telegrams (meter, epoch, seq, received, raw_time, time, day, digest, "
                                "state, data, heard) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                                [(*row[:-1], coverage.pack(row[-1])) for row in new])
        if changed:
            self.db.executemany("UPDATE telegrams SET heard = ? WHERE id = ?",
                                [(coverage.pack(receptions), row) for row, receptions in changed.items()])
        if len(new) == len(telegrams):
            self.db.cache.crowded.discard(self.gateway)

    def heard(self, record):
        """A day's (or a part of a day's) receptions of a meter, thinned ones included."""
        text, day, count, best, middle = record.fields
        self.flush()  # its meter may have come just before
        row = self.db.execute("SELECT id FROM meters WHERE meter = ?", (text,)).fetchone()
        if row is None or day * DAY != believed(day * DAY, self.now):  # never relayed yet, or a day to come
            self.keep(record, self.times.of(record))
            return
        self.coverage(self.gateway).heard(day, row[0], count, best, middle)

    # --- what the gateway says of itself and its home

    def boot(self, record):
        start = self.times.boot(record)
        if start is not None:
            self.flush()
            self.times.put_right(record.seq, start)
        elif self.times.crowded():
            self.flush()
            self.times.give_up()
            self.account.note("boots")
        self.keep(record, start)

    def clock(self, record):
        learnt = self.times.clock(record)
        if learnt is not None:
            self.flush()
            self.times.put_right(*learnt)
        self.keep(record, believed(record.fields[0], self.now))

    def han_hour(self, record):
        hour, import_wh, export_wh, estimated = record.fields
        self.defer("INSERT INTO home_hours VALUES (?,?,?,?,?) ON CONFLICT (gateway, hour) DO UPDATE SET "
                   "import_wh = excluded.import_wh, export_wh = excluded.export_wh, "
                   "estimated = excluded.estimated WHERE home_hours.estimated >= excluded.estimated",
                   self.gateway, hour, import_wh, export_wh, int(estimated))

    def status(self, record):
        self.defer("UPDATE gateways SET status = ?, status_at = ? WHERE id = ?",
                   json.dumps(record.fields[0]), self.times.of(record) or self.now, self.gateway)

    def lost(self, record):
        first, last, count = record.fields
        self.defer("INSERT INTO lost VALUES (?,?,?,?,?,?) ON CONFLICT DO NOTHING",
                   self.epoch, record.seq, first, last, count, self.now)
        self._lost = True

    def other(self, record):
        self.keep(record, self.times.of(record))


ENTRIES = {
    OPAQUE: lambda job, record: job.keep(record, None),
    wire_records.TELEGRAM: _Batch.telegram,
    wire_records.HEARD: _Batch.heard,
    wire_records.HAN_HOUR: _Batch.han_hour,
    wire_records.EVENT: _Batch.other,
    wire_records.STATUS: _Batch.status,
    wire_records.BOOT: _Batch.boot,
    wire_records.CLOCK: _Batch.clock,
    wire_records.LOST: _Batch.lost,
    wire_records.POSITION: _Batch.other,
    wire_records.RESULT: _Batch.other,
}
