"""Whole runs of the demo: a good one, and one for each fault that it can plant, which must be counted as what it is and
as nothing else.

    python bench/demo.py [--quick] [--seed N] [--json]

--quick: the good one alone, of one simulated hour instead of two. JSON: runs; wrong, the names of those whose verdict
was another than expected; and the last line of each under its name.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FAULTS = {"drop": "lost", "dup": "duplicates", "wrong": "wrong"}  # what is planted: what it is counted as


def run(seed, quick, fault=None):
    """(exit status, last line) of a demo."""
    done = subprocess.run([sys.executable, "-m", "netti_tools.cli", "demo", "--once", "--seed", str(seed),
                           *(["--quick"] if quick else []), *(["--fault", fault] if fault else [])],
                          cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout.strip().splitlines()[-1]


def as_expected(status, last, fault):
    """Whether a run ended as it must: without a fault nothing is counted, with one that fault alone."""
    figures = {name: int(n) for name, n in re.findall(r"(\w+)=(\d+)", last)}
    counted = {name for name, n in figures.items() if n} - {"heard", "relayed", "stored", "decoded"}
    if fault is None:
        return status == 0 and last.startswith("demo: OK ") and not counted
    return status == 1 and last.startswith("demo: FAIL ") and counted == {FAULTS[fault]}


def main():
    """Run them one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--seed", type=int, default=21)
    args = parser.parse_args()
    lines, wrong = {}, []
    for fault in (None,) if args.quick else (None, *FAULTS):
        name = fault or "good"
        status, lines[name] = run(args.seed, args.quick, fault)
        print(f"{name}: {lines[name]}", flush=True)
        if not as_expected(status, lines[name], fault):
            wrong.append(name)
    if args.json:
        print(json.dumps({"runs": len(lines), "wrong": wrong, **lines}))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
