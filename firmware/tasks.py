"""The tasks of a running gateway: radios, HAN port, uplink, updates, and what has to happen by the clock.

Each task is supervised: one that dies is counted, reported as an event, and started again after a pause. No exception
of one telegram or one connection ends the loop.
"""

import asyncio
import json

from .watch import FEED_S, ROUND_S
from .wire import records

TICK_S = 10
SUPPLY_S = 0.2  # real seconds between two looks at the supply
STATUS_EVERY_S = 6 * 3600
FLOOR_EVERY_S = 3600
SILENT_S = 3600  # real: a line that spoke and has been silent for so long is opened again
STEADY_S = 1800  # a start that lived for so long did not end for want of power
ENDING = 100  # times a task is told to end, 20 ms apart
RESTART_S = (1, 5, 15, 60)  # pauses before a dead task's next start
# What is used now and then, and dropped from memory in between: no module that keeps anything may be among them.
# One text, as a tuple of so many would take four times the memory.
RARELY = ("firmware.config firmware.start firmware.identity firmware.orders firmware.wire.envelope "
          "firmware.wire.enrolment firmware.wire.orders firmware.wire.release firmware.uplink.http "
          "firmware.uplink.connection firmware.crypto.ed25519 firmware.crypto.ed25519_table firmware.crypto.sha512 "
          "firmware.crypto.sha512_table firmware.update.install firmware.uplink.fetch firmware.update.slots "
          "firmware.boot firmware.crash firmware.update.release_keys firmware.port.streams firmware.port.tls "
          "firmware.port.wifi firmware.port.flash_image wmbus.layouts wmbus.media wmbus.naming wmbus.records wmbus.vif "
          "han_reader.layout han_reader.lists han_reader.obis han_reader.walk")


class Tasks:
    """Runs the tasks of a gateway until it is told to stop."""

    def __init__(self, gateway):
        self._gateway = gateway
        self._flushed_at = 0
        self.ended = {}  # task -> how it ended, until it is started again
        self._works = {}  # task -> what makes its coroutine
        self.collect = None  # collects garbage, where not any moment will do (calm.py)
        self._stop = asyncio.Event()
        self._han_bytes = 0  # when the housekeeping last looked
        self.restarting = False  # whether it ends to be started again

    async def read_radio(self, radio, where, name=""):
        """Read one radio's stream until it closes; a task of this name gives a sign of life with what comes."""
        g = self._gateway
        stream, end = await g.hal.open_stream(where)
        await asyncio.sleep(0)  # or this frame's memory would keep that call, and the code it loaded
        try:
            radio.reset()
            if hasattr(radio, "poll"):  # its module wants to be spoken to
                from .radios._asked import Spoken
                stream = Spoken(g.hal, radio, stream, end)
            rejected = radio.rejected
            while True:
                data = await stream.read(1024)
                if not data:
                    return
                if name:
                    g.watch.sign(name, SILENT_S)
                for telegram, rssi in radio.feed(data):
                    if not -128 <= rssi <= 0:  # a record has no room for it (docs/wire.md)
                        rssi = -128 if rssi < 0 else 0
                    g.telegram(telegram, rssi)
                g.count("rejected", radio.rejected - rejected)
                rejected = radio.rejected
        finally:
            await g.hal.close(end)

    async def supervise(self, name, work):
        """Run a task for ever: `work()` makes its coroutine. A stream that closes is opened again the same way."""
        g = self._gateway
        fails = 0
        told = ""  # how it ended the last time, where that was an event: it is none again and again
        while True:
            began = g.hal.real_ms()
            self.ended[name] = ""
            try:
                await work()
                detail = "ended"
            except OSError as e:
                # The other end is away: nothing is wrong with this gateway.
                detail = "OSError %s" % e
            except Exception as e:
                detail = g.hal.trace(e)
                g.count("restarts")
                g.count("errors")
                if isinstance(e, MemoryError):
                    g.forget_layouts()
                if detail != told or g.hal.real_ms() - began > 60000:
                    g.journal.event_if_room("restart", "%s: %s" % (name, detail[-180:]))
                told = detail
            if g.hal.real_ms() - began > 60000:
                fails = 0
            self.ended[name] = detail
            await asyncio.sleep(min(RESTART_S[min(fails, len(RESTART_S) - 1)], 5 if g.hal.scale() > 1 else 60))
            fails += 1

    async def housekeeping(self):
        """What has to happen by the clock: flush, day and hour changes, floor, status."""
        g = self._gateway
        next_status = g.clock.uptime() + STATUS_EVERY_S
        while True:
            await g.hal.sleep(TICK_S)
            self.tick()
            if g.clock.uptime() >= next_status:
                next_status += STATUS_EVERY_S
                g.journal.status()

    def tick(self):
        """One round of housekeeping."""
        g = self._gateway
        g.hal.forget(RARELY.split())
        g.memory = (self.collect or g.hal.memory)()
        g.watch.sign("housekeeping", ROUND_S)
        if g.han is not None and g.han.bytes != self._han_bytes and g.config["han"]["port"] != "-":
            self._han_bytes = g.han.bytes
            g.watch.sign("han", SILENT_S)
        g.watch.relieve(g.memory)
        self.flush_if_due()
        if g.state["starts"] and g.clock.uptime() >= STEADY_S:
            g.state["starts"] = 0  # the power holds
            g.save_state(g.state)
        if g.clock.floor - g.saved_floor >= FLOOR_EVERY_S:
            g.save_floor()
        system = g.hal.system_time()
        if system is not None:
            g.clock.offer(system * 1000, records.CLOCK_SNTP)
        now = g.clock.now()
        if now is None:
            return
        if g.own is not None:
            g.own.tick(now)
        day = now // 86400
        if g.journal.day is not None and day != g.journal.day:
            g.thinning.close_day()
        g.journal.day = day

    async def watchdog(self):
        """Feed the watchdog for as long as all is well."""
        while self._gateway.watch.feed_if_healthy():
            await asyncio.sleep(FEED_S)

    def flush_if_due(self, millivolts=None):
        """Let what has waited long enough, or must not wait for want of power, survive a power cut."""
        g = self._gateway
        if g.flush_rule.due(g.clock.uptime() - self._flushed_at, millivolts):
            self._flushed_at = g.clock.uptime()
            g.values.flush()
            g.telegrams.flush()

    async def watch_supply(self):
        """Look at the supply, so that nothing waits in RAM when it sags."""
        g = self._gateway
        sags = False
        while True:
            millivolts = g.supply() if g.supply else None
            before, sags = sags, g.flush_rule.sags(millivolts)
            if sags and not before:
                g.count("sags")
            self.flush_if_due(millivolts)
            g.watch.sign("supply", ROUND_S)
            await asyncio.sleep(SUPPLY_S)

    async def show_status(self):
        """Print the status as a JSON line when it has changed, at most once a real second."""
        last = None
        while True:
            last = self._show(last)
            await asyncio.sleep(1)

    def _show(self, last):
        g = self._gateway
        row = g.status()
        now = hash(json.dumps(dict(row, time=None, uptime=None)))  # far smaller than the row, which is big
        if now != last:
            g.hal.print_line(json.dumps(row))
        return now

    def stop(self):
        """Ask `run` to end."""
        self._stop.set()

    def restart(self):
        """Ask `run` to end, and whoever started it to start it again."""
        self.restarting = True
        self._stop.set()

    async def run(self):
        """Run all tasks until `stop`; then put everything in order."""
        g = self._gateway
        g.watch.restart = self._start
        self._task("housekeeping", self.housekeeping)
        self._task("uplink", g.uplink.run)
        for i, (radio, where) in enumerate(g.radios):
            name = "radio%d" % i
            sign = "" if where == "-" else name  # standard input cannot be opened again
            self._task(name, lambda radio=radio, where=where, sign=sign: self.read_radio(radio, where, sign))
        if g.han is not None:
            self._task("han", g.han.run)
        if g.updater is not None:
            self._task("update", g.updater.run)
        if g.supply is not None:
            self._task("supply", self.watch_supply)
        for name, work in g.others:
            self._task(name, work)
        if g.config["sntp"] is not None:
            from .sntp import keep
            self._task("sntp", lambda: keep(g))
        beside = [asyncio.create_task(self.watchdog())]
        if g.config["status"]:
            beside.append(asyncio.create_task(self.show_status()))
        try:
            await self._stop.wait()
        finally:
            # More than once: wait_for of Python 3.11 loses a cancel that comes together with what it waited for, and
            # a task that goes on for ever would hold up the end for ever.
            tasks = beside + list(g.watch.running.values())
            for _ in range(ENDING):
                for task in tasks:
                    task.cancel()
                await asyncio.sleep(0.02)
                if all(task.done() for task in tasks):
                    break
            g.close()

    def _task(self, name, work):
        self._works[name] = work
        self._start(name)

    def _start(self, name):
        self._gateway.watch.running[name] = asyncio.create_task(self.supervise(name, self._works[name]))

