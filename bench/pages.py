"""How long the pages of a works take to come: 10,000 meters with a year of hourly values on SQLite, ingest running.

    python bench/pages.py [--quick] [--json] [--requests N] [--meters N] [--days N] [--rate R] [--dir FOLDER]

`netti receiver serve` as users run it. While gateways push --rate signed batches of 50 records a second over HTTPS,
each page is asked for --requests times over one kept-alive connection, one at a time, each time another one of it:
another page, order or filter of a list, another meter. The time is from the request to the last byte. `p95_ms` is per
page; `cpu_ms` is for how long the process that makes the pages was on a core meanwhile, the mean per request: a busy
machine changes it less. It is null where the kernel does not tell.
"""

import argparse
import asyncio
import contextlib
import http.client
import json
import multiprocessing
import os
import random
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "host"), str(ROOT / "tests"), str(ROOT)]

import _loadgen as loadgen  # noqa: E402
import receiver_support  # noqa: E402

from cloud_receiver.data import dayrows  # noqa: E402
from cloud_receiver.stores import sqlite  # noqa: E402
from firmware.wire import envelope  # noqa: E402

DAY, HOUR = 86_400, 3600
GATEWAYS = 500
PUSHING = 32  # of them, in the run


def fill(path, senders, count, days, say):
    """A works: meters with their years, alarms, gateways with contact, coverage of the last fortnight."""
    rng = random.Random(7)
    now = int(time.time())
    today = now // DAY
    db = sqlite.groups(path)._connect()
    db.execute("PRAGMA synchronous=OFF")
    db.execute("BEGIN")
    for n in range(GATEWAYS - len(senders)):
        key = rng.randbytes(32)
        db.execute("INSERT INTO gateways (gateway, public_key, kind, name, enrolled, last_contact, firmware, boot, "
                   "clock) VALUES (?,?,'home',?,?,?,'0.1.0',1,3)",
                   (envelope.gateway_id(key), key, f"Gate {n}", now - 400 * DAY, now - rng.randrange(7200)))
    gateways = [row[0] for row in db.execute("SELECT id FROM gateways")]
    db.executemany("INSERT INTO epochs VALUES (?,?,?,1000,?,?)",
                   [(g, g, rng.randbytes(8), now - 400 * DAY, now - 100) for g in gateways])
    names = [receiver_support.Meter(10_000_000 + n).text for n in range(count)]
    latest = json.dumps({"total_m3": 123.456, "status": 0, "flow_temperature_c": 8})
    states = [1] * 94 + [2, 2, 2, 3, 3, 4]
    db.executemany("INSERT INTO meters (id, meter, media, first_heard, last_heard, encrypted, state, status, total_ml, "
                   "read_at, latest) VALUES (?,?,22,?,?,1,?,0,?,?,?)",
                   [(n, text, now - days * DAY, now - rng.randrange(3600) - (5 * DAY if n % 50 == 0 else 0),
                     states[n % 100], rng.randrange(10 ** 9), now - 3600, latest) for n, text in enumerate(names, 1)])
    db.executemany("INSERT INTO alarms VALUES (?,?,?,?,?)",
                   [(n, alarm, now - rng.randrange(30 * DAY), now - 3600, None if n % 2 else now - 1800)
                    for n in range(1, count, 40) for alarm in ("leak", "burst", "dry")])
    db.execute("COMMIT")
    # A year of one home in many variants: use by the hour of the day, more on some days.
    blobs = []
    for variant in range(1000):
        total, hours = variant * 10 ** 6, []
        for h in range(24):
            total += rng.choice((0, 0, 1, 4, 12)) * 1000 * (1 + (7 <= h <= 9))
            hours.append((rng.randrange(3600), total))
        blobs.append(dayrows.pack(hours))
    for day in range(today - days, today + 1):
        db.execute("BEGIN")
        db.executemany("INSERT INTO readings (day, meter, hours) VALUES (?,?,?)",
                       ((day, n, blobs[(n + 37 * day) % 1000]) for n in range(1, count + 1)))
        if day > today - 15:
            db.executemany("INSERT INTO coverage VALUES (?,?,?,24,2000,?,?,x'')",
                           ((day, n, gateways[(n + k * 7) % len(gateways)], -60 - n % 30, -70 - n % 30)
                            for n in range(1, count + 1) for k in range(1 + n % 3)))
        db.execute("COMMIT")
        if say and (today - day) % 60 == 0:
            print(f"filling: {today - day} days left", file=sys.stderr, flush=True)
    values = db.execute("SELECT count(*) FROM readings").fetchone()[0] * 24
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return names, values


def pushing(port, directory, senders, rate, stop, told):
    """A process: batches at a steady rate over kept-alive connections until told to stop."""
    async def one(sender, tls, every, counts):
        reader, writer = await asyncio.open_connection("localhost", port, ssl=tls)
        due = time.monotonic() + random.random() * every
        while not stop.is_set():
            await asyncio.sleep(max(0, due - time.monotonic()))
            due += every
            body = sender.batch()
            writer.write(loadgen.REQUEST % len(body) + body)
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(size)
            counts[head[9:12] == b"200"] += 1
        writer.close()

    async def run():
        counts = [0, 0]
        tls = loadgen.context(directory)
        await asyncio.gather(*(one(s, tls, len(senders) / rate, counts) for s in senders))
        told.put(counts)

    asyncio.run(run())


def pages(names, rng, connection):
    """{page: a function that gives an address of it}."""
    days = ("days", "months")
    alarms = "/alarms" if status(connection, "/alarms") == 200 else "/meters?show=alarm"
    joint = "&" if "?" in alarms else "?"
    return {
        "meters": lambda: "/meters?" + rng.choice((f"page={rng.randrange(1, len(names) // 100)}", "sort=-heard",
                                                   "sort=-signal", "sort=by", "show=silent", "show=missing",
                                                   f"q={rng.randrange(10 ** 4):04d}")),
        "meter_year": lambda: f"/meters/{rng.choice(names)}?view=months",
        "meter": lambda: f"/meters/{rng.choice(names)}?view={rng.choice(days)}",
        "alarms": lambda: alarms + joint + rng.choice(("sort=alarm", "sort=-since", "page=2", "page=1")),
        "gateways": lambda: "/gateways?" + rng.choice(("sort=-contact", "sort=name", "page=2", "page=1")),
        "overview": lambda: "/",
    }


def status(connection, path):
    """The status of one request."""
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    return response.status


def on_core(pid):
    """Seconds that a process's threads have been on a core, or None."""
    try:
        return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9
    except OSError:
        return None


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under a minute: fewer requests and days")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--requests", type=int, help="of each page (300)")
    parser.add_argument("--meters", type=int, default=10_000)
    parser.add_argument("--days", type=int, help="of hourly values (365)")
    parser.add_argument("--rate", type=float, default=20, help="batches a second meanwhile (20: 18,000 gateways)")
    parser.add_argument("--dir", help="where the store lies; on a disk, not in memory")
    args = parser.parse_args()
    requests = args.requests or (40 if args.quick else 300)
    days = args.days or (60 if args.quick else 365)
    rng = random.Random(3)
    fork = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory(prefix="netti-pages-", dir=args.dir) as path:
        directory = receiver_support.make(Path(path) / "works")
        senders = [loadgen.Sender(n, int(time.time()) - 20 * DAY) for n in range(PUSHING)]
        loadgen.enrol(f"sqlite://{directory.store}", senders)
        names, values = fill(directory.store, senders, args.meters, days, not args.quick)
        with receiver_support.Process(directory) as process:
            stop, told = fork.Event(), fork.SimpleQueue()
            pusher = fork.Process(target=pushing, args=(process.device_port, directory, senders, args.rate, stop, told))
            pusher.start()
            times: "dict[str, list[float]]" = {}
            cores: "dict[str, list[float]]" = {}
            bad = 0
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", process.web_port, timeout=60)) as web:
                addresses = pages(names, rng, web)
                for address in addresses.values():  # templates are compiled at first use
                    status(web, address())
                began = time.monotonic()
                for _ in range(requests):
                    for name, address in addresses.items():
                        path, used, at = address(), on_core(process.process.pid), time.perf_counter()
                        bad += status(web, path) != 200
                        times.setdefault(name, []).append((time.perf_counter() - at) * 1000)
                        if used is not None:
                            now_used = on_core(process.process.pid) or used
                            cores.setdefault(name, []).append((now_used - used) * 1000)
                seconds = time.monotonic() - began
            stop.set()
            refused, accepted = told.get()
            pusher.join()
    p95 = {name: round(sorted(each)[int(len(each) * 0.95)], 1) for name, each in times.items()}
    p50 = {name: round(sorted(each)[len(each) // 2], 1) for name, each in times.items()}
    cpu = {name: round(sum(each) / len(each), 1) for name, each in cores.items()} or None
    summary = {"p95_ms": p95, "p50_ms": p50, "cpu_ms": cpu, "meters": args.meters, "hourly_values": values,
               "gateways": GATEWAYS, "requests": requests, "not_200": bad, "batches_meanwhile": accepted,
               "batches_refused": refused, "batches_per_s": round(accepted / seconds, 1), "cores": os.cpu_count(),
               "quick": args.quick, "sqlite_version": sqlite3.sqlite_version}
    print(", ".join(f"{name} {ms} ms" for name, ms in p95.items())
          + f" (p95, {accepted / seconds:.0f} batches/s meanwhile)")
    if args.json:
        print(json.dumps(summary))
    return 1 if bad or refused else 0


if __name__ == "__main__":
    sys.exit(main())
