"""Many gateways, one reading: coverage per meter, gateway and day, whatever the order, the repeats and the clocks."""

import os
import random
import statistics

import pytest
from receiver_support import DAY, HOUR, NOW, Meter
from store_rig import Ring, kind, run  # noqa: F401 - on every store

import firmware.wire.records as wire_records
from cloud_receiver.stores import queries
from cloud_receiver.stores.jobs import common_batch, coverage, matching, meters

TODAY = NOW // DAY


async def covered(store, meter, ring):
    """{day: (telegrams, heard, best, median)} of a meter at one gateway."""
    m = await store.read(queries.meters.one, 0, meter.text)
    return {c["day"]: (c["telegrams"], c["heard"], c["best"], c["median"])
            for c in await store.read(queries.meters.coverage, m["row"], 0) if c["gateway"] == ring.id}


def expected(levels):
    """What coverage says of receptions at these levels."""
    known = [level for level in levels if level < 0]
    return len(levels), 0, max(known, default=None), statistics.median_high([-x for x in known]) * -1 if known else None


class Street:
    """Gateways that hear meters at random levels, and how often each really heard each on which day."""

    def __init__(self, store, rng, gateways=3, meters=4):
        self.store, self.rng = store, rng
        self.rings = [Ring(store) for _ in range(gateways)]
        self.meters = [Meter(70_000_000 + n) for n in range(meters)]
        self.heard = {}

    def reception(self, ring, meter, telegram, time):
        """A record of it, entered in the truth."""
        level = self.rng.choice((0, *range(-110, -30)))
        self.heard.setdefault((ring.id, meter.text, time // DAY), []).append(level)
        return wire_records.telegram(ring.next(), time, level, telegram)

    async def check(self):
        for ring in self.rings:
            for meter in self.meters:
                truth = {day: expected(levels) for (g, m, day), levels in self.heard.items()
                         if (g, m) == (ring.id, meter.text)}
                assert await covered(self.store, meter, ring) == truth


async def street_in_disorder(store, seed):
    """Batches late, sent again, cut differently, again in a new ring; repeats; some not heard by all (collisions)."""
    rng = random.Random(seed)
    street = Street(store, rng)
    records = {ring.id: [] for ring in street.rings}
    for hour in range(60):
        for meter in street.meters:
            telegram = meter.telegram(hour * 7, access=hour & 255)
            at = NOW - 70 * HOUR + hour * HOUR + rng.randrange(30)
            for ring in street.rings:
                if rng.random() < 0.7:  # the others' reception collided
                    time = at + rng.randrange(-5, 5)
                    records[ring.id].append(street.reception(ring, meter, telegram, time))
                    # A repeater, or the meter itself, says it once more. (As loud: which of the two counts is open.)
                    if rng.random() < 0.2 and (time + 9) // DAY == time // DAY:
                        level = street.heard[ring.id, meter.text, time // DAY][-1]
                        records[ring.id].append(wire_records.telegram(ring.next(), time + 9, level, telegram))
    order = [(ring, n) for ring in street.rings for n in range(0, len(records[ring.id]), 25)]
    rng.shuffle(order)
    for ring, n in order:
        bodies = records[ring.id]
        await ring.send(bodies[n:n + 25], first=n + 1)
        if rng.random() < 0.5:  # the answer was lost: again, and with more behind it
            await ring.send(bodies[n:n + 40], first=n + 1)
    for ring in street.rings:  # a 409, and all once more in a new ring
        ring.epoch, bodies = os.urandom(8), records[ring.id]
        if rng.random() < 0.7:
            for n in range(0, len(bodies), 30):
                await ring.send(bodies[n:n + 30], first=n + 1)
    await street.check()


@pytest.mark.parametrize("seed", range(3))
def test_a_street_in_disorder(tmp_path, seed):
    run(tmp_path, lambda store: street_in_disorder(store, seed))


def forgets_who_heard(monkeypatch):
    monkeypatch.setattr(coverage, "receptions", lambda blob: [])


def counts_repeats(monkeypatch):
    monkeypatch.setattr(matching, "same_telegram", lambda *a, **k: None)


def looks_at_the_wrong_day(monkeypatch):
    original = coverage.Coverage.count
    monkeypatch.setattr(coverage.Coverage, "count", lambda self, day, meter, rssi: original(
        self, day - 1 if (day - 1, meter) in self._counts else day, meter, rssi))
    monkeypatch.setattr(common_batch, "rows", lambda *_: None)


@pytest.mark.parametrize("mutant", [forgets_who_heard, counts_repeats, looks_at_the_wrong_day])
def test_the_check_sees(tmp_path, monkeypatch, mutant, kind):  # noqa: F811
    if mutant is forgets_who_heard:
        monkeypatch.setattr(matching, "stored", lambda db, days, digests: [
            c._replace(receptions=[]) for c in original_stored(db, days, digests)])
    else:
        mutant(monkeypatch)
    with pytest.raises(AssertionError):
        run(tmp_path, lambda store: street_in_disorder(store, 1))


original_stored = matching.stored


# --- clocks

def test_what_was_heard_before_the_clock_was_right_counts_on_its_own_day(tmp_path):
    meter = Meter(70_000_001)

    async def scenario(store):
        ring = Ring(store)
        start = NOW - 5 * DAY
        await ring.send([wire_records.boot(ring.next(), 0, 1, "power"),
                         *[wire_records.telegram(ring.next(), n * 6 * HOUR, -70 - n,
                                                 meter.telegram(n)) for n in range(6)]])
        before = await covered(store, meter, ring)
        await ring.send([wire_records.clock(ring.next(), DAY, start + DAY, wire_records.CLOCK_ANSWER)])
        after = await covered(store, meter, ring)
        # A better source moves everything by a day.
        await ring.send([wire_records.clock(ring.next(), DAY + 10, start + 2 * DAY + 10, wire_records.CLOCK_HAN)])
        return start, before, after, await covered(store, meter, ring)

    start, before, after, moved = run(tmp_path, scenario)
    truth = {}
    for n in range(6):
        truth.setdefault((start + n * 6 * HOUR) // DAY, []).append(-70 - n)
    assert before == {}, "its day is not known yet"
    assert after == {day: expected(levels) for day, levels in truth.items()}
    there = {day: c for day, c in moved.items() if c[0]}
    assert there == {day + 1: expected(levels) for day, levels in truth.items()}


def test_two_that_heard_it_one_without_a_clock(tmp_path):
    """Whichever comes first, each counts once, and the telegram is one."""
    meter = Meter(70_000_002)

    async def scenario(store, late):
        a, b = Ring(store), Ring(store)
        t = meter.telegram(5, access=1)
        start = NOW - 2 * DAY
        first = [wire_records.boot(a.next(), 0, 1, "power"), wire_records.telegram(a.next(), 100, -80, t)]
        second = [wire_records.telegram(b.next(), start + 130, -60, t)]
        if late:
            await b.send(second)
            await a.send(first)
        else:
            await a.send(first)
            await b.send(second)
        await a.send([wire_records.clock(a.next(), 200, start + 200, wire_records.CLOCK_ANSWER)])
        coverages = await covered(store, meter, a), await covered(store, meter, b)
        return start // DAY, coverages, (await store.read(queries.summary.everything))["telegrams"]

    for late in (False, True):
        day, rows, telegrams = run(tmp_path, lambda store, late=late: scenario(store, late))
        assert rows == ({day: (1, 0, -80, -80)}, {day: (1, 0, -60, -60)}) and telegrams == 1


def test_a_gateways_own_count_knows_better(tmp_path):
    meter = Meter(70_000_003)

    async def scenario(store):
        ring = Ring(store)
        await ring.send([wire_records.telegram(ring.next(), NOW - n * 600, -70, meter.telegram(n)) for n in range(4)])
        await ring.send([wire_records.heard(ring.next(), NOW, meter.address, TODAY, 5000, -55, -81)])
        await ring.send([wire_records.telegram(ring.next(), NOW - 60, -90, meter.telegram(9))])
        return await covered(store, meter, ring)

    assert run(tmp_path, scenario) == {TODAY: (5, 5000, -55, -81)}


# --- the rules: in Python for what one batch holds, in SQL for what it adds to the tables

async def summed_in_the_table(store, pieces):
    """The coverage and the meters' rows after each piece was summed up and added to the table."""
    def made(db):
        gateway = db.execute("INSERT INTO gateways (gateway, public_key, kind, name, enrolled) "
                             "VALUES ('G', ?, '', '', 0) RETURNING id", (b"",)).fetchall()[0][0]
        return gateway, [db.execute("INSERT INTO meters (meter, media, first_heard, last_heard, encrypted, state) "
                                    "VALUES (?, 7, ?, ?, 0, 0) RETURNING id",
                                    (str(n), *NEVER)).fetchall()[0][0] for n in range(3)]

    def enter(db, gateway, counts, heard):
        db.executemany(coverage.count_receptions(1), [(gateway, meter, day, *row)
                                                      for (day, meter), row in counts.items()])
        db.executemany(meters.hear(1), [(meter, *row) for meter, row in heard.items()])

    gateway, rows = await store.writer.submit(made)
    for piece in pieces:
        await store.writer.submit(enter, gateway, *summed(piece, rows))
    return await store.read(lambda db: (
        {(day, rows.index(meter)): tuple(row) for day, meter, *row in db.execute(
            "SELECT day, meter, telegrams, best, rssi FROM coverage")},
        {rows.index(meter): tuple(row) for meter, *row in db.execute(
            "SELECT id, first_heard, last_heard, encrypted, status FROM meters")}))


NEVER = 1 << 40, 0  # first and last heard, of a meter that was not


def summed(receptions, rows=range(3)):
    """Receptions (meter, time, RSSI, encrypted, status) summed up by the rules in Python."""
    counts, heard = {}, {}
    for n, time, rssi, encrypted, status in receptions:
        coverage.add(counts, (time // DAY, rows[n]), rssi)
        meters.add(heard, rows[n], time, encrypted, status)
    return counts, heard


def random_receptions(count=1500):
    rng = random.Random(8)
    return [(rng.randrange(3), NOW + rng.randrange(2 * DAY), rng.choice((0, -128, *range(-99, -40))),
             rng.randrange(2) if n > 900 else 0, rng.choice((None, 0, 4, 16))) for n in range(count)]


def cut(receptions, sizes=(1, 1, 2, 7, 40, 300)):
    rng, pieces, at = random.Random(3), [], 0
    while at < len(receptions):
        size = rng.choice(sizes)
        pieces.append(receptions[at:at + size])
        at += size
    return pieces


def test_what_is_added_in_pieces_is_what_is_summed_up_at_once(tmp_path):
    receptions = random_receptions()
    counts, heard = run(tmp_path, lambda store: summed_in_the_table(store, cut(receptions)))
    assert (counts, heard) == summed(receptions)
    for (day, n), (count, best, levels) in counts.items():
        rssi = [r for m, time, r, _, _ in receptions if (time // DAY, m) == (day, n)]
        known = [r for r in rssi if r < 0]
        assert (count, best) == (len(rssi), max(known)) and levels == bytes(-r for r in known)[:coverage.MOST_LEVELS]
    assert {len(levels) == coverage.MOST_LEVELS for _, _, levels in counts.values()} == {True, False}
    for n, (first, last, encrypted, status) in heard.items():
        of_it = [(time, e, s) for m, time, _, e, s in receptions if m == n]
        assert (first, last, encrypted) == (min(of_it)[0], max(t for t, _, _ in of_it), max(e for _, e, _ in of_it))
        assert status in [s for t, _, s in of_it if t == last]


@pytest.mark.parametrize("module, name, good, bad", [
    (coverage, "count_receptions", "coverage.best >=", "coverage.best <"),
    (coverage, "count_receptions", "coverage.rssi || excluded.rssi", "excluded.rssi || coverage.rssi"),
    (meters, "hear", "excluded.last_heard >=", "excluded.last_heard <"),
    (meters, "hear", "excluded.encrypted > meters.encrypted", "excluded.encrypted < meters.encrypted")])
def test_seen_where_a_rule_in_sql_is_another(tmp_path, monkeypatch, module, name, good, bad):
    original = getattr(module, name)
    assert good in original(1)
    monkeypatch.setattr(module, name, lambda count: original(count).replace(good, bad))
    receptions = random_receptions()
    assert run(tmp_path, lambda store: summed_in_the_table(store, cut(receptions))) != summed(receptions)


# --- the common batch and the general way

def tables(db):
    """All that taking batches leaves behind."""
    return [db.execute(sql).fetchall() for sql in (
        "SELECT m.meter, t.epoch, t.seq, t.received, t.raw_time, t.time, t.day, t.digest, t.state, t.data, t.heard "
        "FROM telegrams t JOIN meters m ON m.id = t.meter ORDER BY t.id",
        "SELECT meter, media, first_heard, last_heard, encrypted, state, status FROM meters ORDER BY meter",
        "SELECT c.day, m.meter, c.gateway, c.telegrams, c.heard, c.best, c.median, c.rssi FROM coverage c "
        "JOIN meters m ON m.id = c.meter ORDER BY 1, 2, 3",
        "SELECT * FROM epochs ORDER BY id", "SELECT * FROM gaps ORDER BY 1, 2",
        "SELECT epoch, first, last, received, records FROM batches ORDER BY 1, 2, 3")]


def test_the_common_way_leaves_what_the_general_way_leaves(tmp_path, monkeypatch, kind):  # noqa: F811
    if kind != "sqlite":
        pytest.skip("the common batch is for SQLite")
    taken = []
    original = common_batch.enter
    monkeypatch.setattr(common_batch, "enter", lambda *a: taken.append(original(*a)) or taken[-1])

    def play(general):
        rng = random.Random(5)
        epochs = iter([bytes([n]) * 8 for n in range(9)])
        if general:
            monkeypatch.setattr(common_batch, "rows", lambda *_: None)

        async def scenario(store):
            street = Street(store, rng, gateways=2, meters=5)
            for ring in street.rings:
                ring.epoch = next(epochs)
            for n in range(80):
                ring, hour = street.rings[n % 2], n // 2 if n % 8 < 2 else n  # now and then both hear it
                bodies = [street.reception(ring, m, m.telegram(hour * 7, access=hour & 255, status=hour % 3),
                                           NOW - 100 * HOUR + hour * HOUR + 1000 + rng.randrange(400))
                          for m in street.meters for _ in range(rng.choice((0, 1, 1, 2)))]
                if bodies:
                    await ring.send(bodies)
                if n % 9 == 0 and bodies:
                    await ring.send(bodies)
            # More rows than a statement has, some meters twice, from one day into the next.
            ring, many = Ring(store), [Meter(71_000_000 + n) for n in range(common_batch.MOST_ROWS + 30)]
            ring.epoch = next(epochs)
            for round_ in range(3):
                await ring.send([street.reception(ring, m, m.telegram(n, access=round_ * 3 + n % 2),
                                                  (NOW // DAY + round_ - 3) * DAY + 80_000 + 100 * n)
                                 for n, m in enumerate(many * 2)])
            return await store.read(tables)
        return run(tmp_path, scenario)

    assert play(False) == play(True)
    assert taken.count(True) > 7 and taken.count(False) > 1 and taken[-2:] == [True, True]


async def interleaved(store):
    """Two rings whose meters' telegrams come late and again: (telegrams, coverage)."""
    meter, (a, b) = Meter(70_000_009), (Ring(store), Ring(store))
    at = NOW - 50 * HOUR
    old, late, new = (meter.telegram(n, access=n) for n in (1, 2, 3))
    await a.send([wire_records.telegram(a.next(), at, -70, old)])
    await a.send([wire_records.telegram(a.next(), at + 9 * HOUR, -70, new)])
    await b.send([wire_records.telegram(b.next(), at + 5 * HOUR, -60, late)])  # not heard by the other, and late
    await b.send([wire_records.telegram(b.next(), at + 10, -60, old)])  # heard by both, and late
    await b.send([wire_records.telegram(b.next(), at + 9 * HOUR + 899, -60, new)])  # by both, clocks apart
    a.epoch, a.seq = os.urandom(8), 0
    await a.send([wire_records.telegram(a.next(), at + 9 * HOUR, -70, new)])  # in a new ring
    await a.send([wire_records.telegram(a.next(), at + 20 * HOUR, -70, new)])  # later, the same bytes: a meter at rest
    covered_ = [sum(c[0] for c in (await covered(store, meter, ring)).values()) for ring in (a, b)]
    return (await store.read(queries.summary.everything))["telegrams"], covered_


def test_late_and_interleaved_receptions(tmp_path):
    assert run(tmp_path, interleaved) == (4, [3, 3])


def test_the_check_sees_a_common_batch_that_never_looks(tmp_path, monkeypatch, kind):  # noqa: F811
    if kind != "sqlite":
        pytest.skip("the common batch is for SQLite")
    monkeypatch.setattr(common_batch, "may_be_stored", lambda *_: False)
    assert run(tmp_path, interleaved) != (4, [3, 3])


def test_a_meter_remembered_in_a_row_that_is_none_is_looked_up_anew(tmp_path, kind):  # noqa: F811
    """Telegrams refer to their meters' rows: nothing is entered under one that is not there."""
    if kind != "sqlite":
        pytest.skip("the common batch is for SQLite")
    meter, connections = Meter(70_000_011), []

    async def scenario(store):
        connect = store.writer.groups._run
        store.writer.groups._run = lambda db, *job: connections.append(db) or connect(db, *job)
        ring = Ring(store)
        for hour in range(3):
            await ring.send([wire_records.telegram(ring.next(), NOW - (9 - hour) * HOUR, -60, meter.telegram(hour))])
            cache = connections[-1].cache
            if hour == 1:
                (text,) = cache.rows
                cache.rows[text] = 999
        assert cache.rows[text] != 999
        return (await store.read(tables))[:2]

    telegrams, rows = run(tmp_path, scenario)
    assert [t[0] for t in telegrams] == [rows[0][0]] * 3 and len(rows) == 1


def test_a_time_put_right_is_known_to_the_common_batch(tmp_path):
    """A ring without a clock is timed after its meter was heard last: what is told of the same again is no second."""
    meter = Meter(70_000_010)

    async def scenario(store):
        a, b = Ring(store), Ring(store)
        t = meter.telegram(5, access=1)
        start = NOW - 3 * HOUR
        await b.send([wire_records.telegram(b.next(), NOW - 5 * HOUR, -60, meter.telegram(1))])
        await a.send([wire_records.boot(a.next(), 0, 1, "power"), wire_records.telegram(a.next(), 100, -80, t)])
        await a.send([wire_records.clock(a.next(), 200, start + 200, wire_records.CLOCK_ANSWER)])
        await b.send([wire_records.telegram(b.next(), start + 130, -60, t)])
        return (await store.read(queries.summary.everything))["telegrams"]

    assert run(tmp_path, scenario) == 2


def test_receptions_are_kept_as_they_are():
    heard = [(1, -70, 1), (4_000_000_000, 0, 0), (7, -128, 1)]
    assert coverage.receptions(coverage.pack(heard)) == heard
    assert coverage.receptions(coverage.row_bytes(7) + coverage.COUNTED[-128]) == [(7, -128, 1)]
    assert coverage.receptions(None) == []


