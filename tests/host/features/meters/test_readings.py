"""Readings over the API: one meter's by the hour."""

import pytest
from receiver_support import HOUR, NOW, Meter, Running, make

import firmware.wire.records as records


@pytest.fixture
def receiver(tmp_path):
    with Running(make(tmp_path / "works")) as running:
        yield running


def test_readings_by_period(receiver):
    gateway, meter = receiver.enrol(), Meter(12345678)
    receiver.through(gateway.batch([records.telegram(gateway.next(), NOW - n * HOUR, -70, meter.telegram(100_000 - n))
                                    for n in range(50)]))
    receiver.wait_for(lambda s: s["decoded"] == 50)

    def ask(query):
        return receiver.web(f"/v1/meters/{meter.text}/readings{query}")

    assert len(ask("").json()["readings"]) == 50
    some = ask("?from=2026-11-23T07:00:00Z&to=2026-11-23T10:00:00Z").json()
    assert [r["time"] for r in some["readings"]] == ["2026-11-23T07:00:00Z", "2026-11-23T08:00:00Z",
                                                     "2026-11-23T09:00:00Z"]
    assert ask(f"?from={NOW - 3600}&to={NOW}").json()["readings"] == [
        {"time": "2026-11-24T06:00:00Z", "total_m3": 99.999}]
    assert ask("?from=2026-11-24&to=2026-11-23").json()["readings"] == []
    for bad in ("?from=yesterday", "?to=9999999999999999", "?from=2020-01-01&to=2026-01-01", "?from=nan"):
        assert ask(bad).status == 400, bad
