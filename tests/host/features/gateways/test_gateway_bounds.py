"""A gateway that has reached a bound of the day: its page, the lists, the API and the command say so."""

import pytest
from netti_tools.cli import main
from receiver_support import DAY, NOW, Meter, Running, make

import firmware.wire.records as wire_records
from cloud_receiver.data import bounds


@pytest.fixture
def receiver(tmp_path, monkeypatch):
    monkeypatch.setitem(bounds.KINDS, "home", bounds.HOME._replace(meters=2, other=50))
    with Running(make(tmp_path / "works")) as running:
        running.over, running.within = running.enrol(name="Fyrveien 3"), running.enrol(name="Fyrveien 4")
        running.through(running.over.telegrams([Meter(n).telegram(1) for n in range(5)]))
        events = [wire_records.event(running.over.next(), NOW, "e", "x" * 60)]
        assert running.send(running.over.batch(events)).status == 200
        assert running.send(running.over.batch([wire_records.event(7, NOW, "e", "")], first=7, last=7)).status == 429
        running.through(running.within.telegrams([Meter(n).telegram(9) for n in range(2)]))
        yield running


@pytest.mark.parametrize("language, words", [
    ("en", ("it is over its bound of the day", "new meters", "bytes that are no telegrams", "3 telegrams of new meters",
            "brings it tomorrow", "netti receiver bounds")),
    ("nb", ("over dagens grense", "nye målere", "byte som ikke er telegrammer", "3 telegrammer fra nye målere"))])
def test_its_page_says_which_and_since_when(receiver, language, words):
    text = receiver.web(f"/gateways/{receiver.over.id}?lang={language}").text
    for what in words:
        assert what in text, what
    assert words[0] not in receiver.web(f"/gateways/{receiver.within.id}?lang={language}").text


def test_lists_and_api_name_it_and_no_other(receiver):
    for path in ("/gateways?show=fault&lang=en", "/?lang=en"):
        text = receiver.web(path).text
        assert receiver.over.id in text and receiver.within.id not in text and "Over" in text
    over = receiver.web(f"/v1/gateways/{receiver.over.id}").json()["over"]
    assert over == {"bounds": ["other", "meters"], "since": "2026-11-24T07:00:00Z", "left_out": 3}
    assert receiver.web(f"/v1/gateways/{receiver.within.id}").json()["over"] is None


def test_it_is_told_no_more_when_a_day_was_within(receiver):
    receiver.clock.at += 2 * DAY
    receiver.through(receiver.over.telegrams([Meter(0).telegram(2)]))
    assert receiver.web(f"/v1/gateways/{receiver.over.id}").json()["over"] is None


def test_the_command_shows_and_gives(receiver, capsys):
    works, gateway = str(receiver.directory.path), receiver.over.id
    assert main(["receiver", "bounds", works, gateway]) == 0
    assert "home: records 200,000, " in capsys.readouterr().out
    assert main(["receiver", "bounds", works, gateway, "--times", "5"]) == 0
    out = capsys.readouterr().out
    assert "records 1,000,000, " in out and "gaps 100" in out and f"{gateway}: 5 times" in out
    assert main(["receiver", "bounds", works]) == 0
    assert "concentrator: records 3,200,000" in capsys.readouterr().out
    for wrong in (["ABCDEFGHIJKLMNOP"], [gateway, "--times", "0"], [gateway, "--times", "1001"]):
        assert main(["receiver", "bounds", works, *wrong]) == 2
        assert capsys.readouterr().err.count("\n") == 1
