"""The tables of each engine, as numbered files of SQL (sqlite/, postgres/), and how a store comes to the newest.

Law: a file is applied once, in order, and never changed: what has been released is what stores were made with.
"""

import hashlib
import logging
from pathlib import Path

from .. import StoreError

log = logging.getLogger("netti.store")


def folder(engine: str) -> Path:
    """Where the migrations of an engine (`sqlite`, `postgres`) lie: NNNN_name.sql."""
    return Path(__file__).parent / engine


def migrations(folder: Path) -> "dict[int, Path]":
    """The migrations in a folder by their version, in order."""
    return {int(path.name.split("_")[0]): path for path in sorted(folder.glob("[0-9]*.sql"))}


def migrate(db, script, folder: Path) -> int:
    """Apply a folder's migrations that are missing, each in a transaction of its own by `script(text)`; returns the
    version.

    Raises StoreError where the store is of a newer version than this program, or a migration is not the one applied.
    """
    db.execute("CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, name TEXT, sha256 TEXT)")
    applied = dict(db.execute("SELECT version, sha256 FROM migrations").fetchall())
    files = migrations(folder)
    if applied.keys() - files.keys():
        raise StoreError("the store was written by a newer version of Netti; this one does not open it")
    if applied and files.keys() - applied.keys():
        log.warning("the store is brought from schema %d to %d; with many telegrams that takes minutes", max(applied),
                    max(files))
    for version, path in files.items():
        text = path.read_text(encoding="utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        if version in applied:
            if applied[version] != digest:
                raise StoreError(f"migration {path.name} is not the one this store was made with")
            continue
        note = f"INSERT INTO migrations VALUES ({version}, '{path.name}', '{digest}');"
        script(f"BEGIN;\n{text}\n{note}\nCOMMIT;")
    return max(files)
