"""What one gateway has stored in a day is bounded, on every store: what it is answered, what is stored, what is told of
it; and what one batch costs the writer does not grow with what its gateway has left behind. Costs are counted in
statements and rows, and in SQLite's own steps. Each bound is taken away once, and that is seen."""

import hashlib
import os

import pytest
from receiver_support import DAY, NOW, Meter
from store_rig import Ring, Sender, kind, rows, run  # noqa: F401 - on every store

import firmware.wire.records as wire_records
from cloud_receiver.data import bounds
from cloud_receiver.data.content import Content
from cloud_receiver.stores import queries
from cloud_receiver.stores.jobs import batch, ledger, times
from cloud_receiver.stores.jobs.bounds import Account
from firmware.wire import envelope

SMALL = bounds.Bounds(records=40, bytes=4000, other=400, meters=6, epochs=3, gaps=4, lost=3, equivocations=2, boots=100)


@pytest.fixture
def small(monkeypatch):
    """`small(*names)` has these bounds reached soon."""
    def limit(*names):
        monkeypatch.setitem(bounds.KINDS, "home", bounds.HOME._replace(**{n: getattr(SMALL, n) for n in names}))
    return limit


def telegrams(ring, numbers, litres=0, time=NOW - 60):
    return [ring.telegram(Meter(n).telegram(litres, access=litres & 255), time) for n in numbers]


async def everything(store):
    """How many rows each table has that a gateway can fill, but for its account."""
    return {table: (await store.read(rows, f"SELECT count(*) FROM {table}"))[0][0]
            for table in ("telegrams", "records", "meters", "coverage", "epochs", "gaps", "lost", "batches", "boots",
                          "equivocations", "home_hours")}


async def nothing_more(store, ring, bodies, name, **how):
    """The batch is refused for this bound, nothing of it is stored, and it is told once."""
    before = await everything(store)
    for _ in range(2):
        taken = await ring.put(bodies, **how)
        assert taken.over == name and not taken.conflict and taken.stored == taken.repeated == 0
    assert await everything(store) == before
    assert name in bounds.names((await ring.account())["over"])


# --- what is refused until tomorrow

@pytest.mark.parametrize("name, size", [("records", 5), ("bytes", 60), ("other", 30)])
def test_a_full_day_takes_nothing_more_until_the_next(tmp_path, small, name, size):
    small(name)
    async def scenario(store):
        ring, neighbour = Sender(store), Sender(store)
        stored = 0
        for _ in range(100):
            bodies = telegrams(ring, range(3), stored) if name != "other" else [ring.event("x" * size)]
            taken = await ring.put(bodies)
            if taken.over:
                break
            stored += len(bodies)
        assert taken.over == name
        limit = getattr(SMALL, name)
        account = await ring.account()
        assert account[name] >= limit and account[name] - limit < 3 * 300, "it is reached, by less than a batch"
        ring.seq -= len(bodies)
        bodies = [ring.event("x" * size)] if name == "other" else telegrams(ring, range(3), 999)
        await nothing_more(store, ring, bodies, name)
        assert (await neighbour.put(telegrams(neighbour, [70]))).over == "", "a neighbour's day is its own"
        assert (await ring.put([], 0, 0)).over == "", "an empty batch is answered whatever was reached"
        assert (await ring.put(bodies, times=50)).over == "", "an operator gives it more"
        ring.seq += 1
        later = [ring.event("tomorrow", ring.seq, NOW + DAY)]
        assert (await ring.put(later, ring.seq, ring.seq, now=NOW + DAY)).over == ""
        return True

    assert run(tmp_path, scenario)


def test_what_is_no_telegram_does_not_stop_those_that_are(tmp_path, small):
    small("other")
    async def scenario(store):
        ring, values = Sender(store), Sender(store)
        values.row, values.public = None, ring.public
        while not (await values.put([values.event("x" * 100)])).over:
            pass
        ring.row = values.row
        return (await ring.put(telegrams(ring, [1]))).over, (await values.account())["over"]

    assert run(tmp_path, scenario) == ("", bounds.bit("other"))


def test_epochs_beyond_the_days_are_refused_and_those_begun_go_on(tmp_path, small):
    small("epochs")
    async def scenario(store):
        ring = Sender(store)
        begun = [os.urandom(8) for _ in range(SMALL.epochs)]
        for epoch in begun:
            assert (await ring.put([ring.event(seq=1)], 1, 1, epoch=epoch)).over == ""
        await nothing_more(store, ring, [ring.event(seq=1)], "epochs", first=1, last=1, epoch=os.urandom(8))
        return (await ring.put([ring.event(seq=2)], 2, 2, epoch=begun[0])).over

    assert run(tmp_path, scenario) == ""


def test_more_gaps_than_a_day_may_leave_are_refused_whole(tmp_path, small):
    small("gaps")
    async def scenario(store):
        ring = Sender(store)
        await ring.put([ring.event(seq=1)], 1, 1)
        await nothing_more(store, ring, [ring.event(seq=n) for n in range(3, 20, 2)], "gaps", first=3, last=19)
        assert (await ring.put([ring.event(seq=n) for n in (3, 5, 7, 9)], 3, 9)).over == ""
        assert (await store.read(queries.gateways.of_rows, [ring.row]))[0]["epochs"][0]["gaps"] == [
            [2, 2], [4, 4], [6, 6], [8, 8]]
        await nothing_more(store, ring, [ring.event(seq=11)], "gaps", first=11, last=11)
        # What fills gaps, or goes on behind the mark, is stored all the same.
        assert (await ring.put([ring.event(seq=n) for n in (2, 4, 8, 10)], 2, 10)).over == ""
        return (await store.read(queries.gateways.of_rows, [ring.row]))[0]["epochs"][0]["gaps"]

    assert run(tmp_path, scenario) == [[6, 6]]


# --- what is left out, summed up, or settled

def test_meters_beyond_the_days_are_left_out_and_the_rest_is_stored(tmp_path, small):
    small("meters")
    async def scenario(store):
        town, ring = Sender(store), Sender(store)
        await town.put(telegrams(town, [500, 501]))
        taken = await ring.put([*telegrams(ring, range(10)), *telegrams(ring, [500, 501], 1), ring.event("and this")])
        assert taken.through == 13 and taken.over == ""
        account = await ring.account()
        assert (account["meters"], account["left_out"], bounds.names(account["over"])) == (SMALL.meters, 4, ["meters"])
        count = await everything(store)
        assert (count["meters"], count["telegrams"], count["records"]) == (8, 10, 1)
        # The next day they are heard again.
        await ring.put(telegrams(ring, range(6, 10), 1, NOW + DAY - 60), now=NOW + DAY)
        return (await everything(store))["meters"]

    assert run(tmp_path, scenario) == 12


def test_lost_records_and_two_contents_are_summed_up(tmp_path, small):
    small("lost", "equivocations")
    async def scenario(store):
        ring = Sender(store)
        await ring.put([wire_records.lost(ring.next(), NOW, 10 * n, 10 * n + 9, 7) for n in range(1, 6)])
        assert (await everything(store))["lost"] == SMALL.lost
        told = (await store.read(queries.gateways.of_rows, [ring.row]))[0]["epochs"][0]
        assert told["lost"] == 35
        for n in range(5):
            assert (await ring.put([ring.event(f"another {n}", seq) for seq in range(1, 6)], 1, 5)).conflict
        return (await everything(store))["equivocations"], (await ring.account())["bytes"] > 500

    assert run(tmp_path, scenario) == (SMALL.equivocations, True)


@pytest.mark.parametrize("each", [5, 25])  # boots in a batch: what ends may have come in earlier ones, or in this one
def test_boots_out_of_number_wait_no_more_than_so_many_at_once(tmp_path, monkeypatch, each):
    monkeypatch.setattr(times, "MOST_WAITING", 10)

    async def scenario(store):
        ring = Sender(store)
        for _ in range(50 // each):
            bodies = []
            for _ in range(each):
                bodies += [wire_records.boot(ring.next(), 0, 1, "start"),
                           ring.telegram(Meter(7).telegram(ring.seq, access=ring.seq & 255), 50)]
            await ring.put(bodies)
            waiting = (await store.read(rows, "SELECT count(*) FROM boots WHERE start IS NULL"))[0][0]
            assert waiting <= 10
        assert "boots" in bounds.names((await ring.account())["over"])
        untimed = await store.read(rows, "SELECT count(*) FROM telegrams WHERE time IS NULL")
        timed = await store.read(rows, "SELECT min(time), max(time) FROM telegrams WHERE time IS NOT NULL")
        assert untimed[0][0] == waiting and NOW - 50 * 50 <= timed[0][0] <= timed[0][1] <= NOW
        # Those that wait are timed by the next clock.
        await ring.put([wire_records.clock(ring.next(), 60, NOW, wire_records.CLOCK_HAN)])
        return await store.read(rows, "SELECT count(*) FROM telegrams WHERE time IS NULL")

    assert run(tmp_path, scenario) == [(0,)]


def test_what_is_too_much_at_once_is_timed_behind_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(times, "MOST_AT_ONCE", 20)
    monkeypatch.setattr(times.Times.__init__, "__defaults__", (20,))

    async def scenario(store):
        ring = Sender(store)
        await ring.put([wire_records.boot(ring.next(), 0, 1, "start")])
        for part in range(5):
            await ring.put([ring.telegram(Meter(n).telegram(part, access=part), 10 + part * 10 + n) for n in range(10)]
                           + [wire_records.event(ring.next(), 10 + part * 10, "e", "")])
        await ring.put([wire_records.clock(ring.next(), 100, NOW, wire_records.CLOCK_HAN)])
        left = (await store.read(rows, "SELECT count(*) FROM telegrams WHERE time IS NULL"))[0][0]
        assert left >= 30
        pieces = 0
        while await store.retime(NOW, 15):
            pieces += 1
            now = (await store.read(rows, "SELECT count(*) FROM telegrams WHERE time IS NULL"))[0][0]
            assert now >= left - 15
            left = now
        assert pieces >= 2
        untimed = await store.read(rows, "SELECT count(*) FROM records WHERE time IS NULL AND kind = 4")
        return untimed, await store.read(
            rows, "SELECT count(*) FROM telegrams WHERE time = ? + raw_time AND day = time / 86400", NOW - 100)

    assert run(tmp_path, scenario) == ([(0,)], [(50,)])


def test_a_clock_that_grows_better_for_ever_times_nothing_anew_for_ever(tmp_path):
    async def scenario(store):
        ring = Sender(store)
        await ring.put([wire_records.boot(ring.next(), 0, 1, "start"), ring.telegram(Meter(1).telegram(1), 5)])
        await ring.put([wire_records.clock(ring.next(), 10, NOW, quality) for quality in range(2, 400)])
        return (await store.read(rows, "SELECT max(quality) FROM boots"))[0][0]

    assert run(tmp_path, scenario) == 7


# --- what a batch costs, whatever its gateway has left behind

class Counted:
    """A connection that counts the statements a job runs and the rows it is given."""

    def __init__(self, db):
        self._db, self.statements, self.rows = db, 0, 0

    def __getattr__(self, name):
        return getattr(self._db, name)

    def execute(self, sql, values=()):
        found = self._db.execute(sql, values).fetchall()
        self.statements, self.rows = self.statements + 1, self.rows + len(found)
        return _Rows(found)

    def executemany(self, sql, rows):
        rows = list(rows)
        self.statements += len(rows)
        return self._db.executemany(sql, rows)


class _Rows(list):
    rowcount = 0

    def fetchall(self):
        return self

    def fetchone(self):
        return self[0] if self else None


async def cost(store, ring, bodies, first, last):
    """(statements and rows, SQLite's steps or 0) of storing a batch."""
    data = b"".join(bodies)
    head = envelope.Head(ring.epoch, 1, "0", 2, first, last)
    steps = 0

    def job(db):
        nonlocal steps

        def step():
            nonlocal steps
            steps += 1

        counted = Counted(db)
        if hasattr(db, "set_progress_handler"):
            db.set_progress_handler(step, 100)
        batch.store_batch(counted, ring.row, head, hashlib.sha256(data).digest(), Content(data, first, last), NOW)
        if hasattr(db, "set_progress_handler"):
            db.set_progress_handler(None, 0)
        return counted.statements + counted.rows

    return await store.writer.submit(job), steps * 100


PAST = ("gaps", "batches", "boots", "timed boots", "lost", "epochs")


async def leave_behind(store, ring, what, count):
    """As much of something as many days of hostility leave: straight into the tables."""
    epoch = (await store.read(rows, "SELECT id FROM epochs WHERE gateway = ?", ring.row))[0][0]

    def job(db):
        if what == "gaps":
            db.executemany("INSERT INTO gaps VALUES (?,?,?,?)", [(epoch, 10 * n, 10 * n, NOW) for n in range(1, count)])
            db.execute("UPDATE epochs SET through = ? WHERE id = ?", (10 * count, epoch))
        elif what == "batches":
            db.executemany("INSERT INTO batches VALUES (?,?,?,?,?,?)",
                           [(epoch, 10 * n, 10 * n + 3, bytes(32), NOW, 4) for n in range(1, count)])
            db.execute("UPDATE epochs SET through = ? WHERE id = ?", (10 * count, epoch))
        elif what in ("boots", "timed boots"):
            start = NOW - 1000 if what == "timed boots" else None
            most = count if start else times.MOST_WAITING
            db.executemany("INSERT INTO boots VALUES (?,?,?,?,?)",
                           [(epoch, 10 * n, 1, start, 0) for n in range(1, most)])
            db.executemany("INSERT INTO records (epoch, seq, kind, received, raw_time, time, body) VALUES "
                           "(?,?,?,?,?,?,?)",
                           [(epoch, 10 * n + 1, 4, NOW, 5, start, b"") for n in range(1, count)])
            db.execute("UPDATE epochs SET through = ? WHERE id = ?", (10 * count, epoch))
        elif what == "lost":
            db.executemany("INSERT INTO lost VALUES (?,?,?,?,?,?)", [(epoch, n, n, n, 1, NOW) for n in range(
                10, 10 + min(count, bounds.HOME.lost))])
        else:
            db.executemany("INSERT INTO epochs (gateway, epoch, through, first_contact, last_contact) "
                           "VALUES (?,?,?,?,?)", [(ring.row, os.urandom(8), 5, NOW, NOW) for _ in range(count)])
        return epoch

    return await store.writer.submit(job)


async def after(store, what, count):
    """What a batch costs that goes on, one that comes again, and one that tells the clock, with so much behind it."""
    ring = Sender(store)
    await ring.put([ring.event(str(n)) for n in range(5)])
    epoch = await leave_behind(store, ring, what, count)
    through = (await store.read(rows, "SELECT through FROM epochs WHERE id = ?", epoch))[0][0]
    costs = []
    for first, seqs, body in (
            (1, range(1, 6), lambda seq: ring.event("again", seq)),
            (30, range(30, 60), lambda seq: ring.event("a gap", seq)),
            (through + 1, range(through + 1, through + 40),
             lambda seq: wire_records.boot(seq, 0, 1, "start") if seq % 2 else wire_records.clock(seq, 1, NOW, 4))):
        costs.append(await cost(store, ring, [body(seq) for seq in seqs], first, seqs[-1]))
    return costs


@pytest.mark.parametrize("what", PAST)
def test_a_batch_costs_what_it_holds_and_not_what_was_left_behind(tmp_path, kind, what):  # noqa: F811
    async def scenario(store):
        few, many = await after(store, what, 40), await after(store, what, 4000)
        for (rows_few, steps_few), (rows_many, steps_many) in zip(few, many):
            # 100 boots may wait, 500 records be timed, whatever there are.
            room = {"boots": 2500, "lost": 100}.get(what, 60)
            assert rows_many <= rows_few + room, (what, few, many)
            assert steps_many <= 1.5 * steps_few + (200_000 if what == "boots" else 8000), (what, few, many)
        return True

    assert run(tmp_path, scenario)


@pytest.mark.parametrize("where, name, bad, what", [
    (ledger, "gaps_within", lambda db, epoch, first, last, most: db.execute(
        "SELECT first, last, since FROM gaps WHERE epoch = ? ORDER BY first", (epoch,)).fetchall(), "gaps"),
    (times, "MOST_AT_ONCE", 1 << 40, "boots"),
])
def test_a_writer_that_looks_at_all_of_it_is_noticed(tmp_path, monkeypatch, kind, where, name, bad, what):  # noqa: F811
    monkeypatch.setattr(where, name, bad)
    if name == "MOST_AT_ONCE":
        monkeypatch.setattr(times.Times.__init__, "__defaults__", (bad,))

    async def scenario(store):
        few, many = await after(store, what, 40), await after(store, what, 8000)
        return any(m[0] > f[0] + 2500 for f, m in zip(few, many)) or any(
            m[1] > 1.5 * f[1] + 200_000 for f, m in zip(few, many))

    assert run(tmp_path, scenario) or kind == "postgres"


def test_a_start_asks_about_so_many_gaps_of_a_gateway(tmp_path):
    async def scenario(store):
        ring, other = Sender(store), Sender(store)
        await ring.put([ring.event()])
        await leave_behind(store, ring, "gaps", 4000)
        await leave_behind(store, ring, "epochs", 400)
        await other.put([other.event(seq=5)], 5, 5)
        asked = await store.read(queries.rings.open_gaps)
        assert len(asked) == queries.rings.ASKED_GAPS + 1 and (other.id, other.epoch, 1) in [a[:3] for a in asked]
        told = (await store.read(queries.gateways.of_rows, [ring.row]))[0]["epochs"]
        return len(told), max(len(e["gaps"]) for e in told)

    assert run(tmp_path, scenario)[0] == queries.rings.MOST_RINGS


@pytest.mark.parametrize("name, test, more", [
    ("records", test_a_full_day_takes_nothing_more_until_the_next, ("records", 5)),
    ("bytes", test_a_full_day_takes_nothing_more_until_the_next, ("bytes", 60)),
    ("other", test_a_full_day_takes_nothing_more_until_the_next, ("other", 30)),
    ("meters", test_meters_beyond_the_days_are_left_out_and_the_rest_is_stored, ()),
    ("epochs", test_epochs_beyond_the_days_are_refused_and_those_begun_go_on, ()),
    ("gaps", test_more_gaps_than_a_day_may_leave_are_refused_whole, ()),
    ("lost", test_lost_records_and_two_contents_are_summed_up, ()),
    ("equivocations", test_lost_records_and_two_contents_are_summed_up, ())])
def test_a_bound_that_is_taken_away_is_noticed(tmp_path, small, monkeypatch, name, test, more):
    """The known-bad variants: one bound without end each."""
    left = Account.left
    monkeypatch.setattr(Account, "left", lambda self, of: 1 << 60 if of == name else left(self, of))
    with pytest.raises(AssertionError):
        test(tmp_path, small, *more)


def test_the_common_batch_is_no_way_around_a_bound(tmp_path, small):
    small("records")
    async def scenario(store):
        ring = Sender(store)
        await ring.put(telegrams(ring, range(3)))
        for n in range(1, 100):  # known meters, next in their ring, later each time
            taken = await ring.put(telegrams(ring, range(3), n, NOW - 60 + 1000 * n), now=NOW + 1000 * n)
            if taken.over:
                break
        return taken.over, n

    assert run(tmp_path, scenario) == ("records", 14)


def test_the_account_of_a_day_goes_with_its_telegrams(tmp_path):
    async def scenario(store):
        ring = Sender(store)
        for day in (0, 1):
            await ring.put(telegrams(ring, [1], day, NOW + day * DAY), now=NOW + day * DAY)
        await store.forget_telegrams(NOW + DAY)
        return [await ring.account((NOW + day * DAY) // DAY) != {} for day in (0, 1)]

    assert run(tmp_path, scenario) == [False, True]
