"""The default store: one SQLite file in WAL mode, synchronous=FULL.

One connection, in one thread, writes and checkpoints; all others are query_only and never checkpoint. That also keeps
clear of the WAL-reset bug of SQLite 3.7.0 to 3.51.2, which needs two connections that write or checkpoint at once.
"""

import contextlib
import os
import sqlite3
import threading
from pathlib import Path

from ..office.files import put_in_place
from . import StoreError, schema
from .base import BaseStore, WriterCache
from .writer import Groups, Writer

IN_MEMORY = 64 << 20  # bytes of a store up to which its copy is made in memory
WAL_RESET_FIXED = (3, 51, 3)


class Connection(sqlite3.Connection):
    """A connection with what its writer remembers."""

    def __init__(self, *args, **named):
        super().__init__(*args, **named)
        self.cache = WriterCache()

    def size(self) -> int:
        """Bytes of the store."""
        return self.execute("PRAGMA page_count").fetchone()[0] * self.execute("PRAGMA page_size").fetchone()[0]

    def scrub(self) -> "list[str]":
        """Write the file anew, without free pages and what lies in the gaps of others, and empty the write-ahead log.
        Raises sqlite3.Error, StoreError."""
        folder, size = os.path.dirname(self.execute("PRAGMA database_list").fetchone()[2]), self.size()
        if size > IN_MEMORY:  # its copy lies beside it, not on a disk for what is temporary
            os.environ["SQLITE_TMPDIR"] = folder
            self.execute("PRAGMA temp_store=FILE")
        try:
            self.execute("VACUUM")
        finally:
            if size > IN_MEMORY:
                self.execute("PRAGMA temp_store=MEMORY")
        if self.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            raise StoreError("the write-ahead log is being read, and is emptied later")
        return []


class Store(BaseStore):
    """A store in a file; its address is the path."""

    _common_batches = True

    def __init__(self, address, writer=None):
        super().__init__(address, writer or Writer(groups(address)))
        self.warning = warning()
        self._local = threading.local()
        self._reading: "list[sqlite3.Connection]" = []

    def close(self):
        self._readers.shutdown(wait=True)
        for connection in self._reading:
            connection.close()
        self.writer.close()

    def _read(self, query, args):
        try:
            connection = self._reader()
            connection.execute("BEGIN")  # one view of the store, however many statements the query has
            try:
                return query(connection, *args)
            finally:
                connection.execute("ROLLBACK")
        except sqlite3.Error as e:
            raise StoreError(str(e)) from e

    def _reader(self):
        """This thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = _connect(self.address)
            connection.execute("PRAGMA query_only=1")
            connection.execute("PRAGMA wal_autocheckpoint=0")
            self._reading.append(connection)
        return connection


def groups(path: "str | os.PathLike[str]") -> Groups:
    """What the one writer of a file runs; the file is made if it is not there."""
    return Groups(lambda: _connect_writer(path), _leave_writer)


def warning() -> str:
    """What to know of this SQLite, "" if nothing."""
    if sqlite3.sqlite_version_info >= WAL_RESET_FIXED:
        return ""
    return (f"SQLite {sqlite3.sqlite_version} can damage a file that two connections write or checkpoint at once "
            "(fixed in 3.51.3). Netti writes with one connection alone; let no other program write to the store, "
            "also no sqlite3 shell, no replication tool and no checkpoint while it runs")


def copy(source: "str | os.PathLike[str]", target: "str | os.PathLike[str]", pages: int = 1000, progress=None) -> None:
    """Copy a store that may be in use into a new file, by SQLite's backup: one state of it, checked, durable.

    `progress(done, all)` is told as it goes. Raises sqlite3.Error or OSError; then there is no new file.
    """
    target = Path(target)
    temporary = target.with_name(target.name + ".new")
    temporary.unlink(missing_ok=True)
    try:
        with contextlib.closing(sqlite3.connect(f"{Path(source).absolute().as_uri()}?mode=ro", uri=True)) as there, \
                contextlib.closing(sqlite3.connect(temporary, isolation_level=None)) as here:
            os.chmod(temporary, 0o600)
            there.execute("PRAGMA wal_autocheckpoint=0")
            # One read transaction holds the state, or each commit of the writer would make the copy begin again.
            there.execute("BEGIN")
            there.execute("SELECT 1 FROM migrations LIMIT 1").fetchone()
            there.backup(here, pages=pages, progress=None if progress is None else
                         lambda status, left, pages: progress(pages - left, pages))
            check = here.execute("PRAGMA quick_check").fetchone()[0]
            if check != "ok":
                raise sqlite3.DatabaseError(f"the copy is damaged: {check}")
            here.execute("PRAGMA journal_mode=DELETE")  # one file, whatever was copied
        put_in_place(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def restore(source: "str | os.PathLike[str]", target: "str | os.PathLike[str]") -> None:
    """Put a copy in a store's place; the receiver must not run. The former store is replaced whole or not at all."""
    for name in ("-wal", "-shm"):  # what is there belongs to the former store
        Path(f"{target}{name}").unlink(missing_ok=True)
    copy(source, target)


def _connect(path):
    connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False,
                                 cached_statements=256, factory=Connection)
    connection.execute("PRAGMA cache_size=-16384")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("PRAGMA mmap_size=0")
    return connection


def _connect_writer(path):
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    connection = _connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")  # what is deleted is overwritten, also where nothing is scrubbed
    connection.execute("PRAGMA foreign_keys=1")
    connection.execute("PRAGMA cache_size=-65536")
    connection.execute("PRAGMA wal_autocheckpoint=10000")  # 40 MB: a page changed often is written back once
    migrate(connection)
    return connection


def _leave_writer(connection):
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def migrate(connection) -> int:
    """Apply the migrations that are missing; see schema.migrate."""
    return schema.migrate(connection, connection.executescript, schema.folder("sqlite"))
