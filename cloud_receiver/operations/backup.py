"""Backups of a receiver while it runs, readings and keys apart, and putting them back.

Readings are one file, of SQLite or of PostgreSQL's pg_dump. Keys are a folder of their own: meter keys as the KEK seals
them, revocations, commands, people, the works' CA, the settings. Whoever has one of the two can do little with it; the
KEK is in neither (kek.py). What came after a backup is not lost with it: the gateways see what the receiver lacks, or
it sees the gap and asks for it, and they send again what their spools still hold.
"""

import contextlib
import datetime
import os
import re
import shutil
import sqlite3
from pathlib import Path

from ..office.directory import Directory, SettingsError, unlock
from ..office.files import make_private, put_in_place, write_private
from ..office.office import Office
from ..stores import sqlite
from . import dump, scrubbing

_NAME = re.compile(r"(readings|keys)-[a-z0-9-]+-\d{8}T\d{6}Z(\.sqlite|\.dump)?")


def name(kind: str, works: str, now: int) -> str:
    """A backup's name: readings-works-20261124T070000Z."""
    when = datetime.datetime.fromtimestamp(now, datetime.timezone.utc)
    return f"{kind}-{works}-{when:%Y%m%dT%H%M%SZ}"


def save_readings(directory: Directory, folder: Path, works: str, now: int, progress=None) -> Path:
    """Copy the readings into a folder; returns the file. Raises SettingsError, sqlite3.Error, OSError."""
    url = directory.load().store
    if not url and not directory.store.exists():
        raise SettingsError(f"{directory.path} has stored nothing yet")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = folder / (name("readings", works, now) + (dump.SUFFIX if url else ".sqlite"))
    if url:
        dump.copy(url, target)
    else:
        sqlite.copy(directory.store, target, progress=progress)
    write_private(directory.backup_stamp, f"{now}\n", 0o644)
    scrubbing.note_backup(directory, "readings", target, now)
    return target


def save_keys(directory: Directory, folder: Path, works: str, now: int) -> Path:
    """Copy keys, people, CA and settings into a folder of their own in a folder; returns it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = folder / name("keys", works, now)
    temporary = target.with_name(target.name + ".new")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(mode=0o700)
    saved = Directory(temporary)
    for database, copied in zip(directory.databases, saved.databases):
        if database.exists():
            copy_database(database, copied)
    for file, copied in zip(directory.texts, saved.texts):
        if file.exists():
            copy_file(file, copied)
    saved.ca.mkdir(mode=0o700)
    for path in sorted(directory.ca.iterdir()):
        copy_file(path, saved.ca / path.name)
    os.replace(temporary, target)
    scrubbing.note_backup(directory, "keys", target, now)
    return target


def thin(folder: Path, keep: int) -> "list[Path]":
    """Remove all but the newest backups of each kind and works in a folder; returns the removed."""
    kinds: "dict[str, list[Path]]" = {}
    for path in sorted(folder.iterdir()):
        if _NAME.fullmatch(path.name):
            kinds.setdefault(path.name.rsplit("-", 1)[0], []).append(path)
    outdated = [path for paths in kinds.values() for path in paths[:-keep]]
    for path in outdated:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return outdated


def restore(directory: Directory, readings: "Path | None", keys: "Path | None") -> None:
    """Put backups in the place of what is there; the receiver must not run. Raises SettingsError."""
    if keys is not None:
        if not Directory(keys).settings_file.is_file():
            raise SettingsError(f"{keys} is no backup of keys")
        check(Directory(keys).keys, "tokens")
    elif not directory.settings_file.exists():
        raise SettingsError(f"{directory.path} is no receiver; restore its keys as well")
    url = (Directory(keys) if keys is not None else directory).load().store
    if readings is not None:
        dump.check(readings) if url else check(readings, "telegrams")
    directory.path.mkdir(parents=True, exist_ok=True)
    lock = directory.lock()
    try:
        if readings is not None:
            dump.restore(readings, url) if url else sqlite.restore(readings, directory.store)
        if keys is not None:
            put_keys(directory, Directory(keys))
        if readings is not None:
            with Office(directory) as office:
                office.decisions.all_again()
                office.quarantines.all_again()
                office.erasures.all_again()  # the backup may hold what has been erased since
    finally:
        unlock(lock)


def put_keys(directory: Directory, saved: Directory) -> None:
    """Put a backup of keys in the place of what a directory has; the settings last, as `netti receiver init` does."""
    directory.ca.mkdir(exist_ok=True, mode=0o700)
    for path in sorted(saved.ca.iterdir()):
        copy_file(path, directory.ca / path.name)
    for copied, database in zip(saved.databases, directory.databases):
        if copied.exists():
            for suffix in ("-wal", "-shm", "-journal"):  # what is there belongs to the former
                Path(f"{database}{suffix}").unlink(missing_ok=True)
            copy_database(copied, database)
    for copied, file in zip(reversed(saved.texts), reversed(directory.texts)):
        if copied.exists():
            copy_file(copied, file)


def check(path: Path, table: str) -> None:
    """Raise SettingsError unless a file is a whole database with a table."""
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            row = db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone()
            whole = db.execute("PRAGMA quick_check(1)").fetchone()[0].splitlines()[0]
    except sqlite3.Error as e:
        raise SettingsError(f"{path}: {e}") from None
    if not row or whole != "ok":
        raise SettingsError(f"{path} is no backup of Netti's" if not row else f"{path} is damaged: {whole}")


def copy_database(source: Path, target: Path) -> None:
    """Copy a small database that may be in use, whole or not at all."""
    temporary = target.with_name(target.name + ".copy")
    temporary.unlink(missing_ok=True)
    make_private(temporary)
    with contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as there, \
            contextlib.closing(sqlite3.connect(temporary)) as here:
        there.backup(here)
        here.execute("PRAGMA journal_mode=DELETE")
    put_in_place(temporary, target)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file with its rights, whole or not at all."""
    write_private(target, source.read_bytes(), source.stat().st_mode & 0o777)
