"""The thin path: enrol, send, decode, ask."""

import pytest
from receiver_support import NOW, Gateway, Meter, Running, make

import firmware.batch as batch


@pytest.fixture
def receiver(tmp_path):
    with Running(make(tmp_path / "works")) as running:
        yield running


def test_enrolled_gateway_delivers_and_the_meter_is_read(receiver):
    gateway = receiver.enrol(name="Fyrveien 3")
    meter = Meter(12345678, key=bytes(range(16)))
    receiver.put_key(meter)
    assert receiver.through(gateway.telegrams([meter.telegram(123456)], time=NOW - 60, rssi=-71)) == 1
    assert receiver.wait_for(lambda s: s["decoded"] == 1)["telegrams"] == 1
    [m] = receiver.json("/v1/meters")["meters"]
    assert (m["id"], m["key"], m["total_m3"], m["heard_by"]) == ("KAM-12345678-1B-16", "known", 123.456, 1)
    assert m["last_heard"] == m["read_at"] == "2026-11-24T06:59:00Z"
    r = receiver.json(f"/v1/meters/{m['id']}/readings")
    assert r["readings"] == [{"time": "2026-11-24T06:59:00Z", "total_m3": 123.456}]
    [g] = receiver.json("/v1/gateways")["gateways"]
    assert (g["id"], g["kind"], g["name"], g["last_contact"]) == (gateway.id, "home", "Fyrveien 3",
                                                                  "2026-11-24T07:00:00Z")
    assert [(e["epoch"], e["through"], e["gaps"]) for e in g["epochs"]] == [(gateway.epoch.hex(), 1, [])]


def test_the_answer_carries_time_and_an_empty_batch_gets_one(receiver):
    gateway = receiver.enrol()
    answer = batch.open_answer(receiver.send(gateway.batch([])).body)
    assert answer == batch.Answer(gateway.epoch, 0, NOW, [])
    assert receiver.send(Gateway().batch([])).status == 401
