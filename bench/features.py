"""Each feature deleted in a copy of the tree: what is wrong with its receiver, and which of its remaining tests fail.

    python bench/features.py [--quick] [--json] [--only NAME ...] [--tests FILE ...] [--all] [--jobs N]

A copy with an environment of its own loses the folder of one feature at a time. Its receiver is started as users start
it, with and without log-in, and asked for every page and route that is left, the links on them included; then the
copy's tests of the web side run: those that start a receiver or read its pages (--all: every test there is).
"""

import argparse
import json
import re
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "host"), str(ROOT / "tests"), str(ROOT)]

import installed  # noqa: E402
from copies import Copy  # noqa: E402
from features_rig import FOLDER, PLAIN, QUICK, Works, wrong_behind_log_in, wrong_without  # noqa: E402

# What a test of the web side has in its text.
WEB = re.compile(r"receiver_support|cloud_receiver\.(web|features)|\binstalled\b|def test_\w+\([^)]*\b(town|place)\b")
NOT_AGAIN = ("test_features.py", "test_readme_recipes.py")  # they make copies of their own
COUNTED = re.compile(r"(\d+) (passed|failed|error|skipped)")
TEST_S = 3600  # for the tests of one copy


def web_tests(copy, gone):
    """The files of a copy's tests that are about the web side; those of the feature that is gone go with it."""
    own = copy.root / "tests" / "host" / "features" / gone
    return sorted(str(path.relative_to(copy.root)) for path in (copy.root / "tests" / "host").rglob("test_*.py")
                  if path.name not in NOT_AGAIN and path.parent != own and WEB.search(path.read_text(encoding="utf-8")))


def tested(copy, files, environment, jobs):
    """(counts, output) of a run of a copy's tests."""
    parallel = ("-n", str(jobs), "--dist", "loadfile") if jobs > 1 else ()
    done = copy.test(*files, *parallel, timeout=TEST_S, **environment)
    counts = {what: int(n) for n, what in COUNTED.findall(done.stdout.splitlines()[-1] if done.stdout else "")}
    if done.returncode not in (0, 1):
        counts["error"] = counts.get("error", 0) + 1
    return counts, done.stdout + done.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under a minute: two features, the quickest tests")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--only", nargs="+", choices=sorted(installed.FEATURES), help="these features (every one)")
    parser.add_argument("--tests", nargs="+", help="these tests of the copy (those of the web side)")
    parser.add_argument("--all", action="store_true", help="every test of the copy")
    parser.add_argument("--jobs", type=int, default=1, help="tests at once (1)")
    args = parser.parse_args()
    names = args.only or (["meters", "overview"] if args.quick else sorted(installed.FEATURES))
    began, result = time.monotonic(), {"features": 0, "wrong": 0, "passed": 0, "failed": 0, "error": 0, "skipped": 0}
    with tempfile.TemporaryDirectory() as folder:
        copy, works = Copy(Path(folder) / "tree"), Works(Path(folder) / "works")
        for name in (n for n in names if n in installed.FEATURES):
            with copy.without(f"{FOLDER}/{name}"):
                try:
                    wrong = wrong_without(copy, works, name) + wrong_behind_log_in(copy, works, name)
                except AssertionError as e:
                    wrong = [(name, str(e))]
                files = args.tests or (QUICK if args.quick else ("tests",) if args.all else web_tests(copy, name))
                counts, output = tested(copy, files, PLAIN if args.quick else {}, args.jobs)
            result["features"] += 1
            result["wrong"] += len(wrong)
            for what, n in counts.items():
                result[what] += n
            print(f"without {name}: {len(wrong)} wrong; tests: "
                  + ", ".join(f"{n} {what}" for what, n in counts.items()), flush=True)
            for address, why in wrong:
                print(f"  {address}: {why}")
            for line in output.splitlines():
                if line.startswith(("FAILED", "ERROR")):
                    print(f"  {line}", flush=True)
    result["seconds"] = round(time.monotonic() - began, 1)
    bad = result["wrong"] or result["failed"] or result["error"] or not result["passed"]
    print("{features} features deleted, one at a time: {wrong} wrong; {passed} tests passed, {failed} failed, {error} "
          "could not be run, {skipped} were skipped".format(**result))
    if args.json:
        print(json.dumps(result))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
