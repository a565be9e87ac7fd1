"""What one gateway that sends all it may, day after day, costs the others: the start, an answer, each page.

    python bench/hostile.py [--quick] [--json] [--days N] [--rounds N] [--meters N] [--dir FOLDER]

Two receivers of one works of 10,000 meters on SQLite, alike but for one gateway, which for --days days has gone on at
every bound until it was refused: invented meters, opaque records, telegrams and boots without a time, rings, gaps, lost
records, two contents. In turns both start, store a neighbour's batches and make pages; what counts is CPU time, the
least of the rounds (of a start: of all its processes until they serve); `ratios` are the hostile one's by the other's,
`slowest` is the largest. `job_ratio` is the longest that one of its batches had the writer, by that of an honest
gateway's 500 records.
"""

import argparse
import contextlib
import gc
import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "host"), str(ROOT / "tests"), str(ROOT), str(Path(__file__).resolve().parent)]

import _loadgen as loadgen  # noqa: E402
import pages  # noqa: E402
import receiver_support  # noqa: E402
from receiver_support import Gateway, Meter  # noqa: E402

import firmware.wire.records as records  # noqa: E402
from cloud_receiver.data.content import Content  # noqa: E402
from cloud_receiver.stores import queries, sqlite  # noqa: E402
from cloud_receiver.stores.jobs import batch, common_batch, gateways  # noqa: E402
from firmware.wire import cbor, envelope  # noqa: E402

DAY = 86_400
DAYS_OF_READINGS = 20


class Sender:
    """A gateway whose batches go straight to the writer's job; what each takes of it is kept."""

    def __init__(self, db, kind="home"):
        self.db, self.gateway = db, Gateway()
        self.row = gateways.enrol(db, self.gateway.public, kind, "", int(time.time()))
        self.epoch, self.seq, self.longest = os.urandom(8), 0, 0.0

    def begin(self):
        """Begin a new ring."""
        self.epoch, self.seq = os.urandom(8), 0

    def put(self, bodies, now, first=None, last=None):
        """Store a batch; the bound it was refused for, or ""."""
        data = b"".join(bodies)
        first = self.seq - len(bodies) + 1 if first is None else first
        last = self.seq if last is None else last
        content = Content(data, first, last)
        made = common_batch.rows(self.row, content, now)
        head = envelope.Head(self.epoch, 1, "0.1.0", 3, first, last)
        began = time.process_time()
        taken = batch.store_batch(self.db, self.row, head, hashlib.sha256(data).digest(), content, now, made)
        self.longest = max(self.longest, time.process_time() - began)
        if taken.over:
            self.seq -= len(bodies)
        return taken.over

    def next(self):
        """The next seq."""
        self.seq += 1
        return self.seq

    def telegrams(self, numbers, time_of, litres):
        """Records of meters' telegrams."""
        return [records.telegram(self.next(), time_of, -70, Meter(n).telegram(litres, access=litres & 255))
                for n in numbers]


def attack(db, days, now):
    """A gateway's days at every bound; returns (its longest batch in seconds, {bound: times it was refused})."""
    sender, refused = Sender(db), {}
    invented = 90_000_000
    for day in range(days):
        at = now - (days - 1 - day) * DAY
        for _ in range(30):  # a start without a time, and telegrams behind it: 120 of them a batch
            bodies = []
            for _ in range(120):
                bodies += [records.boot(sender.next(), 0, 1, "start"),
                           *sender.telegrams([invented + day], 5, sender.seq)]
            over = sender.put(bodies, at)
            if over:
                break
        sender.put([records.clock(sender.next(), 9, at, q) for q in (2, 3, 4)], at)
        for n in range(3):  # meters out of nothing
            sender.put(sender.telegrams(range(invented + 500 * n, invented + 500 * n + 400), at - 60, 7), at)
        invented += 2000
        sender.put([records.lost(sender.next(), at, 10 * n, 10 * n + 3, 4) for n in range(1, 400)], at)
        for _ in range(120):  # holes
            before = sender.seq
            sender.seq += 2
            over = sender.put([records.event(sender.seq, at, "e", "")], at, sender.seq, sender.seq)
            if over:
                sender.seq = before
                refused[over] = refused.get(over, 0) + 1
        for n in range(25):  # the same range with other content
            sender.put([records.event(sender.seq, at, "e", f"other {n}")], at, sender.seq, sender.seq)
        while True:  # opaque records, as dear to read as can be
            bodies = [b"\x84\x18\x63" + cbor.encode(sender.next()) + b"\0" + cbor.head(4, 1000) + b"\x80" * 1000
                      for _ in range(31)]
            over = sender.put(bodies, at)
            refused[over] = refused.get(over, 0) + 1
            if over:
                break
        for _ in range(20):  # rings
            before = sender.epoch, sender.seq
            sender.begin()
            over = sender.put(sender.telegrams([90_000_000], at, 7), at)
            refused[over] = refused.get(over, 0) + 1
            if over:
                sender.epoch, sender.seq = before
    return sender.longest, refused


def honest(db, now):
    """The longest batch of a gateway that means well: 500 telegrams of meters not heard before, and its status."""
    sender, longest = Sender(db, "concentrator"), []
    for n in range(4):
        sender.longest = 0.0
        sender.put(sender.telegrams(range(80_000_000 + 499 * n, 80_000_000 + 499 * n + 499), now - 60, 1)
                   + [records.event(sender.next(), now, "start", "")], now)
        longest.append(sender.longest)
    return statistics.median(longest)


class Town:
    """A receiver's directory that is measured."""

    def __init__(self, folder, meters):
        self.directory = receiver_support.make(folder)
        self.names, _ = pages.fill(self.directory.store, [], meters, DAYS_OF_READINGS, False)
        db = self.connect()
        self.neighbour = Sender(db, "concentrator")
        self.leave(db)

    def connect(self):
        """The writer's connection, in a transaction."""
        db = sqlite.groups(self.directory.store)._connect()
        db.execute("BEGIN IMMEDIATE")
        return db

    @staticmethod
    def leave(db):
        """End it."""
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()

    def answers(self, round_):
        """CPU seconds of a neighbour's batches in the writer."""
        now, db = int(time.time()) + round_ * 3600, self.connect()
        sender = self.neighbour
        sender.db = db
        bodies = [sender.telegrams(range(70_000_000, 70_000_050), now - 60, 100 * round_ + n) for n in range(20)]
        sender.seq -= 20 * 50
        began = time.process_time()
        for batch_ in bodies:
            sender.seq += 50
            sender.put(batch_, now)
        used = time.process_time() - began
        self.leave(db)
        return used

    def serve(self):
        """{start, page: CPU seconds of a start, of one request, the least of three}."""
        with receiver_support.Process(self.directory) as process:
            used = {"start": sum(loadgen.cpu_of([pid]) for pid in loadgen.family(process.process.pid))}
        with receiver_support.Running(self.directory) as running:
            gateway = running.read(queries.gateways.versions)[0]["id"]
            for name, path in (("overview", "/"), ("gateways", "/gateways"), ("gateway", f"/gateways/{gateway}"),
                               ("meters", "/meters"), ("alarms", "/alarms"), ("meter", f"/meters/{self.names[5]}")):
                times = []
                for _ in range(4):
                    running.receiver.site.recent._coverage = None
                    began = time.process_time()
                    assert running.web(path).status == 200
                    times.append(time.process_time() - began)
                used[name] = min(times[1:])
        return used


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under a minute: one day, fewer rounds")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--days", type=int, help="of hostility (7)")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--meters", type=int, default=10_000)
    parser.add_argument("--dir", help="where the stores lie")
    args = parser.parse_args()
    days, rounds = args.days or (1 if args.quick else 7), args.rounds or (5 if args.quick else 9)
    gc.disable()
    with tempfile.TemporaryDirectory(prefix="netti-hostile-", dir=args.dir) as folder:
        clean, hostile = (Town(Path(folder) / name, args.meters) for name in ("clean", "hostile"))
        with contextlib.ExitStack() as stack:
            db = hostile.connect()
            stack.callback(hostile.leave, db)
            longest, refused = attack(db, days, int(time.time()))
            fair = honest(db, int(time.time()))
        used: "dict[str, tuple[list, list]]" = {}
        for n in range(rounds):
            for at, town in enumerate((clean, hostile) if n % 2 else (hostile, clean)):
                which = at if n % 2 else 1 - at
                for name, seconds in {"answer": town.answers(n), **town.serve()}.items():
                    used.setdefault(name, ([], []))[which].append(seconds)
    ratios = {name: round(min(b) / min(a), 3) for name, (a, b) in used.items()}
    ms = {name: [round(min(t) * 1000, 1) for t in pair] for name, pair in used.items()}
    summary = {"ratios": ratios, "slowest": max(ratios.values()), "job_ratio": round(longest / fair, 2),
               "longest_job_ms": round(longest * 1000, 1), "honest_job_ms": round(fair * 1000, 1), "cpu_ms": ms,
               "refused": {name or "no": count for name, count in refused.items()}, "days": days, "rounds": rounds,
               "meters": args.meters, "quick": args.quick}
    print(f"slowest {summary['slowest']}, longest batch {summary['job_ratio']} of an honest one's; {ratios}")
    if args.json:
        print(json.dumps(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main())
