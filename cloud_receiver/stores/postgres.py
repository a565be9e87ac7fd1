"""The larger store: PostgreSQL 15 or newer by asyncpg, `postgres://user@host/database`, one database per works.

The same jobs and queries as for SQLite run on it, through a connection that looks the same. One writer per database
(an advisory lock), so that what a job read still holds when it writes; a receiver that finds the lock taken does not
start. Passwords come from PGPASSWORD or ~/.pgpass, never from the receiver's settings.
"""

import asyncio
import re
import threading
import time

import asyncpg

from . import NUMBERS, PAIRS, TEXTS, StoreError, schema
from .base import BaseStore, WriterCache
from .writer import Groups, Writer

STATEMENT_S = 30.0  # a store that stalls for longer is given up, and connected to anew
CONNECT_S = 10.0
SCRUB_S = 3600.0  # to write a large table anew
MOST_LOG_FILES = 256  # of 16 MB: overwritten at once
# What an erasure takes something out of.
SCRUBBED = ("telegrams", "readings", "records", "home_hours", "alarms", "held", "meters", "gateways")
LOCK_S = 15.0  # how long a killed receiver's lock may outlive it
_LOCK = 0x6E657474695F7731  # "netti_w1"
_VALUE = re.compile(r"\?(\d*)")
# A list in a statement's parameter is JSON, as for SQLite.
_WORDS = ((TEXTS, "(SELECT value FROM json_array_elements_text(?::text::json) AS texts(value))"),
          (NUMBERS, "(SELECT value::bigint FROM json_array_elements_text(?::text::json) AS numbers(value))"),
          (PAIRS, "(SELECT (value->>0)::bigint AS a, (value->>1)::bigint AS b "
                  "FROM json_array_elements(?::text::json) AS pairs(value))"),
          (" AS BLOB)", " AS BYTEA)"))


class Store(BaseStore):
    """A store in the database `postgres://`address: user@host/database."""

    def __init__(self, address, writer=None):
        super().__init__(address, writer or Writer(groups(address)))
        self._local = threading.local()
        self._reading: "list[Session]" = []

    def close(self):
        self._readers.shutdown(wait=True)
        for session in self._reading:
            session.close()
        self.writer.close()

    def _read(self, query, args):
        session = getattr(self._local, "session", None)
        if session is None or session.gone:
            session = self._local.session = Session(f"postgres://{self.address}")
            self._reading.append(session)
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            return query(session, *args)
        finally:
            if not session.gone:
                session.execute("ROLLBACK")


class _Reconnecting(Groups):
    """Groups, with a new connection after one was lost: what was not committed was not acknowledged."""

    begin = "BEGIN"

    def _group(self, connection):
        if connection.gone:
            try:
                connection.connect()
                _lock(connection)
            except StoreError:
                connection.close()
        return super()._group(connection)


def groups(address: str) -> Groups:
    """What the one writer of a database runs."""
    return _Reconnecting(lambda: _connect_writer(f"postgres://{address}"), lambda session: session.close())


def _connect_writer(dsn):
    session = Session(dsn)
    try:
        _lock(session)
        schema.migrate(session, session.script, schema.folder("postgres"))
    except BaseException:
        session.close()
        raise
    return session


def _lock(session):
    end = time.monotonic() + LOCK_S
    while not session.execute("SELECT pg_try_advisory_lock(CAST(? AS BIGINT))", (_LOCK,)).fetchone()[0]:
        if time.monotonic() > end:
            raise StoreError("another receiver writes this database")
        time.sleep(0.1)
    if session.execute("SHOW synchronous_commit").fetchone()[0] in ("off", "local"):
        session.script("SET synchronous_commit = on")


class Session:
    """A connection used by one thread, with the few calls that jobs and queries make of SQLite's."""

    def __init__(self, dsn: str):
        self._dsn = dsn
        self._loop = asyncio.new_event_loop()
        self._statements: dict = {}
        self.cache = WriterCache()
        self._connection: "asyncpg.Connection | None" = None
        self.connect()

    def connect(self) -> None:
        """Connect, also anew. Raises StoreError."""
        self._end()
        self._connection = self._run(self._connect())

    async def _connect(self):
        connection = await asyncpg.connect(self._dsn, timeout=CONNECT_S, command_timeout=STATEMENT_S)
        # Sums of whole numbers are numeric.
        await connection.set_type_codec("numeric", schema="pg_catalog", encoder=str, decoder=_number)
        return connection

    def _run(self, coroutine):
        try:
            return self._loop.run_until_complete(coroutine)
        except (asyncio.TimeoutError, OSError) as e:
            self._end()  # what it was doing is not known: never go on with it
            raise StoreError(str(e) or "the database does not answer") from e
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as e:
            raise StoreError(_told(e)) from e

    @property
    def gone(self) -> bool:
        """Whether the connection is lost."""
        return self._connection is None or self._connection.is_closed()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return not self.gone and self._connection.is_in_transaction()  # type: ignore[union-attr]

    def execute(self, sql: str, values=()) -> "Rows":
        """Run one statement."""
        if not values and not sql.startswith(("SELECT", "WITH", "SHOW")):
            return Rows([], (), self._run(self._there().execute(sql)))
        return self._run(self._fetch(sql, values))

    async def _fetch(self, sql, values):
        statement = self._statements.get(sql)
        if statement is None:
            statement = self._statements[sql] = await self._there().prepare(dialect(sql))
        rows = await statement.fetch(*[_value(v) for v in values])
        return Rows(rows, statement.get_attributes(), statement.get_statusmsg())

    def executemany(self, sql: str, rows) -> None:
        """Run one statement for many rows, in few round trips."""
        if rows:
            self._run(self._there().executemany(dialect(sql), [[_value(v) for v in row] for row in rows]))

    def script(self, sql: str) -> None:
        """Run several statements."""
        self._run(self._there().execute(sql))

    def size(self) -> int:
        """Bytes of the store."""
        return self.execute("SELECT pg_database_size(current_database())").fetchone()[0]

    def scrub(self) -> "list[str]":
        """Write the tables anew, and as much of the write-ahead log as the server keeps files of; returns what the
        database's user may not do. Raises StoreError."""
        return self._run(self._scrub())

    async def _scrub(self):
        connection = await asyncpg.connect(self._dsn, timeout=CONNECT_S, command_timeout=SCRUB_S)
        try:
            left: "list[str]" = []
            for table in SCRUBBED:
                await connection.execute(f"VACUUM (FULL) {table}")
            try:  # what was sampled of columns before they were taken out of it
                await connection.execute(
                    "DELETE FROM pg_statistic s USING pg_attribute a WHERE a.attrelid = s.starelid "
                    "AND a.attnum = s.staattnum AND a.attstattarget = 0 AND s.starelid = ANY($1::regclass[])", SCRUBBED)
                await connection.execute("VACUUM (FULL) pg_statistic")
            except asyncpg.InsufficientPrivilegeError:
                left.append("samples of an earlier release's statistics may be left (pg_statistic; takes a superuser)")
            try:
                await _overwrite_log(connection)
            except asyncpg.InsufficientPrivilegeError:
                left.append("PostgreSQL's write-ahead log keeps what was erased until its files are used again "
                            "(pg_switch_wal, CHECKPOINT and pg_ls_waldir take a superuser, or their grants)")
            return left
        finally:
            await connection.close(timeout=5)

    def _there(self):
        if self.gone:
            raise StoreError("the database does not answer")
        return self._connection

    def _end(self):
        self._statements = {}
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    def close(self) -> None:
        """End the connection."""
        if not self.gone:
            try:
                self._run(self._connection.close(timeout=2))  # type: ignore[union-attr]
            except StoreError:
                pass
        self._end()


async def _overwrite_log(connection):
    """Have every file of the write-ahead log written anew: those that were used are kept for use again, as they are."""
    # The rest of a file that is left is filled with zeros.
    leave = "SELECT pg_logical_emit_message(false, 'netti', ''), pg_switch_wal()"
    await connection.execute(leave)
    await connection.execute("CHECKPOINT")  # it begins in a new file, so that all before may be used again
    for _ in range(min(MOST_LOG_FILES, await connection.fetchval("SELECT count(*) FROM pg_ls_waldir()") + 2)):
        await connection.execute(leave)
    await connection.execute("CHECKPOINT")


class Rows:
    """What a statement gave, as a cursor."""

    def __init__(self, rows, attributes, status):
        self._rows, self._at = rows, 0
        self.description = [(a.name,) for a in attributes]
        words = (status or "").split()
        self.rowcount = int(words[-1]) if words and words[-1].isdigit() else -1

    def __iter__(self):
        while self._at < len(self._rows):
            self._at += 1
            yield tuple(self._rows[self._at - 1])

    def fetchone(self):
        """The next row or None."""
        return next(iter(self), None)

    def fetchall(self):
        """The rows that are left."""
        return list(self)


def _told(error):
    """What went wrong, without the values it went wrong with: details of a row, an argument that is quoted."""
    if isinstance(error, asyncpg.DataError) or "query argument" in str(error):
        return type(error).__name__
    return getattr(error, "message", None) or str(error)


def dialect(sql: str) -> str:
    """A statement as PostgreSQL writes it: numbered values, lists from JSON."""
    theirs = _DIALECT.get(sql)
    if theirs is None:
        text = sql
        for here, there in _WORDS:
            text = text.replace(here, there)
        count = iter(range(1, 1000))
        theirs = _DIALECT[sql] = _VALUE.sub(lambda m: f"${m[1] or next(count)}", text)
    return theirs


_DIALECT: "dict[str, str]" = {}  # one entry per statement of the program


def _value(value):
    """A text without the one character that PostgreSQL's texts cannot hold."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def _number(text):
    return int(text) if text.lstrip("-").isdigit() else float(text)
