"""The overview: what to do, and what comes first."""

import pytest
from pages_rig import filled
from receiver_support import NOW, Running, make

from cloud_receiver.features.overview import items
from cloud_receiver.office.office import Office
from cloud_receiver.stores import queries


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    with filled(tmp_path_factory.mktemp("pages")) as running:
        yield running


def test_the_overview_tells_what_to_do(receiver, tmp_path):
    text = receiver.web("/?lang=en").text
    for what in ("Sent two versions", "Key is missing", "Key is wrong", "Silent for 2 days", "low battery",
                 "Enrolled, not heard from yet"):
        assert what in text, what
    with Running(make(tmp_path / "works")) as empty:
        assert "netti receiver token" in empty.web("/?lang=en").text
        empty.enrol()
        assert "Enrolled, not heard from yet" in empty.web("/?lang=en").text


def test_attention_puts_the_worst_first():
    gateway = {"id": "G", "name": "", "last_contact": NOW, "epochs": [{"equivocations": 0, "lost": 3, "gaps": []}]}
    meter = {"id": "M", "alarms": [{"alarm": "burst", "since": NOW}], "key": "known", "last_heard": NOW}
    tired = dict(meter, id="N", alarms=[{"alarm": "low_battery", "since": NOW}])
    worst = items.sorted_items(items.gateway_items([gateway], {}, NOW)
                               + items.meter_items([tired, meter], NOW))
    assert [(i.level, i.id) for i in worst] == [("bad", "M"), ("warn", "G"), ("warn", "N")]
    assert items.gateway_items([gateway], {"G": NOW}, NOW) == []


def test_counts_are_bounded_and_say_where_they_stop(listed, monkeypatch):
    exact = listed.json("/v1/summary")
    assert exact["about"] == [] and exact["telegrams"] == exact["decoded"] + exact["no_key"] + exact["wrong_key"]
    monkeypatch.setattr(queries.summary, "MOST_COUNTED", 1)
    answer = listed.json("/v1/summary")
    assert {"telegrams", "decoded", "no_key", "wrong_key", "undecodable", "meters"} <= set(answer["about"])
    assert answer["telegrams"] == exact["telegrams"], "by the rows' numbers"
    assert answer["meters"] == answer["no_key"] + answer["wrong_key"] == 1
    assert "1+" in listed.web("/?lang=en").text, "of the two that are not decoded"


def test_a_revoked_gateway_needs_no_attention(listed):
    gone = listed.enrol(name="Borte")
    assert "Borte" in listed.web("/").text, "enrolled, not heard from yet"
    with Office(listed.directory) as office:
        office.enrolled.revoke(gone.id, NOW)
    listed.wait_for_answer(lambda: gone.id in listed.receiver.office.enrolled.revoked())
    assert "Borte" not in listed.web("/").text
