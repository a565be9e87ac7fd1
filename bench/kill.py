"""A receiver killed, full and stalled under load: what was acknowledged and is missing, what is stored twice.

    python bench/kill.py [--quick] [--json] [--kills N] [--seed S] [--store sqlite|postgres]

Gateways with real keys send batch after batch to `netti receiver serve` and repeat what was not answered. At random
moments SIGKILL goes to all its processes at once (as a power cut would end them), or to one of them: the first, the
writer, one that takes batches, the decoder; with PostgreSQL also to the server's process behind the writer, which makes
the server recover. Then a disk gets full and empty again (a small file system; where none may be mounted, a limit on
file size), and the store stands still for a while (SIGSTOP). At the end every telegram is looked for.

SIGKILL leaves the operating system running: what a disk does when the power goes is not tried here.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import cbor2

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "host"), str(ROOT / "tests"), str(ROOT)]

import receiver_support  # noqa: E402
from kill_rig import Sender, children, wait_gone  # noqa: E402
from receiver_support import Gateway, make  # noqa: E402

GATEWAYS = 6
SMALL = 12 << 20  # bytes of the disk that gets full
LIMITED = f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({SMALL}, -1))"


class Sqlite:
    """The default store."""

    name = "sqlite"

    def __init__(self, directory):
        self.directory = directory

    def rows(self):
        """(meter, data) of every stored telegram."""
        with contextlib.closing(sqlite3.connect(self.directory.store)) as db:
            return db.execute("SELECT m.meter, t.data FROM telegrams t JOIN meters m ON m.id = t.meter").fetchall()

    def pid(self, receiver):
        """The process that writes."""
        return children(receiver)[0]

    kill = None


class Postgres:
    """PostgreSQL from its wheel."""

    name = "postgres"

    def __init__(self, directory):
        import postgres

        from cloud_receiver.stores.postgres import Session
        self.dsn = postgres.new_database()
        self.session = Session(self.dsn)
        settings = directory.load()
        settings.store = self.dsn
        directory.save(settings)

    def _execute(self, sql):
        end = time.monotonic() + 60
        while True:  # the server may be recovering
            try:
                if self.session.gone:
                    self.session.connect()
                return self.session.execute(sql).fetchall()
            except Exception:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def rows(self):
        """(meter, data) of every stored telegram."""
        return self._execute("SELECT m.meter, t.data FROM telegrams t JOIN meters m ON m.id = t.meter")

    def pid(self, receiver):
        """The server's process behind the writer's connection."""
        rows = self._execute("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = "
                             "(SELECT oid FROM pg_database WHERE datname = current_database())")
        return rows[0][0] if rows else None

    def kill(self, receiver):
        """SIGKILL to that process: the server recovers, all its connections are lost."""
        pid = self.pid(receiver)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class Telegrams(Sender):
    """A sender that knows the bytes of each of its telegrams."""

    @property
    def data(self):
        return [cbor2.loads(record)[4] for record in self.sent]


class Load:
    """A receiver under load; goes on over its deaths."""

    def __init__(self, directory, store, planted=""):
        self.directory, self.planted = directory, planted
        self.store = store(directory)
        self.process = self.start()
        self.senders = [Telegrams(Gateway(), n) for n in range(GATEWAYS)]
        for s in self.senders:
            self.process.enrol(s.gateway)
            s.process = self.process
            s.start()

    def start(self):
        end = time.monotonic() + 90
        while True:
            try:
                return receiver_support.Process(self.directory, "--processes", "2", planted=self.planted,
                                                stderr=subprocess.DEVNULL)
            except AssertionError:  # the database was not up again
                if time.monotonic() > end:
                    raise
                time.sleep(0.5)

    def again(self):
        """Start once more, after it ended."""
        self.process = self.start()
        for s in self.senders:
            s.process = self.process

    def acknowledged(self):
        return sum(s.acknowledged for s in self.senders)

    def wait_more(self, records, seconds=60):
        """Until so many more records were acknowledged; whether they were."""
        goal, end = self.acknowledged() + records, time.monotonic() + seconds
        while self.acknowledged() < goal and time.monotonic() < end:
            time.sleep(0.05)
        return self.acknowledged() >= goal

    def finish(self):
        """End; (acknowledged, lost, duplicates). Raises AssertionError where a gateway got an answer it should not."""
        for s in self.senders:
            s.ending = True
        for s in self.senders:
            s.join(60)
        self.process.kill()
        unexpected = [answer for s in self.senders for answer in s.unexpected]
        assert not unexpected, unexpected
        rows = [(meter, bytes(data)) for meter, data in self.store.rows()]
        counts = Counter(rows)
        lost = 0
        for s in self.senders:
            lost += sum((s.meter.text, data) not in counts for data in s.data[:s.acknowledged])
        return self.acknowledged(), lost, sum(n - 1 for n in counts.values())


def kills(store, count, rng, folder):
    """SIGKILL at random moments; (kills, acknowledged, lost, duplicates)."""
    load = Load(make(folder / f"{store.name}-kills"), store)
    kinds = Counter()
    done = 0
    while done < count:
        time.sleep(rng.uniform(0.05, 0.9))
        kind = rng.choice(("all", "all", "first", "writer", "ingest", "decoder", "server"))
        if kind == "server" and load.store.kill is None:
            kind = "all"
        pids = [load.process.process.pid, *children(load.process)]
        if kind == "server":
            load.store.kill(load.process)
            if not load.wait_more(1):
                print("nothing was acknowledged after the server's recovery", file=sys.stderr)
        elif kind == "all":
            load.process.kill()
        else:
            os.kill(pids[{"first": 0, "writer": 1, "ingest": rng.choice((2, 3)), "decoder": 4}[kind]], signal.SIGKILL)
            load.process.process.wait(60)
            for pid in pids[1:]:
                wait_gone(pid)
        if kind != "server":
            load.again()
        kinds[kind] += 1
        done += 1
        if done % 10 == 0:
            print(f"{store.name}: {done} kills, {load.acknowledged()} acknowledged", file=sys.stderr, flush=True)
    load.wait_more(1)
    return dict(zip(("kills", "acknowledged", "lost", "duplicates"), (done, *load.finish())), kinds=dict(kinds))


@contextlib.contextmanager
def small_disk(folder):
    """(a folder on a disk that is soon full, what to run before the receiver, how to make room)."""
    place = folder / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "netti", place],
                             stderr=subprocess.DEVNULL).returncode == 0
    if not mounted:
        yield place, LIMITED, None
        return
    try:
        yield place, "", lambda: subprocess.run(["mount", "-o", f"remount,size={SMALL * 8}", place], check=True)
    finally:
        subprocess.run(["umount", place], check=True)


def full_disk(folder):
    """The default store on a disk that gets full."""
    with small_disk(folder) as (place, planted, make_room):
        load = Load(make(place / "works"), Sqlite, planted)
        idle = 0
        while idle < 3:  # until nothing is acknowledged any more
            before = load.acknowledged()
            time.sleep(1)
            idle = idle + 1 if load.acknowledged() == before else 0
        at_full = load.acknowledged()
        went_on = None
        if make_room is not None:
            make_room()
            went_on = load.wait_more(200)
        acknowledged, lost, duplicates = load.finish()
    return {"how": "tmpfs" if make_room else "RLIMIT_FSIZE", "acknowledged_when_full": at_full, "went_on": went_on,
            "acknowledged": acknowledged, "lost": lost, "duplicates": duplicates}


def stall(store, seconds, folder):
    """What writes stands still; nothing may be acknowledged meanwhile, and all goes on afterwards."""
    load = Load(make(folder / f"{store.name}-stall"), store)
    load.wait_more(50)
    pid = load.store.pid(load.process)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(0.5)  # what was on its way
    before = load.acknowledged()
    time.sleep(seconds)
    during = load.acknowledged() - before
    os.kill(pid, signal.SIGCONT)
    went_on = load.wait_more(200, 120)
    acknowledged, lost, duplicates = load.finish()
    return {"seconds": seconds, "acknowledged_while_stalled": during, "went_on": went_on,
            "acknowledged": acknowledged, "lost": lost, "duplicates": duplicates}


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under two minutes: a few kills")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--kills", type=int, help="of each store (110)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", choices=("sqlite", "postgres"), help="this one only")
    args = parser.parse_args()
    count = args.kills or (6 if args.quick else 110)
    rng = random.Random(args.seed)
    stores = [s for s in (Sqlite, Postgres) if args.store in (None, s.name)]
    outcome: dict = {"stores": {}, "quick": args.quick, "seed": args.seed}
    with tempfile.TemporaryDirectory(prefix="netti-kill-") as path:
        folder = Path(path)
        for store in stores:
            outcome["stores"][store.name] = {"killed": kills(store, count, rng, folder),
                                           "stalled": stall(store, 3 if args.quick else 40, folder)}
            print(store.name, json.dumps(outcome["stores"][store.name]), file=sys.stderr, flush=True)
        if Sqlite in stores:
            outcome["stores"]["sqlite"]["full_disk"] = full_disk(folder)
    trials = [t for s in outcome["stores"].values() for t in s.values()]
    summary = {"kills": sum(t.get("kills", 0) for t in trials), "lost": sum(t["lost"] for t in trials),
               "duplicates": sum(t["duplicates"] for t in trials),
               "acknowledged": sum(t["acknowledged"] for t in trials), **outcome}
    stuck = [t for t in trials if t.get("went_on") is False or t.get("acknowledged_while_stalled")]
    print(f"{summary['kills']} kills, {summary['acknowledged']} records acknowledged: {summary['lost']} lost, "
          f"{summary['duplicates']} doubled" + ("; it did not go on after a trouble" if stuck else ""))
    if args.json:
        print(json.dumps(summary))
    return 1 if summary["lost"] or summary["duplicates"] or stuck else 0


if __name__ == "__main__":
    sys.exit(main())
