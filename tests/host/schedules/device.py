"""The gateway of a schedule: the real parts, wired by `firmware.start.make` in a world of their own.

In CPython it is driven by calls. Under MicroPython it is a process of its own: it reads one JSON line per order from
its standard input and answers with lines; while a request waits for its answer, that goes the same way.
"""

import asyncio
import binascii
import json
import sys

from firmware import port
from firmware.port import files

port.tidy()  # as firmware.main does it, before the imports

from firmware import folder as gateway_folder  # noqa: E402
from firmware import start  # noqa: E402
from firmware.uplink import uplink  # noqa: E402
from firmware.wire.orders import ORDERS  # noqa: E402
from schedules.world import Cut, World  # noqa: E402

TAKER = gateway_folder.Folder.make_orders


class Lcg:
    """Numbers of 31 bits that follow from a seed, the same on both runtimes."""

    def __init__(self, seed):
        self.at = seed & 0x7FFFFFFF

    def __call__(self):
        out = 0
        for _ in range(2):
            self.at = (self.at * 1103515245 + 12345) & 0x7FFFFFFF
            out = out << 15 | self.at >> 16
        return out


def drive(coroutine):
    """Run a coroutine to its end without a loop: nothing in this world waits."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as e:
            return e.value


def in_hex(value):
    """The value with lists for tuples and hex for bytes, as JSON holds it."""
    if isinstance(value, bytes):
        return binascii.hexlify(value).decode()
    return [in_hex(v) for v in value] if isinstance(value, (list, tuple)) else value


class Device:
    """One life of a gateway, from its start to its end. `run` runs a coroutine."""

    def __init__(self, folder, exchange, tell, seed, budget=None, system=None, run=drive):
        self._run = run
        self.world = world = World(folder, exchange, tell, Lcg(seed))
        self.tell = tell
        world.budget, world.system = budget, system
        self._put(world, world)
        gateway_folder.Folder.make_orders = lambda folder: self._taker(folder)
        self.g = g = start.make(folder)
        world.heard = self._hear_all
        g.valve = lambda: None

    @staticmethod
    def _put(hal, in_files):
        gateway_folder.port = start.port = uplink.port = hal
        gateway_folder.files = start.files = in_files

    def end(self):
        """Nothing of it is written any more, and others have the real port again."""
        self.world.dead = True
        self._put(port, files)
        gateway_folder.Folder.make_orders = TAKER

    def _taker(self, folder):
        # Each execution is told the moment it begins: what follows may be cut off.
        taker = TAKER(folder)
        for order in ORDERS:
            self._watch(taker, order.name)
        return taker

    def _watch(self, taker, name):
        method = "do_" + name.replace("-", "_")
        real = getattr(taker, method)

        def watched(*arguments):
            self.tell(["executed", name, in_hex(arguments)])
            return real(*arguments)
        setattr(taker, method, watched)

    def hear(self, telegram, rssi=-70):
        """A telegram comes from the radio."""
        g = self.g
        before, clock = g.counters["relayed"], g.clock.now()
        self.tell(["hearing", binascii.hexlify(telegram).decode(), clock])
        g.telegram(telegram, rssi)
        if g.counters["relayed"] > before:
            self.tell(["relayed", self.world.appended])
        else:
            self.tell(["thinned"])

    def _hear_all(self, telegrams):
        for telegram in telegrams:
            self.hear(binascii.unhexlify(telegram))

    def do(self, order):
        """Carry out one order: a list with its name and arguments; returns what it gives."""
        name = order[0]
        if name == "hear":
            self._hear_all(order[1])
        elif name == "event":
            self.g.journal.event("schedule", order[1])
            self.tell(["noted", order[1], self.world.appended])
        elif name == "tick":
            self.g.tasks.tick()
        elif name == "round":
            self.world.cuts = order[1]
            return self._run(self.g.uplink.round())
        elif name == "stop":
            self.g.close()
        return None

    def state(self):
        """Where both rings and the clock stand."""
        g = self.g
        return {"rings": [[binascii.hexlify(r.epoch).decode(), r.last, r.acknowledged, r.sent, r.lost]
                          for r in (g.values, g.telegrams)], "now": g.clock.now(), "errors": g.counters["errors"],
                "last_error": g.uplink.last_error, "interval": g.uplink.interval}


class Remote:
    """The process's side of the lines."""

    def __init__(self):
        self.device = None

    def say(self, *row):
        sys.stdout.write(json.dumps(row) + "\n")
        if hasattr(sys.stdout, "flush"):
            sys.stdout.flush()

    def exchange(self, request):
        self.say("request", binascii.hexlify(request).decode())
        answer, telegrams = json.loads(sys.stdin.readline())
        return None if answer is None else binascii.unhexlify(answer), telegrams

    def run(self):
        while True:
            line = sys.stdin.readline()
            if not line:
                return
            order = json.loads(line)
            try:
                given = None
                if order["do"][0] == "start":
                    self.device = Device(order["folder"], self.exchange, lambda row: self.say("told", row),
                                         order["seed"], order["budget"], order["system"], asyncio.run)
                    self.device.world.ms = order["ms"]
                else:
                    self.device.world.budget = order["budget"]
                    self.device.world.ms = order["ms"]
                    self.device.world.system = order["system"]
                    given = self.device.do(order["do"])
                self.device.world.budget = None
                self.say("done", given, self.device.state())
            except Cut:
                # Whoever reads this kills the process, with everything as it stands.
                self.say("cut")
            except Exception as e:
                self.say("failed", port.trace(e))


if __name__ == "__main__":
    Remote().run()
