"""What a person at the fuse cabinet is told: the console's lines, the lamp's blinks, the events."""

import asyncio
import json

from gateway_bench import HAN, Bench

from firmware import console
from firmware.wire import records


class Wifi:
    reason = ""


class Uplink:
    last_error = ""

    def kick(self):
        pass


class Radio:
    found = ""


def made(kind=console.Console, **settings):
    g = Bench(han=HAN, **settings)
    g.uplink = Uplink()
    g.hal.memory = lambda: (1000, 2000, 3000)
    radio, wifi = Radio(), Wifi()
    return g, radio, wifi, kind(g, "c3supermini", [("radio0", "cc1101", radio)], None, wifi)


def passes(g, c, seconds, step=2):
    """Time passes while it looks; returns the codes at the end."""
    for _ in range(0, seconds, step):
        g.hal.ms += step * 1000
        codes = c.look()
    return codes


def events(g):
    return [r[4] for r in g.records(g.values, records.EVENT) if r[3] == "fault"]


def test_one_line_says_that_it_is_ready_as_soon_as_all_is_known():
    g, radio, _, c = made()
    c.look()
    assert g.hal.lines == []
    radio.found = "CC1101 version 20"
    c.look()
    assert g.hal.lines == []
    g.han.feed(b"\x7e")
    assert c.look() == [console.WELL]
    (line,) = g.hal.lines
    assert line.startswith("netti: ready ")
    assert json.loads(line[13:]) == {"id": g.identity.gateway, "board": "c3supermini", "heap": [1000, 2000],
                                     "radio": {"cc1101": "CC1101 version 20"}, "han_bytes": 1, "codes": []}
    passes(g, c, 40)
    assert len(g.hal.lines) == 1


def test_it_does_not_wait_for_ever_for_what_does_not_come():
    g, _, _, c = made()
    passes(g, c, console.READY_S)
    assert json.loads(g.hal.lines[0][13:])["radio"] == {"cc1101": ""}


def absent(kind=console.Console):
    g, radio, _, c = made(kind)
    g.han.feed(b"\x7e")
    g.tasks.ended["radio0"] = "OSError cc1101: no answer on SPI 1, chip select 7"
    return g, radio, c, passes(g, c, 10)


def test_an_absent_radio_is_a_line_an_event_and_a_code():
    g, radio, c, codes = absent()
    text = "cc1101: no answer on SPI 1, chip select 7"
    assert codes == [console.RADIO] and events(g) == [text]
    assert g.hal.lines[0] == "netti: fault 3: " + text and g.hal.lines[1].startswith("netti: ready ")
    assert json.loads(g.hal.lines[1][13:])["codes"] == [console.RADIO] and len(g.hal.lines) == 2
    # It is tried again and again: up for a moment, down again.
    for _ in range(10):
        g.tasks.ended["radio0"] = ""
        assert passes(g, c, 2) == [console.RADIO]
        g.tasks.ended["radio0"] = "OSError " + text
        g.han.feed(b"\x7e")
        assert passes(g, c, 8) == [console.RADIO]
    assert len(g.hal.lines) == 2 and events(g) == [text]
    g.tasks.ended["radio0"] = ""
    radio.found = "CC1101 version 20"
    assert passes(g, c, console.OVER_S + 2) == [console.WELL] and g.hal.lines[2:] == ["netti: over 3: " + text]


def test_of_a_trace_one_line_is_told():
    g, _, _, c = made()
    g.han.feed(b"\x7e")
    g.tasks.ended["radio0"] = 'Traceback (most recent call last):\n  File "x", line 3\nValueError: cc1101: no answer\n'
    passes(g, c, 2)
    assert g.hal.lines[0] == "netti: fault 3: cc1101: no answer" and events(g) == ["cc1101: no answer"]


def test_known_bad_one_that_says_it_each_time_and_one_that_says_nothing():
    class Chatters(console.Console):
        def look(self):
            self._faults, self._told = {}, set()
            return console.Console.look(self)
    assert len(events(absent(Chatters)[0])) > 1

    class Silent(console.Console):
        def faults(self):
            return {}
    assert absent(Silent)[3] == [console.WELL] and events(absent(Silent)[0]) == []


def test_a_han_port_without_bytes_is_told_after_a_minute_and_is_over_with_the_first():
    g, _, _, c = made()
    assert passes(g, c, console.HAN_S - 2) == [console.WELL]
    assert passes(g, c, 4) == [console.HAN] and events(g) == ["HAN port: no bytes"]
    g.han.feed(b"\x7e")
    assert passes(g, c, 2) == [console.WELL] and g.hal.lines[-1] == "netti: over 2: HAN port: no bytes"
    g.tasks.ended["han"] = "OSError uart 1: invalid pin"
    assert passes(g, c, 2) == [console.HAN] and g.hal.lines[-1] == "netti: fault 2: HAN port: uart 1: invalid pin"


def test_wifi_receiver_and_enrolment_are_told_one_at_a_time_and_are_no_events():
    g, _, wifi, c = made()
    g.han.feed(b"\x7e")
    wifi.reason = "password refused"
    g.uplink.last_error = "OSError -202"
    assert passes(g, c, 2) == [console.WIFI]
    wifi.reason = ""
    assert passes(g, c, 2) == [console.RECEIVER]
    g.uplink.last_error = "HTTP 401"
    assert passes(g, c, 2) == [console.ENROL]
    g.uplink.last_error = ""
    assert passes(g, c, 2) == [console.WELL] and events(g) == []


def test_several_faults_are_all_told_and_a_quiet_gateway_tells_that_first():
    g, _, wifi, c = made()
    wifi.reason = "no access point"
    g.tasks.ended["radio0"] = "OSError no answer"
    assert passes(g, c, 70) == [console.HAN, console.RADIO, console.WIFI]
    c.quiet = True
    assert passes(g, c, 2) == [console.QUIET, console.HAN, console.RADIO]
    c.loud()
    assert passes(g, c, 2) == [console.HAN, console.RADIO, console.WIFI]


def test_what_a_person_counts_is_the_code():
    names = ("QUIET", "WELL", "HAN", "RADIO", "WIFI", "RECEIVER", "ENROL", "SETTING")
    assert [getattr(console, name) for name in names] == list(range(8))
    assert console.LONG_S >= 5 * console.ON_S and console.BETWEEN_S >= 4 * console.OFF_S
    for code in range(1, 8):
        flashes = console.pattern([code])
        assert len(flashes) == code and all(on == console.ON_S for on, _ in flashes)
        assert all(off == console.OFF_S for _, off in flashes[:-1]) and flashes[-1][1] > 10 * console.OFF_S
    assert console.pattern([console.QUIET])[0][0] == console.LONG_S
    both = console.pattern([2, 3])
    assert len(both) == 5 and both[1][1] == console.BETWEEN_S and both[4][1] == console.BETWEEN_S + console.PAUSE_S


def test_the_lamp_blinks_it_and_is_out_at_the_end():
    g, _, wifi, c = made()
    seen = []
    c._lamp = seen.append
    wifi.reason = "no access point"
    g.han.feed(b"\x7e")
    known = [getattr(console, name) for name in ("ON_S", "OFF_S", "BETWEEN_S", "PAUSE_S")]
    console.ON_S = console.OFF_S = console.BETWEEN_S = 0.001
    console.PAUSE_S = 60

    async def run():
        task = asyncio.create_task(c.run())
        while len(seen) < 8:
            await asyncio.sleep(0.001)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
    try:
        asyncio.run(run())
    finally:
        console.ON_S, console.OFF_S, console.BETWEEN_S, console.PAUSE_S = known
    assert seen == [True, False] * console.WIFI + [False]


class Port:
    """The port module as `refused` uses it, with a file in place of a folder."""

    def __init__(self, config):
        self.files = self
        self._config = config
        self.lines, self.lit = [], []
        self.print_line = self.lines.append

    def read_whole(self, path):
        assert path == "d/config.json"
        return self._config

    def lamp(self, pin, level):
        assert (pin, level) == (8, 0)


def test_a_refused_start_says_so_too():
    for error, code in (("identity.json: no such file (enrol this gateway first)", console.ENROL),
                        ("works.json: no such file", console.ENROL),
                        ("board c3supermini: it has no X", console.SETTING)):
        p = Port(b'{"board": "c3supermini"}')
        console.refused(p, "d", error)
        assert p.lines == ["netti: fault %d: %s" % (code, error)]
    for config in (None, b"", b"{}", b"[]", b"{", b'{"board": "moon"}', b'{"board": 7}'):
        p = Port(config)
        console.refused(p, "d", "x")
        assert p.lines == []
