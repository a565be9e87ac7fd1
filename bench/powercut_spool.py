"""Cuts the power at any step of the spool's work, thousands of times, and looks what is lost, sent twice or untrue.

    python bench/powercut_spool.py [--quick] [--json] [--cuts N]

The spool's contract (tests/test_spool.py) is lived through on every medium it can lie on: files, a bare NOR flash, and
LittleFS on such a flash (MicroPython), on both runtimes, at random places and at every single program and erase step of
a life, with programs and erases torn. Known-bad rings must be caught. Then a week of a street on a flash of 4 KiB
blocks: what it holds through an outage, and how it wears.

    cuts            over all of it                       lost    lives after which something promised was not there, a
    mutants_missed  known-bad rings not caught                   seq was given out twice, or a record was not as written
"""

import argparse
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [ROOT, os.path.join(ROOT, "tests")]

CUTS, QUICK = 6000, 600

# The same on both runtimes.
SCRIPT = """
import sys
sys.path[:0] = [{root!r}, {root!r} + "/tests"]
import json
import test_spool as contract
print(json.dumps(contract.cut_often({cuts}, {seed})))
print(json.dumps(contract.missed({seeds})))
"""

METERS, DAYS, SEND_S, FLUSH_S = 100, 7, 900, 10
ERASES = 100000  # a block of NOR flash stands (data sheets)
PARTITIONS = ((1.5, "of a 4 MiB chip"), (4, "of an 8 MiB chip"))
TELEGRAM = 60  # bytes, without CRCs: a compact telegram of a water meter has about 40 to 60, a long one 100


def _one(runtime, cuts, seed, seeds):
    script = SCRIPT.format(root=ROOT, cuts=cuts, seed=seed, seeds=seeds)
    if runtime == "cpython":
        command = [sys.executable, "-c", script]
    else:
        binary = os.path.join(os.path.dirname(sys.executable), "micropython")
        if not os.path.exists(binary):
            sys.exit("bench/powercut_spool.py: needs the micropython of the dev extra")
        command = [binary, "-X", "heapsize=192wK", "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    lines = done.stdout.strip().split("\n")
    if done.returncode or len(lines) < 2:
        sys.exit("bench/powercut_spool.py: %s\n%s" % (runtime, (done.stdout + done.stderr)[-2000:]))
    return json.loads(lines[-2]), json.loads(lines[-1])


def week(mebibytes, telegram, away):
    """A week of a street on a partition, without a receiver if `away`: (records lost, erases of a block in a year,
    bytes programmed a day, blocks that hold something)."""
    from flash_sim import Nor

    from firmware import wire
    from firmware.spool import blocks
    from firmware.wire import records

    nor = Nor(int(mebibytes * 256), 4096)
    values, telegrams = blocks.open_rings(nor, os.urandom, lambda: 1800000000)
    content = bytes(telegram)

    def send(ring):
        while ring.pending():
            _first, last, _size = ring.span(wire.MAX_BATCH, wire.MAX_RECORDS)
            ring.sending(last)
            ring.acknowledge(last)

    for second in range(0, DAYS * 86400, 3600 // METERS):
        time = 1800000000 + second
        telegrams.append(lambda seq, time=time: records.telegram(seq, time, -80, content))
        if second % 3600 == 0:
            values.append(lambda seq, time=time: records.han_hour(seq, time, time, 1234, 0, False))
        if second % 86400 == 0:
            for _ in range(METERS):
                telegrams.append(lambda seq,
                                 time=time: records.heard(seq, time, bytes(8), time // 86400, 4000, -70, -80))
        if second % 21600 == 0:
            values.append(lambda seq,
                          time=time: records.status(seq, time, [["counter%d" % n, 1000] for n in range(20)]))
        values.flush()
        telegrams.flush()
        if not away and second % SEND_S == 0:
            send(values)
            send(telegrams)
    rings = values, telegrams
    erases = max([ring._head / ring._blocks for ring in rings])
    held = sum([ring._head - ring._tail + 1 for ring in rings])
    return values.lost + telegrams.lost, erases * 365 / DAYS, nor.programmed / DAYS, held


def wear(tell):
    """What a partition holds through an outage and how often its blocks are erased, printed and as a dict."""
    result = {}
    for mebibytes, where in PARTITIONS:
        lost, _, _, held = week(mebibytes, TELEGRAM, True)
        _, erases, programmed, _ = week(mebibytes, TELEGRAM, False)
        tell("%.2f MiB %s: %d days of %d meters without a receiver, %d records lost, %d of %d blocks held; with one "
             "%.1f erases of a block a year (of %d: %d years), %.0f KiB programmed a day"
             % (mebibytes, where, DAYS, METERS, lost, held, mebibytes * 256, erases, ERASES, ERASES / erases,
                programmed / 1024))
        result["%.2f" % mebibytes] = {"lost": lost, "erases_per_year": round(erases, 1)}
    return result


def run(cuts=CUTS, seed=1, tell=lambda text: None):
    """Run all; returns the figures. `tell` is given a line on each part."""
    result = {"cuts": 0, "lost": 0}
    missed, mutants = set(), 0
    for runtime, share in (("cpython", 2), ("micropython", 1)):
        counts, (names, mutants) = _one(runtime, cuts * share // 3, seed, 80)
        for name, its_cuts, lost in counts:
            result["cuts"] += its_cuts
            result["lost"] += lost
            tell("%-11s %-18s %5d cuts, %d lost" % (runtime, name, its_cuts, lost))
        missed.update(names)
    tell("missed: %s" % (", ".join(sorted(missed)) or "none of %d known-bad rings" % mutants))
    result["mutants"] = mutants
    result["mutants_missed"] = len(missed)
    result["wear"] = wear(tell)
    return result


def main():
    parser = argparse.ArgumentParser(description="power cuts in the middle of the spool's work")
    parser.add_argument("--quick", action="store_true", help="%d cuts instead of %d" % (QUICK, CUTS))
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--cuts", type=int, help="how many")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    result = run(args.cuts or (QUICK if args.quick else CUTS), args.seed, print)
    if args.json:
        print(json.dumps(result))
    else:
        print("%(cuts)d cuts: %(lost)d lost, %(mutants_missed)d of %(mutants)d known-bad rings missed" % result)
    return 1 if result["lost"] or result["mutants_missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
