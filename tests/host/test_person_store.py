"""Erasing one home's people, on every store: hours, electricity and telegrams go, a reading a day stays."""

import asyncio
import hashlib

import postgres
import pytest
from receiver_support import DAY, HOUR, NOW, Gateway, Meter

import firmware.wire.records as wire_records
from cloud_receiver.data.content import Content
from cloud_receiver.decoding import opening
from cloud_receiver.stores import Settled, open_store, queries
from cloud_receiver.stores.jobs import erase as erase_job
from firmware.wire import envelope

OWN, OTHER = Meter(12345678), Meter(87654321)
SECRET = Meter(33333333, key=bytes(16))
MOVED_OUT = NOW - 5 * HOUR


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    """Each test runs on each store."""
    if request.param == "sqlite":
        return f"sqlite://{tmp_path}/store.sqlite"
    postgres.need()
    return postgres.new_database()


def run(url, scenario):
    """Run `await scenario(store, gateways)` on a store with two homes that were read every hour for ten days."""
    async def main():
        store = open_store(url)
        try:
            return await scenario(store, [await filled(store, meter, 7 + n) for n, meter in enumerate((OWN, OTHER))])
        finally:
            await asyncio.get_running_loop().run_in_executor(None, store.close)
    return asyncio.run(main())


async def filled(store, meter, step):
    """A gateway with ten days of a meter, of electricity and of events."""
    gateway = Gateway()
    row = await store.enrol(gateway.public, "home", "Fyrveien 3", NOW)
    for n in range(240):
        at = NOW - (239 - n) * HOUR
        await take(store, gateway, row, at, [
            wire_records.telegram(gateway.next(), at, -70, meter.telegram(100_000 + n * step, access=n)),
            wire_records.han_hour(gateway.next(), at, at // HOUR * HOUR - HOUR, 1000 + step, 0, False),
            wire_records.event(gateway.next(), at, "leak", "kitchen")])
    while pending := await store.pending(500):
        await store.settle([Settled(i, m, t, *opening.decode([None], data, {}, None)) for i, m, _, t, data in pending])
    return gateway


async def take(store, gateway, row, now, bodies):
    content = b"".join(bodies)
    first = gateway.seq - len(bodies) + 1
    head = envelope.Head(gateway.epoch, 1, "0", 2, first, gateway.seq)
    digest = hashlib.sha256(content).digest()
    await store.store_batch(row, head, digest, Content(content, first, gateway.seq), now)


async def erase(store, gateway, meters, before, most=100):
    after, pieces = 0, 0
    while after is not None:
        after = await store.writer.submit(erase_job.erase, gateway, meters, before, after, most)
        pieces += 1
    return pieces


async def state(store, gateway, meter, before=MOVED_OUT):
    """(readings before and after a time, days, hours of electricity, telegrams, records) of a home."""
    data = await store.read(queries.people.person, gateway.id, [meter.text], 0, NOW + DAY)
    readings = data["meters"][0]["readings"]
    old = [t for t, _ in readings if t < before]
    telegrams = await store.read(lambda db: [r[0] for r in db.execute(
        "SELECT t.received FROM telegrams t JOIN meters m ON m.id = t.meter WHERE m.meter = ?", (meter.text,))])
    return {"old": len(old), "new": len(readings) - len(old), "days": len({t // DAY for t in old}),
            "hours": len([h for h in data["home_hours"] if h[0] < before]),
            "telegrams": len([t for t in telegrams if t < before]), "records": len([
                r for r in data["records"] if r[0] < before])}


BEFORE = {"old": 234, "new": 6, "days": 11, "hours": 235, "telegrams": 234, "records": 234}
AFTER = {"old": 11, "new": 6, "days": 11, "hours": 0, "telegrams": 0, "records": 0}


async def of_both(store, gateways):
    return [await state(store, g, m) for g, m in zip(gateways, (OWN, OTHER))]


def test_what_shows_how_somebody_lived_goes_and_what_is_billed_stays(url):
    async def scenario(store, gateways):
        assert await of_both(store, gateways) == [BEFORE, BEFORE]
        last = (await store.read(queries.meters.one, 0, OWN.text))["total_ml"]
        assert await erase(store, gateways[0].id, [OWN.text], MOVED_OUT) > 3, "in pieces"
        assert await of_both(store, gateways) == [AFTER, BEFORE]
        meter = await store.read(queries.meters.one, 0, OWN.text)
        assert meter["total_ml"] == last and (await store.read(queries.gateways.one, gateways[0].id))["name"] == ""
        assert (await store.read(queries.gateways.one, gateways[1].id))["name"] == "Fyrveien 3"
        assert await erase(store, gateways[0].id, [OWN.text], MOVED_OUT), "again: nothing more"
        assert await of_both(store, gateways) == [AFTER, BEFORE]
        # Late from the gateway's spool, and gone with the next look.
        row = await store.enrol(gateways[0].public, "home", "", NOW)
        await take(store, gateways[0], row, MOVED_OUT - 1, [wire_records.telegram(
            gateways[0].next(), MOVED_OUT - 100, -70, OWN.telegram(100_001, access=250))])
        assert (await state(store, gateways[0], OWN))["telegrams"] == 1
        await erase(store, gateways[0].id, [OWN.text], MOVED_OUT)
        assert await of_both(store, gateways) == [AFTER, BEFORE]
    run(url, scenario)


def test_a_meter_alone(url):
    async def scenario(store, gateways):
        await erase(store, None, [OWN.text], MOVED_OUT)
        both = await of_both(store, gateways)
        assert both == [{**AFTER, "hours": 235, "records": 234}, BEFORE]
        assert await erase(store, None, [], MOVED_OUT) == await erase(store, None, ["KAM-1-1"], MOVED_OUT) == 1
        assert await of_both(store, gateways) == both
    run(url, scenario)


@pytest.mark.parametrize("name,mutant", [
    ("everybody's", lambda meters: [OWN.text, OTHER.text]), ("nobody's", lambda meters: [])])
def test_the_check_sees_an_erasure_of_others_or_of_nobody(url, name, mutant):
    """Known-bad: it takes more homes, or leaves the meter."""
    async def scenario(store, gateways):
        await erase(store, gateways[0].id, mutant([OWN.text]), MOVED_OUT)
        assert await of_both(store, gateways) != [AFTER, BEFORE]
    run(url, scenario)


def test_the_check_sees_hours_that_stay(url, monkeypatch):
    """Known-bad: day rows are not thinned."""
    monkeypatch.setattr(erase_job, "_only_daily", lambda db, row, before: 0)

    async def scenario(store, gateways):
        await erase(store, gateways[0].id, [OWN.text], MOVED_OUT)
        assert (await state(store, gateways[0], OWN))["old"] == 234
    run(url, scenario)


def test_what_waits_for_keys_and_how_far_it_is(url):
    async def scenario(store, gateways):
        row = await store.enrol(gateways[0].public, "home", "", NOW)
        await take(store, gateways[0], row, NOW,
                   [wire_records.telegram(gateways[0].next(), NOW, -70, SECRET.telegram(n))
                                                  for n in range(3)])
        assert await store.read(queries.telegrams.progress, [SECRET.text, OWN.text]) == (240, 3, 0)
        pending = await store.pending(500)
        await store.settle([Settled(i, m, t, *opening.decode([key], d, {}, None))
                            for (i, m, _, t, d), key in zip(pending, (None, bytes(range(16)), SECRET.key))])
        assert await store.read(queries.telegrams.progress, [SECRET.text]) == (1, 0, 2)
        waiting = await store.read(queries.telegrams.without_key)
        assert [(r["meter"], r["state"], r["telegrams"], r["first"]) for r in waiting] == [
            (SECRET.text, 2, 1, NOW), (SECRET.text, 3, 1, NOW)]
    run(url, scenario)
