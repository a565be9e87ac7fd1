"""Every `tests/test_*.py` is collected twice: by pytest for CPython, and once more for the real MicroPython.

One MicroPython process runs a whole file (tests/micropython_run.py) and prints one JSON line per test. A crash, an
import error or a missing line is a failing item. `tests/host/` holds what only CPython can run (receiver, tools,
oracles) and is collected once. Where NETTI_MICROPYTHON32 names a MicroPython with the words and floats of a chip, it
runs these files as well.
"""

import ast
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import needs
import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
# What the device has to run in (docs: facts of the ESP32-C3); `w` scales with the word size. With 32 bits it is about
# words and floats, not memory: the tests, which lie in the heap as source, get what they need.
HEAP, HEAP_32 = "192wK", "1M"
# The receiver, the disk, the gateways of all boards and all that was ever sent lie in these files' heaps too, and where
# one is almost full looking for garbage takes most of the time. That a gateway has room in a device's heap is for
# test_day and others to say.
HEAPS = dict.fromkeys(("test_board_han", "test_gateway_orders", "test_gateway_schedules", "test_uplink",
                       "test_radio_uart", "test_wmbus_corpus"), "768wK")
NOT_ON_32 = ("test_gateway_schedules",)  # a campaign of a minute, in which no word's size matters
TIMEOUT_S = 600
# The files that take longest, longest first: a worker that began one of them last would leave the others idle.
LONGEST = ("test_demo", "test_receiver_gateway", "test_ingest_kill", "test_receiver_orders", "test_update_process",
           "test_backup_restore", "test_gateway_tls", "test_day", "test_access_matrix", "test_han_bench",
           "test_access_people", "test_works_isolation", "test_schedules", "test_gateway_schedules")
ROOM = 4 << 30  # bytes that are free in memory for the files of tests
# How fast this machine is just now is no property of the code.
settings.register_profile("netti", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("netti")


def pytest_addoption(parser):
    parser.addoption("--runtime", choices=("both", "cpython"), default="both",
                     help="cpython: leave the second collection out (bench/mutants.py runs so, many times)")
    parser.addoption("--strict-skips", action="store_true",
                     help="fail if a test was skipped for a reason that tests/needs.py does not allow (.ci/run)")


def in_memory():
    """Put the tests' files in memory where there is room: a disk is spared thousands of flushes. That nothing is lost
    is tested by killing processes and by disks made up, not by this machine's."""
    shm = Path("/dev/shm")
    if "TMPDIR" not in os.environ and shm.is_dir() and shutil.disk_usage(shm).free > ROOM:
        folder = shm / f"netti-tests-{os.getuid()}"
        folder.mkdir(exist_ok=True)
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder)


in_memory()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """`-n auto`: more than there are cores, as many tests wait for processes. Without xdist there is no such hook."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items):
    places = {name: n for n, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


def pytest_configure(config):
    config.addinivalue_line("markers", "needs(thing, ...): skip where one of these things of tests/needs.py is missing")


def pytest_runtest_setup(item):
    for mark in item.iter_markers("needs"):
        needs.skip_without(*mark.args)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    """A strict run with skips that are not allowed has failed, also where all the rest passed."""
    if _not_allowed(session.config) and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    for report in _not_allowed(config):
        terminalreporter.write_line(f"SKIPPED, NOT ALLOWED {report.nodeid}: {report.longrepr[2]}", red=True)


def _not_allowed(config):
    """The skips of a strict run that tests/needs.py does not allow; the workers of xdist leave that to their head."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if not config.getoption("--strict-skips") or reporter is None:
        return []
    return [report for report in reporter.stats.get("skipped", ()) if not needs.allowed(report.longrepr[2])]


def pytest_collect_file(file_path, parent):
    if parent.config.getoption("--runtime") == "cpython":
        return None
    if file_path.parent == Path(__file__).parent and file_path.name.startswith("test_") and file_path.suffix == ".py":
        return MicroPythonFile.from_parent(parent, path=file_path, name=f"mp:{file_path.name}")
    return None


class Run:
    """One MicroPython process over a test file, once the first of its tests is wanted."""

    def __init__(self, label, binary, heap, path):
        self.label = label
        self.binary = binary
        self.heap = heap
        self.path = path
        self.results: "dict | None" = None
        self.failure = ""

    def result(self, name):
        """The row of one test, or None: `failure` says why."""
        if self.results is None:
            self.results = {}
            self._run()
        return self.results.get(name)

    def _run(self):
        env = dict(os.environ, MICROPYPATH=f"{ROOT}:.frozen")
        try:
            done = subprocess.run([self.binary, "-X", f"heapsize={self.heap}", "tests/micropython_run.py",
                                   self.path.stem], cwd=ROOT, env=env, capture_output=True, timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.failure = f"no end after {TIMEOUT_S} s"
            return
        out = done.stdout.decode("utf-8", "replace")
        for line in out.splitlines():
            if line.startswith(('{"test"', '{"outcome"', '{"text"')):
                row = json.loads(line)
                self.results[row["test"]] = row
        self.failure = f"exit {done.returncode}\n{out[-2000:]}\n{done.stderr.decode('utf-8', 'replace')[-2000:]}"


class MicroPythonFile(pytest.File):
    """The second and third collection of a test file: its functions, run in one process of each MicroPython."""

    def collect(self):
        tree = ast.parse(self.path.read_text(encoding="utf-8"))
        names = [node.name for node in tree.body
                 if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
        runs = [Run("mp", needs.micropython(), HEAPS.get(self.path.stem, HEAP), self.path)]
        if needs.micropython32() and self.path.stem not in NOT_ON_32:
            runs.append(Run("mp32", needs.micropython32(), HEAP_32, self.path))
        for run in runs:
            for name in names:
                yield MicroPythonItem.from_parent(self, name=name if run.label == "mp" else "mp32:" + name, test=name,
                                                  run=run)


class MicroPythonItem(pytest.Item):
    """One test function under a MicroPython."""

    def __init__(self, *, test, run, **kwargs):
        super().__init__(**kwargs)
        self.test = test
        self.run = run

    def runtest(self):
        needs.skip_without("micropython")
        row = self.run.result(self.test)
        if row is None:
            raise MicroPythonFailure(f"no result: {self.run.failure}")
        if row["outcome"] == "skip":
            pytest.skip(row["text"])
        if row["outcome"] != "pass":
            raise MicroPythonFailure(row["text"])

    def repr_failure(self, excinfo):
        return str(excinfo.value) if isinstance(excinfo.value, MicroPythonFailure) else super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, 0, f"{self.run.label}:{self.path.name}::{self.test}"


class MicroPythonFailure(Exception):
    """A failed item; its text is MicroPython's own traceback."""


def pytest_sessionstart(session):
    os.chdir(ROOT)
