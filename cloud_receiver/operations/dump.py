"""Copies of a store in PostgreSQL, by PostgreSQL's own pg_dump and pg_restore: one state of it, also under writing.

They must be of the server's release or a newer one. Passwords come from PGPASSWORD or ~/.pgpass, as for the receiver.
"""

import shutil
import subprocess
from pathlib import Path

from ..office.directory import SettingsError
from ..office.files import make_private, put_in_place
from ..stores import StoreError

SUFFIX = ".dump"
# No password is asked for: from cron nobody could answer.
_COMMON = ("--no-owner", "--no-privileges", "--no-password")


def copy(url: str, target: Path) -> None:
    """Copy a store into a new file, checked, durable. Raises SettingsError; then there is no new file."""
    temporary = target.with_name(target.name + ".new")
    temporary.unlink(missing_ok=True)
    make_private(temporary)
    try:
        _run("pg_dump", "--format=custom", *_COMMON, f"--file={temporary}", f"--dbname={url}")
        check(temporary)
        put_in_place(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def restore(source: Path, url: str) -> None:
    """Fill an empty database with a copy, all or nothing. Raises SettingsError."""
    check(source)
    if not _empty(url):
        raise SettingsError("this database is not empty; name a new one in receiver.json, or make this one anew: "
                            "dropdb, createdb")
    _run("pg_restore", *_COMMON, "--single-transaction", f"--dbname={url}", str(source))


def check(path: Path) -> None:
    """Raise SettingsError unless a file is a copy of a store that can be read to its end."""
    if not path.is_file():
        raise SettingsError(f"{path}: no such file")
    contents = _run("pg_restore", "--list", str(path))
    if not any(" TABLE DATA " in line and " telegrams " in line for line in contents.splitlines()):
        raise SettingsError(f"{path} is no backup of Netti's")
    _run("pg_restore", "--file=/dev/null", str(path))


def _empty(url):
    from ..stores.postgres import Session
    try:
        session = Session(url)
        try:
            return not session.execute("SELECT count(*) FROM pg_tables WHERE schemaname NOT IN "
                                       "('pg_catalog', 'information_schema')").fetchone()[0]
        finally:
            session.close()
    except StoreError as e:
        raise SettingsError(f"the database cannot be opened: {e}") from None


def _run(program, *arguments):
    if shutil.which(program) is None:
        raise SettingsError(f"{program} is not here; it comes with PostgreSQL's client (postgresql-client)")
    done = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise SettingsError(lines[0] if lines else f"{program} ended with {done.returncode}")
    return done.stdout
