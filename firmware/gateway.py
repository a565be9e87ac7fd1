"""The gateway's loop: from radio and HAN port through thinning into the spool, with the uplink beside it.

It is given everything that touches the world (`hal`, the `port` module in production). Each task is supervised: one
that dies is counted, reported as an event, and started again after a pause. No exception of one telegram or one
connection ends the loop.
"""

import asyncio
import json

import wmbus
from wmbus import sender

from .clock import QUALITY_NAMES
from .spool.flush_rule import FlushRule
from .thinning import AFL, Thinning
from .watch import FEED_S, Watch
from .wire import records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .home.han_port import HanPort
    from .home.own_meters import OwnMeters
    from .update.updater import Updater
    from .uplink.uplink import Uplink

TICK_S = 10
SUPPLY_S = 0.2  # real seconds between two looks at the supply
STATUS_EVERY_S = 6 * 3600
FLOOR_EVERY_S = 3600
SNTP_EVERY_S, SNTP_AGAIN_S = 4 * 3600, 300
ENDING = 100  # times a task is told to end, 20 ms apart
RESTART_S = (1, 5, 15, 60)  # pauses before a dead task's next start
# What is used now and then, and dropped from memory in between: no module that keeps anything may be among them.
# One text, as a tuple of so many would take four times the memory.
RARELY = ("firmware.config firmware.start firmware.identity firmware.orders firmware.wire.envelope "
          "firmware.wire.enrolment firmware.wire.orders firmware.wire.release firmware.uplink.http "
          "firmware.uplink.connection firmware.crypto.ed25519 firmware.crypto.ed25519_table firmware.crypto.sha512 "
          "firmware.crypto.sha512_table firmware.update.install firmware.uplink.fetch firmware.update.slots "
          "firmware.boot firmware.update.release_keys firmware.port.streams firmware.port.tls firmware.port.wifi "
          "firmware.port.flash_image wmbus.layouts wmbus.media wmbus.naming wmbus.records wmbus.vif "
          "han_reader.layout han_reader.lists han_reader.obis han_reader.walk")
COUNTERS = ("heard", "rejected", "foreign", "thinned", "relayed", "own", "own_errors", "han", "han_errors", "batches",
            "acknowledged", "errors", "restarts")


def _nothing(*_values):
    return None


class Gateway:
    """One running gateway. `rings` is (values, telegrams); `save_state(state)` keeps the small persistent state."""

    def __init__(self, hal, settings, identity, clock, rings, state, save_state, history):
        self.hal = hal
        self.config = settings
        self.identity = identity
        self.clock = clock
        self.values, self.telegrams = rings
        self.state = state
        self.save_state = save_state
        self.history = history
        self.counters = dict.fromkeys(COUNTERS, 0)
        self._moment = clock.moment
        self.thinning = Thinning(settings["relay"], wmbus.parse_meter, self._heard)
        # Put in place by main; own and han are None where not configured.
        self.own: "OwnMeters | None" = None
        self.han: "HanPort | None" = None
        self.uplink: "Uplink"
        self.radios = []  # (radio, where its stream is)
        self.others = []  # (name, coroutine function) of what else is configured
        self.orders = {}  # what the works ordered and goes before the configuration (orders.py)
        self.save_orders = _nothing
        self.save_works = _nothing
        self.make_own = _nothing  # an OwnMeters of checked meters
        self.valve = None  # called to close the main valve
        self.updater: "Updater | None" = None  # where the firmware runs from a slot
        self.restarting = False  # whether it ends to be started again
        self._day = None
        self.flush_rule = FlushRule()
        self.supply: "Callable[[], int] | None" = None  # returns the supply in millivolts, where the board can tell
        self._flushed_at = 0
        self._restarts = {}
        self._stop = asyncio.Event()
        self._floor_kept = clock.floor
        self.watch = Watch(self)
        self.memory = None  # (free, used) bytes of the heap after the last collection
        clock.on_step = self._stepped

    def count(self, name, n=1):
        """Count something that happened."""
        self.counters[name] = self.counters.get(name, 0) + n

    # --- records ---

    def started(self, cause):
        """Write the boot records: the first thing in both rings."""
        for ring in (self.values, self.telegrams):
            self._boot_record(ring, cause)

    def _boot_record(self, ring, cause):
        time = self.clock.now() or 0
        ring.append(lambda seq: records.boot(seq, time, self.state["boot"], cause))

    def _stepped(self, uptime, unix, quality):
        for ring in (self.values, self.telegrams):
            ring.append(lambda seq: records.clock(seq, uptime, unix, quality))

    def renewed(self, ring):
        """A ring began a new epoch: it needs its own boot and clock records, and somebody should know."""
        # Its boot is this boot, so its times count from the start of this boot too.
        ring.append(lambda seq: records.boot(seq, 0, self.state["boot"], "epoch"))
        now = self.clock.now()
        if now is not None:
            uptime, quality = self.clock.uptime(), self.clock.quality
            ring.append(lambda seq: records.clock(seq, uptime, now, quality))
        self.event("epoch", "values" if ring is self.values else "telegrams")

    def event(self, name, detail, urgent=False):
        """Write an event record; an urgent one is sent at once."""
        time, detail = self.clock.record_time(), detail[:200]
        self.values.append(lambda seq: records.event(seq, time, name, detail))
        if urgent:
            self.uplink.kick()

    def _tell(self, name, detail):
        try:
            self.event(name, detail)
        except OSError:
            self.count("errors")  # a full disk must not end the task that says so

    def _heard(self, meter, count, best, median):
        day = self._day if self._day is not None else self.clock.best() // 86400
        time = self.clock.record_time()
        self.telegrams.append(lambda seq: records.heard(seq, time, meter, day, count, best, median))

    def status_record(self):
        """Write the counters since boot."""
        time = self.clock.record_time()
        counters = [[name, self.counters[name]] for name in sorted(self.counters)]
        self.values.append(lambda seq: records.status(seq, time, counters))

    def electricity_hour(self, hour, import_wh, export_wh, estimated, meter):
        """A finished hour of the household's electricity: kept here, sent only with the owner's opt-in."""
        self.history.add(hour, "el", meter, (import_wh, export_wh, "e" if estimated else ""))
        if self.config["han"]["send"]:
            time = self.clock.record_time()
            self.values.append(lambda seq: records.han_hour(seq, time, hour, import_wh, export_wh, estimated))

    def water_hour(self, hour, meter, litres):
        """The register of an own meter at the end of an hour: kept here."""
        self.history.add(hour, "water", meter, (litres,))

    # --- telegrams ---

    def telegram(self, telegram, rssi):
        """Take one good telegram from a radio: relay, thin or count it, and decode it if it is the household's own."""
        try:
            meter, ci, status = sender(telegram)
        except ValueError:
            self.count("rejected")
            return
        counters = self.counters
        thinning = self.thinning
        counters["heard"] += 1
        if meter[7] in thinning.open or thinning.wanted(meter):
            at, unix = self._moment()
            fragment = wmbus.fragment(telegram) if ci == AFL else None
            if thinning.due(meter, ci, len(telegram), status, rssi, at, unix, fragment):
                try:
                    self.telegrams.append(records.telegram, at if unix is None else unix, rssi, telegram)
                except OSError:
                    thinning.forget(meter, ci, len(telegram))
                    raise
                counters["relayed"] += 1
            else:
                counters["thinned"] += 1
        else:
            counters["foreign"] += 1
        if self.own is not None and self.own.is_own(meter):
            self.own.take(meter, telegram, self.clock.now())

    # --- tasks ---

    async def read_radio(self, radio, where):
        """Read one radio's stream until it closes."""
        stream, end = await self.hal.open_stream(where)
        await asyncio.sleep(0)  # or this frame's memory would keep that call, and the code it loaded
        try:
            radio.reset()
            while True:
                data = await stream.read(1024)
                if not data:
                    return
                before = radio.rejected
                for telegram, rssi in radio.feed(data):
                    self.telegram(telegram, rssi)
                self.count("rejected", radio.rejected - before)
        finally:
            await self.hal.close(end)

    async def supervise(self, name, work):
        """Run a task for ever: `work()` makes its coroutine. A stream that closes is opened again the same way."""
        fails = 0
        while True:
            began = self.hal.real_ms()
            try:
                await work()
                detail = "ended"
            except OSError as e:
                # The other end is away: nothing is wrong with this gateway.
                detail = "OSError %s" % e
            except Exception as e:
                detail = self.hal.trace(e)
                self.count("restarts")
                self.count("errors")
                if isinstance(e, MemoryError):
                    self.forget_layouts()
                self._tell("restart", "%s: %s" % (name, detail[-180:]))
            if self.hal.real_ms() - began > 60000:
                fails = 0
            self._restarts[name] = detail
            await asyncio.sleep(min(RESTART_S[min(fails, len(RESTART_S) - 1)], 5 if self.hal.scale() > 1 else 60))
            fails += 1

    async def housekeeping(self):
        """What has to happen by the clock: flush, day and hour changes, floor, status."""
        next_status = self.clock.uptime() + STATUS_EVERY_S
        while True:
            await self.hal.sleep(TICK_S)
            self.tick()
            if self.clock.uptime() >= next_status:
                next_status += STATUS_EVERY_S
                self.status_record()

    async def network_time(self):
        """Ask the configured time server now and then."""
        from . import sntp
        host, number = self.config["sntp"]
        while True:
            got = await sntp.ask(self.hal, host, number, self.clock.floor)
            if got is not None:
                self.clock.offer(got[0], records.CLOCK_SNTP)
            self.count("sntp" if got else "sntp_errors")
            await self.hal.sleep(SNTP_EVERY_S if got else SNTP_AGAIN_S)

    def tick(self):
        """One round of housekeeping."""
        self.hal.forget(RARELY.split())
        self.memory = self.hal.memory()
        self.watch.round_at = self.hal.real_ms()
        self.watch.relieve(self.memory)
        self.flush_if_due()
        if self.clock.floor - self._floor_kept >= FLOOR_EVERY_S:
            self.keep_floor()
        system = self.hal.system_time()
        if system is not None:
            self.clock.offer(system * 1000, records.CLOCK_SNTP)
        now = self.clock.now()
        if now is None:
            return
        if self.own is not None:
            self.own.tick(now)
        day = now // 86400
        if self._day is None:
            self._day = day
        elif day != self._day:
            self.thinning.close_day()
            self._day = day

    def forget_layouts(self):
        """Drop the compiled layouts of telegrams: each is read again as at first sight."""
        if self.own is not None:
            from wmbus import plan
            plan.forget()

    async def watchdog(self):
        """Feed the watchdog for as long as all is well."""
        while self.watch.look():
            await asyncio.sleep(FEED_S)

    def flush_if_due(self, millivolts=None):
        """Let what has waited long enough, or must not wait for want of power, survive a power cut."""
        if self.flush_rule.due(self.clock.uptime() - self._flushed_at, millivolts):
            self._flushed_at = self.clock.uptime()
            self.values.flush()
            self.telegrams.flush()

    async def watch_supply(self):
        """Look at the supply, so that nothing waits in RAM when it sags."""
        sags = False
        while True:
            millivolts = self.supply() if self.supply else None
            before, sags = sags, self.flush_rule.sags(millivolts)
            if sags and not before:
                self.count("sags")
            self.flush_if_due(millivolts)
            await asyncio.sleep(SUPPLY_S)

    def keep_floor(self):
        """Persist the time that has certainly been reached."""
        self._floor_kept = self.state["floor"] = self.clock.floor
        self.save_state(self.state)

    def status(self):
        """The counters and state for the display."""
        row: "dict[str, object]" = dict(self.counters)
        row.update({"gateway": self.identity.gateway, "time": self.clock.now(), "uptime": self.clock.uptime(),
                    "clock": QUALITY_NAMES[self.clock.quality],
                    "spooled": self.values.pending() + self.telegrams.pending(),
                    "lost": self.values.lost + self.telegrams.lost})
        if self.uplink.last_error:
            row["last_error"] = self.uplink.last_error
        if self.memory is not None:
            row["heap"] = list(self.memory)
        if self.own is not None:
            row["own_meters"] = self.own.texts()
        return row

    async def show_status(self):
        """Print the status as a JSON line when it has changed, at most once a real second."""
        last = None
        while True:
            last = self._show(last)
            await asyncio.sleep(1)

    def _show(self, last):
        row = self.status()
        now = hash(json.dumps(dict(row, time=None, uptime=None)))  # far smaller than the row, which is big
        if now != last:
            self.hal.print_line(json.dumps(row))
        return now

    # --- the whole ---

    def stop(self):
        """Ask `run` to end."""
        self._stop.set()

    def restart(self):
        """Ask `run` to end, and whoever started it to start it again."""
        self.restarting = True
        self._stop.set()

    async def run(self):
        """Run all tasks until `stop`; then put everything in order."""
        tasks = [self._task("housekeeping", self.housekeeping), self._task("uplink", self.uplink.run)]
        for i, (radio, where) in enumerate(self.radios):
            tasks.append(self._task("radio%d" % i, lambda radio=radio, where=where: self.read_radio(radio, where)))
        if self.han is not None:
            tasks.append(self._task("han", self.han.run))
        if self.updater is not None:
            tasks.append(self._task("update", self.updater.run))
        tasks.append(asyncio.create_task(self.watchdog()))
        if self.supply is not None:
            tasks.append(self._task("supply", self.watch_supply))
        for name, work in self.others:
            tasks.append(self._task(name, work))
        if self.config["sntp"] is not None:
            tasks.append(self._task("sntp", self.network_time))
        if self.config["status"]:
            tasks.append(asyncio.create_task(self.show_status()))
        try:
            await self._stop.wait()
        finally:
            # More than once: wait_for of Python 3.11 loses a cancel that comes together with what it waited for, and
            # a task that goes on for ever would hold up the end for ever.
            for _ in range(ENDING):
                for task in tasks:
                    task.cancel()
                await asyncio.sleep(0.02)
                if all(task.done() for task in tasks):
                    break
            self.close()

    def _task(self, name, work):
        task = self.watch.tasks[name] = asyncio.create_task(self.supervise(name, work))
        return task

    def close(self):
        """Everything that is only in memory goes to where it lasts."""
        if self.clock.good():
            self.thinning.close_day()
        if self.han is not None:
            self.han.save()
        if self.own is not None:
            self.own.save()
        self.keep_floor()
        self.values.close()
        self.telegrams.close()
        if self.config["status"]:
            self.hal.print_line(json.dumps(self.status()))


def restored(state):
    """The persistent state with what is missing filled in; whatever is damaged begins anew."""
    good = {"boot": 0, "floor": 0, "counter": 0, "key": "", "executing": False, "results": [], "update": None}
    if isinstance(state, dict):
        for name in ("boot", "floor", "counter"):
            value = state.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
                good[name] = value
        if isinstance(state.get("key"), str):
            good["key"] = state["key"]
        good["executing"] = state.get("executing") is True
        results = state.get("results")
        if isinstance(results, list) and all(isinstance(r, list) and len(r) == 3 for r in results):
            good["results"] = results
        if isinstance(state.get("update"), list):
            good["update"] = state["update"]
    return good
