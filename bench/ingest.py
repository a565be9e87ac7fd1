"""How many signed batches of 50 records a receiver makes durable per second, and how near that is to the machine's own.

    python bench/ingest.py [--quick] [--json] [--seconds S] [--gateways N] [--values N] [--rounds N] [--dir FOLDER]

Gateways with real keys push over loopback HTTPS on kept-alive connections to `netti receiver serve` as users run it;
an answer counts once its batch is verified, deduplicated and committed with synchronous=FULL. (Decoding goes on behind
and lets batches go first: it is not in the rate.) In the same run the machine's own limits for the same batches. The
load generator runs on the same cores, so each limit leaves it what it needs for that limit's rate:

    ed25519   verifications of these signatures on all cores, with the generator's measured CPU time added to each
    sqlite    a bare group commit: the same rows into the same tables and indexes by the connection that the receiver
              writes with (synchronous=FULL), one row a statement (executemany), made just before as Python's tuples and
              not timed, nothing looked up, in groups of one batch of every gateway, which is larger than the receiver's
              own; beside it a process uses the generator's CPU time for each batch committed. One connection writes,
              so this is one core's limit, and the generator's share costs it something only where there is no other
    tls       bare aiohttp on as many processes: body read, an answer of the same size, by the same load generator

The receiver itself writes many rows in a statement, which is quicker: `sqlite_many_rows` is the bare group commit with
its statements. It is shown beside the limits and is none of them: what a bare commit gives a program that has nothing
else to do, in the same words.

`ratio` is the receiver's rate by the tightest limit. `ratio_large_to_small` is its rate with --values hourly values
stored (day rows, their coverage, and raw telegrams of the last days) by that near empty. `cpu_ms` is what each of its
processes uses for a batch, which a busy machine changes less than rates. All are the median of the rounds, `ratios` are
theirs. A round is short and measures the receiver before and after the limits and takes the mean, so that a machine
whose speed drifts does so for all of it.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import _loadgen as loadgen  # noqa: E402
import receiver_support  # noqa: E402
from _loadgen import RECORDS  # noqa: E402

from cloud_receiver import processes  # noqa: E402
from cloud_receiver.data import content, dayrows  # noqa: E402
from cloud_receiver.office import trust  # noqa: E402
from cloud_receiver.stores import sqlite  # noqa: E402
from cloud_receiver.stores.jobs import common_batch, coverage, meters  # noqa: E402
from firmware.wire import envelope as wire_envelope  # noqa: E402

DAY, HOUR = 86_400, 3600
CORES = os.cpu_count() or 1
LIMITS = ("ed25519", "sqlite", "tls")
fork = multiprocessing.get_context("fork")


# --- the receiver

def ingest(directory, bodies, warm, seconds):
    """Run a receiver and push; returns rate and CPU seconds per batch of both sides."""
    with receiver_support.Process(directory, "--processes", str(INGEST)) as process:
        pids = loadgen.family(process.process.pid)
        marks = {}

        async def run():
            pushing = asyncio.ensure_future(loadgen.push(process.device_port, directory, bodies, warm, seconds))
            await asyncio.sleep(warm + 0.5)
            marks["before"] = [loadgen.cpu_of([pid]) for pid in pids]
            await asyncio.sleep(max(seconds - 1, 0.5))
            marks["after"], marks["seconds"] = [loadgen.cpu_of([pid]) for pid in pids], max(seconds - 1, 0.5)
            return await pushing

        figures = asyncio.run(run())
        assert process.end() == 0
    rate = figures["batches"] / figures["seconds"]
    used = [(b - a) / marks["seconds"] for a, b in zip(marks["before"], marks["after"])]
    names = ["pages", "writer", *[f"ingest{n + 1}" for n in range(INGEST)], "decoder"]
    return {"rate": rate, "refused": figures["refused"], "short": figures["short"],
            "generator_ms": figures["generator_cpu_s"] / figures["batches"] * 1000,
            "cpu_ms": {n: round(u / rate * 1000, 3) for n, u in zip(names, used)},
            "cores_used": {n: round(u, 2) for n, u in zip(names, used)}}


# --- the machine's own limits

def _verify(bodies, public, seconds, out):
    pairs = [wire_envelope.open_envelope(b, "batch", "works") for b in bodies]
    key, n, end = public, 0, time.monotonic() + seconds
    while time.monotonic() < end:
        for e in pairs:
            key.verify(e.signature, e.to_verify)
        n += len(pairs)
    out.put(n / seconds)


def ed25519(sender, bodies, seconds, generator_ms):
    """Verifications per second on all cores, less the generator's share."""
    out = fork.SimpleQueue()
    workers = [fork.Process(target=_verify, args=(bodies[:200], sender.gateway.key.public_key(), seconds, out))
               for _ in range(CORES)]
    for w in workers:
        w.start()
    all_cores = sum(out.get() for _ in workers)
    for w in workers:
        w.join()
    return CORES / (CORES / all_cores + generator_ms / 1000)


def _share(per_batch, done, stop):
    """Use CPU seconds for each batch done, as the load generator would."""
    began = time.process_time()
    while not stop.is_set():
        if time.process_time() - began >= done.value * per_batch:
            time.sleep(0.0005)


def rows_of(sender, row, ids, body):
    """The rows that a batch becomes."""
    envelope = wire_envelope.open_envelope(body, "batch", "works")
    head, at = wire_envelope.open_head(body, envelope.end)
    records = content.read(body[at:], head.first, head.last)
    telegrams = [(ids[r.fields.meter], row, r.seq, r.time, r.time, r.time, r.time // DAY, r.fields.digest, 0,
                  r.fields.data, coverage.pack([(row, r.fields.rssi, 1)])) for r in records]
    cover = [(r.time // DAY, ids[r.fields.meter], row, n % 24, 0, r.fields.rssi, r.fields.rssi, bytes(n % 24))
             for n, r in enumerate(records)]
    meters = [(r.time, r.time, 1, 0, ids[r.fields.meter]) for r in records]
    return telegrams, cover, meters, (row, head.first, head.last, envelope.digest, head.last, len(records)), head.last


def row_by_row(db, work):
    """Enter the rows of a batch, one a statement."""
    telegrams, cover, meters = work
    db.executemany("INSERT INTO telegrams (meter, epoch, seq, received, raw_time, time, day, digest, state, data, "
                   "heard) VALUES (?,?,?,?,?,?,?,?,?,?,?)", telegrams)
    db.executemany("INSERT INTO coverage VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (day, meter, gateway) DO UPDATE "
                   "SET telegrams = excluded.telegrams, rssi = excluded.rssi", cover)
    db.executemany("UPDATE meters SET first_heard = ?, last_heard = ?, encrypted = ?, status = ? WHERE id = ?", meters)


def in_the_receivers_words(work):
    """The values of a batch's rows for the receiver's statements."""
    telegrams, cover, heard = work
    _, epoch, seq, received = telegrams[0][:4]
    return ([epoch, seq, received] + [v for t in telegrams for v in (t[0], t[5], t[7], t[9], t[10])],
            [cover[0][2]] + [v for day, meter, _, _, _, best, _, levels in cover
                             for v in (meter, day, 1, best, levels[:1])],
            [v for first, last, encrypted, status, meter in heard for v in (meter, first, last, encrypted, status)])


def many_rows(db, made):
    """Enter the rows of a batch with the receiver's statements."""
    for sql, values in zip((common_batch.insert_telegrams, coverage.count_receptions, meters.hear), made):
        db.execute(sql(RECORDS), values)


def bare_sqlite(folder, senders, bodies, seconds, generator_ms, values=tuple, enter=row_by_row):
    """Batches per second of the writes alone, and CPU milliseconds per batch."""
    path = folder / "bare.sqlite"
    for old in folder.glob("bare.sqlite*"):
        old.unlink()
    db = sqlite.groups(path)._connect()
    ids: dict = {}
    for row, s in enumerate(senders, 1):
        db.execute("INSERT INTO gateways (id, gateway, public_key, kind, name, enrolled) VALUES (?,?,?,'','',0)",
                   (row, s.gateway.id, s.gateway.public))
        db.execute("INSERT INTO epochs VALUES (?,?,?,0,0,0)", (row, row, s.gateway.epoch))
        for r in content.read(bodies[row - 1][0][_content(bodies[row - 1][0]):], 1, RECORDS):
            if r.fields.meter not in ids:
                ids[r.fields.meter] = len(ids) + 1
                db.execute("INSERT INTO meters (id, meter, media, first_heard, last_heard, encrypted, state) "
                           "VALUES (?,?,7,0,0,1,0)", (ids[r.fields.meter], r.fields.meter))
    stop = fork.Event()
    committed = fork.Value("l", 0, lock=False)
    companion = fork.Process(target=_share, args=(generator_ms / 1000, committed, stop), daemon=True)
    companion.start()
    done, took, cpu = 0, 0.0, 0.0
    for n in range(1, len(bodies[0])):
        # The rows of a group are made just before it, and not timed: a million of them made at the start would come
        # out of cold memory, which no limit of the machine has to bear.
        work = [rows_of(s, row, ids, bodies[row - 1][n]) for row, s in enumerate(senders, 1)]
        work = [(values(rows), batch_row, last) for *rows, batch_row, last in work]
        began, used = time.monotonic(), time.process_time()
        db.execute("BEGIN IMMEDIATE")
        for made, batch_row, last in work:
            enter(db, made)
            db.execute("INSERT INTO batches VALUES (?,?,?,?,?,?)", batch_row)
            db.execute("UPDATE epochs SET through = ? WHERE id = ?", (last, batch_row[0]))
            db.execute("UPDATE gateways SET last_contact = ? WHERE id = ?", (last, batch_row[0]))
        db.execute("COMMIT")
        took, cpu = took + time.monotonic() - began, cpu + time.process_time() - used
        done += len(work)
        committed.value = done
        if took > seconds:
            break
    rate, cpu_ms = done / took, cpu / done * 1000
    stop.set()
    companion.join()
    db.close()
    return rate, cpu_ms


def _content(body):
    return wire_envelope.open_head(body, wire_envelope.open_envelope(body, "batch", "works").end)[1]


async def _bare_app(directory, sock):
    from aiohttp import web

    async def post(request):
        return web.Response(body=bytes(60) if await request.read() else b"", content_type="application/cbor")

    app = web.Application()
    app.router.add_post("/v1/batches", post)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, sock, ssl_context=trust.server_context(directory.ca), backlog=1024).start()
    await asyncio.Event().wait()


def bare_tls(directory, bodies, warm, seconds):
    """Requests per second of an application that does nothing with them."""
    socks = processes.bind_shared(None, 0, INGEST)
    port = socks[0].getsockname()[1]
    children = []
    for sock in socks:
        child = os.fork()
        if child == 0:
            for other in socks:
                if other is not sock:
                    other.close()
            asyncio.run(_bare_app(directory, sock))
            os._exit(0)
        children.append(child)
    for sock in socks:
        sock.close()
    time.sleep(0.5)
    figures = asyncio.run(loadgen.push(port, directory, bodies, warm, seconds, again=True))
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return figures["batches"] / figures["seconds"]


# --- a store with years in it

def fill(url_path, senders, values, last, say):
    """Put hourly values up to a Unix day into a store: day rows, their coverage, and a tenth as many raw telegrams."""
    db = sqlite.groups(url_path)._connect()
    db.execute("PRAGMA synchronous=OFF")
    names = [receiver_support.Meter(10_000_000 + n).text for n in range(max(len(senders) * RECORDS, 5700))]
    days = max(1, values // 24 // len(names))
    db.execute("BEGIN")
    db.executemany("INSERT INTO meters (id, meter, media, first_heard, last_heard, encrypted, state) "
                   "VALUES (?,?,22,?,?,1,1)", ((n, text, (last - days) * DAY, last * DAY)
                                               for n, text in enumerate(names, 1)))
    gateways = [row[0] for row in db.execute("SELECT id FROM gateways")]
    db.executemany("INSERT INTO epochs VALUES (?,?,?,0,0,0)", ((g, g, os.urandom(8)) for g in gateways))
    db.execute("COMMIT")
    blobs = [dayrows.pack([(n % 3600, base + h * 7000) for h in range(24)]) for n, base in
             enumerate(range(0, 10 ** 10, 10 ** 7))]
    ids = range(1, len(names) + 1)
    for day in range(last - days + 1, last + 1):
        db.execute("BEGIN")
        db.executemany("INSERT INTO readings (day, meter, hours) VALUES (?,?,?)",
                       ((day, n, blobs[(n + day) % 1000]) for n in ids))
        db.executemany("INSERT INTO coverage VALUES (?,?,?,24,24,-60,-70,x'')",
                       ((day, n, gateways[n % len(gateways)]) for n in ids))
        if day > last - days // 10 - 1:
            db.executemany("INSERT INTO telegrams (meter, epoch, seq, received, raw_time, time, day, digest, state, "
                           "data) VALUES (?1,?2,?3,?4,?4,?4,?5,?6,1,?7)",
                           ((n, gateways[n % len(gateways)], 0, day * DAY + h * HOUR, day,
                             int.from_bytes(os.urandom(8), "big", signed=True), os.urandom(48))
                            for h in range(24) for n in ids))
        db.execute("COMMIT")
        if say and (day - last) % 30 == 0:
            print(f"filling: {last - day} days left", file=sys.stderr, flush=True)
    count = db.execute("SELECT count(*) FROM readings").fetchone()[0] * 24
    raw = db.execute("SELECT count(*) FROM telegrams").fetchone()[0]
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return count, raw


def fresh(folder, name, senders):
    """A receiver's directory that knows the gateways."""
    directory = receiver_support.make(folder / name)
    loadgen.enrol(f"sqlite://{directory.store}", senders)
    return directory


def main():
    """Run and print."""
    global INGEST
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under a minute: one short round, fewer values")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--seconds", type=float, help="of each measurement (4)")
    parser.add_argument("--gateways", type=int, default=128, help="at once (128)")
    parser.add_argument("--values", type=int, help="hourly values of the large store (50,000,000)")
    parser.add_argument("--rounds", type=int, help="(7)")
    parser.add_argument("--processes", type=int, default=min(4, CORES), help="that take batches (one per core)")
    parser.add_argument("--no-large", action="store_true", help="leave the large store out")
    parser.add_argument("--dir", help="where the stores lie; on a disk, not in memory")
    args = parser.parse_args()
    INGEST = args.processes
    seconds = args.seconds or (2 if args.quick else 4)
    values = args.values or (1_000_000 if args.quick else 50_000_000)
    rounds = args.rounds or (1 if args.quick else 7)
    warm = 1
    with tempfile.TemporaryDirectory(prefix="netti-ingest-", dir=args.dir) as path:
        folder = Path(path)
        count = int(((warm + seconds) * 2600 * 1.3) / args.gateways) + 10
        start = int(time.time()) // DAY * DAY - (rounds * count // 24 + 2) * DAY  # so that the last hour is no future
        senders = [loadgen.Sender(n, start) for n in range(args.gateways)]
        bodies = [[s.batch() for _ in range(count)] for s in senders]
        large = None
        if not args.no_large:
            large = fresh(folder, "large", senders)
            stored, raw = fill(large.store, senders, values, start // DAY - 1, not args.quick)
        runs: "list[dict]" = []
        for n in range(rounds):
            if n:  # the hours after those, in new rings: the large store knows the others
                for s in senders:
                    s.gateway.epoch, s.gateway.seq = os.urandom(8), 0
                bodies = [[s.batch() for _ in range(count)] for s in senders]
            rows: dict = {"receiver": [ingest(fresh(folder, f"before{n}", senders), bodies, warm, seconds)]}
            generator_ms = rows["receiver"][0]["generator_ms"]
            rows["sqlite"], rows["sqlite_cpu_ms"] = bare_sqlite(folder, senders, bodies, seconds * 0.75, generator_ms)
            if large:
                rows["large"] = ingest(large, bodies, warm, seconds)
            rows["ed25519"] = ed25519(senders[0], bodies[0], seconds / 2, generator_ms)
            rows["tls"] = bare_tls(fresh(folder, f"bare{n}", []), bodies, warm / 2, seconds / 2)
            rows["sqlite_many_rows"] = bare_sqlite(folder, senders, bodies, seconds / 2, generator_ms,
                                                   in_the_receivers_words, many_rows)[0]
            rows["receiver"].append(ingest(fresh(folder, f"after{n}", senders), bodies, warm, seconds))
            rows["rate"] = statistics.mean(r["rate"] for r in rows["receiver"])
            runs.append(rows)
            print(json.dumps(rows), file=sys.stderr, flush=True)
    summary = summed_up(runs)
    summary.update(gateways=args.gateways, processes=INGEST, cores=CORES, seconds=seconds, rounds=rounds,
                   quick=args.quick)
    if large:
        summary.update(hourly_values=stored, raw_telegrams=raw)
    print("{batches_per_s} batches/s; limits {limits}; ratio {ratio} to {tightest}; large to small "
          "{ratio_large_to_small}".format(**summary))
    if args.json:
        print(json.dumps(summary))
    bad = [r for rows in runs for r in [*rows["receiver"], rows.get("large")] if r and (r["refused"] or r["short"])]
    if bad:
        print("batches were refused, or ran out", file=sys.stderr)
    return 0 if not bad else 1


def summed_up(runs):
    """The medians of the rounds."""
    def median(of):
        return statistics.median(map(of, runs))

    limits = {name: round(median(lambda r, name=name: r[name])) for name in LIMITS}
    ratios = [r["rate"] / min(r[n] for n in LIMITS) for r in runs]
    summary = {"batches_per_s": round(median(lambda r: r["rate"])), "limits": limits,
               "tightest": min(limits, key=lambda name: limits[name]), "ratio": round(statistics.median(ratios), 3),
               "ratios": [round(r, 3) for r in ratios], "ratio_large_to_small": None,
               "cpu_ms": {n: round(median(lambda r, n=n: statistics.mean(x["cpu_ms"][n] for x in r["receiver"])), 3)
                          for n in runs[0]["receiver"][0]["cpu_ms"]},
               "sqlite_cpu_ms": round(median(lambda r: r["sqlite_cpu_ms"]), 3),
               "sqlite_many_rows": round(median(lambda r: r["sqlite_many_rows"])),
               "records": RECORDS, "sqlite_version": sqlite3.sqlite_version}
    if "large" in runs[0]:
        summary["ratio_large_to_small"] = round(median(lambda r: r["large"]["rate"] / r["rate"]), 3)
    return summary


if __name__ == "__main__":
    sys.exit(main())
