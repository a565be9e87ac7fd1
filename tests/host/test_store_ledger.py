"""What a ring's records leave in its books, on every store: the mark, the gaps, what came again with other content, the
start of each boot, the bounds of a day; what of a meter is its latest; and what is forgotten of a home and scrubbed."""

import json

import pytest
from receiver_support import DAY, HOUR, NOW, Meter
from store_rig import Ring, Sender, kind, rows, run  # noqa: F401 - on every store

import firmware.wire.records as wire_records
from cloud_receiver.data import bounds, plausible
from cloud_receiver.stores import DECODED, Settled, queries
from cloud_receiver.stores.jobs import hours, keeping, matching, rising, scrub, settle, times

PLAIN = Meter(33333333)


async def ledger_of(store):
    """(seqs of the records in the order stored, gaps as (first, last, since), equivocations' ranges, the mark)."""
    return ([seq for seq, in await store.read(rows, "SELECT seq FROM records ORDER BY id")],
            await store.read(rows, "SELECT first, last, since FROM gaps ORDER BY first"),
            await store.read(rows, "SELECT first, last FROM equivocations"),
            (await store.read(rows, "SELECT through FROM epochs"))[0][0])


def events(ring, *seqs, detail=""):
    return [ring.event(detail, seq) for seq in seqs]


# --- the mark and the gaps

def test_a_gap_takes_what_was_missing_and_nothing_twice(tmp_path):
    async def scenario(store):
        ring = Sender(store)
        await ring.put(events(ring, 1, 2), 1, 2)
        jumped = await ring.put(events(ring, 5, 6), 5, 6)
        before = await ledger_of(store)
        filled = await ring.put(events(ring, *range(1, 8)), 1, 7)
        return jumped, before, filled, await ledger_of(store)

    jumped, before, filled, after = run(tmp_path, scenario)
    assert (jumped.through, jumped.stored, jumped.rewind) == (6, 2, 2), "the gateway is asked to go back behind 2"
    assert before == ([1, 2, 5, 6], [(3, 4, NOW)], [], 6)
    assert (filled.through, filled.stored, filled.repeated, filled.rewind) == (7, 3, 4, None)
    assert after == ([1, 2, 5, 6, 3, 4, 7], [], [], 7)


def test_a_gap_that_is_filled_in_the_middle_is_two_as_old_as_it_was(tmp_path):
    async def scenario(store):
        ring = Sender(store)
        await ring.put(events(ring, 1), 1, 1)
        await ring.put(events(ring, 10), 10, 10)
        await ring.put(events(ring, 5, 6), 5, 6, now=NOW + HOUR)
        halves = await ledger_of(store)
        await ring.put(events(ring, 2, 3, 4), 2, 4, now=NOW + 2 * HOUR)
        await ring.put(events(ring, 9), 9, 9, now=NOW + 2 * HOUR)
        return halves, await ledger_of(store)

    halves, ends = run(tmp_path, scenario)
    assert halves == ([1, 10, 5, 6], [(2, 4, NOW), (7, 9, NOW)], [], 10), "what is late moves no mark back"
    assert ends == ([1, 10, 5, 6, 2, 3, 4, 9], [(7, 8, NOW)], [], 10)


@pytest.mark.parametrize("first, last, asked", [(2, 4, None), (1, 9, None), (3, 4, 1), (2, 3, 1)])
def test_what_a_gateway_tells_lost_is_not_asked_for(tmp_path, first, last, asked):
    """Records 2 to 4 are jumped over; it has told that it lost some range."""
    async def scenario(store):
        ring = Sender(store)
        await ring.put(events(ring, 1), 1, 1)
        told = wire_records.lost(5, NOW - 60, first, last, last - first + 1)
        return (await ring.put([told], 5, 5)).rewind

    assert run(tmp_path, scenario) == asked


def test_a_single_missing_record_is_asked_for(tmp_path):
    async def scenario(store):
        ring = Sender(store)
        await ring.put(events(ring, 1), 1, 1)
        return [(await ring.put(events(ring, n), n, n)).rewind for n in (2, 4)], (await ledger_of(store))[1]

    assert run(tmp_path, scenario) == ([None, 2], [(3, 3, NOW)])


def test_news_of_lost_records_can_come_in_pieces(tmp_path):
    async def scenario(store):
        ring = Sender(store)
        await ring.put(events(ring, 1), 1, 1)
        return (await ring.put([wire_records.lost(6, NOW, 4, 5, 2), wire_records.lost(7, NOW, 2, 3, 2)], 6, 7)).rewind

    assert run(tmp_path, scenario) is None


# --- other content

def test_other_content_is_seen_in_a_longer_batch_and_nothing_of_it_is_stored(tmp_path):
    async def scenario(store):
        ring = Sender(store)
        await ring.put(events(ring, 1, 2, 3), 1, 3)
        taken = await ring.put([*events(ring, 1), *events(ring, 2, detail="another"), *events(ring, 3, 4)], 1, 4)
        good = await ring.put(events(ring, 1, 2, 3, 4), 1, 4)
        return taken, good, await ledger_of(store)

    taken, good, books = run(tmp_path, scenario)
    assert (taken.conflict, taken.stored, taken.through, taken.repeated) == (True, 0, 3, 4)
    assert (good.conflict, good.stored, good.repeated) == (False, 1, 3)
    assert books == ([1, 2, 3, 4], [], [(1, 3)], 4)


@pytest.mark.parametrize("before, after, stored", [((1, 3), (1, 2, 3, 4), 2), ((1, 2, 3), (1, 3, 4), 1)])
def test_a_record_that_was_lost_on_the_way_is_no_other_content(tmp_path, before, after, stored):
    """A flash may lose a record between two attempts, and a rewind may bring one back."""
    async def scenario(store):
        ring = Sender(store)
        await ring.put(events(ring, *before), 1, 3)
        taken = await ring.put(events(ring, *after), 1, 4)
        return taken.conflict, taken.stored, (await ledger_of(store))[1:]

    assert run(tmp_path, scenario) == (False, stored, ([], [], 4))


# --- boots and what a gateway says of itself

@pytest.mark.parametrize("batches", [1, 2])
def test_a_boot_with_a_time_ends_those_before_it(tmp_path, batches):
    """A clock that ran on over a reset: what came before it was made by then, as late as can be."""
    async def scenario(store):
        ring = Ring(store)
        bodies = [wire_records.boot(ring.next(), 0, 1, "power"), ring.telegram(PLAIN.telegram(1), time=100),
                  wire_records.event(ring.next(), 150, "e", "")]
        if batches == 2:
            await ring.send(bodies)
            bodies = []
        await ring.send([*bodies, wire_records.boot(ring.next(), NOW - 500, 2, "watchdog"),
                         ring.telegram(PLAIN.telegram(2), time=30)])
        return (await store.read(rows, "SELECT time FROM telegrams ORDER BY id"),
                await store.read(rows, "SELECT kind, time FROM records ORDER BY seq"))

    telegrams, records = run(tmp_path, scenario)
    start = NOW - 500 - 150
    assert telegrams == [(start + 100,), (NOW - 500 + 30,)]
    assert records == [(wire_records.BOOT, start), (wire_records.EVENT, start + 150), (wire_records.BOOT, NOW - 500)]


def test_a_status_is_as_old_as_its_record_if_that_is_known(tmp_path):
    async def scenario(store):
        ring, found = Ring(store), []

        async def send(*bodies):
            await ring.send(bodies)
            [(text, at)] = await store.read(rows, "SELECT status, status_at FROM gateways")
            found.append((json.loads(text), at))

        await send(wire_records.boot(ring.next(), 0, 1, "power"), wire_records.status(ring.next(), 100, [["heard", 1]]))
        await send(wire_records.clock(ring.next(), 150, NOW - 1000, wire_records.CLOCK_ANSWER),
                   wire_records.status(ring.next(), 200, [["heard", 2]]))
        await send(wire_records.status(ring.next(), NOW - 70, [["heard", 3]]))
        return found

    assert run(tmp_path, scenario) == [([["heard", 1]], NOW), ([["heard", 2]], NOW - 950), ([["heard", 3]], NOW - 70)]


def test_a_gateway_keeps_its_row_and_an_unnamed_one_its_name(tmp_path):
    async def scenario(store):
        ring, other = Ring(store), Ring(store)
        row = await store.enrol(ring.public, "home", "Cellar", NOW)
        again = await store.enrol(ring.public, "works", "", NOW + 5)
        [before] = await store.read(rows, "SELECT kind, name, enrolled FROM gateways")
        await store.enrol(ring.public, "works", "Attic", NOW + 6)
        [(name,)] = await store.read(rows, "SELECT name FROM gateways")
        return row == again != await store.enrol(other.public, "home", "", NOW), before, name

    assert run(tmp_path, scenario) == (True, ("works", "Cellar", NOW), "Attic")


# --- what goes

def test_a_part_that_heard_no_level_says_nothing_of_it(tmp_path):
    """A gateway's own counts of a day: levels are weighted by how many they stand for, 0 dBm is no level."""
    async def scenario(store):
        ring = Ring(store)
        await ring.send([ring.telegram(PLAIN.telegram(1), rssi=-99)])
        found = []
        for count, best, middle in ((5, 0, 0), (5, -60, -80), (5, -61, -80), (30, -50, -90), (7, 0, 0), (40, -70, -90)):
            await ring.send([wire_records.heard(ring.next(), NOW, PLAIN.address, NOW // DAY, count, best, middle)])
            found += await store.read(rows, "SELECT heard, best, median FROM coverage")
        return found

    assert run(tmp_path, scenario) == [(5, -99, None), (10, -60, -80), (15, -60, -80),
                                       (45, -50, -87), (52, -50, -87), (92, -50, -88)]


def test_a_home_is_forgotten_up_to_a_time_and_then_there_is_something_to_scrub(tmp_path):
    async def scenario(store):
        mine, other = Ring(store), Ring(store)
        for ring in (mine, other):
            await ring.send([wire_records.han_hour(ring.next(), NOW, NOW - n * HOUR, 100, 0, False) for n in range(4)])
        mark = lambda: store.read(keeping.read_mark, scrub.MARK)  # noqa: E731
        nothing = await store.forget_home(mine.id, NOW - 3 * HOUR), await mark()
        some = await store.forget_home(mine.id, NOW - HOUR), await mark()
        assert await store.scrub(0) == [] and await mark(), "a store that is too large waits for the night"
        assert await store.scrub(1 << 40) == []
        left = [[hour for hour, *_ in await store.read(queries.people.home_hours, ring.row, 0, NOW + 1)]
                for ring in (mine, other)]
        return nothing, some, await mark(), left

    nothing, some, mark, left = run(tmp_path, scenario)
    assert nothing == (0, 0) and some == (2, 1) and mark == 0
    assert left == [[NOW - HOUR, NOW], [NOW - n * HOUR for n in (3, 2, 1, 0)]]


def test_a_reading_is_taken_out_of_its_hour_only_if_the_hour_has_it(tmp_path):
    """An hour keeps its last reading: taking back an earlier one, or one of an empty hour, takes nothing."""
    at = NOW // DAY * DAY

    def play(db):
        days = hours.Days(db)
        days.load({at // DAY: {7}})
        assert not days.take_out(7, at + 60)  # no day yet
        days.put(7, at + 60, 1000, "mcr", 5)
        days.put(7, at + 90, 1001, "mcr", 6)
        days.put(7, at + 5 * HOUR, 1002, "mcr", 7)
        assert not days.take_out(7, at + 60) and not days.take_out(7, at + 2 * HOUR)
        assert days.marks(7, [at // DAY], "mcr") == [(at + 90, 1001, 6), (at + 5 * HOUR, 1002, 7)]
        assert [m.counter for m in days.marks(7, [at // DAY], "ell")] == [None, None], "of another kind it says nothing"
        assert days.take_out(7, at + 90) and not days.take_out(7, at + 90)
        days.put(7, at + 120, 1003, "mcr", None)
        return days.marks(7, [at // DAY], "mcr")

    async def scenario(store):
        return await store.writer.submit(play)

    assert run(tmp_path, scenario) == [(at + 120, 1003, None), (at + 5 * HOUR, 1002, 7)]


def test_neighbours_are_looked_for_as_far_as_a_month_on_both_sides(tmp_path):
    day = NOW // DAY

    def play(db):
        row = db.execute("INSERT INTO meters (meter, media, first_heard, last_heard, encrypted, state) "
                         "VALUES (?,7,0,0,0,0) RETURNING id", ("M",)).fetchall()[0][0]
        days = hours.Days(db)
        known = [day - hours.FAR_DAYS - 1, day - hours.FAR_DAYS, day + hours.FAR_DAYS, day + hours.FAR_DAYS + 1]
        days.load({d: {row} for d in known})
        for d in known:
            days.put(row, d * DAY + 3 * HOUR, d)
        days.write()
        found = []
        for near in ([], [day - 1], [day + 1]):
            days = hours.Days(db)
            days.load({d: {row} for d in (day - 1, day, day + 1)})
            for d in near:
                days.put(row, d * DAY, d)
            found.append([m.total - day for m in days.around(row, day * DAY + HOUR, "")])
        return found

    async def scenario(store):
        return await store.writer.submit(play)

    far = hours.FAR_DAYS
    assert run(tmp_path, scenario) == [[-far, far], [-1, far], [-far, 1]]


@pytest.mark.parametrize("total, ml", [(1.0000004, 1_000_000), (0, 0), (-3, -3_000_000), (True, None), ("7", None),
                                       (float("nan"), None), (float("inf"), None), (1e12, None), (None, None)])
def test_a_total_is_a_number_that_a_meter_can_have(total, ml):
    assert settle.total_of({"total_m3": total}) == ml


def test_alarms_are_names_however_a_driver_writes_them():
    assert settle.alarm_names({"alarms": "LEAK, burst leak,OK"}) == ["burst", "leak"]
    assert settle.alarm_names({"alarms": ["Leak", "ok"]}) == ["leak"] and settle.alarm_names({}) == []


# --- what is one telegram, and what of a meter is the latest

@pytest.mark.parametrize("apart, count", [(0, 1), (matching.SAME_TELEGRAM_S, 1), (matching.SAME_TELEGRAM_S + 1, 2)])
@pytest.mark.parametrize("earlier", [True, False])
def test_two_clocks_may_differ_by_so_much_over_one_telegram(tmp_path, apart, count, earlier):
    """On both sides of midnight, whichever of the two is told first."""
    at = NOW // DAY * DAY - 1

    async def scenario(store):
        a, b = Ring(store), Ring(store)
        t = PLAIN.telegram(5, access=1)
        await a.send([a.telegram(t, time=at)])
        await b.send([b.telegram(t, time=at - apart if earlier else at + apart)])
        return (await store.read(queries.summary.everything))["telegrams"]

    assert run(tmp_path, scenario) == count


def test_a_clock_ahead_is_believed_by_so_much_and_not_a_second_more():
    assert times.believed(NOW + times.AHEAD_S, NOW) == NOW + times.AHEAD_S
    assert times.believed(NOW + times.AHEAD_S + 1, NOW) == NOW
    assert times.believed(5, NOW) == 5


def claim(time, total=None, counter=None, date=None, access=None):
    return plausible.Claim(time, total, "" if counter is None else plausible.MCR, counter, date, True, access)


def test_what_must_rise_is_the_latest_readings():
    """Each of total, counter and clock is of the latest reading that has it; of one moment the last that was told."""
    state = rising.State(7)
    assert (state.newest, state.marks(), state.changed) == (rising.NEVER, [], False)
    state.enter(claim(NOW, 1000, 5, NOW + 1, 3))
    assert state.changed and state.newest == NOW and state.marks() == [(NOW, 1000, 5)]
    state.enter(claim(NOW - 9, 900, 4, NOW - 8, 2))
    assert state.marks() == [(NOW, 1000, 5)] and (state.date, state.date_at) == (NOW + 1, NOW), "late: nothing moves"
    first = state.access
    state.enter(claim(NOW, 1001, 6, NOW + 2, 4))
    assert state.marks() == [(NOW, 1001, 6)] and state.date == NOW + 2 and state.access == first
    state.enter(claim(NOW + 5, 1002))
    assert state.marks() == [(NOW, None, 6), (NOW + 5, 1002, None)], "two marks, by time"
    state.enter(claim(NOW + 7, None, 8))
    assert state.marks() == [(NOW + 5, 1002, None), (NOW + 7, None, 8)] and state.newest == NOW + 7
    state.enter(claim(NOW + 9, None, None, NOW + 9))
    assert state.newest == NOW + 7 and (state.date, state.date_at) == (NOW + 9, NOW + 9), "a clock alone is no reading"
    state.from_here(NOW + 8)
    assert state.marks() == [] and state.newest == rising.NEVER and state.since == NOW + 8 and state.access is None


def test_a_judgement_that_changed_nothing_writes_nothing(tmp_path):
    def play(db):
        rising.write(db, [rising.State(7)])
        none = db.execute("SELECT count(*) FROM rising").fetchone()[0]
        meter = db.execute("INSERT INTO meters (meter, media, first_heard, last_heard, encrypted, state) "
                           "VALUES (?,7,0,0,0,0) RETURNING id", ("M",)).fetchall()[0][0]
        state = rising.State(meter)
        state.enter(claim(NOW, 1000, 5, NOW + 1, 3))
        rising.write(db, [state])
        again = rising.states(db, [meter, meter + 1])
        return none, again[meter].marks(), again[meter].newest, again[meter].changed, again[meter + 1].newest

    async def scenario(store):
        return await store.writer.submit(play)

    assert run(tmp_path, scenario) == (0, [(NOW, 1000, 5)], NOW, False, rising.NEVER)


def forgotten(db, since=0, dated=NOW):
    """A meter's marks after its latest reading, at NOW, was taken back: what is left of it in its day row."""
    row = db.execute("INSERT INTO meters (meter, media, first_heard, last_heard, encrypted, state) "
                     "VALUES (?,7,0,0,0,0) RETURNING id", (str(since),)).fetchall()[0][0]
    day, state = hours.Days(db), rising.State(row)
    day.load({d: {row} for d in (NOW // DAY - 1, NOW // DAY)})
    for mark in (claim(NOW - DAY, 900, 3), claim(NOW - 3 * HOUR, 950, 4), claim(NOW - HOUR, 990), claim(NOW, 1000, 5)):
        day.put(row, mark.time, mark.total, plausible.MCR, mark.counter)
        state.enter(mark)
    state.date, state.date_at, state.since = NOW, dated, since
    rising.write(db, [state])
    rising.forget(db, hours.Days(db), row, NOW - 1)
    assert rising.states(db, [row])[row].marks() == [(NOW, 1000, 5)], "it was no latest"
    day.take_out(row, NOW)
    day.write()
    rising.forget(db, hours.Days(db), row, NOW)
    state = rising.states(db, [row])[row]
    return state.marks(), state.date


def test_a_latest_reading_that_is_taken_back_leaves_the_one_before(tmp_path):
    """The last total and the last counter that are left, each with its time; nothing from before a meter was replaced;
    and a date of another reading stays."""
    async def scenario(store):
        return [await store.writer.submit(forgotten, *how) for how in ((), (NOW - 2 * HOUR,), (NOW - 1800, NOW - 7))]

    assert run(tmp_path, scenario) == [([(NOW - 3 * HOUR, None, 4), (NOW - HOUR, 990, None)], None),
                                       ([(NOW - HOUR, 990, None)], None), ([], NOW)]


@pytest.mark.parametrize("hours_off", [-2, 2])
def test_a_reading_whose_clock_is_put_right_is_no_replay_of_itself(tmp_path, hours_off):
    """It leaves its meter's counter when it leaves its hour, and comes back with the time that is right."""
    async def scenario(store):
        ring = Ring(store)
        await ring.send([wire_records.boot(ring.next(), 0, 1, "power"), ring.telegram(PLAIN.telegram(1), time=100)])
        for at, quality in ((NOW - 9 * HOUR, wire_records.CLOCK_ANSWER),
                            (NOW - (9 - hours_off) * HOUR, wire_records.CLOCK_HAN)):
            await ring.send([wire_records.clock(ring.next(), 200, at + 100, quality)])
            [(row, meter, _, time, _)] = await store.pending(9)
            await store.settle([Settled(row, meter, time, DECODED, {"total_m3": 1.0}, None, (plausible.MCR, 5))])
        state = await store.read(rows, "SELECT state FROM telegrams")
        return state, await store.read(queries.readings.between, meter, NOW - DAY, NOW)

    assert run(tmp_path, scenario) == ([(DECODED,)], [(NOW - (9 - hours_off) * HOUR, 1_000_000)])


def test_an_alarm_ends_with_a_later_reading_and_with_no_other_of_its_moment(tmp_path):
    """Two gateways may tell of two telegrams of one second: the one without the alarm does not take it back."""
    def play(db):
        standing = {}
        for time, names in ((NOW, ["leak"]), (NOW, []), (NOW + 9, ["burst", "leak"]), (NOW + 20, ["burst"])):
            settle.alarms(db, standing, 1, time, names)
        told = db.execute("SELECT alarm, since, last, ended FROM alarms ORDER BY alarm").fetchall()
        return sorted(standing.items()), told

    async def scenario(store):
        await store.writer.submit(lambda db: db.execute(
            "INSERT INTO meters (id, meter, media, first_heard, last_heard, encrypted, state) VALUES (?,?,7,0,0,0,0)",
            (1, "M")))
        return await store.writer.submit(play)

    assert run(tmp_path, scenario) == ([("burst", (NOW + 9, NOW + 20))], [("burst", NOW + 9, NOW + 20, None),
                                                                         ("leak", NOW, NOW + 9, NOW + 20)])


# --- the bounds of a day

@pytest.mark.parametrize("name", ["records", "bytes", "other"])
def test_a_bound_is_reached_when_its_sum_is(tmp_path, monkeypatch, name):
    """The batch that comes to it exactly is stored whole, the next is not; a byte less, and it would be."""
    ring = Sender(None)
    bodies = events(ring, 1, 2, 3)
    size = sum(map(len, bodies))
    sums = {"records": 3, "bytes": size + bounds.BATCH, "other": size}
    stored = []
    for more in (0, 1):
        monkeypatch.setitem(bounds.KINDS, "home", bounds.HOME._replace(**{name: sums[name] + more}))

        async def scenario(store):
            ring = Sender(store)
            first = await ring.put(bodies, 1, 3)
            second = await ring.put(events(ring, 4), 4, 4)
            assert first.over == "" and second.repeated == 0 and second.through == (3 if second.over else 4)
            return first.stored, second.stored, second.over

        stored.append(run(tmp_path, scenario))
    assert stored == [(3, 0, name), (3, 1, "")]


def test_sums_of_nothing_but_telegrams_are_kept_from_the_first_batch_on(tmp_path):
    async def scenario(store):
        ring, found = Sender(store), []
        for n in range(4):
            if n == 2:  # a new ring, of meters that are known
                ring.epoch, ring.seq = b"\x02" * 8, 0
            bodies = [ring.telegram(Meter(44_000_000 + m).telegram(n, access=n), NOW - 600 + n) for m in range(3)]
            await ring.put(bodies)
            account = await ring.account()
            found.append((account["records"], account["bytes"] - sum(map(len, bodies)) * (n + 1), account["epochs"]))
        return found

    assert run(tmp_path, scenario) == [(3 * n, n * bounds.BATCH, epochs)
                                       for n, epochs in ((1, 1), (2, 1), (3, 2), (4, 2))]


def test_a_store_of_just_the_size_is_scrubbed(tmp_path):
    async def scenario(store):
        await store.writer.submit(scrub.mark)
        size = await store.writer.submit(lambda db: db.size())
        await store.scrub(size - 1)
        waits = await store.read(keeping.read_mark, scrub.MARK)
        await store.scrub(size)
        return waits, await store.read(keeping.read_mark, scrub.MARK)

    assert run(tmp_path, scenario) == (1, 0)
