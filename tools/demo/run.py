"""The course of a demo: set up, run the street against real processes, kill some of them, judge, show the pages.

What is fixed: three gateways (one under the real MicroPython, one home that has not opted in, one concentrator), a
receiver behind a proxy that can prove a batch was in flight, half of the keys first and half later. The MicroPython
gateway starts from a slot of compiled modules, has its spool on (simulated) flash, its power is cut twice, and it takes
a signed update on the way. What is drawn from the seed: the street, the air, and which of the others is killed.
"""

import asyncio
import signal
import sqlite3
import time
from pathlib import Path

import aiohttp

from ..simulate.clock import SimulatedClock
from ..simulate.serve import Server
from ..simulate.street import SPARE_S, Street
from ..simulate.truth import Truth
from . import device, evidence, judge, killing, processes, searching, setting_up
from .display import Display
from .plan import plan
from .proxy import Proxy

REFRESH_S = 0.4
EXTENSION_S = 900
MOST_TELEGRAMS = 1000  # fewer than this prove little
QUICK_TELEGRAMS = 500


class Demo:
    """One run in a directory of its own."""

    def __init__(self, folder: Path, seed: int, fault: "str | None", quick: bool, once: bool):
        self.folder, self.seed, self.fault, self.quick, self.once = folder, seed, fault, quick, once
        self.plan = plan(quick)
        self.street = Street(seed, self.plan.start, self.plan.end)
        self.truth = Truth(folder / "truth.jsonl")
        self.clock = SimulatedClock(time.time(), self.plan.start, self.plan.scale)
        self.server = Server(self.street, self.clock, self.truth)
        self.receiver = processes.Receiver(folder / "receiver", folder / "receiver.log",
                                           processes.free_port(), processes.free_port(8080), fault)
        self.proxy = Proxy(self.receiver.port)
        self.gateways = self._gateways()
        self.progress: "evidence.Progress | None" = None
        self.display = Display(self)
        self.running = self.verdict_told = False
        self.killed: list[str] = []
        self.faults: dict[str, int] = {}  # what the run itself found wrong
        self.notes: list[str] = []
        self.later: list = []  # the meters whose keys come late
        self.release = folder / "maker" / device.SECOND  # the update its device takes on the way
        self.search = searching.Search(self.street, self.gateways, self.add_fault)

    def _gateways(self) -> "list[processes.Gateway]":
        first, second, concentrator = self.street.sites[:3]
        made = []
        for site, runtime, opted_in in ((first, "micropython", True), (second, "cpython", False),
                                        (concentrator, "cpython", False)):
            folder = self.folder / site.name
            if runtime == "micropython":
                folder = folder / "gateway"
            made.append(processes.Gateway(site, runtime, folder, self.folder / f"{site.name}.log",
                                          opted_in))
        return made

    # --- for the display ---

    def now(self) -> float:
        """Simulated Unix time."""
        return min(self.clock.now(), self.street.end) if self.running else self.plan.start

    @property
    def done(self) -> float:
        """Share of the street's time that has passed."""
        return (self.now() - self.plan.start) / (self.street.end - self.plan.start)

    @property
    def left(self) -> float:
        """Real seconds to the street's end."""
        return max(0.0, (self.street.end - self.now()) / self.plan.scale)

    def add_fault(self, what: str, note: str) -> None:
        """The run itself found something wrong."""
        self.faults[what] = self.faults.get(what, 0) + 1
        self.notes.append(f"{what}: {note}")
        self.display.say(f"{what}: {note}", "red")

    # --- the whole ---

    async def run(self) -> int:
        """Run it all; returns the exit status."""
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        main = asyncio.create_task(self._course(stopped))
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, lambda: stopped.set() if self.verdict_told else main.cancel())
        try:
            return await main
        except asyncio.CancelledError:
            print("demo: stopped before its end", flush=True)
            return 130
        finally:
            await self._end()

    async def _course(self, stopped: asyncio.Event) -> int:
        await setting_up.set_up(self)
        self.display.start()
        showing = asyncio.create_task(self._show())
        try:
            await setting_up.start(self)
            timeline = asyncio.gather(killing.timeline(self), self._searches())
            await self.server.run()
            # On a busy machine processes are slow to start: the street goes on until all has happened.
            while ((not timeline.done() or self._full_hours() < self.plan.hours)
                   and self.street.end < self.plan.end + SPARE_S):
                self.street.end += EXTENSION_S
                self.display.say("the street goes on a little: not all has happened yet")
                await self.server.run()
            await timeline
            await self._drain()
            await self.search.run()
            showing.cancel()
            self.display.stop()  # with the gateways' last words of normal running
            verdict, figures = await self._judge()
        finally:
            showing.cancel()
            self.display.stop()
        self.display.summary(verdict, figures, self.search.texts())
        if not self.once:
            await self.receiver.stop()
            await self.receiver.serve(SimulatedClock(time.time(), self.clock.now(), 1).triple())
            self.display.console.print(f"\npages: {self.receiver.pages}   (Ctrl-C ends the demo)", soft_wrap=True)
        bad = {name: n for name, n in verdict.counts.items() if n}
        words = [f"{name}={n}" for name, n in figures.items()]
        words += [f"{name}={verdict.counts[name]}" for name in ("lost", "duplicates")]
        words += [f"{name}={n}" for name, n in sorted(bad.items()) if name not in ("lost", "duplicates")]
        print(f"demo: {'FAIL' if bad else 'OK'} {' '.join(words)}", flush=True)
        self.verdict_told = True
        if not self.once:
            await stopped.wait()
        return 1 if bad else 0

    async def _end(self) -> None:
        self.server.close()
        self.proxy.close()
        await asyncio.gather(*(p.stop() for p in [*self.gateways, self.receiver]), return_exceptions=True)
        self.truth.close()

    # --- while it runs ---

    async def _show(self) -> None:
        loop = asyncio.get_running_loop()
        path = self.receiver.folder / "store.sqlite"
        while True:
            now = await loop.run_in_executor(None, evidence.progress, path)
            self.progress = now or self.progress
            self.display.refresh(time.time())
            await asyncio.sleep(REFRESH_S)

    async def until(self, after: float) -> None:
        """Sleep until so many simulated seconds after the start."""
        await asyncio.sleep(max(0.0, self.clock.until(self.plan.start + after)))

    async def _searches(self) -> None:
        """Look for keys now and then; beside the timeline, as a search takes its time on a busy machine."""
        for at in self.plan.scans:
            await self.until(at)
            await self.search.run()

    def _full_hours(self) -> int:
        """Whole HAN hours that the home with the fewest has been given both ends of."""
        counts = []
        for g in self.gateways:
            if g.site.han:
                marks = {hour for site, _, which, hour, _ in self.truth.lists if which == 3 and site == g.name}
                counts.append(sum(h + 3600 in marks for h in marks))
        return min(counts)

    # --- at its end ---

    async def _drain(self) -> None:
        """Wait until each gateway has dealt with all it was given and the receiver has acknowledged it."""
        self.display.say("the street is silent; waiting for what is on its way")
        root = self.gateways[0].folder.parent
        if await processes.wait_until(lambda: device.runs(root) == device.SECOND):
            self.display.say(f"{self.gateways[0].name} runs {device.SECOND}, confirmed by a batch", "green")
        else:
            self.add_fault("update", f"{self.gateways[0].name} does not run {device.SECOND}")
        for g in self.gateways:
            since = g.lives[-1].started
            given = sum(d.site == g.name and d.real >= since for d in self.truth.deliveries)
            if not g.pid or not await processes.wait_until(
                    lambda g=g, given=given: g.lives[-1].statuses and g.lives[-1].statuses[-1].handled >= given):
                self.add_fault("unheard", f"{g.name} has dealt with "
                                 f"{g.lives[-1].statuses[-1].handled if g.lives[-1].statuses else 0} of {given}")
        for g in self.gateways:
            if not self.receiver.pid or not await processes.wait_until(lambda g=g: g.spooled == 0):
                self.add_fault("unsent", f"{g.name} still has {g.spooled} records")
        loop = asyncio.get_running_loop()
        for _ in range(120):
            try:
                if not await loop.run_in_executor(None, evidence.unacknowledged,
                                                  self.receiver.folder / "store.sqlite"):
                    break
            except sqlite3.Error:
                pass
            await asyncio.sleep(0.25)
        await self._decoded()

    async def _decoded(self) -> None:
        """Wait while decoding, which lets all else go first on a busy machine, goes on."""
        loop, least, polls = asyncio.get_running_loop(), None, 0
        while polls < 40:
            now = await loop.run_in_executor(None, evidence.progress, self.receiver.folder / "store.sqlite")
            if now and not now.waiting:
                return
            polls += 1
            if now and (least is None or now.waiting < least):
                least, polls = now.waiting, 0
            await asyncio.sleep(0.25)

    async def _judge(self):
        """Stop the gateways, gather the evidence, compare."""
        if self.search.missed:
            self.add_fault("scan", "an own meter's key was not found where it must be")
        await asyncio.gather(*(g.stop() for g in self.gateways))
        for p in [*self.gateways, self.receiver]:
            if p.died:
                self.add_fault("died", f"{p.name} ended by itself:\n{p.log_tail()}")
        if not self.receiver.pid:
            await self.receiver.serve(self.clock.triple())
        store = evidence.store(self.receiver.folder / "store.sqlite")
        try:
            readings = await evidence.readings(self.receiver.pages)
        except (aiohttp.ClientError, TimeoutError) as e:
            readings = {}
            self.add_fault("api", str(e) or type(e).__name__)
        histories = {g.name: evidence.history(g.folder) for g in self.gateways}
        heard = [judge.Heard(g.id, g.name, g.site.home, g.opted_in,
                             judge.certain([d for d in self.truth.deliveries if d.site == g.name], g.lives),
                             self.street.own_meters(g.site)) for g in self.gateways]
        verdict = judge.judge(self.truth, heard, store, readings, histories, self.plan.window, self.server.late)
        least = QUICK_TELEGRAMS if self.quick else MOST_TELEGRAMS
        if self.server.sent < least or not self.server.damaged:
            self.add_fault("few", f"only {self.server.sent} telegrams sent, {self.server.damaged} damaged")
        if len(self.killed) < 5:
            self.add_fault("unkilled", "not all was killed that was to be")
        verdict.counts.update(self.faults)
        verdict.notes.extend(self.notes)
        decoded = sum(row.state == evidence.DECODED for row in store.rows)
        figures = {"heard": sum(g.total("heard") for g in self.gateways),
                   "relayed": sum(store.receptions.values()), "stored": len(store.rows), "decoded": decoded}
        return verdict, figures
