"""How long things are kept: raw telegrams for a time, hours until they become days; on every store."""

import datetime
import types

import pytest
from receiver_support import DAY, HOUR, NOW, Meter
from store_rig import Ring, every_meter, kind, rows, run  # noqa: F401 - on every store

import firmware.wire.records as records
from cloud_receiver.data import dayrows, usage
from cloud_receiver.stores import DECODED, MOST, Settled, queries
from cloud_receiver.stores.jobs import hours, keeping

PLAIN = Meter(11111111)
TODAY = NOW // DAY


async def years(store, meters=3, days=20):
    """Meters with hourly values of the last days; returns their rows."""
    ring = Ring(store)
    used = []
    for n in range(meters):
        meter = Meter(60_000_000 + n)
        await ring.send([ring.telegram(meter.telegram(0), time=NOW - 60)])
        [(_, row, _, _, _)] = [p for p in await store.pending(100) if p[2] == meter.text]
        used.append(row)
    settled = [Settled(0, row, (TODAY - day) * DAY + h * HOUR + 300, DECODED, {"total_m3": 100 - day + h / 100}, None)
               for row in used for day in range(days) for h in range(24)]
    for n in range(0, len(settled), 500):
        await store.settle(settled[n:n + 500])
    return used


async def age(store, day, most=MOST):
    """Everything from before a day, as the receiver does it."""
    pieces = 0
    while await store.age(day, most):
        pieces += 1
    return pieces


def test_hours_become_days_and_days_keep_their_use(tmp_path):
    async def scenario(store):
        hourly = await years(store)
        bounds = usage.day_bounds(usage.local(NOW).date(), 15)
        before = [usage.uses(await store.read(queries.readings.between, row, bounds[0] - 2 * DAY, bounds[-1]), bounds,
                             usage.NEAR["day"]) for row in hourly]
        pieces = await age(store, TODAY - 5, most=10)
        after = [usage.uses(await store.read(queries.readings.between, row, bounds[0] - 2 * DAY, bounds[-1]), bounds,
                            usage.NEAR["day"]) for row in hourly]
        per_day = await store.read(rows, "SELECT day, hours FROM readings ORDER BY day")
        return before, after, pieces, per_day

    before, after, pieces, per_day = run(tmp_path, scenario)
    assert pieces > 3, "a piece at a time"
    for day, blob in per_day:
        entries = [e for e in dayrows.unpack(bytes(blob)) if e is not None]
        assert len(entries) == (1 if day < TODAY - 5 else 24) and dayrows.is_daily(bytes(blob)) == (day < TODAY - 5)
    for was, now in zip(before, after):
        for a, b in zip(was, now):
            if a.ml is not None and not a.partial:
                assert b.ml is not None and abs(a.ml - b.ml) < 15_000, "of 1 m3 a day"


def test_one_day_with_more_meters_than_a_piece(tmp_path):
    async def scenario(store):
        await years(store, meters=4, days=3)
        await age(store, TODAY + 1, most=2)
        return [bytes(blob) for (blob,) in await store.read(rows, "SELECT hours FROM readings")]

    blobs = run(tmp_path, scenario)
    assert len(blobs) == 12 and all(dayrows.is_daily(b) for b in blobs)


def test_what_comes_late_for_an_aged_day_is_aged(tmp_path):
    async def scenario(store):
        [row] = await years(store, meters=1, days=10)
        await age(store, TODAY - 3)
        at = (TODAY - 6) * DAY
        await store.settle([Settled(0, row, at + 12 * HOUR, DECODED, {"total_m3": 77.0}, None),
                            Settled(0, row, (TODAY - 30) * DAY + 5 * HOUR, DECODED, {"total_m3": 7.0}, None),
                            Settled(0, row, (TODAY - 30) * DAY + 6 * HOUR, DECODED, {"total_m3": 7.5}, None)])
        return await store.read(rows, "SELECT day, hours FROM readings WHERE day < ? ORDER BY day", TODAY - 3)

    for _, blob in run(tmp_path, scenario):
        assert dayrows.is_daily(bytes(blob))


def test_the_mutant_that_forgets_the_mark_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(hours, "keeping", types.SimpleNamespace(read_mark=lambda db, name: 0, AGED=keeping.AGED))
    with pytest.raises(AssertionError):
        test_what_comes_late_for_an_aged_day_is_aged(tmp_path)


@pytest.mark.parametrize("day", [datetime.date(2026, 3, 28), datetime.date(2026, 10, 25), datetime.date(2026, 7, 1),
                                 datetime.date(2026, 1, 1)])
def test_what_is_left_of_a_day_is_nearest_to_local_midnight(day):
    number = (day - datetime.date(1970, 1, 1)).days
    hours = [(h * 7, h * 1000) for h in range(24)]
    [(hour, entry)] = [(h, e) for h, e in enumerate(dayrows.unpack(dayrows.daily(number, dayrows.pack(hours)))) if e]
    midnight = usage.midnight(day + datetime.timedelta(days=1))
    at = number * DAY + hour * HOUR + entry[0]
    assert abs(at - midnight) == min(abs(number * DAY + h * HOUR + h * 7 - midnight) for h in range(24))
    assert entry == hours[hour]


def test_an_empty_day_stays_empty():
    assert dayrows.daily(20000, dayrows.pack(dayrows.empty())) == dayrows.pack(dayrows.empty())


def test_raw_telegrams_are_kept_for_their_time_and_nothing_else_goes(tmp_path):
    async def scenario(store):
        ring = Ring(store)
        for n in range(8):
            at = NOW - 80 * DAY + n * 10 * DAY
            await ring.send([ring.telegram(PLAIN.telegram(n), time=at), records.event(ring.next(), at, "e", "")],
                            now=at)
        pieces = []
        while count := await store.forget_telegrams(NOW - 41 * DAY, 3):
            pieces.append(count)
        left = [await store.read(rows, f"SELECT min(received), count(*) FROM {table}") for table in
                ("telegrams", "records")]
        again = await ring.send([ring.telegram(PLAIN.telegram(99), time=NOW)], now=NOW)
        [m] = await every_meter(store)
        return pieces, left, again.stored, (await store.read(queries.meters.coverage, m["row"], 0))

    pieces, left, new, cover = run(tmp_path, scenario)
    assert sum(pieces) == 8 and max(pieces) <= 6
    assert left == [[(NOW - 40 * DAY, 4)], [(NOW - 40 * DAY, 4)]]
    assert new == 1 and len(cover) == 9
