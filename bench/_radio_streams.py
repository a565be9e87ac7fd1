"""What the radios on a stream hear of a street: each against its far end of the tests (tests/radio_ends.py).

A module that is spoken to is at a chip's UART (tests/fake_machine.py), in its maker's serial setting, on a clock that
runs on: bytes come into a FIFO of 128 and by interrupt into the ring, and are gone where there is no room. The loop
looks 20 times a second, but is away for its works: a TLS handshake, a signature in steps, and erases, while which no
interrupt is served. A program (rtl_433, a bridge) is on TCP, which waits; its lines come in pieces of any size.

    lost     telegrams whose bytes all came in and that were not heard      wrong   heard and not sent
    stuck    whether it hears nothing at the end
    spilt    telegrams not heard that bytes were lost of in an erase, or that came while the module was being set up: it
             keeps nothing

`bench/radios.py` has it beside the chips; alone: python bench/_radio_streams.py [--quick] [--json]
"""

import json
import random
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import radio_ends as ends  # noqa: E402
import wmbus_cases as cases  # noqa: E402
from radio_scene import Scene  # noqa: E402
from radio_soldered import Soldered  # noqa: E402

LOOK_MS = 50
CALM_S, CALM_RATE, BUSY_S, BUSY_RATE = 2.0, 5.0, 0.4, 50.0  # 12.5/s on the average
BATCH_MS, HANDSHAKE_MS, SIGN_STEPS, SIGN_MS = 900000, 3000, 13, 30
ERASE_MS, ERASE_US = 20000, 45000  # far more often than a year's wear allows


def moments(count, rng):
    """When the meters send, in milliseconds."""
    at, sent = 2000.0, 0
    while sent < count:
        for seconds, rate in ((CALM_S, CALM_RATE), (BUSY_S, BUSY_RATE)):
            end = at + seconds * 1000
            while sent < count:
                at += rng.expovariate(rate) * 1000
                if at >= end:
                    at = end
                    break
                sent += 1
                yield at


def telegram(number):
    """One of its own."""
    records = b"\x04\x13" + number.to_bytes(4, "little") + cases.RECORDS[6:]
    return cases.short(records, number & 255, 0, cases.address("NET", "%08d" % (number % 200)))


class Program:
    """A radio whose stream waits."""

    def __init__(self, name, rng):
        self._rng = rng
        self.scene = Scene(name).settle()
        self._waiting = b""

    def send(self, _at, telegram):
        self._waiting += self.scene.end.air(telegram)

    def look(self):
        while self._waiting:
            size = self._rng.randint(1, 1024)
            self.scene.feed(self._waiting[:size])
            self._waiting = self._waiting[size:]

    def away(self, ms, deaf=False):
        pass


class Module:
    """A radio at a chip's UART."""

    def __init__(self, name, _rng):
        self.scene = Soldered(name).settle()
        self.on_line = []  # (begins, ends in microseconds, number) of what is on its way
        self.spilt = set()

    def send(self, number, telegram):
        line = self.scene.line
        begins = max(line.free_at, self.scene.chip.us)
        frame = self.scene.end.air(telegram)
        if frame:
            self.on_line.append((begins, line.send(frame), number))
        else:
            self.spilt.add(number)

    def look(self):
        self.scene.turn(LOOK_MS)
        self.on_line = [one for one in self.on_line if one[1] > self.scene.chip.us]

    def away(self, ms, deaf=False):
        chip = self.scene.chip
        before, began = chip.lost, chip.us
        if deaf:
            chip.stall(ms * 1000)
        else:
            chip.advance(ms * 1000)
            self.scene.uart._uart.arrive()  # by interrupt
        if chip.lost != before:
            self.spilt.update(number for begins, end, number in self.on_line if begins < chip.us and end > began)


def run(name, count):
    """The figures of one radio."""
    rng = random.Random(name)
    spoken = hasattr(Scene(name).radio, "poll")
    radio = (Module if spoken else Program)(name, rng)
    scene = radio.scene
    scene.heard = []
    numbers, wrong, heard = {}, 0, bytearray(count)
    now = base = scene.now if spoken else 0
    works = {"batch": base + BATCH_MS // 2, "erase": base + ERASE_MS}
    sends = moments(count, rng)
    due = next(sends, None)
    number = 0
    end = None
    while end is None or now < end:
        while due is not None and due + base <= now:
            one = telegram(number)
            numbers[one] = number
            radio.send(number, one)
            number += 1
            due = next(sends, None)
        if due is None and end is None:
            end = now + 15000
        radio.look()
        if now >= works["batch"]:
            works["batch"] += BATCH_MS
            radio.away(HANDSHAKE_MS)
            for _ in range(SIGN_STEPS):
                radio.away(SIGN_MS)
                radio.look()
        if now >= works["erase"]:
            works["erase"] += ERASE_MS
            radio.away(ERASE_US // 1000, True)
        now = scene.now = scene.chip.ms() if spoken else now + LOOK_MS
        for one, _rssi in scene.heard:
            which = numbers.pop(one, None)
            if which is None:
                wrong += 1
            else:
                heard[which] = 1
        scene.heard = []
    spilt = getattr(radio, "spilt", set())
    last = telegram(count)
    radio.send(count, last)
    for _ in range(40):
        radio.look()
    return {"sent": count, "heard": sum(heard), "lost": sum(1 for i in range(count) if not heard[i] and i not in spilt),
            "wrong": wrong, "stuck": int(last not in [one for one, _rssi in scene.heard]),
            "spilt": sum(1 for i in spilt if i < count and not heard[i]), "rejected": scene.radio.rejected}


def main():
    """Run and print."""
    rows = {name: run(name, 5000 if "--quick" in sys.argv else 100000) for name in sorted(ends.ENDS)}
    for name, row in rows.items():
        print(name, row)
    if "--json" in sys.argv:
        print(json.dumps(dict({key: sum(row[key] for row in rows.values()) for key in ("lost", "wrong", "stuck")},
                              radios=rows)))


if __name__ == "__main__":
    main()
