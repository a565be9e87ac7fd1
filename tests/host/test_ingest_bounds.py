"""What ingest answers a gateway that has reached a bound of the day, and that nobody else is answered so."""

import asyncio
import contextlib
import threading
import time
import types

import pytest
from receiver_support import DAY, HOUR, NOW, Gateway, Meter, Running, make

import firmware.wire.records as wire_records
from cloud_receiver.data import bounds, content
from cloud_receiver.edge import bounded, verifying
from cloud_receiver.office import disk
from cloud_receiver.office.allowances import WORKS, Allowances
from cloud_receiver.office.keyfile import KeyFile
from cloud_receiver.office.office import Office
from firmware.wire import envelope


@pytest.fixture
def receiver(tmp_path):
    with Running(make(tmp_path / "works")) as running:
        yield running


def events(gateway, count=1, size=10):
    return gateway.batch([wire_records.event(gateway.next(), NOW, "e", "x" * size) for _ in range(count)])


def full(receiver, gateway, monkeypatch, **small):
    """A gateway that has reached a bound."""
    monkeypatch.setitem(bounds.KINDS, "home", bounds.HOME._replace(**small))
    assert receiver.send(events(gateway, 5)).status == 200


@pytest.mark.parametrize("name", ["records", "bytes", "other"])
def test_429_until_it_may_again(receiver, monkeypatch, name):
    gateway, neighbour = receiver.enrol(), receiver.enrol()
    full(receiver, gateway, monkeypatch, **{name: 3})
    body = events(gateway)
    answer = receiver.send(body)
    assert (answer.status, answer.text) == (429, f"over the bound of {name} for today\n")
    assert answer.headers["Retry-After"] == str(HOUR)
    # Told so again before its records are read, but for an empty batch: it gets the time and its orders.
    monkeypatch.setattr(verifying, "Content", None)
    assert receiver.send(body).status == 429
    monkeypatch.setattr(verifying, "Content", content.Content)
    assert receiver.send(gateway.batch([])).status == 200
    monkeypatch.setitem(bounds.KINDS, "home", bounds.HOME)
    assert receiver.send(events(neighbour)).status == 200
    receiver.clock.at += HOUR
    assert receiver.through(body) == 6


def test_the_wait_ends_with_the_day(receiver, monkeypatch):
    receiver.clock.at = NOW - NOW % DAY + DAY - 100
    gateway = receiver.enrol()
    full(receiver, gateway, monkeypatch, records=3)
    body = events(gateway)
    assert receiver.send(body).headers["Retry-After"] == "100"
    receiver.clock.at += 100
    assert receiver.through(body) == 6


def test_409_for_gaps_out_of_number_and_it_numbers_anew(receiver, monkeypatch):
    gateway = receiver.enrol()
    full(receiver, gateway, monkeypatch, gaps=2)
    holes = [wire_records.event(seq, NOW, "e", "") for seq in range(7, 20, 2)]
    answer = receiver.send(gateway.batch(holes, first=7, last=19))
    assert answer.status == 409 and "gaps" in answer.text and "Retry-After" not in answer.headers
    gateway.epoch, gateway.seq = bytes(8), 0
    assert receiver.through(events(gateway, 7)) == 7


def test_an_operator_gives_a_gateway_more_and_the_running_receiver_takes_it_up(receiver, monkeypatch, tmp_path):
    gateway = receiver.enrol()
    full(receiver, gateway, monkeypatch, records=5)
    body = events(gateway)
    assert receiver.send(body).status == 429
    with contextlib.closing(KeyFile(receiver.directory.keys)) as file:
        Allowances(file).give(gateway.id, 3, NOW)
    end = time.monotonic() + 30
    while receiver.receiver.office.allowances.times(gateway.id) != 3:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert receiver.send(body).status == 429, "it was told to come in an hour"
    receiver.clock.at += HOUR
    assert receiver.through(body) == 6


def test_what_a_gateway_is_given(tmp_path):
    with contextlib.closing(KeyFile(tmp_path / "keys.sqlite")) as file:
        given = Allowances(file)
        assert given.times("A") == 1
        given.give(WORKS, 2, NOW)
        given.give("A", 5, NOW)
        assert (given.times("A"), given.times("B")) == (5, 2)
        given.give("A", 1, NOW)
        assert Allowances(file).times("A") == 2
        for times in (0, -1, bounds.MOST_TIMES + 1):
            with pytest.raises(ValueError):
                given.give("A", times, NOW)


def test_every_bound_that_refuses_has_an_answer():
    for name in bounds.ANSWERS:
        assert name in bounds.Bounds._fields
        refusal = bounded.Pace().reached(name, NOW)
        assert refusal.status == bounds.ANSWERS[name] and (refusal.retry is None) == (refusal.status == 409)
    assert all(getattr(b, name) > 0 for b in bounds.KINDS.values() for name in b._fields)
    assert bounds.names(bounds.bit("gaps") | bounds.bit("records")) == ["records", "gaps"]


def test_what_an_honest_gateway_sends_at_most_is_within():
    """The arithmetic of data/bounds.py, by the firmware's own figures."""
    home, large = bounds.HOME, bounds.LARGE
    ring, values, telegram = 4 << 20, 512 << 10, 60
    a_day = 300 * (24 + 16)
    records = 2 * ring // telegram + a_day
    size = 2 * (ring + values) + 100 * a_day + 96 * 600 + 300 * 40
    assert records < home.records and size * 1.1 < home.bytes and 2 * values + 96 * 600 + 300 * 40 < home.other
    assert 16 * records < large.records and 16 * size < large.bytes


def test_a_batch_with_a_seq_beyond_all_is_refused_and_no_start_fails(tmp_path):
    directory = make(tmp_path / "works")
    with Running(directory) as running:
        gateway = running.enrol()
        for first, last in ((1 << 62, (1 << 62) + 5), (1, 1 << 48), ((1 << 63) - 2, (1 << 63) - 1)):
            answer = running.send(gateway.batch([], first=first, last=last))
            assert answer.status == 400 and "head" in answer.text
        top = (1 << 48) - 1
        assert running.send(gateway.batch([wire_records.event(top, NOW, "e", "")], first=top, last=top)).status == 200
    with Running(directory) as running:
        assert running.gateway(gateway.id)["epochs"][0]["through"] == top


def test_thousands_of_gaps_leave_few_orders(receiver):
    gateway = receiver.enrol(Gateway())
    with Office(receiver.directory) as office:
        for n in range(50):
            office.orders.rewind(gateway.id, bytes(8), n, None, NOW)
        assert len(office.orders.open(gateway.id)) == 8
    body = receiver.send(gateway.telegrams([Meter(1).telegram(1)])).body
    assert len(envelope.open_answer(body).commands) <= 16


# --- one gateway at full rate

def test_one_batch_of_a_gateway_is_under_way_and_no_stranger_takes_its_turn(receiver, monkeypatch):
    gateway, neighbour = receiver.enrol(), receiver.enrol()
    store, held = receiver.receiver.store.store_batch, threading.Event()
    arrived = threading.Event()

    async def slow(*arguments):
        arrived.set()
        while not held.is_set():
            await asyncio.sleep(0.01)
        return await store(*arguments)

    monkeypatch.setattr(receiver.receiver.store, "store_batch", lambda *a: slow(*a))
    first, second, empty = events(gateway), events(gateway), gateway.batch([])
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(receiver.send(first).status))
    waiting.start()
    assert arrived.wait(30)
    answer = receiver.send(second)
    assert (answer.status, answer.text, answer.headers["Retry-After"]) == (429, "one batch at a time\n", "1")
    monkeypatch.setattr(receiver.receiver.store, "store_batch", store)
    assert receiver.send(events(neighbour)).status == 200 and receiver.send(empty).status == 200
    held.set()
    waiting.join()
    assert answers == [200]
    forged = second[:-1] + bytes((second[-1] ^ 1,))
    for _ in range(3):
        assert receiver.send(forged).status == 403
    assert receiver.through(second) == 2


def test_a_turn_ends_though_nobody_waits_for_it_any_more(receiver, monkeypatch):
    gateway, verified = receiver.enrol(), []
    body, ingest = events(gateway), receiver.receiver.devices.ingest
    verify = ingest._verifier.verify

    def noted(*batch):
        verified.append(verify(*batch))
        return verified[-1]
    monkeypatch.setattr(ingest._verifier, "verify", noted)

    async def given_up():
        opened = ingest._open_envelope(body)
        enrolled = ingest._gateways.get(opened.kid) or await ingest._look_up(opened.kid, "")
        waiting = asyncio.ensure_future(ingest._verify(body, opened, enrolled))
        await asyncio.sleep(0)
        [verifying] = verified
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        await verifying  # its thread has begun the turn by then
        await asyncio.sleep(0)
        assert not enrolled.pace.under_way

    receiver.run(asyncio.wait_for(given_up(), 30))
    assert receiver.through(body) == 1


def test_a_batch_that_is_refused_ends_its_turn(receiver):
    gateway = receiver.enrol()
    many = gateway.batch([b"\x80"] * 501, first=1, last=501)
    for _ in range(2):
        assert receiver.send(many).status == 413
    assert receiver.through(gateway.batch([wire_records.event(1, NOW, "e", "")], first=1, last=1)) == 1


def test_records_are_not_read_of_a_gateway_that_comes_too_often(receiver, monkeypatch):
    gateway = receiver.enrol()
    ingest = receiver.receiver.devices.ingest
    bodies = [events(gateway) for _ in range(2)]
    assert receiver.through(bodies[0]) == 1
    monkeypatch.setattr(ingest.by_gateway, "_levels", {gateway.id: (0.0, time.monotonic() + 3600)})
    monkeypatch.setattr(verifying, "Content", None)
    answer = receiver.send(bodies[1])
    assert (answer.status, answer.text) == (429, "too many batches\n")


def test_what_the_writer_refuses_costs_a_gateway_many_batches(receiver, monkeypatch):
    monkeypatch.setitem(bounds.KINDS, "home", bounds.HOME._replace(epochs=1))
    gateway = receiver.enrol()
    monkeypatch.setattr(receiver.receiver.devices.ingest.by_gateway, "rate", 1e-9)
    assert receiver.through(events(gateway)) == 1
    statuses = []
    for n in range(12):
        gateway.epoch, gateway.seq = bytes((n,)) * 8, 0
        statuses.append(receiver.send(events(gateway)).text.strip())
    assert statuses[0] == "over the bound of epochs for today" and statuses[-1] == "too many batches"


# --- a disk that fills

def disk_of(monkeypatch, free):
    """Every disk has so much room: a share of 100 GiB."""
    monkeypatch.setattr(disk, "LOOK_S", 0.0)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: types.SimpleNamespace(total=100 << 30, free=free << 30))


def test_a_disk_that_fills_stops_gateways_before_it_is_full(receiver, monkeypatch):
    gateway = receiver.enrol()
    body = events(gateway)
    disk_of(monkeypatch, 4)
    assert "nearly full" in receiver.web("/?lang=en").text and "nesten full" in receiver.web("/?lang=nb").text
    assert receiver.through(body) == 1, "it is told to people first"
    disk_of(monkeypatch, 1)
    body = events(gateway)
    answer = receiver.send(body)
    assert (answer.status, answer.text, answer.headers["Retry-After"]) == (503, "no room on the disk\n", "600")
    assert "The disk is full" in receiver.web("/?lang=en").text
    disk_of(monkeypatch, 90)
    assert receiver.through(body) == 2 and "disk" not in receiver.web("/?lang=en").text


@pytest.mark.parametrize("total, least", [(10 << 30, (10 << 30) * 0.02), (1000 << 30, 2 << 30)])
def test_how_much_room_there_must_be(monkeypatch, total, least):
    for free, full in ((least - 1, True), (least + 1, False)):
        monkeypatch.setattr(disk.shutil, "disk_usage",
                            lambda path, free=free: types.SimpleNamespace(total=total, free=free))
        found = disk.Disk("/")
        assert found.full() is full and found.nearly_full()
    looks = []
    monkeypatch.setattr(disk.shutil, "disk_usage",
                        lambda path: looks.append(path) or types.SimpleNamespace(total=1, free=1))
    found = disk.Disk("/")
    assert not any(found.full() or found.nearly_full() for _ in range(100)) and len(looks) == 1
