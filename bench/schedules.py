"""Random schedules of cuts, lost answers, restarts and restores, for a real gateway and a real receiver.

    python bench/schedules.py [--quick] [--json] [--schedules N] [--seed S] [--micropython N] [--replay FILE]

Every schedule is drawn from its own seed (S, S + 1, ...), so that any of them can be played again. One that breaks a
promise is shortened and printed as a line of JSON; --replay plays such a line from a file (- is standard input).
The last --micropython of them have their gateway in a MicroPython process, which is killed where the schedule cuts it.
Then known faults are planted, one at a time, and each must be found. What is promised and how it is judged:
tests/host/schedules/play.py.
"""

import argparse
import json
import logging
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "host"), str(ROOT / "tests"), str(ROOT)]

from schedules import mutants, plan, play  # noqa: E402

MOST_FOR_A_MUTANT = 400


def folder():
    """Where the files lie: in memory if there is such a place, to spare the disk tens of thousands of flushes."""
    return tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None, prefix="schedules-")


def campaign(c, seeds, runtime, violations, slow):
    """Play the schedules of some seeds; adds the violations to `found`."""
    for n, seed in enumerate(seeds):
        schedule = plan.draw(seed, runtime)
        violation = c.play(schedule)
        if violation is not None:
            violations.append(violation.kind)
            print(f"seed {seed} ({runtime}): {violation}")
            if len(violations) <= 3:
                print("shortened, for --replay:\n" + json.dumps(c.shrink(schedule, violation.kind)), flush=True)
        if n % 100 == 99 and not slow:
            print(f"{runtime}: {n + 1} schedules, {len(violations)} broke a promise", file=sys.stderr)


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--schedules", type=int, help="how many (1000)")
    parser.add_argument("--micropython", type=int, help="how many of them on MicroPython (a tenth)")
    parser.add_argument("--seed", type=int, default=1, help="of the first one (1)")
    parser.add_argument("--no-mutants", action="store_true", help="plant no faults")
    parser.add_argument("--replay", metavar="FILE", help="play one printed schedule, - from standard input")
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    began = time.process_time()
    with folder() as path:
        c = play.Campaign(Path(path))
        if args.replay:
            with open(0 if args.replay == "-" else args.replay, encoding="utf-8") as file:
                violation = c.play(json.loads(file.readline()))
            print(violation or "all promises kept")
            sys.exit(1 if violation else 0)
        count = args.schedules or (100 if args.quick else 1000)
        small = min(count, count // 10 if args.micropython is None else args.micropython)
        if not play.MICROPYTHON.exists():
            print("no micropython here: all gateways on CPython", file=sys.stderr)
            small = 0
        last = args.seed + count
        violations, missed = [], []
        print(f"seeds {args.seed} to {last - 1}, the last {small} on MicroPython", flush=True)
        campaign(c, range(args.seed, last - small), "cpython", violations, args.quick)
        campaign(c, range(last - small, last), "micropython", violations, args.quick)
        counts = dict(c.counts)
        for name in () if args.no_mutants else mutants.MUTANTS:
            seed, violation = mutants.hunt(c, name, MOST_FOR_A_MUTANT, hint=args.quick)
            print(f"fault {name}: " + ("MISSED" if violation is None else f"found by seed {seed}, {violation.kind}"),
                  flush=True)
            if violation is None:
                missed.append(name)
        c.close()
    result = {"schedules": counts["schedules"], "micropython_schedules": counts["micropython"]}
    result.update({kind: violations.count(kind) for kind in play.KINDS})
    result.update({name: counts[name] for name in ("telegrams", "lives", "cuts", "receivers", "restores", "executed",
                                                   "copies", "out_of_reach")})
    result.update({"mutants": 0 if args.no_mutants else len(mutants.MUTANTS), "mutants_missed": len(missed),
                   "cpu_s": round(time.process_time() - began, 1)})
    print("{schedules} schedules ({micropython_schedules} on MicroPython) with {lives} lives of gateways, {cuts} of "
          "them cut off, {receivers} of receivers, {restores} restores, {copies} older copies "
          "of a gateway's flash put back, {executed} commands executed: {lost} lost, "
          "{duplicates} duplicates, {blocked} blocked, {twice} twice, {reused} reused, {wrong} wrong; "
          "{mutants_missed} of {mutants} faults missed".format(**result))
    if args.json:
        print(json.dumps(result))
    sys.exit(1 if violations or missed else 0)


if __name__ == "__main__":
    main()
