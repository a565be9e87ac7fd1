"""Power cuts in the middle of everything a gateway keeps: its spool and its updates.

    python bench/powercut.py [--quick] [--json] [--cuts N] [--seed S]

Half of the cuts are the spool's (bench/powercut_spool.py), half the updates' (bench/powercut_update.py); the figures
are theirs, added up. All must be zero but `cuts`.
"""

import argparse
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import powercut_spool  # noqa: E402
import powercut_update  # noqa: E402

CUTS, QUICK = 12000, 1200
FIGURES = ("cuts", "lost", "unbootable", "downgrades", "mutants", "mutants_missed")


def main():
    parser = argparse.ArgumentParser(description="power cuts over spool and update")
    parser.add_argument("--quick", action="store_true", help="%d cuts instead of %d" % (QUICK, CUTS))
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--cuts", type=int, help="how many")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    half = (args.cuts or (QUICK if args.quick else CUTS)) // 2
    parts = powercut_spool.run(half, args.seed, print), powercut_update.run(half, args.seed, print)
    result = {name: sum(part.get(name, 0) for part in parts) for name in FIGURES}
    result["wear"] = parts[0]["wear"]
    if args.json:
        print(json.dumps(result))
    else:
        print("%(cuts)d cuts: %(lost)d lost, %(unbootable)d unbootable, %(downgrades)d downgrades, %(mutants_missed)d "
              "of %(mutants)d known-bad variants missed" % result)
    return 1 if any(result[name] for name in FIGURES if name not in ("cuts", "mutants")) else 0


if __name__ == "__main__":
    sys.exit(main())
