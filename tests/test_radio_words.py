"""What is special in one radio: its words byte for byte, its older versions, and how a gateway speaks with it."""

import asyncio

from firmware import port

port.tidy()  # before the imports: what they leave would lie all over a small heap

import radio_ends as ends
import wmbus_cases as cases
from gateway_bench import Bench, Hal
from radio_scene import LONG, ONE, TWO, Scene, radio_class, refused, telegrams

from firmware.radios import rtl433


def said(name, end, until=12000):
    """All that a radio says to an end of its in the beginning."""
    out = []
    scene = Scene(name, end)
    take = scene.end.take
    scene.end.take = lambda data: out.append(data) or take(data)
    text = refused(scene.idle, until)
    return b" ".join(out), text, scene


def test_words_are_those_of_the_papers_and_the_public_logs():
    out, _, scene = said("im871a", None)
    assert out == bytes.fromhex("a5810f003413") + b" " + scene.radio._request(1)
    assert scene.radio.found == "iM871A firmware 1.4, serial 00003af1"
    assert scene.end.message(1, 2, b"") == bytes.fromhex("a58102004ca3") and scene.end.message(1, 4, b"") == \
        bytes.fromhex("a58104009cf7")
    out, _, scene = said("amb8465", None)
    assert out.split(b" ")[0] == bytes.fromhex("ff0c00f3") and out[-5:] == bytes.fromhex("ff040109f3")
    assert scene.end.command(0x84, b"\0") == bytes.fromhex("ff8401007a")
    assert len(scene.end.told) == 2 and scene.radio.found == "AMB8465 firmware 2.7.0"
    out, _, scene = said("iu891a", None)
    assert out[:30] == b"\xc0" * 30 and scene.radio.found == "WMBusGateway firmware 1.9"
    out, _, scene = said("rc1180", None)
    assert out == b"\0 0 M \x05\x01\x36\x00\x03\x01\xff X" and scene.radio.found == "RC1180-MPC1,2.00,0.18E"
    out, _, scene = said("cul", None)
    assert out == b"V\r\n X21\r\nbrc\r\n" and scene.radio.found == "1.67 nanoCUL868_r568"


class OldIm871a(ends.Im871a):
    FIRMWARE = 0x13


class OldCul(ends.Cul):
    MODES = {b"brt": b"TMODE"}


class OtherCul(ends.Cul):
    MODES = {}


class Forgetful(ends.Amber):
    def restart(self):
        self.memory[0x05] = 0
        return ends.Amber.restart(self)


class SmallRc1180(ends.Rc1180):
    SIZE = 128


class Rc1180Inside(ends.Rc1180):
    def __init__(self):
        ends.Rc1180.__init__(self)
        self.state = "config"  # where somebody left it


def test_older_modules_hear_what_they_can_and_say_so():
    _, text, scene = said("im871a", OldIm871a)
    assert text == "" and scene.end.mode == 3 and scene.radio.found.endswith("serial 00003af1, T1 only")
    out, text, scene = said("cul", OldCul)
    assert text == "" and scene.end.mode == b"TMODE" and out.endswith(b"brc\r\n X21\r\nbrt\r\n")
    frame = b"b" + ends.binascii.hexlify(cases.frame_a(ONE))
    assert scene.feed(frame + b"83A0\r\n" + frame + b"\r\n") == [(ONE, -122), (ONE, 0)]
    assert said("rc1180", SmallRc1180)[2].end.ready and said("rc1180", Rc1180Inside)[2].end.ready


def test_an_rc1180_that_is_heard_is_not_made_deaf_to_look_at_it():
    scene = Scene("rc1180").settle()
    for _ in range(5):
        scene.idle(400000)
        assert scene.end.state == ""
        assert telegrams(scene.feed(scene.end.air(ONE))) == [ONE]
    out, take = [], scene.end.take
    scene.end.take = lambda data: out.append(data) or take(data)
    scene.idle(500000)
    assert out == []
    scene.idle(800000)
    assert out[0] == b"\0"


def test_a_module_that_does_not_do_as_it_is_told_is_said():
    assert said("cul", OtherCul)[1] == "cul: the module refuses to hear wM-Bus"
    assert said("amb8465", Forgetful)[1] == "amb8465: the module refuses to keep its settings"
    scene = Scene("iu891a")
    scene.idle(200)
    scene.radio._answered(2)
    assert refused(scene.feed, scene.end.message(9, 4, b"\x05")).endswith("its configuration (status 5)")


def test_releases_of_rtl_433_that_show_a_wrong_length():
    end = ends.Rtl433()
    radio = rtl433.Radio()
    for telegram in (ONE, TWO, LONG):
        assert radio.feed(end.row(telegram, end.older(telegram))) == [(telegram, 0)]
    other = b'{"model" : "Bresser-6in1", "id" : 1, "mic" : "CRC"}\n'
    assert radio.feed(other * 3) == [] and radio.rejected == 0


def test_a_line_without_an_end_costs_only_itself():
    for name in ("rtlwmbus", "rtl433"):
        scene = Scene(name)
        assert scene.feed(b"x" * 9000) == [] and scene.radio.rejected == 1
        assert telegrams(scene.feed(b"y\n" + scene.end.air(ONE))) == [ONE]


def test_bursts_of_each_mode():
    scene = Scene("bursts")
    for _, burst in cases.bursts(TWO):
        assert scene.feed(scene.end.burst(burst, 0xBA)) == [(TWO, -70)]


# --- in a running gateway

class Line:
    """The stream to a far end, which answers at once; `gone` unplugs it."""

    def __init__(self, end):
        self.end = end
        self.waiting = []
        self.gone = False
        self.closed = False

    async def read(self, n):
        while not self.waiting and not self.gone:
            await asyncio.sleep(0.001)
        return self.waiting.pop(0) if self.waiting else b""

    def write(self, data):
        answer = self.end.take(data)
        if answer:
            self.waiting.append(answer)

    async def drain(self):
        await asyncio.sleep(0)


class Wired(Hal):
    """The world of a gateway with a line to a radio."""

    line = None

    async def open_stream(self, where):
        return self.line, self.line

    async def close(self, line):
        line.closed = True

    async def within(self, seconds, awaitable):
        if seconds < 1 and not self.line.waiting and not self.line.gone:  # a read, and nothing comes in its time
            awaitable.close()
            self.ms += int(seconds * 1000)
            await asyncio.sleep(0)
            raise OSError("timed out")
        return await awaitable


async def _through_a_gateway(name):
    g = Bench(hal=Wired())
    g.set_clock()
    radio = radio_class(name)()
    for telegram in (ONE, TWO):  # the second one after it was unplugged, with another far end
        line = g.hal.line = Line(ends.ENDS[name]())
        running = asyncio.create_task(g.tasks.read_radio(radio, "/dev/ttyUSB0"))
        while not line.end.ready:
            await asyncio.sleep(0.001)
        line.waiting.append(line.end.air(telegram))
        line.waiting.append(line.end.damaged(telegram)[0] + line.end.air(telegram))
        while line.waiting:
            await asyncio.sleep(0.001)
        line.gone = True
        await running
        assert line.closed
    return g.counters


def test_a_gateway_speaks_with_its_radio():
    for name in ("im871a", "iu891a", "cul", "rtlwmbus"):
        counters = asyncio.run(_through_a_gateway(name))
        assert counters["heard"] == 4 and counters["rejected"] == 2, (name, counters)


def test_a_gateway_closes_the_line_of_a_module_that_is_silent():
    async def silent():
        g = Bench(hal=Wired())
        line = g.hal.line = Line(ends.ENDS["im871a"]())
        line.write = lambda data: None
        try:
            await g.tasks.read_radio(radio_class("im871a")(), "/dev/ttyUSB0")
        except ValueError as e:
            return str(e), line.closed
    assert asyncio.run(silent()) == ("im871a: the module does not answer", True)
