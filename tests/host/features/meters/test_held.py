"""Readings held back: on the meter's page, in the lists and the API; decided there and from the command line; each
decision in the log."""

import json
import re
import subprocess
import time
import urllib.parse

import pytest
from access_rig import Town
from receiver_support import DAY, HOUR, NOW, Meter, Process, Running, make

HELD = ((NOW + HOUR, 12_000), (NOW + 2 * HOUR, 12_050), (NOW + 3 * HOUR, 12_090))
LATER = NOW + 4 * HOUR


@pytest.fixture
def town(tmp_path):
    """A meter read every hour for three days, then set anew."""
    with Running(make(tmp_path / "works"), public_name="vann.example") as running:
        town = Town(running, meter=Meter(12345678), step=10)
        running.clock.at = LATER
        for n, (at, litres) in enumerate(HELD):
            running.through(town.gateway.telegrams([town.meter.telegram(litres, access=100 + n)], time=at + 9))
        running.wait_for(lambda s: s["held"] == 3)
        yield town


def change(town, asking, status=303, **form):
    body = urllib.parse.urlencode({"csrf": town.csrf(asking), **form})
    answer = town.ask(asking, f"/meters/{town.meter.text}", "POST", body)
    assert answer.status == status, answer.text
    return answer


def held(town, asking="token:operations"):
    return json.loads(town.ask(asking, f"/v1/meters/{town.meter.text}/held").text)


def total(town):
    return json.loads(town.ask("token:operations", f"/v1/meters/{town.meter.text}").text)["total_m3"]


def log(town):
    return [(line.who, line.what, line.subject) for line in town.audit()[::-1] if line.what != "hours"]


def test_they_are_shown_and_change_nothing(town):
    before = 4_200_000 + 71 * 10
    assert total(town) == before / 1000
    told = held(town)
    assert [(h["reason"], h["total_m3"]) for h in told["held"]] == [("backwards", 12.09), ("backwards", 12.05),
                                                                    ("backwards", 12.0)]
    assert told["goes_on"] is False
    page = town.ask("operations", f"/meters/{town.meter.text}").text
    assert "3 readings are held back" in page and "12.090" in page and "The total goes back" in page
    assert 'value="accept"' in page and "With readings held back" in town.ask("operations", "/meters").text
    assert town.meter.text in town.ask("operations", "/meters?show=held").text
    reader = town.ask("reader", f"/meters/{town.meter.text}").text
    assert "3 readings are held back" in reader and "12.090" not in reader and 'value="accept"' not in reader
    readings = json.loads(town.ask("token:operations", f"/v1/meters/{town.meter.text}/readings").text)["readings"]
    assert min(r["total_m3"] for r in readings) > 4000


def test_one_accepted_is_the_meters_and_the_others_follow(town):
    number = held(town)["held"][-1]
    form = {"do": "accept", "telegram": number["telegram"], "time": HELD[0][0] + 9}
    change(town, "operations", **form)
    town.receiver.wait_for(lambda s: s["held"] == 0 and s["pending"] == 0)
    assert total(town) == 12.09 and held(town)["held"] == []
    assert log(town) == [("operations", "reading accepted", town.meter.text)]
    change(town, "operations", **form)
    assert total(town) == 12.09, "once"


def test_one_refused_is_gone(town):
    for n, h in enumerate(held(town)["held"]):
        change(town, "administrator", do="refuse", telegram=h["telegram"], time=HELD[2 - n][0] + 9)
    told = held(town)
    assert told["held"] == [] and told["refused"] == 3 and total(town) == 4200.71
    assert log(town) == [("administrator", "reading refused", town.meter.text)] * 3


def test_who_may_not_decides_nothing(town):
    number = held(town)["held"][0]
    for role in ("reader", "installer", "homeowner"):
        change(town, role, 403, do="accept", telegram=number["telegram"], time=HELD[2][0] + 9)
    body = urllib.parse.urlencode({"do": "accept", "telegram": number["telegram"], "time": HELD[2][0] + 9})
    assert town.ask("operations", f"/meters/{town.meter.text}", "POST", body).status == 403, "no CSRF token"
    for wrong in ({"do": "accept"}, {"do": "q4", "telegram": "1", "time": "1"}, {"do": "accept", "telegram": "9" * 30,
                  "time": "x"}, {}):
        change(town, "operations", 400, **wrong)
    assert len(held(town)["held"]) == 3 and log(town) == []


def test_nothing_is_decided_that_the_log_cannot_have(town):
    number = held(town)["held"][0]
    form = {"do": "refuse", "telegram": number["telegram"], "time": HELD[2][0] + 9}
    csrf = urllib.parse.urlencode({"csrf": town.csrf("operations"), **form})
    town.receiver.receiver.site.accounts.audit.wait_s = 0.1
    with town.receiver.people() as people:
        people.db.execute("BEGIN IMMEDIATE")
        assert town.ask("operations", f"/meters/{town.meter.text}", "POST", csrf).status == 503
        people.db.execute("ROLLBACK")
    assert len(held(town)["held"]) == 3


def test_the_same_from_the_command_line(town):
    where, clock = town.receiver.directory.path, ("--simulated-clock", f"{time.time():.0f}:{LATER}:0.000001")

    def netti(action, *arguments, status=0):
        done = subprocess.run([Process.NETTI, "meter", action, str(where), town.meter.text, *map(str, arguments),
                               *clock], capture_output=True, text=True)
        assert done.returncode == status and "Traceback" not in done.stderr, done.stderr
        return done.stdout if not status else done.stderr

    lines = netti("held").splitlines()
    assert len(lines) == 3 and re.match(r" *\d+  2026-11-24T10:00:09Z +12\.090 m³  backwards$", lines[0]), lines
    numbers = [h["reading"] for h in json.loads(netti("held", "--json"))]
    assert "no reading 999999" in netti("accept", 999_999, status=2)
    assert "give the number" in netti("refuse", status=2) and "Q4" in netti("q4", -1, status=2)
    netti("refuse", numbers[0])
    town.receiver.wait_for(lambda s: s["held"] == 2)
    netti("accept", numbers[1], "--correct")  # all that was before was not the meter's
    town.receiver.wait_for(lambda s: s["held"] == 0 and s["pending"] == 0)
    assert total(town) == 12.05
    readings = json.loads(town.ask("token:operations", f"/v1/meters/{town.meter.text}/readings").text)["readings"]
    assert [r["total_m3"] for r in readings] == [12.0, 12.05]
    netti("refuse", "--from", NOW - DAY, "--to", LATER)
    netti("q4", 4)
    netti("replaced", "--at", LATER - 60)
    town.receiver.wait_for(lambda s: s["refused"] >= 3)
    assert [what for _, what, _ in log(town)] == ["reading refused", "readings corrected", "readings withdrawn",
                                                  "meter's Q4 set", "meter replaced"]
