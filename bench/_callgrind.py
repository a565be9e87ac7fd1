"""Instructions of the real MicroPython between marks, counted exactly by valgrind's callgrind.

A script marks by calling gc.isenabled, a C function that nothing else calls: callgrind closes a count each time it is
entered. Counts repeat where nothing that differs between two runs lies in the heap.
"""

import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAP = "192wK"


def tools() -> "list[str]":
    """The command that runs MicroPython under callgrind, without its outputs; empty where a part of it is missing."""
    valgrind, module, other = shutil.which("valgrind"), importlib.util.find_spec("micropython_unix"), \
        shutil.which("micropython")
    if module is not None and module.origin is not None:
        # It comes inside a Python, whose start valgrind goes through too: without site that takes half as long.
        runtime = [sys.executable, "-S", "-E", module.origin]
    else:
        runtime = [other] if other else []
    return [valgrind, "--tool=callgrind", "--dump-before=gc_isenabled", *runtime, "-X", f"heapsize={HEAP}"] \
        if valgrind and runtime else []


def counts(*arguments, stdin: str = "", path: str = f"{ROOT}:.frozen") -> "tuple[list[int], str]":
    """Run MicroPython with these arguments: (instructions before the first mark, from each mark to the next and after
    the last, what it printed). Raises RuntimeError where it does not end well."""
    valgrind, *rest = tools()
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([valgrind, f"--callgrind-out-file={folder}/out", *rest, *arguments], input=stdin,
                              cwd=ROOT, env={"MICROPYPATH": path}, capture_output=True, text=True, timeout=600)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        parts = {int(part.suffix[1:]): part.read_text() for part in Path(folder).glob("out.[0-9]*")}
    return [int(re.search(r"^totals: (\d+)", parts[n], re.M)[1]) for n in sorted(parts)], done.stdout
