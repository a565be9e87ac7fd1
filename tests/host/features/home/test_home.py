"""A home's own page: its own water, its electricity if shared, nothing of others, nothing from before its residents."""

import re
import subprocess

import pytest
from pages_rig import filled
from receiver_support import DAY, HOUR, NOW, Meter, Process, Running, make

import firmware.wire.records as wire_records
from cloud_receiver.data import usage
from cloud_receiver.features.home import power
from cloud_receiver.office.office import Office

OWN, NEIGHBOUR = Meter(12345678), Meter(87654321)


@pytest.fixture
def receiver(tmp_path):
    with Running(make(tmp_path / "works")) as running:
        running.gateway = running.enrol(name="Fyrveien 3")
        running.other = running.enrol(name="Fyrveien 5")
        records = []
        for n in range(72):
            for meter, rate in ((OWN, 12), (NEIGHBOUR, 777)):
                records.append(wire_records.telegram(running.gateway.next(), NOW - (71 - n) * HOUR, -70,
                                              meter.telegram(100_000 + n * rate)))
        running.through(running.gateway.batch(records))
        running.wait_for(lambda s: s["decoded"] == 144)
        yield running


def bound(receiver, meter=OWN, gateway=None):
    office = Office(receiver.directory)
    office.homes.bind((gateway or receiver.gateway).id, meter.text, NOW)
    office.close()


def link(receiver, gateway=None, *more):
    done = subprocess.run([Process.NETTI, "receiver", "home", receiver.directory.path, (gateway or receiver.gateway).id,
                           *more], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    url = done.stdout.strip()
    assert url.startswith(f"http://127.0.0.1:{receiver.web_port}/home/")
    return url[url.index("/home/"):]


def hours(receiver, gateway, wh, count=30):
    receiver.through(gateway.batch([wire_records.han_hour(gateway.next(), NOW, (NOW // HOUR - 1 - n) * HOUR, wh, 0,
                                                          False)
                                    for n in range(count)]))


def page(receiver, path, language="en"):
    answer = receiver.web(path, headers={"Accept-Language": language})
    assert answer.status == 200
    return answer.text.replace("\xa0", " ")


def since(receiver, at):
    office = Office(receiver.directory)
    office.file.db.execute("UPDATE homes SET since = ?", (at,))
    office.close()


def test_own_water_today_and_this_month(receiver):
    bound(receiver)
    path = link(receiver)
    since(receiver, NOW - 30 * DAY)
    text = page(receiver, path)
    assert ">96 <small>l</small>" in text, "eight hours of twelve litres today"
    assert ">0.9 <small>m³</small>" in text and "Your electricity stays in the house." in text
    assert "Electricity</h2>" not in text and NEIGHBOUR.text not in text and "777" not in text
    nb = page(receiver, path, "nb")
    assert "Strømforbruket blir i huset." in nb and ">0,9 <small>m³</small>" in nb


def test_electricity_is_the_homes_own_and_only_where_shared(receiver):
    hours(receiver, receiver.gateway, 2000)
    hours(receiver, receiver.other, 4321)
    path = link(receiver)
    since(receiver, NOW - 30 * DAY)
    text = page(receiver, path)
    assert ">16.0 <small>kWh</small>" in text and ">60 <small>kWh</small>" in text
    assert "4.3" not in text and "to this page alone: your electricity per hour" in text
    assert "has not yet said which water meter is yours" in text


def test_nothing_from_before_the_residents_moved_in(receiver):
    bound(receiver)
    hours(receiver, receiver.gateway, 2000)
    hours(receiver, receiver.other, 4321, 7)
    first = link(receiver)
    since(receiver, NOW - 30 * DAY)
    assert "<td class=\"num\">288</td>" in page(receiver, first)
    second = link(receiver, None, "--new-resident")
    assert receiver.web(first).status == 404, "the former residents' link has ended"
    receiver.wait_for(lambda s: s["home_hours"] == 7)  # their electricity is wiped, other homes' is not
    since(receiver, NOW - 3 * HOUR)
    text = page(receiver, second)
    assert ">36 <small>l</small>" in text and "kWh" not in text
    hours(receiver, receiver.gateway, 2000, 3)
    assert ">6.0 <small>kWh</small>" in page(receiver, second)
    assert "<td class=\"num\">288</td>" not in text
    third = link(receiver)
    assert receiver.web(second).status == 404 and ">36 <small>l</small>" in page(receiver, third)


def test_a_secret_is_needed_and_cannot_be_guessed_at_leisure(receiver):
    path = link(receiver)
    assert len(path) > 35
    for wrong in ("/home/", "/home/x", path[:-1], path + "x", f"/home/{receiver.gateway.id}"):
        assert receiver.web(wrong).status == 404, wrong
    for _ in range(40):
        last = receiver.web("/home/guess").status
    assert last == 429


def test_the_secret_is_not_kept(receiver):
    path = link(receiver)
    assert path.rsplit("/", 1)[1].encode() not in receiver.directory.keys.read_bytes()


def test_power_adds_up_over_the_clock_change():
    days = usage.day_bounds(usage.local(1793100000).date(), 3)
    every = [(h, 1000, 0, 0) for h in range(days[0], days[3], HOUR)]
    parts = power.power(every, days, days[0])
    assert [d // 1000 for d in parts["days"]] == [(b - a) // HOUR for a, b in zip(days, days[1:])]
    assert parts["month"] == len(every) * 1000


def test_a_homeowner_sees_the_own_home_alone(town):
    text = town.ask("homeowner", "/home").text.replace("\xa0", "").replace(",", "")
    assert "3918" in text and "audit" not in text and 'href="/meters"' not in text
    assert town.ask("homeowner", "/", Accept="text/html").headers["Location"] == "/home"


def test_a_homes_link_needs_no_session_and_a_guesser_blocks_only_himself(town):
    receiver, public, path = town.receiver, {"Host": town.host}, f"/home/{town.secret}"
    guesser = {**public, "X-Forwarded-For": "10.0.0.1, 198.51.100.7"}
    for _ in range(40):
        last = receiver.web("/home/guess", headers=guesser).status
    assert last == 429
    assert receiver.web(path, headers={**public, "X-Forwarded-For": "198.51.100.7, 203.0.113.5"}).status == 200


@pytest.mark.parametrize("language, stays", [("nb", "Strømforbruket blir i huset."),
                                             ("en", "Your electricity stays in the house.")])
def test_one_line_says_what_leaves_the_house(tmp_path, language, stays):
    def line(running, home):
        text = running.web(f"{home}?lang={language}").text
        [section] = re.findall(r'<section class="card notice privacy">.*?</section>', text, re.S)
        [match] = re.findall(r"<p>(.*?)</p>", section, re.S)
        assert len(match) < 170
        return match
    with filled(tmp_path / "shares") as receiver:
        assert stays not in line(receiver, receiver.home), "this home shares it"
    with Running(make(tmp_path / "works")) as other:
        gateway = other.enrol()
        with Office(other.directory) as office:
            home = "/home/" + office.homes.make_link(gateway.id, NOW - DAY)
        assert stays in line(other, home)
