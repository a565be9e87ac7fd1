"""The default store: one SQLite file in WAL mode, synchronous=FULL.

One connection, in one thread, writes and checkpoints; all others are query_only and never checkpoint. That also keeps
clear of the WAL-reset bug of SQLite 3.7.0 to 3.51.2, which needs two connections that write or checkpoint at once.
Migrations are the numbered files beside this one (sqlite_NNNN_*.sql), applied in order, each once, never changed.
"""

import asyncio
import concurrent.futures
import contextlib
import hashlib
import os
import sqlite3
import threading
from pathlib import Path

import firmware.batch as batch

from . import StoreError, queries, settle, take
from .writer import Writer

READERS = 4
MIGRATIONS = Path(__file__).parent


class Store:
    """A store in the file `path`, made at first use."""

    def __init__(self, path: "str | os.PathLike[str]"):
        self.path = Path(path)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        self.writer = Writer(self._connect_writer, self._leave_writer)
        self._local = threading.local()
        self._reading: "list[sqlite3.Connection]" = []
        self._readers = concurrent.futures.ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")

    def close(self) -> None:
        """Finish the writes that wait, checkpoint, close."""
        self._readers.shutdown(wait=True)
        for connection in self._reading:
            connection.close()
        self.writer.close()

    # --- writes: durable when they return

    async def enrol(self, public_key: bytes, kind: str, name: str, now: int) -> int:
        """The row of a gateway's key, made if it is new; one that was here before keeps its history."""
        return await self.writer.submit(_enrol, public_key, kind, name, now)

    async def take(self, gateway: int, head, digest: bytes, records, now: int):
        """Store a verified batch; returns Taken."""
        return await self.writer.submit(take.take, gateway, head, digest, records, now)

    async def settle(self, settled) -> int:
        """Enter what became of telegrams."""
        return await self.writer.submit(settle.settle, settled)

    async def reopen(self, meters, states) -> int:
        """Have these meters' telegrams in these states decoded again."""
        return await self.writer.submit(settle.reopen, meters, states)

    async def forget_home(self, gateway: str, before: int) -> int:
        """Forget a home's electricity from before a time; returns how many hours that was."""
        return await self.writer.submit(_forget_home, gateway, before)

    # --- reads

    async def read(self, query, *args):
        """Run a function of `queries` on a read-only connection, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, query, args)

    async def pending(self, limit: int):
        """The next telegrams to decode."""
        return await self.read(queries.pending, limit)

    def _read(self, query, args):
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
            connection.execute("PRAGMA query_only=1")
            connection.execute("PRAGMA wal_autocheckpoint=0")
            self._reading.append(connection)
        connection.execute("BEGIN")  # one view of the store, however many statements the query has
        try:
            return query(connection, *args)
        finally:
            connection.execute("ROLLBACK")

    def _connect(self):
        connection = sqlite3.connect(self.path, timeout=10, isolation_level=None, check_same_thread=False,
                                     cached_statements=256)
        connection.execute("PRAGMA cache_size=-16384")
        connection.execute("PRAGMA temp_store=MEMORY")
        connection.execute("PRAGMA mmap_size=0")
        return connection

    def _connect_writer(self):
        connection = self._connect()
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=1")
        connection.execute("PRAGMA cache_size=-65536")
        migrate(connection)
        return connection

    def _leave_writer(self, connection):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()


def migrate(connection, folder: Path = MIGRATIONS) -> int:
    """Apply the migrations that are missing, each in its own transaction; returns the version reached.

    Raises StoreError where the file is of a newer version than this program, or a migration is not the one applied.
    """
    connection.execute("CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, name TEXT, sha256 TEXT)")
    applied = dict(connection.execute("SELECT version, sha256 FROM migrations").fetchall())
    known = {int(p.name.split("_")[1]): p for p in sorted(folder.glob("sqlite_[0-9]*.sql"))}
    if applied.keys() - known.keys():
        raise StoreError("the store was written by a newer version of Netti; this one does not open it")
    for version, path in sorted(known.items()):
        text = path.read_text(encoding="utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        if version in applied:
            if applied[version] != digest:
                raise StoreError(f"migration {path.name} is not the one this store was made with")
            continue
        note = f"INSERT INTO migrations VALUES ({version}, '{path.name}', '{digest}');"
        connection.executescript(f"BEGIN;\n{text}\n{note}\nCOMMIT;")
    return max(known)


def _enrol(db, public_key, kind, name, now):
    gateway = batch.gateway_id(public_key)
    db.execute("INSERT INTO gateways (gateway, public_key, kind, name, enrolled) VALUES (?,?,?,?,?) "
               "ON CONFLICT (gateway) DO UPDATE SET kind = excluded.kind, "
               "name = CASE WHEN excluded.name = '' THEN name ELSE excluded.name END",
               (gateway, public_key, kind, name, now))
    return db.execute("SELECT id FROM gateways WHERE gateway = ?", (gateway,)).fetchone()[0]


def _forget_home(db, gateway, before):
    return db.execute("DELETE FROM home_hours WHERE hour < ? AND gateway = (SELECT id FROM gateways WHERE gateway = ?)",
                      (before, gateway)).rowcount
