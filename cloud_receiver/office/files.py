"""Files that are there whole or not at all, also when the machine fails while one is written, and the small databases
of a receiver's directory."""

import contextlib
import os
import sqlite3
from pathlib import Path


def write_private(path: Path, text: "str | bytes", mode: int = 0o600) -> None:
    """Write a file through a temporary one, so that a crash leaves the old or the new; durable."""
    data = text.encode() if isinstance(text, str) else text
    temporary = path.with_name(path.name + ".new")
    with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
    put_in_place(temporary, path)


def put_in_place(temporary: Path, path: Path) -> None:
    """Give a complete file beside `path` its name; durable."""
    _sync(temporary)
    os.replace(temporary, path)
    _sync(path.parent)


def _sync(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_private(path: Path) -> None:
    """Make a file that only its owner can read, where there is none, and take others' rights to it."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    os.chmod(path, 0o600)


def database(path: Path, schema: str, timeout: float) -> sqlite3.Connection:
    """A small database of its own (0600), each commit durable; `timeout`: seconds it waits for another process."""
    make_private(path)
    db = sqlite3.connect(path, timeout=timeout, isolation_level=None)
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA secure_delete=ON")
    db.executescript(schema)
    return db


@contextlib.contextmanager
def transaction(db: sqlite3.Connection):
    """What is done within is one transaction, all or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
