"""The overview: what to do, and what comes first."""

import pytest
from pages_rig import filled
from receiver_support import NOW, Running, make

from cloud_receiver.features.overview import items


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
