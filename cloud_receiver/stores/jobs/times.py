"""When the records of a ring were made. Before a gateway's clock is set its records count from their boot, whose start
a later clock record tells; what was stored without a time, or with a worse one, is put right then.

A gateway tells the time of its own receptions alone: what another has heard at about the time a row has stays there,
whatever the first one's clock turns out to be. And nothing was made after it was received.
"""

import firmware.wire.records as wire_records

from ...data.bounds import HOME
from ...data.clock import DAY
from .. import DECODED, HELD, REPLAYED
from . import coverage, matching, meters, settle

MOST_WAITING = HOME.boots  # boots of a ring that wait for their time
MOST_AT_ONCE = 500  # records timed anew while one batch is stored; the others behind the batches that wait (retime.py)
AHEAD_S = 120  # a time further ahead of ours than this is not believed: what it says would be the latest until then


def believed(time: int, now: int) -> int:
    """A gateway's Unix time, unless it lies ahead of ours by more than a clock's error: then ours."""
    return time if time <= now + AHEAD_S else now


ENDED = (DECODED, REPLAYED, HELD)  # what the time of a telegram has decided


def stands(receptions, gateway: int) -> bool:
    """Whether a row that has a time keeps it, as another gateway has heard it then too."""
    return any(row != gateway for row, _, _ in receptions)


class Times:
    """The times of the records of one gateway's ring (their rows), while one batch is stored.

    `coverage(row)` gives the coverage.Coverage of a gateway.
    """

    def __init__(self, db, gateway: int, epoch: int, now: int, coverage, most: int = MOST_AT_ONCE):
        """`most`: how many records may be timed anew."""
        self._most = most
        self.db, self.gateway, self.epoch, self.now, self._coverage = db, gateway, epoch, now, coverage
        self._boot: "tuple | None" = None  # (seq, start or None, quality) of the boot that the next record belongs to

    def of(self, record) -> "int | None":
        """Unix seconds of a record, or None while its boot's start is not known."""
        if record.time >= wire_records.UNIX_FROM:
            return believed(record.time, self.now)
        start = self._boot_of(record.seq)[1]
        return None if start is None else believed(start + record.time, self.now)

    def _boot_of(self, seq):
        """The boot (seq, start, quality) a record belongs to: the last one before it in its ring."""
        if self._boot is None:
            self._boot = self.db.execute(
                "SELECT seq, start, quality FROM boots WHERE epoch = ? AND seq <= ? ORDER BY seq DESC LIMIT 1",
                (self.epoch, seq)).fetchone() or (0, None, 0)
        return self._boot

    def boot(self, record) -> "int | None":
        """Enter a boot; returns its start where the record itself has a time."""
        count, _cause = record.fields
        start = believed(record.time, self.now) if record.time >= wire_records.UNIX_FROM else None
        self.db.execute("INSERT INTO boots VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING",
                        (self.epoch, record.seq, count, start, 0))
        self._boot = (record.seq, start, 0)
        return start

    def clock(self, record) -> "tuple[int, int] | None":
        """Enter what a clock record tells of its boot: (the boot's seq, its start), or None where that was known as
        well or better."""
        unix, quality = record.fields
        seq, start, before = self._boot_of(record.seq)
        if (unix < wire_records.UNIX_FROM or quality <= wire_records.CLOCK_FLOOR
                or record.time >= wire_records.UNIX_FROM or (start is not None and quality <= before)):
            return None
        start = believed(unix, self.now) - record.time
        self.db.execute("INSERT INTO boots (epoch, seq, start, quality) VALUES (?,?,?,?) ON CONFLICT (epoch, seq) "
                        "DO UPDATE SET start = excluded.start, quality = excluded.quality",
                        (self.epoch, seq, start, quality))
        self._boot = (seq, start, quality)
        return seq, start

    def put_right(self, boot: int, start: int) -> None:
        """Give the stored records behind a boot (its seq) their time, now that its start is known; and those of boots
        before it that never learnt theirs the latest they can have, so that no reading is held back for good."""
        self._time_range(boot, self._following(boot), start)
        earlier = self.db.execute("SELECT seq FROM boots WHERE epoch = ? AND seq < ? AND start IS NULL "
                                  "ORDER BY seq DESC", (self.epoch, boot)).fetchall()
        self._end_by(boot, start, [seq for seq, in earlier])

    def crowded(self) -> bool:
        """Whether more boots wait for their time than may."""
        return self.db.execute("SELECT count(*) FROM boots WHERE epoch = ? AND start IS NULL",
                               (self.epoch,)).fetchone()[0] > MOST_WAITING

    def give_up(self) -> None:
        """Let the older half of the boots that wait, wait no more: they ended by now at the latest."""
        waiting = [seq for seq, in self.db.execute(
            "SELECT seq FROM boots WHERE epoch = ? AND start IS NULL ORDER BY seq LIMIT ?",
            (self.epoch, MOST_WAITING // 2 + 1)).fetchall()]
        self._end_by(waiting[-1], self.now, waiting[-2::-1])

    def go_on(self, first: int) -> None:
        """Time the records from seq `first` on up to the next boot, as far as their boot's start is known."""
        start = self._boot_of(first)[1]
        if start is not None:
            self._time_range(first, self._following(first), start)

    def _following(self, seq):
        """The seq of the boot behind a seq, or one beyond all."""
        following = self.db.execute("SELECT min(seq) FROM boots WHERE epoch = ? AND seq > ?",
                                    (self.epoch, seq)).fetchone()[0]
        return (1 << 62) if following is None else following

    def _end_by(self, end_seq, end, boots):
        """Give boots, the last first, the latest start they can have, as the last ended by a time at the latest."""
        for seq in boots:
            span = max(self._latest(table, seq, end_seq) for table in ("telegrams", "records"))
            end = max(end - span, wire_records.UNIX_FROM)
            self.db.execute("UPDATE boots SET start = ? WHERE epoch = ? AND seq = ?", (end, self.epoch, seq))
            self._time_range(seq, end_seq, end)
            end_seq = seq

    def _latest(self, table, first, end):
        """How long after its boot the last record of seq `first` up to `end` was made: they rise with their seq."""
        return self.db.execute(f"SELECT coalesce(max(raw_time), 0) FROM (SELECT raw_time FROM {table} WHERE epoch = ? "
                               f"AND seq >= ? AND seq < ? AND raw_time < {wire_records.UNIX_FROM} "
                               "ORDER BY seq DESC LIMIT ?) AS latest",
                               (self.epoch, first, end, MOST_AT_ONCE)).fetchone()[0]

    def _piece(self, first, end):
        """Where what may be timed at once of seq `first` up to `end` ends; the rest is noted."""
        more = False
        for table, which in (("telegrams", ""), ("records", "AND time IS NULL")):
            beyond = self.db.execute(f"SELECT seq FROM {table} WHERE raw_time < {wire_records.UNIX_FROM} AND epoch = ? "
                                     f"AND seq >= ? AND seq < ? {which} ORDER BY seq LIMIT 1 OFFSET ?",
                                     (self.epoch, first, end, self._most)).fetchone()
            end = end if beyond is None else beyond[0]
            more = more or beyond is not None
        if more:
            self.db.execute("INSERT INTO retimings VALUES (?,?) ON CONFLICT DO NOTHING", (self.epoch, end))
        return end

    def _time_range(self, first, end, start):
        """Time the records of seq `first` up to `end` from the start of their boot, as many as may be at once."""
        db, end = self.db, self._piece(first, end)
        self._most -= db.execute("UPDATE records SET time = ? + raw_time WHERE epoch = ? AND seq >= ? AND seq < ? "
                                 f"AND time IS NULL AND raw_time < {wire_records.UNIX_FROM}",
                                 (start, self.epoch, first, end)).rowcount
        rows = db.execute("SELECT id, meter, raw_time, time, digest, state, data, heard, received FROM telegrams "
                          "WHERE raw_time < 1073741824 AND epoch = ? AND seq >= ? AND seq < ?",
                          (self.epoch, first, end)).fetchall()
        self._most = max(0, self._most - len(rows))
        for row, meter, raw, before, digest, state, data, heard, received in rows:
            time = believed(start + raw, received)
            if time == before:
                continue
            receptions = coverage.receptions(heard)
            if before is not None and stands(receptions, self.gateway):
                db.execute("UPDATE telegrams SET raw_time = time WHERE id = ?", (row,))  # hangs on this clock no more
                continue
            receptions = self._count_anew(meter, receptions, before, time)
            if before is not None and state in ENDED:  # its reading moves with it
                settle.withdraw(db, row, meter, before)
            others = [c for c in matching.stored(db, matching.days_around(time), [(meter, digest)]) if c.row != row]
            same = matching.same_telegram(others, data, time, self.gateway)
            if same is not None:  # another gateway's reception has it
                db.execute("DELETE FROM telegrams WHERE id = ?", (row,))
                there = {gateway for gateway, _, _ in same.receptions}
                db.execute("UPDATE telegrams SET heard = ? WHERE id = ?", (coverage.pack(
                    same.receptions + [r for r in receptions if r[0] not in there]), same.row))
            else:
                db.execute("UPDATE telegrams SET time = ?, day = ?, heard = ? WHERE id = ?",
                           (time, time // DAY, coverage.pack(receptions), row))
            meters.heard_at(db, meter, time)

    def _count_anew(self, meter, receptions, before, time):
        """Count receptions whose day was not known, and move this gateway's own where its day was wrong."""
        day = time // DAY
        for gateway, rssi, counted in receptions:
            cover = self._coverage(gateway)
            if counted and before is not None and gateway == self.gateway and before // DAY != day:
                cover.uncount(before // DAY, meter, rssi)
                counted = False
            if not counted:
                cover.count(day, meter, rssi)
        return [(gateway, rssi, 1) for gateway, rssi, _ in receptions]
