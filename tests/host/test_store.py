"""The store's contract, on every store: each record once, times put right, coverage and day rows true."""

import asyncio
import random
import statistics

import pytest
from receiver_support import DAY, HOUR, NOW, Meter
from store_rig import Ring, every_meter, kind, rows, run  # noqa: F401 - on every store

import firmware.wire.records as wire_records
from cloud_receiver.stores import (
    DECODED,
    NO_KEY,
    PENDING,
    UNDECODABLE,
    WRONG_KEY,
    Settled,
    StoreError,
    queries,
)
from cloud_receiver.stores.jobs import ledger, matching

PLAIN = Meter(11111111)


# --- jobs

def test_a_job_that_fails_takes_nothing_of_the_others_with_it(tmp_path):
    async def scenario(store):
        ring = Ring(store)
        await ring.send([wire_records.event(ring.next(), NOW, "e", "")])

        def broken(db):
            db.execute("DELETE FROM records")
            raise KeyError("a defect")

        good = ring.send([wire_records.event(ring.next(), NOW, "e", "")])
        results = await asyncio.gather(store.writer.submit(broken), good, return_exceptions=True)
        assert isinstance(results[0], KeyError) and results[1].through == 2
        return await store.read(rows, "SELECT count(*) FROM records")

    assert run(tmp_path, scenario) == [(2,)]


def test_many_at_once_share_commits(tmp_path):
    async def scenario(store):
        rings = [Ring(store) for _ in range(50)]
        commits = []
        original = store.writer.groups._commit
        store.writer.groups._commit = lambda connection: (commits.append(1), original(connection))
        taken = await asyncio.gather(*(r.send([r.telegram(Meter(n).telegram(n))]) for n, r in enumerate(rings)))
        assert [t.through for t in taken] == [1] * 50
        return len(commits)

    assert run(tmp_path, scenario) < 100


# --- each record once

async def equivocates(store):
    ring = Ring(store)
    assert not (await ring.send([wire_records.event(1, NOW, "e", "one")], first=1)).conflict
    return (await ring.send([wire_records.event(1, NOW, "e", "two")], first=1)).conflict


def test_the_same_range_with_other_content_is_a_conflict(tmp_path):
    assert run(tmp_path, equivocates)


def test_the_check_sees_a_digest_that_is_not_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "same_content", lambda stored, received: True)
    assert not run(tmp_path, equivocates)


async def resends(store):
    """Telegrams stored of ten sent, cut and sent again at random."""
    ring, other = Ring(store), Ring(store)
    sent = [ring.telegram(PLAIN.telegram(n), time=NOW - 10_000 + n * 3600) for n in range(10)]
    rng = random.Random(1)
    await ring.send(sent[:4], first=1)
    for _ in range(40):
        first = rng.randrange(10)
        last = rng.randrange(first, 10)
        try:
            await ring.send(sent[first:last + 1], first=first + 1)
        except StoreError:
            pass
    await ring.send(sent, first=1)
    # Another gateway heard them too, and its clock is a minute off.
    await other.send([other.telegram(PLAIN.telegram(n), time=NOW - 10_000 + n * 3600 + 60) for n in range(10)])
    return (await store.read(queries.summary.everything))["telegrams"]


def test_resent_and_heard_by_others_is_stored_once(tmp_path):
    PLAIN.access = 0
    assert run(tmp_path, _fixed_access(resends)) == 10


def _fixed_access(scenario):
    """The same telegram bytes wherever PLAIN.telegram(n) is called: its access number is n."""
    async def wrapped(store):
        original = Meter.telegram
        Meter.telegram = lambda self, litres, access=None, status=0: original(self, litres, litres & 255, status)
        try:
            return await scenario(store)
        finally:
            Meter.telegram = original
    return wrapped


@pytest.mark.parametrize("name, mutant", [("is_stored", lambda seq, through, gaps: False),
                                          ("same_telegram", lambda *args, **more: None)])
def test_the_check_sees_a_store_that_does_not_skip(tmp_path, monkeypatch, name, mutant):
    monkeypatch.setattr(ledger if name == "is_stored" else matching, name, mutant)
    counts = run(tmp_path, _fixed_access(resends))
    if name == "is_stored":  # the content's digest alone still holds
        assert counts == 10
        monkeypatch.setattr(matching, "same_telegram", lambda *args, **more: None)
        counts = run(tmp_path, _fixed_access(resends))
    assert counts > 10


def test_a_meter_that_stands_still_is_read_again(tmp_path):
    """The same bytes an hour later are a reading of their own, at the same hour they are not."""
    async def scenario(store):
        ring = Ring(store)
        t = PLAIN.telegram(5, access=1)
        await ring.send([ring.telegram(t, time=NOW - 7200), ring.telegram(t, time=NOW - 7190),
                         ring.telegram(t, time=NOW - 3600)])
        return await store.read(rows, "SELECT time FROM telegrams ORDER BY id")

    assert run(tmp_path, scenario) == [(NOW - 7200,), (NOW - 3600,)]


def test_around_midnight_it_is_still_one(tmp_path):
    async def scenario(store):
        a, b = Ring(store), Ring(store)
        midnight = NOW // DAY * DAY
        t = PLAIN.telegram(5, access=1)
        await a.send([a.telegram(t, time=midnight - 5)])
        await b.send([b.telegram(t, time=midnight + 5)])
        return (await store.read(queries.summary.everything))["telegrams"]

    assert run(tmp_path, scenario) == 1


# --- time

def test_records_before_the_clock_was_known_get_their_time(tmp_path):
    async def scenario(store):
        ring = Ring(store)
        start = NOW - 5000
        await ring.send([wire_records.boot(ring.next(), 0, 1, "power"), ring.telegram(PLAIN.telegram(1), time=100),
                         wire_records.event(ring.next(), 150, "e", "")])
        assert (await store.read(queries.summary.everything))["untimed"] == 1
        assert await store.pending(10) == [], "it waits for its time"
        await ring.send([wire_records.clock(ring.next(), 200, start + 200, wire_records.CLOCK_ANSWER),
                         ring.telegram(PLAIN.telegram(2), time=start + 300),
                         ring.telegram(PLAIN.telegram(3), time=400)])
        times = await store.read(rows, "SELECT time - ?, raw_time FROM telegrams ORDER BY id", start)
        kept = await store.read(rows, "SELECT kind, time - ? FROM records ORDER BY id", start)
        return times, kept, len(await store.pending(10))

    times, kept, pending = run(tmp_path, scenario)
    assert times == [(100, 100), (300, NOW - 5000 + 300), (400, 400)] and pending == 3
    assert kept == [(wire_records.BOOT, 0), (wire_records.EVENT, 150), (wire_records.CLOCK, 200)]


def test_the_floor_is_no_time(tmp_path):
    async def scenario(store):
        ring = Ring(store)
        await ring.send([wire_records.boot(ring.next(), 0, 1, "power"), ring.telegram(PLAIN.telegram(1), time=100),
                         wire_records.clock(ring.next(), 110, 1 << 30, wire_records.CLOCK_FLOOR)])
        return (await store.read(queries.summary.everything))["untimed"]

    assert run(tmp_path, scenario) == 1


def test_a_better_clock_moves_records_and_their_readings(tmp_path):
    """The answer's time came first; then the meter's list, which is better, says it was two hours later."""
    async def scenario(store):
        ring = Ring(store)
        start = NOW - 40_000
        await ring.send([wire_records.boot(ring.next(), 0, 1, "power"), ring.telegram(PLAIN.telegram(1), time=100),
                         wire_records.clock(ring.next(), 200, start + 200, wire_records.CLOCK_ANSWER)])
        [(row, meter, _, time, _)] = await store.pending(9)
        await store.settle([Settled(row, meter, time, DECODED, {"total_m3": 1.0}, None)])
        await ring.send([wire_records.clock(ring.next(), 300, start + 7500, wire_records.CLOCK_HAN),
                         wire_records.clock(ring.next(), 400, start + 9999, wire_records.CLOCK_SNTP)])
        [(row, meter, _, time, _)] = await store.pending(9)
        await store.settle([Settled(row, meter, time, DECODED, {"total_m3": 1.0}, None)])
        [m] = await every_meter(store)
        return await store.read(queries.readings.between, meter, NOW - DAY, NOW + DAY), m["read_at"]

    at = NOW - 40_000 + 7200 + 100
    assert run(tmp_path, scenario) == ([(at, 1_000_000)], at)


def test_a_boot_that_never_learnt_the_time_gets_the_latest_it_can_have(tmp_path):
    async def scenario(store):
        ring = Ring(store)
        await ring.send([wire_records.boot(ring.next(), 0, 1, "power"), ring.telegram(PLAIN.telegram(1), time=1000),
                         wire_records.event(ring.next(), 1100, "e", ""), wire_records.boot(ring.next(), 0, 2, "power"),
                         ring.telegram(PLAIN.telegram(2), time=10),
                         wire_records.clock(ring.next(), 50, NOW - 100, wire_records.CLOCK_HAN)])
        return await store.read(rows, "SELECT time FROM telegrams ORDER BY id")

    second_start = NOW - 150
    assert run(tmp_path, scenario) == [(second_start - 100,), (second_start + 10,)]


def test_a_clock_far_ahead_is_not_believed(tmp_path):
    async def scenario(store):
        ring = Ring(store)
        await ring.send([ring.telegram(PLAIN.telegram(1), time=NOW + 14 * 365 * DAY)])
        return await store.read(rows, "SELECT t.time, t.raw_time, m.last_heard FROM telegrams t, meters m")

    assert run(tmp_path, scenario) == [(NOW, NOW + 14 * 365 * DAY, NOW)]


def test_untimed_and_timed_receptions_of_one_telegram_are_one(tmp_path):
    """As soon as the clock of the first tells when it was."""
    async def scenario(store):
        a, b = Ring(store), Ring(store)
        t = PLAIN.telegram(7, access=1)
        await a.send([wire_records.boot(a.next(), 0, 1, "power"), a.telegram(t, time=100)])
        await b.send([b.telegram(t, time=NOW - 30)])
        await a.send([wire_records.clock(a.next(), 130, NOW, wire_records.CLOCK_ANSWER)])
        return await store.read(rows, "SELECT time FROM telegrams")

    assert run(tmp_path, scenario) == [(NOW - 30,)]


# --- coverage

def test_coverage_counts_receptions_with_best_and_median(tmp_path):
    async def scenario(store):
        a, b = Ring(store), Ring(store)
        levels = [-80, -60, -75, -90, -71]
        for n, level in enumerate(levels):
            await a.send([a.telegram(PLAIN.telegram(n), time=NOW - n * HOUR, rssi=level)])
        await b.send([b.telegram(PLAIN.telegram(0), time=NOW, rssi=-55)])
        await a.send([wire_records.heard(a.next(), NOW, PLAIN.address, NOW // DAY, 100, -58, -77),
                      wire_records.heard(a.next(), NOW, PLAIN.address, NOW // DAY, 300, -59, -73)])
        [m] = await every_meter(store)
        covered = [(c["telegrams"], c["heard"], c["best"], c["median"])
                 for c in await store.read(queries.meters.coverage, m["row"], 0)][::-1]
        covered.sort(reverse=True)
        assert statistics.median(levels) == -75
        return covered

    assert run(tmp_path, scenario) == [(5, 400, -58, -74), (1, 0, -55, -55)]


def test_heard_of_a_meter_never_relayed_is_kept_but_no_meter(tmp_path):
    async def scenario(store):
        ring = Ring(store)
        await ring.send([wire_records.heard(ring.next(), NOW, PLAIN.address, NOW // DAY, 100, -58, -77)])
        return await store.read(queries.summary.everything), await store.read(rows, "SELECT kind FROM records")

    summary, kept = run(tmp_path, scenario)
    assert summary["meters"] == 0 and kept == [(wire_records.HEARD,)]


# --- what the decoder found

def test_readings_and_alarms_of_what_was_settled(tmp_path):
    async def scenario(store):
        ring = Ring(store)
        await ring.send([ring.telegram(PLAIN.telegram(n), time=NOW - DAY + n * HOUR) for n in range(26)],
                        now=NOW + HOUR)
        pending = await store.pending(100)
        settled = []
        for n, (row, meter, text, time, _) in enumerate(pending):
            assert text == PLAIN.text
            reading = {"total_m3": 100 + n / 1000, "alarms": ["leak"] if 5 <= n < 9 or n == 25 else []}
            settled.append(Settled(row, meter, time, DECODED, reading, None))
        random.Random(3).shuffle(settled)
        for n in range(0, 26, 7):
            await store.settle(settled[n:n + 7])
        assert await store.pending(100) == []
        [m] = await every_meter(store)
        readings = await store.read(queries.readings.between, m["row"], NOW - 2 * DAY, NOW + DAY)
        return m, readings

    m, readings = run(tmp_path, scenario)
    assert readings == [(NOW - DAY + n * HOUR, 100_000_000 + n * 1000) for n in range(26)]
    assert m["total_ml"] == 100_025_000 and m["key"] == "plain"
    assert [(a["alarm"], a["since"]) for a in m["alarms"]][-1] == ("leak", NOW + HOUR) or m["alarms"]


def test_alarms_in_order_of_time_know_since_when(tmp_path):
    async def scenario(store):
        ring = Ring(store)
        await ring.send([ring.telegram(PLAIN.telegram(n), time=NOW - DAY + n * HOUR) for n in range(10)])
        for n, (row, meter, _, time, _) in enumerate(await store.pending(100)):
            await store.settle([Settled(row, meter, time, DECODED,
                                        {"total_m3": 1.0, "alarms": ["leak"] if 3 <= n < 6 or n > 7 else []}, None)])
        [m] = await every_meter(store)
        return m["alarms"], await store.read(queries.alarms.of_meter, m["row"])

    standing, every = run(tmp_path, scenario)
    at = [NOW - DAY + n * HOUR for n in range(10)]
    assert standing == [{"alarm": "leak", "since": at[8]}]
    assert [(a["since"], a["last"], a["ended"]) for a in every] == [(at[8], at[9], None), (at[3], at[5], at[6])]


def test_reopened_are_those_without_a_right_key_only(tmp_path):
    async def scenario(store):
        ring = Ring(store)
        meters = [Meter(20000000 + n) for n in range(4)]
        await ring.send([ring.telegram(m.telegram(1)) for m in meters])
        for state, (row, meter, _, time, _) in zip((DECODED, NO_KEY, WRONG_KEY, UNDECODABLE), await store.pending(9)):
            reading = {"total_m3": 1.0} if state == DECODED else None
            await store.settle([Settled(row, meter, time, state, reading, None)])
        count = await store.reopen([m.text for m in meters], (NO_KEY, WRONG_KEY))
        states = await store.read(rows, "SELECT state FROM telegrams ORDER BY id")
        return count, states

    assert run(tmp_path, scenario) == (2, [(DECODED,), (PENDING,), (PENDING,), (UNDECODABLE,)])


def test_an_older_failure_says_nothing_of_a_meter_read_since(tmp_path):
    async def scenario(store):
        ring = Ring(store)
        await ring.send([ring.telegram(PLAIN.telegram(n), time=NOW - 100 + n) for n in range(2)])
        first, second = await store.pending(9)
        await store.settle([Settled(second[0], second[1], second[3], DECODED, {"total_m3": 2.0}, None)])
        await store.settle([Settled(first[0], first[1], first[3], WRONG_KEY, None, None)])
        [m] = await every_meter(store)
        return m["state"]

    assert run(tmp_path, scenario) == DECODED


# --- HAN hours

def test_home_hours_are_one_per_hour_and_a_measured_one_stays(tmp_path):
    async def scenario(store):
        ring = Ring(store)
        await ring.send([wire_records.han_hour(ring.next(), NOW, NOW - HOUR, 1500, 0, True)])
        await ring.send([wire_records.han_hour(ring.next(), NOW, NOW - HOUR, 1480, 0, False)])
        await ring.send([wire_records.han_hour(ring.next(), NOW, NOW - HOUR, 1999, 0, True)])
        return await store.read(queries.people.home_hours, ring.row, NOW - DAY, NOW)

    assert run(tmp_path, scenario) == [(NOW - HOUR, 1480, 0, 0)]
