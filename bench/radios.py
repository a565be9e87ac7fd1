"""What the radios hear of a street, and what a CC1101's chip costs its gateway, on a clock that runs on.

    python bench/radios.py [--quick] [--json] [--only NAME]

**The CC1101.** 200 meters send 12.5 telegrams a second on the average, in bursts, while the gateway signs batches,
programs and erases its flash, decodes a meter of its own, collects garbage. What runs is the real driver, calm.py,
thinning, spool on flash, uplink and signature, on a chip that is register-accurate and whose clock runs on
(tests/fake_cc1101.py): its interrupt comes where the line rises, but not into a collection of garbage or a flash
operation, which are single steps.

    measured      instructions of each kind of work on the real MicroPython, by callgrind in the same run
                  (bench/_radio_costs.py), times the worse end of the range for an ESP32-C3 in energy.json
    a model       when the work is done: the code runs on CPython, and each of its pieces takes the time measured for
                  it. Flash: typical times of a W25Q32JV data sheet. SPI: 4 MHz, and what ESP-IDF's documentation
                  says a transfer takes beside its bits. The heap is that of a PC's 64-bit MicroPython (192wK)
    not in it     Wi-Fi's own interrupts, caches, TLS

    lost          telegrams whose far end kept them, and that were not heard: of a chip, all bytes went over the bus
    wrong         what was heard and not sent                     stuck   whether it hears nothing at the end
    loss_share    of the frames that no other frame met on the air, those that were not heard: deaf time counts
    fifo_alone_max_us    the longest that the FIFO was left alone while a frame came in

**All others** (modules, sticks, programs): their far ends of the tests (tests/radio_ends.py) send as many telegrams, in
pieces as a serial line gives them. A far end keeps what it has heard, so that nothing may be lost.

--quick: 5,000 telegrams a radio instead of 100,000.
"""

import argparse
import asyncio
import contextlib
import json
import random
import selectors
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import fake_cc1101 as fake  # noqa: E402
import radio_ends  # noqa: E402
import radio_scene  # noqa: E402
from disk import Disk  # noqa: E402
from flash_sim import Nor  # noqa: E402
from netti_tools.simulate import wmbus_encoder as encoder  # noqa: E402

from bench import _callgrind, _radio_costs  # noqa: E402
from firmware import chip_radio, config, identity, port  # noqa: E402
from firmware.clock import Clock  # noqa: E402
from firmware.crypto import ed25519  # noqa: E402
from firmware.folder import restored  # noqa: E402
from firmware.gateway import Gateway  # noqa: E402
from firmware.home import history  # noqa: E402
from firmware.home.own_meters import OwnMeters  # noqa: E402
from firmware.radios import cc1101  # noqa: E402
from firmware.spool import blocks  # noqa: E402
from firmware.uplink.uplink import Uplink  # noqa: E402
from firmware.wire import cbor, envelope, records  # noqa: E402

ENERGY = ROOT.parent / "shared" / "score" / "energy.json"
# Milliseconds a million instructions take an ESP32-C3 at 160 MHz: 2 cycles each, 1.5 to 2.3.
PER_MINSTR = (9.4, 14.4)
# Winbond W25Q32JV, AC characteristics, typical: page program, sector erase (4 KiB). First byte and each further one.
PAGE, PAGE_US, SECTOR_US = 256, 400, 45000
FIRST_BYTE_US, BYTE_US = 30, 2.5
# ESP-IDF, SPI master, transaction duration of one byte, interrupt and DMA.
TRANSFER_US = 33
METERS, EVERY_S = 200, 16
QUICK, FULL = 5000, 100000
CALM_S, CALM_RATE, BUSY_S, BUSY_RATE = 2.0, 5.0, 0.4, 50.0  # 12.5/s on the average
NOISE = 100000 / 65536  # sync words a second that noise makes of 100 kbit/s: one in 2^16 bits
INTERVAL_S = 300  # between batches: by default 900
START = 1795503600
ME = identity.of_seed(bytes(range(32)))
WORKS = {"works": "demo", "host": "localhost", "port": 1, "anchors": []}


# --- the street

class Meter:
    """A meter: each telegram has the next access number and other values."""

    def __init__(self, number, rng):
        self.address = encoder.address("NET", "%08d" % (10000000 + number), 1, 7)
        self.key = rng.randbytes(16)
        self.mode = rng.choice(("T1", "T1", "T1", "C1A", "C1B"))
        self.rssi = -rng.randrange(50, 101)
        self.offset = rng.randrange(-30000, 30001)
        self.size = rng.choice((16, 32, 32, 48, 64, 96)) if number % 50 else 160
        self.access = rng.randrange(256)

    def telegram(self, rng):
        """The next one."""
        self.access = self.access + 1 & 255
        filler = b"\x0d\xfd\x10" + bytes((self.size - 15,)) + rng.randbytes(self.size - 15)
        text = b"\x04\x13" + rng.randbytes(2) + b"\x01\x00" + b"\x02\xfd\x17\0\0"
        if self.size > 16:
            text = (text + filler)[:self.size - 2]
        return encoder.link(self.address, encoder.mode_5(self.address, self.access, 0, text, self.key))


def street(count, seed=16):
    """(frames on the air in order, [(frame, telegram)]) of so many telegrams, from the first second on."""
    rng = random.Random(seed)
    meters = [Meter(n, rng) for n in range(METERS)]
    sent, at, busy, changes = [], 1.0, False, 1.0
    while len(sent) < count:
        while at >= changes:
            busy = not busy
            changes += rng.expovariate(1 / (BUSY_S if busy else CALM_S))
        step = rng.expovariate(BUSY_RATE if busy else CALM_RATE)
        if at + step > changes:
            at = changes
            continue
        at += step
        meter = rng.choice(meters)
        telegram = meter.telegram(rng)
        frame = fake.Sent(int(at * 1e6), encoder.burst(telegram, meter.mode)[2:], meter.rssi, meter.offset)
        sent.append((frame, telegram))
    return sent, meters[0]


def alone(sent):
    """Of each frame whether no other met it on the air, preamble included."""
    out = [True] * len(sent)
    latest, which = -1, None
    for i, (frame, _) in enumerate(sent):
        if frame.at - 480 < latest:
            out[i] = out[which] = False
        if frame.end > latest:
            latest, which = frame.end, i
    return out


# --- the processor

class Processor:
    """The time that work takes: instructions at an ESP32-C3's pace, on the clock of the bus."""

    def __init__(self, bus, ns):
        self.bus = bus
        self._ns = ns
        self._left = 0
        self.busy = 0

    def _us(self, instructions):
        self._left += instructions * self._ns
        us = int(self._left // 1000)
        self._left -= us * 1000
        self.busy += us
        return us

    def work(self, instructions):
        """Python: an interrupt comes between."""
        self.bus.spend(self._us(instructions))

    def single(self, instructions):
        """C: no interrupt comes between."""
        self.bus.spend(self._us(instructions), single=True)

    def in_transfer(self, instructions):
        """The driver's own: no other interrupt of its comes between."""
        self.bus.chip.advance(self.bus.chip.now + self._us(instructions))

    def hold(self, us):
        """A peripheral holds everything up."""
        self.bus.spend(int(us), single=True)


class Waiting(selectors.SelectSelector):
    """What an event loop waits with: the clock of the chip goes on."""

    bus: fake.Bus

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError("nothing is waited for")
        if timeout > 0:
            self.bus.spend(int(timeout * 1e6) + 1)
        return []


class Loop(asyncio.SelectorEventLoop):
    """An event loop on the clock of the chip, on which each wake-up costs what was measured."""

    def __init__(self, bus):
        waiting = Waiting()
        waiting.bus = bus
        super().__init__(waiting)
        self._bus = bus

    def time(self):
        return self._bus.chip.now / 1e6


@contextlib.contextmanager
def costly(processor, instructions):
    """Each time that a task runs costs that much."""
    plain = asyncio.events.Handle._run

    def run(handle):
        processor.work(instructions)
        plain(handle)

    asyncio.events.Handle._run = run  # type: ignore[method-assign]
    try:
        yield
    finally:
        asyncio.events.Handle._run = plain  # type: ignore[method-assign]


class Flash(Nor):
    """A NOR flash that takes its time."""

    def __init__(self, processor, record):
        super().__init__(128, 4096)
        self._processor, self._record = processor, record

    def readblocks(self, block, buf, offset=0):
        self._processor.work(self._record)
        return super().readblocks(block, buf, offset)

    def writeblocks(self, block, buf, offset=0):
        n, us = len(buf), 0.0
        while n > 0:
            us += min(PAGE_US, FIRST_BYTE_US + BYTE_US * min(n, PAGE))
            n -= PAGE
        self._processor.hold(us)
        return super().writeblocks(block, buf, offset)

    def ioctl(self, op, arg):
        if op == 6:
            self._processor.hold(SECTOR_US)
        return super().ioctl(op, arg)


class Receiver:
    """The other end of the uplink: acknowledges."""

    def __init__(self, chip):
        self._chip = chip
        self.missing, self.chunks, self.got, self.records = 0, [], b"", 0
        self.held = {}

    def write(self, data):
        if not data:
            return  # behind the last piece
        if not self.missing:
            head, _, data = data.partition(b"\r\n\r\n")
            self.missing = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
        self.chunks.append(data)
        self.missing -= len(data)

    async def drain(self):
        await asyncio.sleep(0)
        if self.missing:
            return
        body, self.chunks = b"".join(self.chunks), []
        opened = envelope.open_envelope(body, "batch", "demo")
        assert ed25519.verify(ME.public_key, opened.to_verify, opened.signature)
        head, at = envelope.open_head(body, opened.end)
        while at < len(body):
            at = cbor.skip(body, at)
            self.records += 1
        self.held[head.epoch] = max(self.held.get(head.epoch, 0), head.last)
        answer = envelope.answer(head.epoch, self.held[head.epoch], START + int(self._chip.now) // 1000000)
        self.got += b"HTTP/1.1 200 X\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer

    async def readline(self):
        return await self.read(self.got.find(b"\n") + 1)

    async def read(self, n):
        part, self.got = self.got[:n], self.got[n:]
        return part

    readexactly = read

    def close(self):
        pass

    async def wait_closed(self):
        pass


class Connected(Uplink):
    """The uplink, on a connection that is there."""

    async def _connected(self):
        if self._connection is None:
            self._connection, self._connected_by = (self.receiver, self.receiver), self._works
        return self._connection


class Street:
    """A gateway with a CC1101 in a street; `kind` is the driver."""

    def __init__(self, count, costs, ns, kind=cc1101.Radio, lines=(True, True), calmly=True):
        self.costs = costs
        self.sent, self.own = street(count)
        self.apart = alone(self.sent)
        air = fake.Air(NOISE)
        for frame, _ in self.sent:
            air.send(frame)
        self.air = air
        self.chip = fake.Chip(air)
        self.bus = fake.Bus(self.chip, transfer_us=TRANSFER_US, lines=lines)
        self.processor = Processor(self.bus, ns)
        self.bus.each_swap = lambda: self.processor.in_transfer(costs["swap"])
        self.kind = kind
        self.calmly = calmly
        self.heard = [False] * (count + 1)
        self.wrong = 0
        self.allocated = self.most_allocated = 0
        self._by_telegram = {}
        self._sent = 0
        self._make()

    def _make(self):
        costs, processor = self.costs, self.processor
        clock = Clock(port.uptime_ms, 1767225600)
        device = Flash(processor, costs["record"] // 2)
        rings = blocks.open_rings(device, random.Random(1).randbytes, clock.record_time)
        settings = config.check({"interval": INTERVAL_S, "own_meters": [
            {"meter": "NET-10000000-01-07", "key": self.own.key.hex()}]}, {"window": 3600, "interval": 900})
        g = self.gateway = Gateway(port, settings, ME, clock, rings, restored({"boot": 1}), lambda _: None,
                                   history.History(Disk(), "history"))
        clock.offer(START * 1000, records.CLOCK_ANSWER)
        g.own = OwnMeters(settings["own_meters"], port.aes, lambda *_: None, g.count)
        g.uplink = Connected(WORKS, ME, rings, clock, INTERVAL_S, lambda: (1, "0", records.CLOCK_ANSWER),
                             g.journal.renewed, None, g.count)
        g.uplink.receiver = self.receiver = Receiver(self.chip)
        relay, decode = g.telegram, g.own.decode_own

        def telegram(data, rssi):
            processor.work(costs["link"] * 1.5 * len(data) + costs["relay"])
            self._allocate(costs["bytes"]["telegram"] + costs["bytes"]["link"])
            self._heard(data, rssi)
            relay(data, rssi)

        def decoded(*arguments):
            processor.work(costs["decode"])
            decode(*arguments)

        g.telegram, g.own.decode_own = telegram, decoded  # type: ignore[method-assign]
        self.chips = chip_radio.ChipRadio(g, "cc1101", self.kind, None)
        c = self.chips.calm
        c._figures = (1, 1, 1)
        c._collect, c._memory = lambda: self._collect("collect"), lambda: self._collect("memory")
        if not self.calmly:
            c.receiving = lambda: False  # type: ignore[method-assign]

    def _allocate(self, n):
        self.allocated += n
        self.most_allocated = max(self.most_allocated, self.allocated)

    def _collect(self, how):
        self.allocated = 0
        self.processor.single(self.costs[how])
        return 1, 1, 1

    def _heard(self, data, rssi):
        while self._sent < len(self.sent) and self.sent[self._sent][0].at < self.chip.now:
            self._by_telegram[self.sent[self._sent][1]] = self._sent
            self._sent += 1
        which = self._by_telegram.get(data)
        if which is None or self.heard[which] or self.sent[which][0].rssi != rssi:
            self.wrong += 1
        else:
            self.heard[which] = True

    def _steps(self, real):
        costs, processor = self.costs, self.processor

        def steps(*arguments):
            made = real(*arguments)
            for cost in costs["steps"]:
                try:
                    next(made)
                except StopIteration as e:
                    return e.value
                processor.work(cost)
                self._allocate(costs["bytes"]["step"])
                yield
            return (yield from made)
        return steps

    async def _live(self):
        g = self.gateway
        tasks = [asyncio.ensure_future(work) for work in (self.chips.run(), g.tasks.housekeeping(), g.uplink.run())]
        end = (self.sent[-1][0].end + 2000000) / 1e6
        while asyncio.get_running_loop().time() < end:
            await asyncio.sleep(1)
            for task in tasks:
                if task.done():
                    task.result()
        # And is it well?
        probe = self.sent[0]
        frame = self.air.send(fake.Sent(self.chip.now + 50000, probe[0].data, probe[0].rssi))
        self.sent.append((frame, probe[1]))
        await asyncio.sleep(0.3)
        self.sent.pop()
        self.resets, self.overflows = self.chips.radio.resets, self.chips.radio.overflows
        self.radio = self.chips.radio
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def run(self):
        """Live through it; returns the figures."""
        port._real_ms, real_ms = lambda: int(self.chip.now) // 1000, port._real_ms
        sign_steps, ed25519.sign_steps = ed25519.sign_steps, self._steps(ed25519.sign_steps)
        spi, port.spi_bus = port.__dict__.get("spi_bus"), lambda _pins: self.bus
        loop = Loop(self.bus)
        try:
            with costly(self.processor, self.costs["wake"]):
                loop.run_until_complete(self._live())
        finally:
            port._real_ms, ed25519.sign_steps = real_ms, sign_steps
            if spi is None:
                del port.spi_bus
            loop.close()
        return self._figures()

    def _figures(self):
        count = len(self.sent)
        apart = sum(self.apart)
        missed = [i for i in range(count) if self.apart[i] and not self.heard[i]]
        kept = [i for i in missed if self.sent[i][0].taken == len(self.sent[i][0].data)]
        g = self.gateway
        return {
            "sent": count, "heard": sum(self.heard[:count]), "overlapped": count - apart, "lost": len(kept),
            "wrong": self.wrong, "stuck": int(not self.heard[count]), "loss_share": round(len(missed) / apart, 5),
            "fifo_alone_max_us": int(self.chip.alone), "overflows": self.overflows, "resets": self.resets,
            "noise": self.radio.noise, "emptied": self.chip.emptied, "underflows": self.chip.underflows,
            "calibrations": self.radio.calibrations, "batches": g.counters["batches"],
            "records": self.receiver.records, "erases": self._flash().erases, "errors": g.counters["errors"],
            "seconds": round(self.chip.now / 1e6), "busy_share": round(self.processor.busy / self.chip.now, 3),
            "most_allocated": self.most_allocated,
        }

    def _flash(self):
        return self.gateway.telegrams._flash.device._device


def stream(name, count):
    """A radio on a stream and its far end of the tests, which keeps what it hears: its figures."""
    rng = random.Random(name)
    scene = radio_scene.Scene(name).settle()
    meters = [Meter(n, rng) for n in range(1, 50)]  # the longest is more than some modules pass on
    waiting, wrong, heard, data = [], 0, 0, b""
    for n in range(count):
        telegram = rng.choice(meters).telegram(rng)
        waiting.append(telegram)
        data += scene.end.air(telegram)
        if rng.random() < 0.3 or n == count - 1:
            cut = len(data) if n == count - 1 else rng.randrange(len(data) + 1)
            for got, _rssi in scene.feed(data[:cut]):
                if got in waiting:
                    waiting.remove(got)
                    heard += 1
                else:
                    wrong += 1
            scene.heard.clear()
            data = data[cut:]
    return {"sent": count, "heard": heard, "lost": len(waiting), "wrong": wrong,
            "stuck": int(not [t for t, _ in scene.feed(scene.end.air(telegram)) if t == telegram])}


def pace():
    """Nanoseconds of an ESP32-C3 per instruction, at the worse end."""
    rates = PER_MINSTR
    if ENERGY.exists():
        rates = json.loads(ENERGY.read_text())["instructions_to_ms"]["esp32c3_160mhz_per_minstr"]
    return max(rates)


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="5,000 telegrams a radio")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--only", help="one radio")
    args = parser.parse_args()
    count = QUICK if args.quick else FULL
    if not _callgrind.tools():
        sys.exit("bench/radios.py: needs valgrind and micropython on the PATH")
    result: "dict" = {"radios": {}}
    if args.only in (None, "cc1101"):
        began = time.process_time()
        costs = _radio_costs.measure()
        print("instructions", {name: cost for name, cost in costs.items() if name != "steps"})
        row = Street(count, costs, pace()).run()
        print("cc1101", row, "%.0f s" % (time.process_time() - began))
        result["radios"]["cc1101"] = row
        result.update(loss_share=row["loss_share"], fifo_alone_max_us=row["fifo_alone_max_us"])
    for name in sorted(radio_ends.ENDS):
        if args.only in (None, name) and name not in result["radios"]:
            result["radios"][name] = stream(name, count)
            print(name, result["radios"][name])
    for name in ("lost", "wrong", "stuck"):
        result[name] = sum(row[name] for row in result["radios"].values())
    if args.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
