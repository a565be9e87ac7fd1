"""The simulated street: repeatable, as busy and as lossy as it says, and honest about what it delivered."""

import asyncio
from collections import Counter

from netti_tools.commands import simulate
from netti_tools.simulate import han_encoder
from netti_tools.simulate.clock import SimulatedClock, from_triple
from netti_tools.simulate.meters import Meter
from netti_tools.simulate.radio import path_loss
from netti_tools.simulate.serve import Server
from netti_tools.simulate.street import DAMAGED, Street
from netti_tools.simulate.truth import Truth

import han_reader
import wmbus
from firmware.radios import bursts, rtlwmbus

START = 1_795_500_000 // 3600 * 3600 - 480
HOURS_2 = 7200


def run(street):
    """Run a street as fast as it goes: (truth, receptions, HAN lists by (site, which))."""
    truth, receptions, lists = Truth(), [], Counter()
    for due in street.schedule():
        if isinstance(due.source, Meter):
            sent, arrived = street.transmit(due.source, due.at, truth)
            receptions.append((sent, arrived))
        else:
            street.push(due.source, due.which, due.at)
            lists[due.source, due.which] += 1
    return truth, receptions, lists


def test_the_same_seed_is_the_same_street():
    def telegrams(seed):
        return [(s.data, s.at) for s in run(Street(seed, START, START + 600))[0].sent]
    first = telegrams(5)
    assert first == telegrams(5)
    assert first != telegrams(6)


def test_the_same_seed_is_the_same_street_at_any_time_of_day():
    def what(start):
        street = Street(5, start, start + 600)
        return [(m.text, m.key) for m in street.meters], street.sites, [h.people for h in street.homes]
    assert what(START) == what(START + 5 * 3600)


def test_the_street_is_what_it_promises():
    for seed in (1, 2, 3):
        street = Street(seed, START, START + HOURS_2)
        truth, receptions, lists = run(street)
        water = street.water_meters()
        assert len(water) >= 30
        assert len({m.model.make for m in water if m.key}) >= 6
        assert len({m.key for m in street.meters if m.key}) == len([m for m in street.meters if m.key])
        assert {m.model.kind for m in street.meters if not m.is_water} >= {0x02, 0x04}
        assert {s.han for s in street.sites if s.han} == {"aidon", "kaifa", "kamstrup"}
        assert len(truth.sent) >= 1000
        # One telegram of a meter is never the bytes of another: what is stored can be traced.
        assert all(len(same) == 1 for same in truth.by_data.values())
        heard_by = Counter(len({a.site.name for a in arrived}) for _, arrived in receptions)
        assert heard_by[0] and heard_by[2] + heard_by[3] > len(receptions) / 10
        bursts_in = [a for _, arrived in receptions for a in arrived]
        assert DAMAGED * 0.6 < sum(not a.good for a in bursts_in) / len(bursts_in) < DAMAGED * 1.5
        assert all(-110 <= a.rssi <= -30 for a in bursts_in)


def test_han_intervals_are_those_of_the_makes():
    street = Street(1, START, START + HOURS_2)
    lists = run(street)[2]
    for site in street.sites:
        if site.han:
            dialect = han_encoder.DIALECTS[site.han]
            assert abs(lists[site, 2] - HOURS_2 / dialect.list_every) <= 1
            assert lists[site, 3] == 2
            if dialect.power_every:
                assert abs(lists[site, 1] - HOURS_2 / dialect.power_every) <= 1


def test_people_use_more_in_the_morning_and_evening_than_at_night():
    street = Street(3, START, START + HOURS_2)
    midnight = (START - 86400) // 86400 * 86400 - 3600  # local: normal time

    def used(of, first, last):
        return sum(of(home, midnight + last * 3600) - of(home, midnight + first * 3600) for home in street.homes)

    for of in (lambda home, at: home.registers(at).total_l, lambda home, at: home.import_wh(at)):
        night = used(of, 1, 5) / 4
        assert used(of, 6, 9) / 3 > 1.5 * night
        assert used(of, 17, 21) / 4 > 1.5 * night
    people = sum(home.people for home in street.homes)
    assert 90 < used(lambda home, at: home.registers(at).total_l, 0, 24) / people < 220


def test_registers_never_run_backwards():
    street = Street(4, START, START + HOURS_2)
    for home in street.homes[:8]:
        marks = [(home.registers(at).total_l, home.import_wh(at)) for at in range(START, START + HOURS_2, 60)]
        assert marks == sorted(marks) and marks[0] != marks[-1]


def test_path_loss_grows_with_distance():
    assert path_loss(1) == 31
    assert path_loss(100) - path_loss(10) == 30


def test_the_clock_triple():
    clock = SimulatedClock(1000.0, 5000, 60, real=lambda: 1010.0)
    assert clock.now() == 5600 and clock.until(6200) == 10
    assert from_triple(clock.triple()).triple() == clock.triple() == "1000.000:5000:60"


def test_what_the_ports_deliver_is_what_the_truth_says():
    """Real sockets, the firmware's own radio drivers and the project's own HAN reader at the other end."""
    async def listen(port, data):
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
        while chunk := await reader.read(65536):
            data.append(chunk)
        writer.close()

    async def go():
        import time
        street = Street(8, START, START + 900)
        truth = Truth()
        server = Server(street, SimulatedClock(time.time() + 0.3, START, 450), truth)
        await server.listen()
        got = {key: [] for key in [*server.radios, *server.han]}
        tasks = [asyncio.create_task(listen(port, got[key])) for key, port in [*server.radios.items(),
                                                                               *server.han.items()]]
        await server.run()
        await asyncio.sleep(0.3)
        server.close()
        await asyncio.gather(*tasks)
        return street, truth, {key: b"".join(chunks) for key, chunks in got.items()}, server

    street, truth, got, server = asyncio.run(go())
    assert server.damaged >= 1
    for site in street.sites:
        for r, radio in enumerate(site.radios):
            driver = {"bursts": bursts, "rtlwmbus": rtlwmbus}[radio.driver].Radio()
            telegrams = [(bytes(telegram), rssi) for telegram, rssi in driver.feed(got[site.name, r])]
            mine = [d for d in truth.deliveries if (d.site, d.radio) == (site.name, r)]
            assert [t for t, _ in telegrams] == [d.sent.data for d in mine if d.good]
            assert driver.rejected == sum(not d.good for d in mine)
            if radio.driver == "bursts":
                assert [rssi for _, rssi in telegrams] == [d.rssi for d in mine if d.good]
        if site.han:
            reader = han_reader.Reader()
            messages = reader.feed(got[site.name])
            assert len(messages) == sum(row[0] == site.name for row in truth.lists)
            hourly = [r for r in map(han_reader.decode, messages) if "import_kwh" in r]
            wanted = [wh for (home, _), wh in truth.registers.items() if home == site.home]
            assert [round(r["import_kwh"] * 1000) for r in hourly] == wanted
    water = [d.sent for d in truth.deliveries if d.good and d.sent.litres is not None]
    assert water and all(wmbus.meter_text(wmbus.meter(s.data)) for s in water)


def test_files_of_an_offline_run(tmp_path, capsys):
    from netti_tools.cli import main
    assert main(["simulate", "--offline", "--hours", "0.5", "--out", str(tmp_path)]) == 0
    assert "40 water meters" in capsys.readouterr().out
    telegrams = (tmp_path / "telegrams.hex").read_text().split()
    assert all(wmbus.meter(bytes.fromhex(t)) for t in telegrams) and len(telegrams) > 500
    keys = (tmp_path / "keys.csv").read_text().splitlines()
    assert keys[0] == "meter;key" and len(keys) > 30
    assert len((tmp_path / "truth.jsonl").read_text().splitlines()) >= len(telegrams)
    assert (tmp_path / "han-kaifa.bin").stat().st_size and (tmp_path / "rtlwmbus.csv").stat().st_size


def test_bad_input_is_one_line(capsys):
    from netti_tools.cli import main
    for bad in (["--homes", "3"], ["--scale", "0"], ["--dialects", "aidon,klingon"], ["--offline"]):
        assert main(["simulate", *bad]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
    assert "netti simulate" in simulate.EXAMPLE
