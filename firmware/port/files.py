"""Files of both runtimes: what is written whole, in place or at the end, and what survives a power cut.

The modules of the gateway that keep something are given this one, so that a test can put another in its place.
"""

import os

from . import MICROPYTHON

if not MICROPYTHON:
    import fcntl

before_erase: "list" = []  # called before a file system may erase flash: a chip's interrupts are off meanwhile


def _quiet():
    for wait in before_erase:
        wait()


class Appender:
    """A file written at its end, without a buffer of ours: what `write` has taken survives the end of the process."""

    def __init__(self, path):
        self._file = open(path, "ab", 0)  # noqa: SIM115 - stays open

    def write(self, data):
        """Append all bytes."""
        view = memoryview(data)
        while len(view):
            n = self._file.write(view)
            view = view[n:]

    def sync(self):
        """Return when what was written survives a power cut."""
        _quiet()
        self._file.flush()  # MicroPython's flush is an fsync
        if not MICROPYTHON:
            os.fsync(self._file.fileno())

    def close(self):
        """Close the file."""
        self._file.close()


def appender(path):
    """Open a file for appending."""
    return Appender(path)


def reader(path):
    """Open a file for reading bytes."""
    return open(path, "rb")


def write_whole(path, data):
    """Write a file so that after any cut it holds either the old or the new bytes."""
    _quiet()
    new = path + ".new"
    with open(new, "wb") as f:
        f.write(data)
        f.flush()
        if not MICROPYTHON:
            os.fsync(f.fileno())
    os.rename(new, path)
    if not MICROPYTHON:
        folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_here(path, data):
    """Write a file in place: after a cut it may hold anything, so whoever reads it must be able to tell."""
    _quiet()
    with open(path, "wb") as f:
        f.write(data)
        f.flush()
        if not MICROPYTHON:
            os.fsync(f.fileno())


def write_secret(path, data):
    """Like `write_whole`, readable by the owner only where there are owners."""
    if not MICROPYTHON:
        os.close(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        os.chmod(path + ".new", 0o600)
    write_whole(path, data)


def read_whole(path):
    """The bytes of a file, or None where there is none."""
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return None


def names(folder):
    """The names in a folder, sorted; empty where there is none."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def remove(path):
    """Remove a file; nothing where there is none."""
    try:
        os.remove(path)
    except OSError:
        pass


def is_folder(path):
    """Whether there is a folder at a path."""
    try:
        return os.stat(path)[0] & 0x4000 != 0
    except OSError:
        return False


def remove_folder(path):
    """Remove an empty folder; nothing where there is none, or where it is not empty."""
    try:
        os.rmdir(path)
    except OSError:
        pass


def make_folder(path):
    """Make a folder and those above it."""
    at = ""
    for part in path.split("/"):
        at += part  # without a slash at its end: the LittleFS of MicroPython 1.25 makes no such folder
        if at:
            try:
                os.stat(at)
            except OSError:
                os.mkdir(at)
        at += "/"


_locks: "list[int]" = []


def lock(folder):
    """Claim a folder for this process until it ends; whether nobody else has it. No locks on MicroPython."""
    if MICROPYTHON:
        return True
    fd = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return False
    _locks.append(fd)
    return True
