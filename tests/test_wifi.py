"""The Wi-Fi of a chip that the gateway looks after itself, with a driver and an access point made up (fake_network.py):
there is no hardware here. Time stands still but for what the gateway sleeps.
"""

import asyncio
import json
import sys

from firmware import port
from firmware.port import files

port.tidy()  # before the imports: what they leave would lie all over a small heap

import board_rig as boards
import fake_network as fake
import gateway_bench as rig

from firmware import config
from firmware.errors import ConfigError
from firmware.port.wifi import JOIN_S
from firmware.tasks import RARELY
from firmware.uplink import pauses, wifi
from firmware.wire import records

SETTINGS = {"ssid": "Fyrveien", "password": "correct horse", "country": "NO"}
HOUR = 3600


class Hal(rig.Hal):
    """Its sleep is all that takes time; every turn of the loop meanwhile is counted."""

    turns = 0

    async def sleep(self, seconds):
        self.ms += int(seconds * 1000)
        self.turns += 1
        await asyncio.sleep(0)

    def join(self, *args):
        return port.join(*args)


class Home:
    """A gateway on a Wi-Fi."""

    last_error, last_contact, due_at = "", None, 1 << 40  # as an uplink

    def __init__(self, kept=None, ap=None, kind=wifi.Wifi, **station):
        self.hal = Hal()
        self.g = rig.Bench(hal=self.hal)
        self.g.uplink = self
        self.ap = ap or fake.AccessPoint()
        self.station = fake.Station(lambda: self.hal.ms, self.ap, **station)
        self.network = fake.Network(self.station)
        self.kept = []
        self.wifi = kind(self.g, self.station, SETTINGS, kept, self.kept.append)
        self.joined = []  # when
        self.beside = 0  # what another task got done

    def retry_now(self):
        self.joined.append(self.hal.ms)

    def live(self, *steps):
        """Let it run: for some seconds, with changes of the access point (its attributes) in between."""
        async def other():
            while True:
                self.beside += 1
                await asyncio.sleep(0)

        async def run():
            tasks = [asyncio.create_task(self.wifi.run()), asyncio.create_task(other())]
            for step in steps:
                if isinstance(step, dict):
                    for name in step:
                        setattr(self.ap, name, step[name])
                    continue
                end = self.hal.ms + step * 1000
                while self.hal.ms < end:
                    await asyncio.sleep(0)
                    assert not tasks[0].done(), "it ended"
            for task in tasks:
                task.cancel()
            await asyncio.sleep(0)
        before = sys.modules.get("network")
        sys.modules["network"] = self.network
        try:
            asyncio.run(run())
        finally:
            del sys.modules["network"]
            if before:
                sys.modules["network"] = before
        return self

    def events(self):
        return [row[4] for row in self.g.records(self.g.values, records.EVENT) if row[3] == "wifi"]


def test_it_joins_and_keeps_the_channel():
    h = Home().live(60)
    assert h.station.isconnected() and h.station.looked == 6 and h.kept == [b'{"channel": 6}']
    assert len(h.joined) == 1 and h.events() == [] and h.hal.lines == []


def test_the_next_time_it_looks_on_that_channel_first():
    h = Home(b'{"channel": 6}').live(60)
    assert h.station.isconnected() and h.station.looked == 1 and h.kept == []


def test_a_driver_that_takes_no_channel_looks_everywhere():
    h = Home(b'{"channel": 6}', deaf=True).live(60)
    assert h.station.isconnected() and h.station.looked == 6 and h.kept == []


def moves(kind=wifi.Wifi):
    """An access point that moves to another channel under a driver that looks only where it is told."""
    return Home(kind=kind, strict=True).live(60, {"channel": 11}, HOUR)


def test_an_access_point_that_changes_its_channel_is_found_again():
    h = moves()
    assert h.station.isconnected() and h.g.counters["wifi_lost"] == 1
    assert h.kept == [b'{"channel": 6}', b'{"channel": 11}'] and h.joined[1] < (60 + 2 * JOIN_S) * 1000


def test_one_that_sticks_to_its_channel_is_caught():
    """Known bad: where the stored channel fails it is tried again."""
    class Sticks(wifi.Wifi):
        async def _join(self):
            while await self._gateway.hal.join(self._gateway.hal.sleep, self._station, SETTINGS, self._channel):
                await self._gateway.hal.sleep(60)
            self._remember(self._station.config("channel"))
    h = moves(Sticks)
    assert not h.station.isconnected()


def away(hours, kind=wifi.Wifi):
    """An access point that is away for hours: (home, attempts, share of the time with the radio on)."""
    h = Home(kind=kind).live(60)
    h.station.active(False)
    h.ap.up = False
    attempts, on = h.station.attempts, h.station.on_ms
    h.live(hours * HOUR)
    share = (h.station.on_ms - on) / (hours * HOUR * 1000)
    return h, h.station.attempts - attempts, share


def test_an_access_point_that_is_away_for_hours_costs_little():
    h, attempts, share = away(5)
    assert 5 * HOUR / (1.3 * wifi.MOST_S) < attempts < 60 and share < 0.03, (attempts, share)
    assert h.kept == [b'{"channel": 6}'] and h.hal.lines == ["Wi-Fi: no access point"]


def test_one_that_comes_back_is_found_again():
    h = Home().live(60, {"up": False}, 5 * HOUR, {"up": True}, HOUR)
    assert h.station.isconnected() and len(h.joined) == 2 and h.g.counters["wifi_lost"] == 1
    assert 5 * HOUR <= h.joined[1] / 1000 - 60 < 5 * HOUR + 1.25 * wifi.MOST_S + 2 * JOIN_S
    (text,) = h.events()
    reason, seconds = text[:-2].rsplit(" for ", 1)
    assert reason == "no access point" and 5 * HOUR - 60 <= int(seconds) < 6 * HOUR
    assert h.kept == [b'{"channel": 6}']


def test_one_that_does_not_pause_is_caught():
    """Known bad: it tries again at once."""
    class Hurries(wifi.Wifi):
        async def _join(self):
            while await self._gateway.hal.join(self._gateway.hal.sleep, self._station, SETTINGS, 0):
                pass
    assert away(1, Hurries)[2] > 0.5


def test_a_password_that_is_refused_is_said_and_never_shown():
    h = Home(ap=fake.AccessPoint(password="another one"))
    h.live(2 * HOUR, {"password": "correct horse"}, HOUR)
    assert h.station.isconnected() and h.hal.lines == ["Wi-Fi: password refused"] and h.station.attempts < 30
    assert len(h.joined) == 1 and len(h.events()) == 1 and h.events()[0].startswith("password refused for ")
    everything = h.g.everything_kept() + b"".join(h.kept) + "".join(h.hal.lines).encode()
    assert b"correct horse" not in everything and b"Fyrveien" not in everything


def test_the_loop_goes_on_meanwhile():
    h = Home(ap=fake.AccessPoint(password="another one")).live(HOUR)
    assert h.beside >= h.hal.turns > 50


def useless(kind=wifi.Wifi):
    """A driver that says it is connected, and nothing gets through: (home, attempts after six hours)."""
    h = Home(kind=kind).live(60)
    h.last_error = "OSError timed out"
    h.live(6 * HOUR + HOUR // 2)
    return h


def test_a_wifi_through_which_nothing_gets_is_joined_anew():
    h = useless()
    assert h.station.attempts == 1 + 6 * HOUR // wifi.STALE_S and h.station.isconnected()
    assert h.g.counters["wifi_restarts"] == 6 * HOUR // wifi.STALE_S
    assert h.events() == ["joined anew, as nothing got through: OSError timed out"]
    h = Home().live(60)
    for _ in range(6):
        h.last_error, h.last_contact = "OSError timed out", h.g.clock.uptime()
        h.live(HOUR)
    assert h.station.attempts == 1 and h.events() == []  # it fails at times, and works at others


def test_one_that_trusts_the_driver_is_caught():
    """Known bad: for as long as the driver says that it is connected, all is well."""
    class Trusts(wifi.Wifi):
        async def run(self):
            while True:
                if not self._station.isconnected():
                    await self._join()
                await self._gateway.hal.sleep(wifi.POLL_S)
    assert useless(Trusts).station.attempts == 1


def test_it_gives_a_sign_of_life_however_long_it_looks():
    h = Home(ap=fake.AccessPoint(password="another one"))
    for _ in range(8):
        h.live(HOUR // 2)
        assert 0 < h.g.watch.due["wifi"] - h.hal.ms <= wifi.SIGN_S * 1000


def test_pauses_double_are_bounded_and_differ():
    kids = [bytes((n, 7)) * 5 for n in range(200)]
    for failures, seconds in ((1, 5), (2, 10), (5, 80), (8, 600), (40, 600)):
        waits = [pauses.after(kid + b"wifi", failures, wifi.FIRST_S, wifi.MOST_S) for kid in kids]
        assert min(waits) >= seconds * 3 // 4 and max(waits) <= seconds * 5 // 4
    assert len(set(waits)) > 60


def test_what_was_kept_may_be_damaged():
    for bad in (None, b"", b"{", b"[]", b'{"channel": "6"}', b'{"channel": -1}', b'{"channel": 1000}', b"7"):
        assert wifi.saved_channel(bad) == 0
    assert wifi.saved_channel(b'{"channel": 6}') == 6


def test_what_only_joins_is_dropped_in_between():
    h = Home().live(60)
    assert "firmware.port.wifi" in RARELY.split() and "firmware.uplink.wifi" not in RARELY.split()
    port.forget(RARELY.split())
    assert ("firmware.port.wifi" in sys.modules) != port.MICROPYTHON
    assert h.live(60, {"channel": 3}, HOUR).station.isconnected()


def test_the_configuration():
    def check(value):
        return config.check({"wifi": value}, rig.WORKS)["wifi"]
    assert config.check({}, rig.WORKS)["wifi"] is None
    assert check({"ssid": "Fyrveien", "password": "correct horse"}) == SETTINGS
    assert check({"ssid": "x"}) == {"ssid": "x", "password": None, "country": "NO"}
    for wrong in ({}, {"ssid": ""}, {"ssid": "æ" * 17}, {"ssid": "x", "password": "secret7"},
                  {"ssid": "x", "password": 12345678}, {"ssid": "x", "password": "secret" * 11},
                  {"ssid": "x", "country": "no"}, {"ssid": "x", "country": "NOR"}, {"ssid": "x", "channel": 6}, "x"):
        try:
            check(wrong)
            raise AssertionError("taken: %r" % (wrong,))
        except ConfigError as e:
            assert "wifi" in str(e) and "secret" not in str(e) and "12345678" not in str(e)


def test_a_gateway_of_a_folder_looks_after_it_and_keeps_the_channel_there():
    path = boards.folder("wifi", wifi={"ssid": "Fyrveien", "password": "correct horse", "country": "SE"})
    try:
        boards.made(path)
        raise AssertionError("taken where there is no Wi-Fi")
    except ConfigError as e:
        assert "wifi" in str(e)
    path = boards.folder("wifi2", wifi={"ssid": "Fyrveien", "password": "correct horse", "country": "SE"})
    station = fake.Station(port.real_ms, fake.AccessPoint(2))
    network = sys.modules["network"] = fake.Network(station)
    try:
        g = boards.made(path)

        async def run():
            running = asyncio.create_task(g.tasks.run())
            while files.read_whole(path + "/wifi.json") is None:
                await asyncio.sleep(0.1)
            assert not g.watch.running["wifi"].done() and g.watch.stuck() == ""
            g.tasks.stop()
            await running
        asyncio.run(run())
    finally:
        del sys.modules["network"]
    assert network.told == "SE" and station.isconnected()
    assert json.loads(files.read_whole(path + "/wifi.json")) == {"channel": 2}
