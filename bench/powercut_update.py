"""Cuts the power at any byte of an update, thousands of times, and looks what the device starts then.

    python bench/powercut_update.py [--quick] [--json] [--cuts N]

Devices live through releases of which one in three does not work, are offered older ones, fetch from a receiver that
hangs up and damages bytes, and are cut off with torn writes (tests/update_lives.py): on CPython and on MicroPython,
each on a plain flash, and on MicroPython on its own LittleFS over a NOR flash with torn programs and torn erases.
Known-bad firmware (tests/update_lives.py, MUTANTS) must be caught by one of them.

    cuts            over all of it                       unbootable   starts of something that is no whole release,
    lost            records (the spool's bench counts)                devices that come back to none, or take none more
    mutants_missed  known-bad firmware not caught        downgrades   starts below a confirmed version
"""

import argparse
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CUTS, QUICK = 6000, 600

# The same on both runtimes.
SCRIPT = """
import sys
sys.path[:0] = [{root!r}, {root!r} + "/tests"]
import json
import update_lives as lives
flash = lives.Flash
if {lfs!r}:
    from update_lfs import LfsFlash as flash
life = lives.Lives({seed}, flash)
counts = life.run({cuts})
counts["over"] = flash.nor.over if {lfs!r} else 0
caught = []
for mutant in lives.MUTANTS:
    bad = lives.Lives({seed} + 1, flash, mutant)
    bad.run({most}, True)
    if bad.bad():
        caught.append(mutant)
print(json.dumps({{"counts": counts, "caught": caught, "mutants": lives.MUTANTS}}))
"""


def _one(runtime, lfs, cuts, most, seed):
    script = SCRIPT.format(root=ROOT, lfs=lfs, cuts=cuts, most=most, seed=seed)
    if runtime == "cpython":
        command = [sys.executable, "-c", script]
    else:
        binary = os.path.join(os.path.dirname(sys.executable), "micropython")
        if not os.path.exists(binary):
            sys.exit("bench/powercut_update.py: needs the micropython of the dev extra")
        command = [binary, "-X", "heapsize=192wK", "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit("bench/powercut_update.py: %s\n%s" % (runtime, (done.stdout + done.stderr)[-2000:]))
    return json.loads(done.stdout.strip().split("\n")[-1])


def run(cuts=CUTS, seed=1, tell=lambda text: None):
    """Run all; returns the figures. `tell` is given a line on each part."""
    result = {"cuts": 0, "lost": 0, "unbootable": 0, "downgrades": 0, "installed": 0, "rolled_back": 0, "starts": 0}
    caught, mutants = set(), []
    # The last figure: cuts until a known-bad variant is given up. LittleFS mends two of them.
    for runtime, lfs, share, most in (("cpython", False, 2, 3000), ("micropython", False, 1, 300),
                                      ("micropython", True, 1, 60)):
        outcome = _one(runtime, lfs, cuts * share // 4, most, seed)
        counts = outcome["counts"]
        # A byte programmed twice without an erase in between is none of LittleFS's: the simulation would be wrong.
        assert not counts["over"]
        result["unbootable"] += counts["stuck"]
        for name in ("cuts", "unbootable", "downgrades", "installed", "rolled_back", "starts"):
            result[name] += counts[name]
        caught.update(outcome["caught"])
        mutants = outcome["mutants"]
        tell("%-11s %-8s %5d cuts, %5d starts, %4d installed, %4d rolled back, %d unbootable, %d downgrades; caught: %s"
             % (runtime, "littlefs" if lfs else "plain", counts["cuts"], counts["starts"], counts["installed"],
                counts["rolled_back"], counts["unbootable"] + counts["stuck"], counts["downgrades"],
                ", ".join(outcome["caught"])))
    result["mutants"] = len(mutants)
    result["mutants_missed"] = len(set(mutants) - caught)
    return result


def main():
    parser = argparse.ArgumentParser(description="power cuts in the middle of updates")
    parser.add_argument("--quick", action="store_true", help="%d cuts instead of %d" % (QUICK, CUTS))
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--cuts", type=int, help="how many")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    result = run(args.cuts or (QUICK if args.quick else CUTS), args.seed, print)
    if args.json:
        print(json.dumps(result))
    else:
        print("%(cuts)d cuts: %(unbootable)d unbootable, %(downgrades)d downgrades, %(mutants_missed)d of %(mutants)d "
              "known-bad variants missed" % result)
    return 1 if result["unbootable"] or result["downgrades"] or result["mutants_missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
