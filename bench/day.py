"""A day of a home's gateway in the real MicroPython, in the heap of a small chip, on simulated time.

    python bench/day.py [--quick] [--json] [--hours H] [--scale N] [--meters N] [--every S]

The gateway starts as a device does: boot.py, a slot of compiled modules as `netti release` builds them, the spool on
(simulated) flash, `-X heapsize=192wK`, a system clock that says it is 2000. In range are 200 water meters; one is the
household's own. Its HAN port hears a Kaifa meter at its real intervals, from the tenth minute on. The receiver is a
real process; it is away for some hours, and so, at another time, is the Wi-Fi. Afterwards is compared with what was
sent:

    heap_live     most bytes of heap that were live after a collection while nothing was sent, the median of each hour
    heap_peak     most bytes in use before a collection                 heap_drift  highest by lowest hour, less one
    missing       (meter, window) pairs with a good telegram that are not in the store, own hours that are not at home
    restarts      of tasks, and of the gateway itself                   memory_errors
    wrong_time    of what it shows and sends, times that are not of this day: 2000 was believed
    unknown_s     seconds after the start at which it knew the time

A real street of 200 meters sends every few seconds; here each is heard every --every seconds of simulated time, which
is what a PC's process can take while it lives --scale times as fast. --quick: 3.25 hours,
outages of half an hour.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from netti_tools.demo import evidence, processes  # noqa: E402
from netti_tools.demo.proxy import Proxy  # noqa: E402
from netti_tools.release import build  # noqa: E402
from netti_tools.simulate import han_encoder, wmbus_encoder  # noqa: E402
from netti_tools.simulate.clock import SimulatedClock  # noqa: E402

from firmware import boot  # noqa: E402

HEAP = "192wK"
LIMIT = 128 * 1024 * 2  # 128wK on a machine of 64 bits
WINDOW = 3600
HAN_FROM_S = 600
CONNECT_S = 20
DRAIN_S = 60  # real
ON_TIME_S = 20  # simulated: an hour whose mark came later is not judged
Course = tuple  # (hours, scale, every, start and end of the receiver's outage, of the Wi-Fi's), in hours
FULL, QUICK = (24, 120, 60, (5, 8), (14, 17)), (3.25, 400, 300, (0.8, 1.3), (1.9, 2.4))
YEAR_2000 = 946684800  # where a chip's clock begins


class Link(Proxy):
    """The Wi-Fi between gateway and receiver."""

    up = True

    async def _connection(self, reader, writer):
        if not self.up:
            writer.close()
            return
        await super()._connection(reader, writer)

    def cut(self):
        """Away it is."""
        self.up = False
        for writer in self._writers:
            writer.close()


class Port:
    """A TCP port that one gateway reads."""

    def __init__(self):
        self.writer = None
        self.connections = 0

    async def start(self):
        self.server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.number = self.server.sockets[0].getsockname()[1]

    async def _connected(self, _reader, writer):
        self.writer = writer
        self.connections += 1

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()


class Device(processes.Process):
    """The gateway."""

    def __init__(self, folder, log):
        super().__init__("gateway", [processes.micropython(), "-X", "heapsize=" + HEAP, str(folder / "boot.py"),
                                     str(folder), "--status"], log)
        self.rows: "list[dict]" = []
        self.errors = 0

    def line(self, text):
        super().line(text)
        if text.startswith("{"):
            self.rows.append(json.loads(text))

    @property
    def row(self):
        return self.rows[-1] if self.rows else {}


class Meter:
    """A water meter with a key of its own."""

    def __init__(self, number, rng):
        self.address = wmbus_encoder.address("KAM", "%08d" % (10000000 + number), 0x1B, 0x16)
        self.text = "KAM-%08d-1B-16" % (10000000 + number)
        self.key = rng.randbytes(16)
        self.litres = rng.randrange(10**6)
        self.access = 0

    def burst(self, rng):
        """The next telegram: (telegram, as the bridge sends it)."""
        self.litres += rng.randrange(3)
        self.access = self.access + 1 & 255
        records = b"\x04\x13" + self.litres.to_bytes(4, "little") + b"\x02\xfd\x17\x00\x00"
        telegram = wmbus_encoder.link(self.address, wmbus_encoder.mode_5(self.address, self.access, 0, records,
                                                                         self.key))
        raw = wmbus_encoder.burst(telegram, "C1B")
        return telegram, (len(raw) + 1).to_bytes(2, "big") + bytes((256 - rng.randrange(50, 100),)) + raw


class Day:
    """One run in a folder."""

    def __init__(self, folder, course, meters, seed):
        self.folder, self.rng = folder, random.Random(seed)
        self.hours, self.scale, self.every, self.receiver_away, self.wifi_away = course
        self.meters = [Meter(n, self.rng) for n in range(meters)]
        self.receiver = processes.Receiver(folder / "receiver", folder / "receiver.log", processes.free_port(),
                                           processes.free_port(), None)
        self.link = Link(self.receiver.port)
        self.device = Device(folder / "d", folder / "gateway.log")
        self.radio, self.han = Port(), Port()
        self.start = 1790294400 + 55 * 60  # some day in September 2026, five minutes before an hour
        self.sent: "dict[bytes, tuple[str, float]]" = {}
        self.marks: "dict[int, int]" = {}
        self.late = 0.0

    async def set_up(self):
        """Receiver, enrolment, a slot of compiled modules."""
        await self.link.start()
        await self.radio.start()
        await self.han.start()
        receiver = self.receiver
        await processes.command("receiver", "init", str(receiver.folder), "--works", "day", "--name", "Day", "--host",
                                "localhost", "--port", str(receiver.port))
        await receiver.serve(SimulatedClock(time.time(), self.start - 60, 1).triple())
        token = (await processes.command("receiver", "token", str(receiver.folder))).split()[0]
        gateway = self.folder / "d" / "gateway"
        gateway.parent.mkdir()
        await processes.command("gateway", "enrol", token, "--dir", str(gateway))
        await receiver.stop()
        works = json.loads((gateway / "works.json").read_text())
        works["url"] = "https://localhost:%d" % self.link.port
        (gateway / "works.json").write_text(json.dumps(works))
        own = self.meters[0]
        (gateway / "config.json").write_text(json.dumps({
            "radios": [{"radio": "bursts", "port": "tcp://127.0.0.1:%d" % self.radio.number}],
            "han": {"port": "tcp://127.0.0.1:%d" % self.han.number},
            "own_meters": [{"meter": own.text, "key": own.key.hex()}], "interval": 900, "spool": "flash",
            "relay": {"window": WINDOW}, "simulated": {"scale": self.scale, "clock": YEAR_2000}}))
        (self.folder / "d" / "boot.py").write_bytes(Path(str(boot.__file__)).read_bytes())
        for f in build.compile_all("0.2.0", 1767225600, [bytes(32)], ("x64",)):
            path = self.folder / "d" / "slots" / "a" / f.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f.data)

    async def run(self, tell):
        """Live through the day; returns the figures."""
        await self.set_up()
        self.clock = SimulatedClock(time.time() + 1, self.start, self.scale)
        await asyncio.gather(self.receiver.serve(self.clock.triple()), self.device.start())
        until = time.time() + CONNECT_S
        while self.radio.writer is None or self.han.writer is None:
            if time.time() > until:
                sys.exit("bench/day.py: the gateway does not connect\n" + self.device.log_tail())
            await asyncio.sleep(0.05)
        self.clock = SimulatedClock(time.time(), self.start, self.scale)
        try:
            await asyncio.gather(self._air(), self._lists(), self._outages(tell))
            tell("the day is over; waiting for what is on its way")
            until = time.time() + DRAIN_S
            while time.time() < until and (self.device.row.get("spooled") or
                                           self.device.row.get("heard", 0) < len(self.sent)):
                await asyncio.sleep(0.2)
            await asyncio.sleep(1)
            return self._figures(tell)
        finally:
            await asyncio.gather(self.device.stop(2), self.receiver.stop())
            self.link.close()

    @property
    def end(self):
        return self.start + self.hours * 3600

    async def _at(self, moment):
        left = self.clock.until(moment)
        self.late = max(self.late, -left * self.scale)
        await asyncio.sleep(max(left, 0))

    async def _air(self):
        step = self.every / len(self.meters)
        moment = self.start + 5
        while moment < self.end:
            for meter in self.meters:
                telegram, raw = meter.burst(self.rng)
                await self._at(moment)
                self.sent[telegram] = meter.text, self.clock.now()
                await self.radio.send(raw)
                moment += step

    async def _lists(self):
        dialect = han_encoder.DIALECTS["kaifa"]
        wh, moment, n = 12345678, self.start + HAN_FROM_S, 0
        while moment < self.end:
            await self._at(moment)
            which = 2 if n * dialect.power_every % dialect.list_every == 0 else 1
            watts = 500 + 100 * (n // 100 % 20)
            e = han_encoder.Electricity(watts, 0, 30, 40, [1, 2, 3], [230, 231, 229], wh, 0, 5000, 6000)
            await self.han.send(han_encoder.frame("kaifa", which, e, "7359992800000001", moment))
            past = moment % 3600
            if past < dialect.hour_at <= past + dialect.power_every:
                hour = int(moment // 3600) * 3600
                wh += self.rng.randrange(300, 3000)
                # What this very bench brings late, on a busy machine, proves nothing about the gateway.
                if abs(self.clock.until(moment)) * self.scale < ON_TIME_S:
                    self.marks[hour] = wh
                e = e._replace(import_wh=wh)
                await self.han.send(han_encoder.frame("kaifa", 3, e, "7359992800000001", hour + dialect.hour_at))
            n += 1
            moment += dialect.power_every

    async def _outages(self, tell):
        for begin, finish, which in sorted([(*self.receiver_away, 0), (*self.wifi_away, 1)]):
            name = ("receiver", "Wi-Fi")[which]
            await self._at(self.start + begin * 3600)
            if which:
                self.link.cut()
            else:
                await self.receiver.kill()
            tell("%4.1f h: %s away; %s" % (begin, name, self._say()))
            await self._at(self.start + finish * 3600)
            tell("%4.1f h: %s back; %s" % (finish, name, self._say()))
            if which:
                self.link.up = True
            else:
                await self.receiver.serve(self.clock.triple())
        await self._at(self.end)

    def _say(self):
        row = self.device.row
        return "heard %s, spooled %s, heap %s" % (row.get("heard"), row.get("spooled"), row.get("heap"))

    # --- what came of it ---

    def _figures(self, tell):
        rows = self.device.rows
        row = rows[-1]
        by_hour: "dict[int, list[int]]" = {}
        for r in rows:
            if r.get("heap"):
                by_hour.setdefault(r["uptime"] // 3600, []).append(r["heap"][1])
        # The first hour builds up: it is not what the others are compared with.
        medians = {hour: int(statistics.median(used)) for hour, used in by_hour.items() if hour and len(used) > 2}
        for hour in sorted(by_hour):
            used = by_hour[hour]
            tell("hour %2d: live %6d to %6d B, median %6d" % (hour, min(used), max(used), statistics.median(used)))
        store = evidence.store(self.receiver.folder / "store.sqlite")
        served = set()
        for r in store.rows:
            true = self.sent.get(bytes(r.data))
            if true:
                served |= {(r.meter, int(true[1]) // WINDOW), (r.meter, (r.time or 0) // WINDOW)}
        edge = 30 + 2 * self.late
        pairs = {(text, int(at) // WINDOW) for text, at in self.sent.values() if edge < at % WINDOW < WINDOW - edge}
        history = evidence.history(self.folder / "d" / "gateway")
        missing = ["%s in window %d" % pair for pair in sorted(pairs - served)]
        kept = {(h.kind, h.hour): h.value for h in history}
        for hour in sorted(self.marks):
            if hour + 3600 in self.marks and kept.get(("el", hour)) != self.marks[hour + 3600] - self.marks[hour]:
                missing.append("electricity of %d: %s" % (hour, kept.get(("el", hour))))
        last = int(self.clock.now() if self.clock.now() < self.end else self.end) // 3600 * 3600
        for hour in range(self.start // 3600 * 3600 + 3600, last, 3600):
            if ("water", hour) not in kept:
                missing.append("water of %d" % hour)
        for text in missing[:10]:
            tell("missing: " + text)
        log = (self.folder / "gateway.log").read_text(errors="replace")
        most = max(n for used in by_hour.values() for n in used)
        return {"hours": self.hours, "meters": len(self.meters), "every_s": self.every, "scale": self.scale,
                "telegrams": len(self.sent), "heard": row["heard"], "han": row["han"], "relayed": row["relayed"],
                "stored": len(store.rows), "pairs": len(pairs), "own_hours": len(kept), "missing": len(missing),
                "heap_live": max(medians.values()), "heap_live_most": most, "heap_limit": LIMIT,
                "heap_drift": round(max(medians.values()) / min(medians.values()) - 1, 4),
                "heap_peak": max(r["heap"][2] for r in rows if r.get("heap")),
                "restarts": row["restarts"] + self.device.died, "memory_errors": log.count("MemoryError"),
                "wrong_time": self._wrong_times(store), "unknown_s": min(
                    [r["uptime"] for r in rows if r["time"] is not None], default=None),
                "lost": row["lost"], "spooled": row["spooled"], "late_s": round(self.late, 1)}

    def _wrong_times(self, store):
        # A real second is many here, and the day ends later than what is sent in it; "sntp" is what a system clock's
        # time is called.
        first, last = self.start - 3600, self.end + DRAIN_S * self.scale
        shown = [r for r in self.device.rows if r["clock"] == "sntp" or not first <= (r["time"] or first) < last]
        return len(shown) + sum(not first <= (r.time or 0) < last for r in store.rows)


def good(result):
    """What is not as it must be, in words."""
    return [text for bad, text in (
        (result["missing"], "something is missing"), (result["restarts"], "a task was restarted"),
        (result["memory_errors"], "out of memory"), (result["heap_live"] > LIMIT, "more than 128wK live"),
        (result["heap_drift"] > 0.05, "the live heap is not flat"),
        (result["wrong_time"], "a clock that says 2000 was believed"),
        (not result["unknown_s"], "the time was never unknown"), (result["lost"], "records were overwritten"),
        (result["heard"] < result["telegrams"], "telegrams were not heard")) if bad]


def day(course, meters=200, seed=1, tell=lambda text: None):
    """Run one; returns the figures."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(Day(Path(folder), course, meters, seed).run(tell))


def main():
    parser = argparse.ArgumentParser(description="a day of a gateway in 192 KiB")
    parser.add_argument("--quick", action="store_true", help="%s hours" % QUICK[0])
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--scale", type=int)
    parser.add_argument("--every", type=int, help="seconds between two telegrams of a meter")
    parser.add_argument("--meters", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    course = QUICK if args.quick else FULL
    course = (course[0], args.scale or course[1], args.every or course[2], *course[3:])
    result = day(course, args.meters, args.seed, lambda text: print(text, flush=True))
    bad = good(result)
    print(", ".join(bad) or "all as it must be")
    if args.json:
        print(json.dumps(result))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
