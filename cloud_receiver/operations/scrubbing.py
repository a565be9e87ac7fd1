"""What is left of something erased, beyond the tables: in the small files of a receiver's directory, in backups.

The store scrubs itself (stores/jobs/scrub.py). The small files overwrite what is deleted (files.database), and are
written anew here, so that no page keeps an earlier copy. Backups are files apart, which nothing of ours changes: the
receiver notes where it put one, so that an erasure can name those that still hold what it erased.
"""

import contextlib
import json
import sqlite3
from pathlib import Path

import msgspec

from ..data.clock import DAY, iso
from ..office.directory import Directory
from ..office.files import transaction, write_private
from ..office.json_files import Malformed, read_json

MOST = 1000  # backups remembered
WAIT_S = 10  # for the running receiver, which writes these files too


class Made(msgspec.Struct):
    """A backup: its kind (readings or keys), where it was put, when (Unix seconds)."""

    kind: str
    path: str
    at: int


def note_backup(directory: Directory, kind: str, path: Path, now: int) -> None:
    """Remember where a backup was put."""
    made = [*backups(directory), Made(kind, str(path.absolute()), now)][-MOST:]
    write_private(directory.backups_made, msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")


def backups(directory: Directory) -> "list[Made]":
    """The backups that are where they were put, oldest first."""
    try:
        made = read_json(directory.backups_made, list[Made])
    except (FileNotFoundError, Malformed):
        return []
    return [m for m in made if Path(m.path).exists()]


def said_of_backups(directory: Directory, now: int) -> "list[str]":
    """A line for each backup that holds what was erased since it was made, and one for those that nobody noted."""
    lines = [f"  {m.path}: {m.kind} of {iso(m.at)}, {(now - m.at) // DAY} days old" for m in backups(directory)]
    if lines:
        lines.insert(0, "backups made before still hold it; remove them, or keep them no longer than you may:")
    with contextlib.suppress(FileNotFoundError, ValueError):
        last = int(directory.backup_stamp.read_text())
        if not lines:
            lines.append(f"the last backup was made {iso(last)}, {(now - last) // DAY} days ago, and is not where it "
                         "was put")
    return [*lines, "copies that others made (of disks, by pg_dump, an archive of PostgreSQL's log) are not known here"]


def small_files(directory: Directory, gateway: "str | None", meters: "list[str]") -> None:
    """Forget what notices said of a home's gateway (its id, or None) and its meters, and write the small files anew.
    Raises sqlite3.Error."""
    for path in filter(Path.exists, directory.databases):
        with contextlib.closing(sqlite3.connect(path, timeout=WAIT_S, isolation_level=None)) as db:
            db.execute("PRAGMA secure_delete=ON")
            if path == directory.notices:
                _forget_notices(db, [name for name in (gateway, *meters) if name])
            db.execute("VACUUM")


def _forget_notices(db, names):
    with transaction(db):
        for number, body in db.execute("SELECT id, body FROM outbox").fetchall():
            said = json.loads(body)
            left = [n for n in said["notices"] if n.get("meter") not in names and n.get("gateway") not in names]
            if not left:
                db.execute("DELETE FROM outbox WHERE id = ?", (number,))
            elif left != said["notices"]:
                db.execute("UPDATE outbox SET body = ? WHERE id = ?", (json.dumps(dict(said, notices=left)), number))
        for name in names:
            db.execute("DELETE FROM standing WHERE what = ? OR what LIKE ?", (f"gateway {name}", f"alarm {name} %"))
