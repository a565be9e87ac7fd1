"""The CC1101: its register table, and its driver against a chip whose clock runs on."""

import random

import fake_cc1101 as fake
import wmbus_cases as cases
from flash_sim import Nor

import wmbus
from firmware.calm import FULL, TELEGRAM, Calm
from firmware.radios import _frames, cc1101

XTAL = 26000000


class Rig:
    """A radio on a chip in some air; `heard` is what came out."""

    kind = cc1101.Radio

    def __init__(self, noise=0, lines=(True, True), kind=None):
        self.air = fake.Air(noise)
        self.chip = fake.Chip(self.air)
        self.bus = fake.Bus(self.chip, lines=lines)
        self.radio = (kind or self.kind)(self.bus)
        self.heard = []
        self.counts = {}
        self.radio.count = self.count

    def count(self, name, n=1):
        self.counts[name] = self.counts.get(name, 0) + n

    def start(self):
        self.radio.start()
        self.bus.on_rise(0, self.radio.service)
        return self

    def take(self, telegram, rssi):
        self.heard.append((telegram, rssi))

    def run(self, ms, pause=5000, work=None):
        """The gateway's rounds, with some work between each."""
        until = self.chip.now + ms * 1000
        while self.chip.now < until:
            self.bus.spend(pause)
            self.radio._round(self.take)
            if work is not None:
                work()

    def telegrams(self):
        return [telegram for telegram, _rssi in self.heard]


def coded(telegram, mode):
    """What follows the sync word."""
    if mode == "T1":
        return cases.coded(cases.frame_a(telegram))
    return b"\x54\xcd" + cases.frame_a(telegram) if mode == "C1A" else b"\x54\x3d" + cases.frame_b(telegram)


def sized(size, seed=1):
    """A telegram of `size` bytes."""
    random.seed(seed)
    return cases.telegram(bytes([random.getrandbits(8) for _ in range(size - 10)]))


def street(air, start, telegrams, gap=3000, modes=("T1", "C1A", "C1B"), rssi=-70):
    """Send telegrams one behind the other; returns when the last is over."""
    at = start
    for n, telegram in enumerate(telegrams):
        frame = air.send(fake.Sent(at + 480, coded(telegram, modes[n % len(modes)]), rssi))
        at = frame.end + gap
    return at


# --- the table

def register(address):
    return cc1101.SETTINGS[address]


def test_frequency():
    word = register(0x0D) << 16 | register(0x0E) << 8 | register(0x0F)
    assert abs(word * XTAL / 65536 - 868950000) < 200


def test_data_rate():
    exponent, mantissa = register(0x10) & 15, register(0x11)
    assert abs((256 + mantissa) * (1 << exponent) * XTAL / (1 << 28) - 100000) < 100


def test_channel_filter():
    exponent, mantissa = register(0x10) >> 6, register(0x10) >> 4 & 3
    assert XTAL // (8 * (4 + mantissa) * (1 << exponent)) == 325000
    assert register(0x03) & 0x40 and (register(0x2C), register(0x2D)) == (0x81, 0x35)  # what goes with it


def test_deviation():
    exponent, mantissa = register(0x15) >> 4 & 7, register(0x15) & 7
    steps = [(abs((8 + m) * (1 << e) * XTAL / (1 << 17) - 50000), e, m) for e in range(8) for m in range(8)]
    assert min(steps)[1:] == (exponent, mantissa)


def test_intermediate_frequency():
    assert abs(register(0x0B) * XTAL / 1024 - 203125) < 1


def test_sync_word_and_packet():
    assert cc1101.SETTINGS[4:6] == wmbus.link.SYNC
    assert register(0x12) == 2  # 2-FSK, 16 of 16
    assert register(0x08) == 2 and register(0x07) == 4
    assert register(0x17) >> 2 & 3 == 3 and register(0x18) >> 4 & 3 == 0
    assert len(cc1101.SETTINGS) == 0x2F
    assert register(0x1A) & 3 == 3  # 12.5 %: T1's chips come at 90 to 110 kchip/s


def test_rssi_formula():
    assert [cc1101.dbm(v) for v in (0, 127, 128, 255, 0x30)] == [-74, -11, -138, -75, -50]


def test_offset_step():
    assert round(XTAL / (1 << 14)) == cc1101._OFFSET_HZ


def test_lengths():
    for size in (20, 60, 100, 255):
        telegram = sized(size)
        for mode in ("T1", "C1A", "C1B"):
            if mode == "C1B" and size > 250:
                continue
            frame = coded(telegram, mode)
            assert _frames.length(frame[:3]) == len(frame), (size, mode)
    for none in (b"\x54\x54\x54", b"\0\0\0", b"\x54\xcd\3", b"\x54\x3d\x0a"):
        assert _frames.length(none) == 0


# --- receiving

def test_every_length_in_every_mode():
    rig = Rig().start()
    sent = [sized(size, size) for size in range(12, 256, 9)]
    modes = ("T1", "C1A")
    end = street(rig.air, 10000, sent, modes=modes)
    rig.run(end // 1000 + 20)
    assert rig.telegrams() == sent
    assert not rig.chip.overflows and not rig.chip.emptied and not rig.chip.underflows
    assert {rssi for _t, rssi in rig.heard} == {-70}


def test_format_b_too():
    rig = Rig().start()
    sent = [sized(size, size) for size in range(12, 250, 17)]
    end = street(rig.air, 10000, sent, modes=("C1B",))
    rig.run(end // 1000 + 20)
    assert rig.telegrams() == sent


def test_frames_close_behind_each_other():
    rig = Rig().start()
    sent = [sized(40 + n, n) for n in range(12)]
    end = street(rig.air, 10000, sent, gap=100)
    rig.run(end // 1000 + 20)
    assert rig.telegrams() == sent


def test_polled_without_lines():
    rig = Rig(lines=(False, False))
    rig.radio.start()
    assert not rig.bus.on_rise(0, rig.radio.service)
    sent = [sized(size, size) for size in range(12, 250, 17)]
    end = street(rig.air, 10000, sent)
    rig.run(end // 1000 + 20, 2000)
    assert rig.telegrams() == sent and not rig.chip.emptied


def test_long_work_does_not_matter():
    # A telegram's decoding, a step of a signature, a page of status: some Python of 20 ms.
    rig = Rig().start()
    sent = [sized(size, size) for size in range(12, 250, 17)]
    end = street(rig.air, 10000, sent, gap=20000)
    rig.run(end // 1000 + 40, work=lambda: rig.bus.spend(20000))
    assert rig.telegrams() == sent
    assert rig.chip.alone <= 4000


def test_noise_costs_little():
    rig = Rig(noise=20).start()
    sent = [sized(60, n) for n in range(40)]
    end = street(rig.air, 10000, sent, gap=20000)
    rig.run(end // 1000 + 40)
    assert rig.radio.noise > 5
    assert len(rig.heard) >= 36 and set(rig.telegrams()) <= set(sent)
    assert not rig.radio.overflows


def test_a_damaged_frame_is_rejected_and_the_next_one_heard():
    rig = Rig().start()
    bad = bytearray(coded(sized(60), "C1A"))
    bad[40] ^= 4
    rig.air.send(fake.Sent(10000, bytes(bad)))
    good = sized(60, 2)
    rig.air.send(fake.Sent(40000, coded(good, "T1")))
    rig.run(100)
    assert rig.telegrams() == [good]
    assert rig.radio.rejected == 1 and rig.counts["rejected"] == 1


def test_frequency_offset_and_quality_are_told():
    rig = Rig().start()
    for n in range(30):
        rig.air.send(fake.Sent(10000 + 40000 * n, coded(sized(30, n), "T1"), -90, 20000))
    rig.run(1300)
    assert 15000 < rig.radio.offset < 22000
    assert rig.radio.quality == 20


# --- a chip that is not well

def fails(work):
    try:
        work()
    except OSError as e:
        return str(e)
    return None


def test_an_absent_chip_is_told():
    rig = Rig()
    rig.chip.absent = True
    assert fails(rig.radio.start) == "cc1101: no answer on SPI 1, chip select 7"
    assert fails(Rig().radio.start) is None


def test_found():
    rig = Rig().start()
    assert rig.radio.found == "CC1101 version 20"


def test_a_hung_chip_is_reset_and_counted():
    rig = Rig().start()
    rig.chip.hung = True
    rig.radio.look()
    assert rig.radio.resets == 0  # once is no proof
    rig.radio.look()
    assert rig.radio.resets == 1 and rig.counts["radio_resets"] == 1
    sent = sized(60)
    rig.air.send(fake.Sent(rig.chip.now + 5000, coded(sent, "T1")))
    rig.run(50)
    assert rig.telegrams() == [sent]


def test_a_chip_that_reset_itself_is_set_up_again():
    rig = Rig().start()
    rig.chip.sag()
    rig.radio.look()
    rig.radio.look()
    assert rig.radio.resets == 1
    sent = sized(60)
    rig.air.send(fake.Sent(rig.chip.now + 5000, coded(sent, "C1B")))
    rig.run(50)
    assert rig.telegrams() == [sent]


def test_an_overflow_is_counted_and_over():
    rig = Rig().start()
    rig.air.send(fake.Sent(rig.chip.now + 1000, coded(sized(100), "T1")))
    rig.bus.spend(9000, single=True)
    rig.run(30)
    assert rig.radio.overflows == 1 and rig.counts["radio_overflows"] == 1 and not rig.heard
    sent = sized(60)
    rig.air.send(fake.Sent(rig.chip.now + 5000, coded(sent, "T1")))
    rig.run(50)
    assert rig.telegrams() == [sent]


def test_calibrated_again_at_a_calm_moment():
    rig = Rig().start()
    assert rig.radio.calibrations == 1
    rig.bus.spend(cc1101.CALIBRATE_MS * 1000 + 1000)
    rig.radio.deafen()
    rig.radio.listen()
    assert rig.radio.calibrations == 2
    rig.radio.deafen()
    rig.radio.listen()
    assert rig.radio.calibrations == 2


# --- calm moments

def calm(rig):
    def collect():
        rig.bus.spend(10000, single=True)
        return 1, 1, 1
    c = Calm(collect, collect, lambda: rig.chip.now // 1000)
    c.radios.append(rig.radio)
    return c


def test_a_collection_waits_for_the_end_of_a_frame():
    rig = Rig().start()
    c = calm(rig)
    sent = [sized(100, n) for n in range(2)]
    rig.air.send(fake.Sent(rig.chip.now + 5000, coded(sent[0], "T1")))
    rig.bus.spend(8000)
    assert rig.radio.receiving()
    c.collect()
    rig.air.send(fake.Sent(rig.chip.now + 5000, coded(sent[1], "T1")))
    rig.run(50)
    assert rig.telegrams() == sent
    assert rig.chip.alone <= 4000 and not rig.chip.overflows


def test_it_waits_no_longer_than_a_frame_lasts():
    rig = Rig().start()
    c = calm(rig)
    rig.radio.receiving = lambda: True  # a street that never is calm
    before = rig.chip.now
    c.collect()
    assert rig.chip.now - before < 60000


def test_much_work_is_followed_by_a_collection():
    rig = Rig().start()
    c = calm(rig)
    done = []
    c._collect = lambda: done.append(rig.chip.now)
    for _ in range(FULL // TELEGRAM + 1):
        c.worked(TELEGRAM)
    assert len(done) == 1


def test_the_flash_is_programmed_at_calm_moments():
    rig = Rig().start()
    nor = Nor(4, 4096)
    writes, erases = nor.writeblocks, nor.ioctl

    def write(*arguments):
        rig.bus.spend(2000, single=True)
        return writes(*arguments)

    def ioctl(op, arg):
        if op == 6:
            rig.bus.spend(45000, single=True)
        return erases(op, arg)

    nor.writeblocks, nor.ioctl = write, ioctl
    device = calm(rig).flash(nor)
    sent = [sized(100, n) for n in range(2)]
    for n, work in enumerate((lambda: device.ioctl(6, 0), lambda: device.writeblocks(0, bytearray(b"abc"), 0))):
        rig.air.send(fake.Sent(rig.chip.now + 5000, coded(sent[n], "T1")))
        rig.bus.spend(8000)
        work()
        rig.run(30)
    assert rig.telegrams() == sent and rig.chip.alone <= 4000
    got = bytearray(4)
    device.readblocks(0, got, 0)
    assert got == b"abc\xff" and device.ioctl(4, 0) == 4


# --- known bad

class Emptying(cc1101.Radio):
    """Known bad: takes all there is while the frame comes in."""

    def _drain(self):
        n = self._available()
        if self._size and 0 < n < self._size - self._at:
            self._fetch(n)
            self._bound(0)
            return
        cc1101.Radio._drain(self)


class Believing(cc1101.Radio):
    """Known bad: reads the count once."""

    def _available(self):
        n = self._status(0x3B)
        return -1 if n & 0x80 else n


class Greedy(cc1101.Radio):
    """Known bad: reads past the end of the FIFO."""

    def _available(self):
        n = cc1101.Radio._available(self)
        return n + 2 if n > 8 else n


def lost(kind, pause=5000, edges=True, work=None):
    rig = Rig(kind=kind)
    rig.radio.start()
    if edges:
        rig.bus.on_rise(0, rig.radio.service)
    sent = [sized(60 + n % 60, n) for n in range(40)]
    end = street(rig.air, 10000, sent, gap=7013)
    rig.run(end // 1000 + 40, pause, work and (lambda: work(rig)))
    return len(sent) - len(set(sent) & set(rig.telegrams()))


def counted(kind):
    # What is believed to be in the FIFO when it is read just as its sixteenth byte comes.
    rig = Rig(kind=kind, lines=(False, False))
    rig.radio.start()
    frame = rig.air.send(fake.Sent(rig.chip.now + 1000, coded(sized(60), "T1")))
    rig.chip.advance(frame.at + 16 * fake.BYTE_US - 14)  # a transfer's beginning, two bytes at 4 MHz
    return rig.radio._available()


def test_a_count_that_is_read_while_it_changes_is_read_again():
    assert counted(cc1101.Radio) == 16
    assert counted(Believing) != 16


def test_known_bad_drivers_lose_frames():
    assert lost(cc1101.Radio) == 0
    assert lost(Emptying) > 0
    assert lost(Greedy) > 0


def test_a_driver_that_polls_every_20_ms_loses_frames():
    assert lost(cc1101.Radio, 2000, edges=False) == 0
    assert lost(cc1101.Radio, 20000, edges=False) > 0


def test_a_collection_in_the_middle_of_a_frame_loses_it():
    assert lost(cc1101.Radio, work=lambda rig: rig.bus.spend(10000, single=True)) > 0


def test_a_collection_without_the_chip_being_deaf_leaves_it_alone_too_long():
    rig = Rig().start()
    rig.radio.deafen = lambda: None
    rig.radio.listen = lambda: None
    c = calm(rig)
    rig.air.send(fake.Sent(rig.chip.now + 1000, coded(sized(100), "T1")))
    c.collect()
    rig.run(30)
    assert rig.chip.alone > 4000


def test_chips_without_a_driver_are_refused_with_the_reason():
    for name in ("sx1262", "sx1276"):
        radio = __import__("firmware.radios." + name, None, None, ("Radio",)).Radio(None)
        text = fails(lambda radio=radio: radio.run(None, None).send(None))
        assert text.startswith(name + ": not supported: ")
