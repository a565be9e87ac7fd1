"""Whether the tests notice a small change of the code: one operator, number or line of it at a time.

    python bench/mutants.py [--quick] [--json] [--package NAME ...] [--mutants N] [--seconds S] [--jobs N] [--seed N]
                            [--list]

Of every place where a package's code can be changed a random sample is tried, one change at a time, in a copy of the
tree: a statement deleted, a comparison or a sum turned over, a number off by one, a loop that never runs, an exception
that is never caught (bench/_changes.py). Of the sample a fifth at most is of tables. The package's quick tests run once
under coverage, on CPython, which tells what runs which line; on a mutant then run those that come to its line, the
quickest of those that come to least else first, up to the first that fails. A mutant that no test fails on has
survived: a place to look, as some changes change nothing that matters. Of a line that runs when its module is imported
all tests of the module are tried.

JSON, of each package: `score` is the share of the mutants that a test noticed, `error` what it may be off by for being
a sample (95 %, Wilson), `mutants` how many were tried, `survived` how many no test failed on, `unreached` how many more
lie in lines that no test comes to: those of MicroPython alone are among them. --list names both. A package has its
--seconds (default 240), or ends after --mutants; the same seed begins with the same mutants.
"""

import argparse
import contextlib
import importlib
import io
import itertools
import json
import math
import multiprocessing
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import _changes
import pytest

ROOT = Path(__file__).resolve().parent.parent
HERE = str(ROOT / "bench")
# What is changed, and the tests that should notice. Later patterns come last.
PACKAGES = {
    "wmbus": (("wmbus/*.py",), (
        "tests/test_wmbus_*.py", "tests/host/test_wmbus_drivers.py", "tests/host/test_wmbus_integrity.py",
        "tests/host/test_wmbus_explain.py")),
    "han_reader": (("han_reader/*.py",), (
        "tests/test_han_*.py", "tests/host/test_han_search.py", "tests/host/test_simulate_han.py")),
    "spool": (("firmware/spool/*.py",), ("tests/test_spool*.py",)),
    "wire": (("firmware/wire/*.py",), (
        "tests/test_batch.py", "tests/test_orders.py", "tests/test_wire_*.py", "tests/host/test_records.py",
        "tests/host/test_envelopes.py", "tests/host/test_envelope.py", "tests/host/test_orders_schema.py",
        "tests/host/test_envelope_schema.py")),
    # On SQLite alone: what the jobs say in SQL is one text for both.
    "stores/jobs": (("cloud_receiver/stores/jobs/*.py",), (
        "tests/host/test_store.py", "tests/host/test_store_sqlite.py", "tests/host/test_store_coverage.py",
        "tests/host/test_store_keeping.py", "tests/host/test_person_store.py", "tests/host/test_store_bounds.py",
        "tests/host/test_store_ledger.py",
        "tests/host/test_claims.py", "tests/host/test_quarantine.py")),
}
NOT = ("_tables.py", "__init__.py", "_fast.py")  # tables, names, and C helpers' twins
# Campaigns of many seconds, and what runs elsewhere: what they alone notice counts as survived.
LEFT_OUT = ("postgres", "micropython", "known_bad_rings", "lost_to_kills", "each_single_step", "lost_to_power_cuts",
            "whenever_it_is_cut", "no_value_in", "uart_hour", "setting_is_found_and_kept", "real_gateway")
FEW = 12  # tests that are tried first; most mutants end there, and the other files are not even imported
BUDGET_S = 6  # of tests for a mutant, the cheapest first, and one at least: what only later ones notice has survived
CPU_S, SLOWEST = 3, 4  # a run may take so much CPU, and so many times what its tests took: endless loops are noticed
MEMORY = 4 << 30
QUICK_S = 20


class Chosen:
    """In a run of pytest: of the collected tests only the chosen, in that order; None: all."""

    def __init__(self, chosen=None):
        self.chosen = chosen

    def pytest_sessionstart(self):
        from hypothesis import Phase, settings
        settings.register_profile("mutants", settings.get_profile("netti"), database=None,
                                  phases=(Phase.explicit, Phase.generate))  # what fails need not be made small
        settings.load_profile("mutants")

    def pytest_collection_modifyitems(self, items):
        if self.chosen is not None:
            place = {name: n for n, name in enumerate(self.chosen)}
            items[:] = sorted((item for item in items if item.nodeid in place), key=lambda item: place[item.nodeid])


class Contexts(Chosen):
    """In a run of pytest under coverage: each test is a context, and a fixture that tests share one of their file."""

    def __init__(self, coverage):
        super().__init__()
        self.coverage, self.context, self.seconds = coverage, "", {}

    def _switch(self, context):
        self.context = context
        self.coverage.switch_context(context)

    def pytest_runtest_logstart(self, nodeid):
        self._switch(nodeid)

    def pytest_runtest_logfinish(self):
        self._switch("")

    def pytest_runtest_logreport(self, report):
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0) + report.duration

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef):
        before = self.context
        if fixturedef.scope != "function":
            self._switch(before.split("::")[0])
        try:
            return (yield)
        finally:
            self._switch(before)


def _pytest(folder, names, plugin):
    os.chdir(folder)
    # Not bench/, where han.py and wmbus.py are what they are nowhere else.
    sys.path[:] = [str(folder), *(path for path in sys.path if path not in (HERE, str(ROOT)))]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return int(pytest.main(["-x", "-q", "--tb=no", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:xdist",
                                "--hypothesis-seed=1", "--runtime", "cpython",
                                "-k", " and ".join(f"not {name}" for name in LEFT_OUT), *names], plugins=[plugin]))


def _look(folder, names, paths, pipe):
    import coverage
    cov = coverage.Coverage(data_file=None, include=[str(folder / path) for path in paths], config_file=False)
    plugin = Contexts(cov)
    cov.start()
    status = _pytest(folder, names, plugin)
    cov.stop()
    data = cov.get_data()
    lines = {path: data.contexts_by_lineno(str(folder / path)) for path in paths}
    theirs = [name for name, module in sys.modules.items() if "site-packages" in (getattr(module, "__file__", "") or "")
              or name.split(".")[0] in sys.stdlib_module_names]
    pipe.send((status, lines, plugin.seconds, theirs))
    pipe.close()
    os._exit(0)


def _check(folder, names, chosen, cpu_s, pipe):
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    pipe.send(_pytest(folder, names, Chosen(chosen)))
    os._exit(0)


def forked(function, args, timeout_s):
    """What a function sends, called in a process of its own, forked from this one, which has imported pytest and
    nothing of the tree; None where it ends without, or does not end."""
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe(duplex=False)
    process = fork.Process(target=function, args=(*args, there))
    process.start()
    there.close()
    try:
        return here.recv() if here.poll(timeout_s) else None
    except EOFError:
        return None
    finally:
        process.kill()
        process.join()
        here.close()


class Reach:
    """Which tests come to a line, the cheapest and most particular first."""

    def __init__(self, folder, names, paths):
        result = forked(_look, (folder, names, paths), 900)
        if not result or result[0]:
            raise SystemExit(f"tests fail on the code as it is: {' '.join(names)}")
        _, self.lines, self.seconds, theirs = result
        for name in theirs:  # imported once, not in every run
            with contextlib.suppress(Exception):
                importlib.import_module(name)
        breadth: "dict[str, int]" = {}
        for contexts in (c for lines in self.lines.values() for c in lines.values()):
            for name in contexts:
                breadth[name] = breadth.get(name, 0) + 1
        self._cost = {name: (0.01 + s) * breadth.get(name, 1) for name, s in self.seconds.items()}
        self._inside: "dict[Path, set[int]]" = {}

    def tests(self, path, source, line):
        """The tests for a change in a line."""
        if path not in self._inside:
            self._inside[path] = _changes.in_functions(source)
        near, lines = _changes.around(source, line), self.lines[path]
        found = {name for n in near for name in lines.get(n, ())}
        if found and line not in self._inside[path] or "" in found:  # run by an import
            found |= {name for contexts in lines.values() for name in contexts} - {""}
            found = found - {""} or set(self.seconds)
        chosen = {name for name in found if name in self.seconds}
        for shared in found - chosen:
            chosen |= {name for name in self.seconds if name.split("::")[0] == shared}
        order = sorted(chosen, key=lambda name: (self._cost[name], name))
        ends = list(itertools.accumulate(self.seconds[name] for name in order))
        return [name for n, name in enumerate(order) if n == 0 or ends[n] <= BUDGET_S]


def copy(folder: Path):
    """A copy of the tree."""
    names = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True,
                           check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)


@contextlib.contextmanager
def holding(file: Path, source: str, nth: int):
    """A file has other content meanwhile, and a time that no compiled file was made for."""
    before, was = file.read_text(encoding="utf-8"), file.stat()
    file.write_text(source, encoding="utf-8")
    os.utime(file, (was.st_atime, was.st_mtime - 10 - nth))
    try:
        yield
    finally:
        file.write_text(before, encoding="utf-8")
        os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))


def noticed(folder, reach, chosen) -> bool:
    """Whether one of the tests fails or does not end, first of a few, then of all."""
    for part in (chosen[:FEW], chosen[FEW:]):
        cpu_s = CPU_S + math.ceil(SLOWEST * sum(reach.seconds[name] for name in part))
        names = sorted({name.split("::")[0] for name in part})
        if part and forked(_check, (folder, names, part, cpu_s), 10 * cpu_s) not in (0, 5):
            return True
    return False


def _work(folder, reach, jobs, turn, ends, out):
    while time.monotonic() < ends:
        with turn.get_lock():
            n, turn.value = turn.value, turn.value + 1
        if n >= len(jobs):
            break
        path, operator, nth = jobs[n]
        source = (folder / path).read_text(encoding="utf-8")
        mutant = _changes.changed(source, operator, nth)
        line, what = _changes.difference(source, mutant)
        chosen = reach.tests(path, source, line) if line else []
        with holding(folder / path, mutant, n):
            result = "unreached" if not chosen else "noticed" if noticed(folder, reach, chosen) else "survived"
        if line:
            out.put((str(path), operator, line, what, result))
    out.put(None)


def package(name, options) -> "tuple[list[tuple], int]":
    """(the mutants tried of a package: (file, operator, line, what, result); how many there are)."""
    patterns, tests = PACKAGES[name]
    paths = [p.relative_to(ROOT) for pattern in patterns for p in sorted(ROOT.glob(pattern)) if p.name not in NOT]
    names = list(dict.fromkeys(str(p.relative_to(ROOT)) for pattern in tests for p in sorted(ROOT.glob(pattern))))
    jobs = list(_changes.sample({p: (ROOT / p).read_text(encoding="utf-8") for p in paths},
                                random.Random(options.seed)))
    fork = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory(prefix="netti-mutants-") as base:
        # Captures that lie beside the clone are beside the copies too.
        if (ROOT.parent / "shared").is_dir():
            os.symlink(ROOT.parent / "shared", Path(base) / "shared")
        whole = Path(base) / "whole"
        copy(whole)
        reach = Reach(whole, names, paths)
        ends = time.monotonic() + options.seconds
        out, turn = fork.Queue(), fork.Value("i", 0)
        workers = []
        for n in range(options.jobs):
            folder = Path(base) / f"copy{n}"
            shutil.copytree(whole, folder)  # with what is compiled already
            workers.append(fork.Process(target=_work, args=(folder, reach, jobs[:options.mutants], turn, ends, out)))
        for worker in workers:
            worker.start()
        tried: "list[tuple]" = []
        left = len(workers)
        while left:
            result = out.get()
            if result is None:
                left -= 1
            else:
                tried.append(result)
                if sys.stderr.isatty():
                    print(f"\r{name}: {len(tried)} of {len(jobs)} mutants, {sum(t[4] == 'survived' for t in tried)} "
                          "survived", end="", file=sys.stderr, flush=True)
        for worker in workers:
            worker.join()
    return tried, len(jobs)


def error(score: float, tried: int, every: int) -> float:
    """Half of Wilson's interval of 95 %, smaller where much of all there is was tried."""
    if not tried or tried >= every:
        return 0.0 if tried else 1.0
    z = 1.96
    half = z * math.sqrt(score * (1 - score) / tried + z * z / (4 * tried * tried)) / (1 + z * z / tried)
    return half * math.sqrt((every - tried) / (every - 1))


def main():
    parser = argparse.ArgumentParser(description="the share of small changes that the tests notice")
    parser.add_argument("--quick", action="store_true", help=f"one package for {QUICK_S} s")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--package", action="append", choices=sorted(PACKAGES), help="only this one; may be repeated")
    parser.add_argument("--mutants", type=int, help="at most so many of each package")
    parser.add_argument("--seconds", type=float, default=240, help="at most so long for each package")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="name the mutants that survived")
    args = parser.parse_args()
    try:
        import cosmic_ray  # noqa: F401
        import coverage  # noqa: F401
    except ImportError as e:
        raise SystemExit(f"bench/mutants.py needs {e.name}: pip install -e '.[dev]'") from None
    if args.quick:
        args.seconds = QUICK_S
    result: "dict" = {key: {} for key in ("score", "error", "mutants", "survived", "unreached")}
    for name in args.package or (["wire"] if args.quick else PACKAGES):
        tried, every = package(name, args)
        count = {key: sum(t[4] == key for t in tried) for key in ("noticed", "survived", "unreached")}
        score = count["noticed"] / max(1, len(tried))
        off = error(score, len(tried), every)
        for key, value in (("score", round(score, 3)), ("error", round(off, 3)), ("mutants", len(tried)),
                           ("survived", count["survived"]), ("unreached", count["unreached"])):
            result[key][name] = value
        print(f"{name}: {score:.1%} ± {off:.1%} of {len(tried)} mutants noticed, {count['survived']} survived, "
              f"{count['unreached']} where no test comes", flush=True)
        if args.list:
            for path, operator, line, what, how in sorted(t for t in tried if t[4] != "noticed"):
                print(f"  {path}:{line}  {how}  {operator}  {what}", flush=True)
    if args.json:
        print(json.dumps({**result, "seed": args.seed}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
