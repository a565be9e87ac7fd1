"""A receiver to be attacked, in processes of its own, as its users run it; and what can be seen of it from outside."""

import contextlib
import itertools
import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import postgres
import receiver_support
import wmbus_cases as cases
from access_rig import enter
from receiver_support import DAY, HOUR, NOW, Gateway

import firmware.wire.records as wire_records
from cloud_receiver.office.accounts import Accounts
from cloud_receiver.office.office import Office
from cloud_receiver.office.roles import ROLES
from cloud_receiver.stores import open_store
from firmware.wire import envelope

HOST = "vann.example"
PASSWORD = "riktig hest batteri stift"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
START_S = 60  # until a receiver serves, on a busy machine
FILES = 1024  # that a process may have open, as a service may without more
PLANT = ("\nimport sys\nsys.path[:0] = {paths!r}\nfrom attacks import mutants\nmutants.plant({names!r})")


class _Cancelled:
    """A timer that closing cancels."""

    def __init__(self, timer):
        self.close = timer.cancel


class SetupFailed(Exception):
    """The attack could not be carried out: that is neither success nor held."""


class Water:
    """A water meter whose telegrams are made in every form; its total is in litres."""

    _numbers = itertools.count(10_000_000)
    _lock = threading.Lock()

    def __init__(self, key=None, letters="NET", version=1, number=None):
        if number is None:
            with self._lock:
                number = next(self._numbers)
        self.key, self.letters, self.number, self.version = key, letters, number, version
        self.address = cases.address(letters, f"{number:08d}", version, 7)
        self.text = f"{letters}-{number:08d}-{version:02X}-07"
        self._access = itertools.count(1)

    @staticmethod
    def records(litres):
        """The record of a total: 32 bits, litres."""
        return b"\x04\x13" + litres.to_bytes(4, "little")

    def _numbered(self, access):
        return next(self._access) & 255 if access is None else access

    def mode5(self, litres, access=None, status=0, tail=b""):
        """Security mode 5."""
        return cases.mode5(self.records(litres), self.key, self._numbered(access), status, self.address, tail)

    def mode7(self, litres, counter, access=None, status=0):
        """Security mode 7; `counter`: of the message."""
        return cases.mode7(self.records(litres), self.key, counter.to_bytes(4, "little"), self.address,
                           self._numbered(access), status)

    def mode10(self, litres, counter, access=None):
        """Security mode 10."""
        return cases.mode10(self.records(litres), self.key, counter.to_bytes(4, "little"), self.address,
                            self._numbered(access))

    def ell(self, litres, session, body=None):
        """Extended link layer 8D, encrypted; `session`: its time, in minutes."""
        return cases.ell(b"\x78" + self.records(litres) if body is None else body, self.key,
                         (1 << 29 | session << 4 | 1).to_bytes(4, "little"), self.address)

    def plain(self, litres, access=None, status=0):
        """Short header, not encrypted."""
        return cases.short(self.records(litres), self._numbered(access), status, self.address)


class Ground(receiver_support.Caller):
    """A works' receiver: processes, people, tokens. `mutants`: names of what it lacks (mutants.py)."""

    def __init__(self, folder, store="sqlite", mutants=(), processes="1"):
        self.folder, self.kind, self.mutants, self.processes = folder, store, tuple(mutants), processes
        folder.mkdir(parents=True, exist_ok=True)
        self.directory = receiver_support.make(folder / "works")
        self.dsn = ""
        if store == "postgres":
            self.dsn = postgres.new_database()
            settings = self.directory.load()
            settings.store = self.dsn
            self.directory.save(settings)
        with contextlib.closing(Accounts(self.directory.access)) as accounts:
            for role in ROLES[:-1]:
                accounts.put(role, PASSWORD, NOW, role, None)
            self.bearer = accounts.make_token("program", "operations", 10, NOW - DAY)
        self.log = folder / "log"
        self._reader, self._lock = None, threading.Lock()
        self.process = None
        self.start()

    # --- the process

    def start(self):
        """Start it, with its clock at NOW."""
        planted = f"import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, ({FILES}, {FILES}))"
        if self.mutants:
            import sys
            planted += PLANT.format(paths=[p for p in sys.path if p.endswith(("/host", "/tests"))] + [str(ROOT)],
                                   names=list(self.mutants))
        late = threading.Timer(START_S, self._end_late)
        late.start()
        with open(self.log, "ab") as log, contextlib.closing(_Cancelled(late)):
            self._process = receiver_support.Process(
                self.directory, "--processes", self.processes, "--public-name", HOST, "--verbose",
                "--simulated-clock", f"{time.time():.3f}:{self.clock()}:1", planted=planted, stderr=log)
        self.process = self._process.process
        self.device_port, self.web_port = self._process.device_port, self._process.web_port

    def _end_late(self):
        """End a receiver that has not said for START_S that it serves: then its start fails, and does not hang."""
        tasks = Path(f"/proc/{os.getpid()}/task").iterdir()
        for pid in [pid for task in tasks for pid in (task / "children").read_text().split()]:
            with contextlib.suppress(OSError):
                if str(self.directory.path).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.killpg(int(pid), signal.SIGKILL)

    began: "float | None" = None

    def clock(self):
        """Unix seconds of its clock."""
        if self.began is None:
            self.began = time.time()
        return NOW + int(time.time() - self.began)

    def restart(self):
        """End it in order and start it again; raises where it does not start."""
        self._process.end()
        self._process.process.stdout.close()
        self.start()

    def alive(self):
        """Whether it runs and answers."""
        if self.process.poll() is not None:
            return False
        try:
            return self.web("/healthz", headers={"Host": HOST}).status == 200
        except OSError:
            return False

    def close(self):
        """Kill it."""
        self._process.kill()
        self._process.process.stdout.close()
        if self._reader is not None:
            self._reader.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- what an attacker or a works does

    def gateway(self, name="", key=None):
        """A gateway that is enrolled."""
        gateway = key or Gateway()
        answer = self.device("POST", "/v1/gateways", gateway.enrolment(self.token(), name=name))
        if answer.status != 200:
            raise SetupFailed(f"enrolment: {answer.status} {answer.text}")
        return gateway

    def meter(self, key=None, **which):
        """A water meter of its own; the works has its key if it has one."""
        meter = Water(key, **which)
        if key is not None:
            self.put_key(meter)
        return meter

    def heard(self, gateway, telegrams, time=None, settle=True):
        """Have a gateway relay (telegram, Unix seconds) or telegrams, and the receiver decode them."""
        rows = [t if isinstance(t, tuple) else (t, (time or self.clock()) - 60) for t in telegrams]
        self.through(gateway.batch([wire_records.telegram(gateway.next(), at, -70, data) for data, at in rows]))
        if settle:
            self.settled()

    def through(self, body):
        """Send a batch that must be accepted; the answer's mark."""
        answer = self.send(body)
        if answer.status != 200:
            raise SetupFailed(f"a batch was answered {answer.status} {answer.text}")
        return envelope.open_answer(answer.body).through

    def netti(self, *arguments, check=True):
        """Run a command of the works; (exit status, what it said)."""
        done = subprocess.run([receiver_support.Process.NETTI, *map(str, arguments)], capture_output=True, text=True,
                              timeout=60)
        if check and done.returncode:
            raise SetupFailed(f"netti {arguments}: {done.stderr}")
        return done.returncode, done.stdout + done.stderr

    def office(self):
        """The works' office, to be closed after use."""
        return Office(self.directory)

    # --- what can be seen

    def sql(self, query, *arguments):
        """Rows of its store."""
        with self._lock:
            if self._reader is None:
                from cloud_receiver.operations.store_reader import _NoWriter
                self._reader = open_store(self.directory.load().store_url(self.directory), _NoWriter())
            import asyncio
            return asyncio.run(self._reader.read(lambda db: db.execute(query, arguments).fetchall()))

    def settled(self, seconds=30):
        """Wait until the decoder has looked at all that came."""
        end = time.monotonic() + seconds
        while self.sql("SELECT count(*) FROM telegrams WHERE state = 0 AND time IS NOT NULL")[0][0]:
            if time.monotonic() > end:
                raise SetupFailed("the decoder does not get on")
            time.sleep(0.1)

    def api(self, path, bearer=None):
        """What the API tells a program of the works: (status, JSON or None)."""
        answer = self.web(path, headers={"Host": HOST, "Authorization": f"Bearer {bearer or self.bearer}"})
        return answer.status, json.loads(answer.body) if answer.status == 200 else None

    def told(self, meter):
        """What the API tells of a meter; {} where it knows of none."""
        return self.api(f"/v1/meters/{meter.text}")[1] or {}

    def litres(self, meter):
        """The latest total that the API tells of a meter, in litres, or None."""
        total = self.told(meter).get("total_m3")
        return None if total is None else round(total * 1000)

    def hours(self, meter):
        """{Unix hour: litres} of a meter, of the last days and the next two."""
        status, found = self.api(f"/v1/meters/{meter.text}/readings?from={NOW - 20 * DAY}&to={NOW + 3 * DAY}")
        if status == 404:
            return {}
        from cloud_receiver.data.clock import parse_time
        return {parse_time(r["time"]) // HOUR: round(r["total_m3"] * 1000) for r in found["readings"]}

    def alarms(self, meter):
        """The alarms of a meter that stand."""
        return sorted(a["alarm"] for a in self.told(meter).get("alarms", ()))

    def cookie(self, name):
        """The headers of somebody's session."""
        got = enter(self, name, PASSWORD)
        if got is None:
            raise SetupFailed(f"{name} has no account")
        return {"Host": HOST, "Cookie": got}

    def page(self, path, who="operations", **headers):
        """A page as somebody sees it."""
        return self.web(path, headers={**self.cookie(who), "Accept-Language": "en", **headers})

    def now(self):
        return self.clock()


from gateway_rig import ROOT  # noqa: E402


def attempt(function, *arguments):
    """An answer, or None where the connection was refused or cut."""
    import http.client
    import ssl
    try:
        return function(*arguments)
    except (OSError, ssl.SSLError, http.client.HTTPException):
        return None
