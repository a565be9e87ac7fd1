"""A gateway on a disk in memory, in a world whose time stands where it is put: what the tests of the gateway share."""

import asyncio

from firmware import port

port.tidy()  # before the imports: what they leave would lie all over a small heap

import wmbus_cases as cases
from disk import Disk

from firmware import config, identity
from firmware.clock import Clock
from firmware.folder import restored
from firmware.gateway import Gateway
from firmware.home import history
from firmware.home.han_port import HanPort
from firmware.home.own_meters import OwnMeters
from firmware.spool.files import Ring
from firmware.wire import cbor
from firmware.wire import records as wire_records

ME = identity.of_seed(bytes(range(32)))
T = 1795503600  # a full hour
OTHER_KEY = bytes(range(100, 116))
WATER = cases.address()  # NET-12345678-01-07
HEAT = cases.address(kind=4)
WORKS = {"window": 3600, "interval": 900}
HAN = {"port": "tcp://127.0.0.1:1"}


class Hal:
    """The world of a gateway under test: time stands where it is put."""

    def __init__(self):
        self.ms = 0
        self.lines = []

    def uptime_ms(self):
        return self.ms

    def real_ms(self):
        return self.ms

    def scale(self):
        return 1

    def forget(self, modules):
        pass

    def memory(self):
        return None

    def system_time(self):
        return None

    def trace(self, error):
        return "trace of " + str(error)

    def print_line(self, text):
        self.lines.append(text)

    async def sleep(self, seconds):
        self.ms += seconds * 1000
        await asyncio.sleep(0)


class Bench(Gateway):
    """A gateway on a disk in memory."""

    def __init__(self, kept=None, hal=None, **settings):
        self.hal = hal or Hal()
        self.disk = Disk()
        self.kept = {}
        clock = Clock(self.hal.uptime_ms, 1767225600)
        rings = [Ring(self.disk, name, 1 << 16, lambda n: b"e" * n, clock.record_time)
                 for name in ("values", "telegrams")]
        Gateway.__init__(self, self.hal, config.check(settings, WORKS), ME, clock, rings,
                         restored({"boot": 7}), lambda state: self.kept.update(state),
                         history.History(self.disk, "history"))
        self.prepare()
        self.journal.started("start")
        if settings.get("own_meters"):
            self.own = OwnMeters(self.config["own_meters"], port.aes, self.journal.water_hour, self.count)
        if self.config["han"]:
            self.han = HanPort(self.config["han"], clock, kept, lambda data: self.kept.update({"han": data}),
                               self.journal.electricity_hour, self.count)

    def prepare(self):
        """What a known-bad gateway changes before the first record."""

    def set_clock(self, unix=T, quality=wire_records.CLOCK_ANSWER):
        self.clock.offer(unix * 1000, quality)

    def records(self, ring, kind=None):
        rows = [cbor.decode_all(data) for _seq, data in ring.read(0)]
        return rows if kind is None else [row for row in rows if row[0] == kind]

    def everything_kept(self):
        return b"".join([self.disk.read_whole(path) for path in sorted(self.disk.files)])


class SendsElectricity(Bench):
    """Known bad: does not ask for the opt-in."""

    def prepare(self):
        real = self.journal.electricity_hour

        def unasked(*hour):
            self.config["han"]["send"] = True
            real(*hour)
        self.journal.electricity_hour = unasked


def own(meter="NET-12345678-01-07", key=cases.KEY):
    return [{"meter": meter, "key": key.hex()}]


def hours_sent(g):
    g.han.use_reading({"time": T + 10, "import_w": 900, "import_kwh": 1000.0, "export_kwh": 2.0, "meter_id": "6970"})
    g.hal.ms = 3600000
    g.han.use_reading({"time": T + 3610, "import_w": 800, "import_kwh": 1000.85, "export_kwh": 2.5, "meter_id": "6970"})
    return g.records(g.values, wire_records.HAN_HOUR)
