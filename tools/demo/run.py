"""The course of a demo: set up, run the street against real processes, kill some of them, judge, show the pages.

What is fixed: three gateways (one under the real MicroPython, one home that has not opted in, one concentrator), a
receiver behind a proxy that can prove a batch was in flight, half of the keys first and half later. The MicroPython
gateway starts from a slot of compiled modules, has its spool on (simulated) flash, its power is cut twice, and it takes
a signed update on the way. What is drawn from the seed: the street, the
air, and which of the others is killed.
"""

import asyncio
import random
import signal
import sqlite3
import time
from pathlib import Path

import aiohttp

from ..errors import CommandError
from ..simulate.clock import SimulatedClock
from ..simulate.files import gateway_config, keys_csv
from ..simulate.serve import Server
from ..simulate.street import SPARE_S, Street
from ..simulate.truth import Truth
from . import device, evidence, judge, memory, processes
from .display import Display
from .plan import DOWN_S, plan
from .proxy import Proxy

START_S = 1.5  # real seconds from the start of the processes to the start of the street's time
CONNECT_S = 20
PATIENCE_S = 90
REFRESH_S = 0.4
KILL_WITHIN_S = 45
SPOOLED_WITHIN_S = 6
QUIET_S = 600  # simulated: no gateway is killed so near an hour, whose marks it would miss
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
        self._leaked: set = set()
        self._scans = self._searched = 0
        self._own_seen: set = set()

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

    def fault_found(self, what: str, note: str) -> None:
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
        await self._set_up()
        self.display.start()
        showing = asyncio.create_task(self._show())
        try:
            await self._start()
            timeline = asyncio.gather(self._timeline(), self._searches())
            await self.server.run()
            # On a busy machine processes are slow to start: the street goes on until all has happened.
            while ((not timeline.done() or self._full_hours() < self.plan.hours)
                   and self.street.end < self.plan.end + SPARE_S):
                self.street.end += EXTENSION_S
                self.display.say("the street goes on a little: not all has happened yet")
                await self.server.run()
            await timeline
            await self._drain()
            await self._scan()
            showing.cancel()
            self.display.stop()  # with the gateways' last words of normal running
            verdict, figures = await self._judge()
        finally:
            showing.cancel()
            self.display.stop()
        self.display.summary(verdict, figures, self._scan_texts())
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

    # --- setting up ---

    async def _set_up(self) -> None:
        processes.micropython()
        say = self.display.say
        await self.server.listen()
        await self.proxy.start()
        say(f"seed {self.seed}: {len(self.street.water_meters())} water meters, three gateways, one receiver")
        await processes.command("receiver", "init", str(self.receiver.folder), "--works", "demo", "--name",
                                "Demo Water Works", "--host", "localhost", "--port", str(self.receiver.port))
        await self.receiver.serve(SimulatedClock(time.time(), self.plan.start - 60, 1).triple())
        self._release = self.folder / "maker" / device.SECOND
        self.gateways[0].folder.parent.mkdir()
        building = asyncio.get_running_loop().run_in_executor(None, device.make, self.gateways[0].folder.parent,
                                                              self._release)
        tokens = (await processes.command("receiver", "token", str(self.receiver.folder), "-n",
                                          str(len(self.gateways)))).split()
        await asyncio.gather(*(self._enrol(g, token) for g, token in zip(self.gateways, tokens)))
        await building
        await self.receiver.stop()
        shuffled = [m for m in self.street.water_meters() if m.key]
        random.Random(f"keys {self.seed}").shuffle(shuffled)
        half = len(shuffled) // 2
        self._later = shuffled[half:]
        await self._import_keys("first-keys.csv", shuffled[:half])
        say(f"three gateways enrolled; keys of {half} meters imported, those of {len(self._later)} come later")

    async def _enrol(self, gateway: processes.Gateway, token: str) -> None:
        import json
        folder, site = gateway.folder, gateway.site
        await processes.command("gateway", "enrol", token, "--dir", str(folder), "--kind", site.kind,
                                "--name", site.name)
        radios = [self.server.url(self.server.radios[site.name, r]) for r in range(len(site.radios))]
        han = self.server.url(self.server.han[site.name]) if site.han else None
        config = gateway_config(self.street, site, radios, han, self.plan.scale, gateway.opted_in)
        config.update(interval=self.plan.interval, relay={"window": self.plan.window, "media": [6, 7, 21, 22]})
        if gateway.runtime == "micropython":
            config["spool"] = "flash"
        (folder / "config.json").write_text(json.dumps(config, indent=1), encoding="ascii")
        # The gateways reach the receiver through the proxy; the certificate is for the name, which stays. Only the one
        # that is updated goes straight there: it fetches from nowhere but where it is enrolled.
        works = json.loads((folder / "works.json").read_text())
        if gateway.runtime != "micropython":
            works["url"] = f"https://localhost:{self.proxy.port}"
        (folder / "works.json").write_text(json.dumps(works), encoding="ascii")
        gateway.id = works["gateway"]

    async def _import_keys(self, name: str, meters) -> None:
        path = self.folder / name
        path.write_text(keys_csv(meters), encoding="ascii")
        await processes.command("keys", "import", str(path), "--dir", str(self.receiver.folder))
        path.unlink()

    async def _start(self) -> None:
        """All processes up and connected, and the street's time begins."""
        self.clock.origin = time.time() + START_S
        self.running = True
        await asyncio.gather(self.receiver.serve(self.clock.triple()), *(g.start() for g in self.gateways))
        ports = [*((site.name, self.server.radios[site.name, r]) for site in self.street.sites
                   for r in range(len(site.radios))),
                 *((g.name, self.server.han[g.name]) for g in self.gateways if g.site.han)]
        until = time.time() + CONNECT_S
        while not all(port.connected for _, port in ports):
            if time.time() > until:
                silent = sorted({name for name, port in ports if not port.connected})
                tails = "\n".join(g.log_tail() for g in self.gateways if g.name in silent)
                raise CommandError(f"not connected to the street: {', '.join(silent)}\n{tails}")
            await asyncio.sleep(0.05)

    # --- while it runs ---

    async def _show(self) -> None:
        loop = asyncio.get_running_loop()
        path = self.receiver.folder / "store.sqlite"
        while True:
            found = await loop.run_in_executor(None, evidence.progress, path)
            self.progress = found or self.progress
            self.display.refresh(time.time())
            await asyncio.sleep(REFRESH_S)

    async def _until(self, after: float) -> None:
        await asyncio.sleep(max(0.0, self.clock.until(self.plan.start + after)))

    async def _timeline(self) -> None:
        victim = random.Random(f"victim {self.seed}").choice(self.gateways[1:])
        steps = [(self.plan.first_kill, lambda: self._kill_receiver(False)),
                 (self.plan.gateway_kill, lambda: self._kill_gateway(victim)),
                 *((at, lambda: self._kill_gateway(self.gateways[0])) for at in self.plan.power_cuts),
                 (self.plan.update, self._update),
                 (self.plan.second_kill, lambda: self._kill_receiver(True)),
                 (self.plan.late_keys, self._late_keys)]
        for at, step in sorted(steps, key=lambda s: s[0]):
            await self._until(at)
            try:
                await step()
            except CommandError as e:
                self.fault_found("died", str(e))

    async def _searches(self) -> None:
        """Look for keys now and then; beside the timeline, as a search takes its time on a busy machine."""
        for at in self.plan.scans:
            await self._until(at)
            await self._scan()

    async def _kill_receiver(self, answering: bool) -> None:
        cut = self.proxy.arm(self.receiver.kill, answering)
        try:
            up, withheld = await asyncio.wait_for(cut, KILL_WITHIN_S)
        except asyncio.TimeoutError:
            self.fault_found("unproven", "no batch was in flight when the receiver was to be killed")
            if not self.receiver.pid:
                await self.receiver.serve(self.clock.triple())
            return
        what = f"{withheld} bytes of its answer withheld" if withheld else "not answered"
        self.display.say(f"receiver killed: a batch of {up} bytes in flight, {what}", "yellow")
        self.killed.append(f"receiver with {up} bytes in flight, {what}")
        await asyncio.sleep(DOWN_S)
        await self.receiver.serve(self.clock.triple())
        self.display.say("receiver started again", "green")

    async def _kill_gateway(self, victim: processes.Gateway) -> None:
        # Worth more with something in the spool; a busy street does not keep it waiting long.
        await self._wait(lambda: bool(victim.spooled), SPOOLED_WITHIN_S)
        while not QUIET_S < self.clock.now() % 3600 < 3600 - QUIET_S:
            await asyncio.sleep(0.1)
        spooled = victim.spooled
        await victim.kill()
        self.display.say(f"{victim.name} killed: {spooled} records not yet acknowledged", "yellow")
        self.killed.append(f"{victim.name} ({victim.runtime}) with {spooled} records in its spool")
        await asyncio.sleep(DOWN_S)
        await victim.start()
        self.display.say(f"{victim.name} started again", "green")

    async def _update(self) -> None:
        """The works lets its device run the next release."""
        folder, gateway = str(self.receiver.folder), self.gateways[0]
        await processes.command("rollout", "add", folder, str(self._release))
        await processes.command("rollout", "group", folder, "devices", gateway.id)
        await processes.command("rollout", "stage", folder, device.SECOND, "--group", "devices")
        self.display.say(f"release {device.SECOND} signed and staged for {gateway.name}", "green")

    async def _late_keys(self) -> None:
        before = self.progress.decoded if self.progress else 0
        await self._import_keys("later-keys.csv", self._later)
        self.display.say(f"keys of the other {len(self._later)} meters imported", "green")
        loop = asyncio.get_running_loop()
        for _ in range(40):
            await asyncio.sleep(0.25)
            now = await loop.run_in_executor(None, evidence.progress, self.receiver.folder / "store.sqlite")
            if now and now.decoded > before and not now.waiting:
                self.display.say(f"{now.decoded - before} telegrams decoded after their keys came", "green")
                return

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
        if await self._wait(lambda: device.runs(root) == device.SECOND):
            self.display.say(f"{self.gateways[0].name} runs {device.SECOND}, confirmed by a batch", "green")
        else:
            self.fault_found("update", f"{self.gateways[0].name} does not run {device.SECOND}")
        for g in self.gateways:
            since = g.lives[-1].started
            given = sum(d.site == g.name and d.real >= since for d in self.truth.deliveries)
            if not g.pid or not await self._wait(
                    lambda g=g, given=given: g.lives[-1].statuses and g.lives[-1].statuses[-1].handled >= given):
                self.fault_found("unheard", f"{g.name} has dealt with "
                                 f"{g.lives[-1].statuses[-1].handled if g.lives[-1].statuses else 0} of {given}")
        for g in self.gateways:
            if not self.receiver.pid or not await self._wait(lambda g=g: g.spooled == 0):
                self.fault_found("unsent", f"{g.name} still has {g.spooled} records")
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
        loop, least, looks = asyncio.get_running_loop(), None, 0
        while looks < 40:
            now = await loop.run_in_executor(None, evidence.progress, self.receiver.folder / "store.sqlite")
            if now and not now.waiting:
                return
            looks += 1
            if now and (least is None or now.waiting < least):
                least, looks = now.waiting, 0
            await asyncio.sleep(0.25)

    async def _wait(self, condition, patience: float = PATIENCE_S) -> bool:
        until = time.time() + patience
        while not condition():
            if time.time() > until:
                return False
            await asyncio.sleep(0.1)
        return True

    async def _scan(self) -> None:
        """No gateway holds a key that is not its household's: neither in its directory nor in its memory."""
        keyed = [m for m in self.street.meters if m.key]
        self._scans += 1
        for g in self.gateways:
            own = set(self.street.own_meters(g.site))
            keys = [m.key for m in keyed if m.key]
            places = memory.found_in_files(g.folder, keys)
            pid = g.pid
            if memory.available() and pid:
                try:
                    found, size = await memory.found_in_process(pid, keys)
                except OSError as e:
                    if not g.expected_end and g.pid == pid:  # not just killed
                        self.fault_found("scan", f"{g.name}: {e}")
                    continue
                self._searched += size
                self._own_seen |= {keyed[i] for i in found if keyed[i] in own}
                places |= found
            for meter in (keyed[i] for i in sorted(places)):
                if meter not in own and (g.name, meter) not in self._leaked:
                    self._leaked.add((g.name, meter))
                    self.fault_found("keys", f"{g.name} holds the key of {meter.text}")

    def _own_keyed(self) -> set:
        return {m for g in self.gateways for m in self.street.own_meters(g.site) if m.key}

    def _scan_texts(self) -> "list[str]":
        if not memory.available():
            return [f"{self._scans} searches of the gateways' files; this system shows no process memory"]
        return [f"{self._scans} searches of files and memory ({self._searched >> 20} MiB) found "
                f"{len(self._leaked) or 'no'} neighbour's key{'s' * (len(self._leaked) > 1)}",
                f"own keys found where they belong: {len(self._own_seen)} of {len(self._own_keyed())}"]

    async def _judge(self):
        """Stop the gateways, gather the evidence, compare."""
        if memory.available() and self._own_seen != self._own_keyed():
            # The search must be able to find a key: the household's own are there to be found.
            self.fault_found("scan", "an own meter's key was not found where it must be")
        await asyncio.gather(*(g.stop() for g in self.gateways))
        for p in [*self.gateways, self.receiver]:
            if p.died:
                self.fault_found("died", f"{p.name} ended by itself:\n{p.log_tail()}")
        if not self.receiver.pid:
            await self.receiver.serve(self.clock.triple())
        store = evidence.store(self.receiver.folder / "store.sqlite")
        try:
            readings = await evidence.readings(self.receiver.pages)
        except (aiohttp.ClientError, TimeoutError) as e:
            readings = {}
            self.fault_found("api", str(e) or type(e).__name__)
        histories = {g.name: evidence.history(g.folder) for g in self.gateways}
        heard = [judge.Heard(g.id, g.name, g.site.home, g.opted_in,
                             judge.certain([d for d in self.truth.deliveries if d.site == g.name], g.lives),
                             self.street.own_meters(g.site)) for g in self.gateways]
        verdict = judge.judge(self.truth, heard, store, readings, histories, self.plan.window, self.server.late)
        least = QUICK_TELEGRAMS if self.quick else MOST_TELEGRAMS
        if self.server.sent < least or not self.server.damaged:
            self.fault_found("few", f"only {self.server.sent} telegrams sent, {self.server.damaged} damaged")
        if len(self.killed) < 5:
            self.fault_found("unkilled", "not all was killed that was to be")
        verdict.counts.update(self.faults)
        verdict.notes.extend(self.notes)
        decoded = sum(row.state == evidence.DECODED for row in store.rows)
        figures = {"heard": sum(g.total("heard") for g in self.gateways),
                   "relayed": sum(store.receptions.values()), "stored": len(store.rows), "decoded": decoded}
        return verdict, figures
