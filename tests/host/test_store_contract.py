"""The contract of the stores names what both have, with the same parameters, and nothing is left out or added."""

import inspect
import sqlite3
import typing

import pytest

from cloud_receiver import stores
from cloud_receiver.stores import base, open_store, schema, sqlite, writer
from cloud_receiver.stores.jobs.cache import WriterCache

postgres = pytest.importorskip("cloud_receiver.stores.postgres", reason="asyncpg: pip install netti[postgres]")
ENGINES = (sqlite, postgres)


def members(cls):
    """The public methods and properties of a class, its own and inherited: {name: member}."""
    return {name: inspect.getattr_static(cls, name) for name in dir(cls) if not name.startswith("_")}


def parameters(member):
    """Name, kind and default of each parameter; None for what takes none."""
    if isinstance(member, property):
        return None
    return [(p.name, p.kind, p.default) for p in inspect.signature(member).parameters.values()]


def differences(cls):
    """In what a store is not as the contract says."""
    said, there = members(stores.Store), members(cls)
    return sorted(
        [f"{name} is not in the contract" for name in set(there) - set(said)]
        + [f"{name} is missing" for name in said if name not in there or there[name] is said[name]]
        + [f"{name} takes something else" for name in set(said) & set(there)
           if parameters(said[name]) != parameters(there[name])]
        + [f"{name} is {'' if asks else 'not '}awaited" for name in set(said) & set(there)
           for asks in [inspect.iscoroutinefunction(there[name])] if asks != inspect.iscoroutinefunction(said[name])])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_store_has_what_the_contract_names_and_nothing_else(engine):
    assert differences(engine.Store) == []
    assert engine.Store.__abstractmethods__ == frozenset()
    assert parameters(engine.Store.__init__)[1:] == parameters(stores.Store.__init__)[1:]


def test_what_a_store_keeps_is_in_the_contract(tmp_path):
    store = open_store(f"sqlite://{tmp_path}/store.sqlite")
    try:
        kept = {name for name in vars(store) if not name.startswith("_")}
        assert kept == set(typing.get_type_hints(stores.Store)) and isinstance(store.warning, str)
        assert isinstance(store.writer, writer.Writer)
    finally:
        store.close()


def test_every_member_says_what_it_does():
    for name, member in members(stores.Store).items():
        assert len(inspect.getdoc(member)) > 20, name
    for name in ("Busy", "StoreError", "durable", "Unix seconds", "row"):
        assert name in stores.Store.__doc__, name


def test_the_check_sees_a_store_that_differs():
    """Known-bad: a method too few, one too many, one with another default, one that is no coroutine."""
    class Beside(sqlite.Store):
        def vacuum(self):
            """Not in the contract."""

    class Otherwise(sqlite.Store):
        async def age(self, day, most=7):
            """Other bounds."""

        def settle(self, settled):
            """Not awaited."""

    class Without(base.BaseStore):
        pass

    assert differences(Beside) == ["vacuum is not in the contract"]
    assert differences(Otherwise) == ["age takes something else", "settle is not awaited"]
    assert "close is missing" in differences(Without)
    with pytest.raises(TypeError, match="close"):
        Without(None)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_has_a_writer_and_its_schema(engine):
    assert len(inspect.signature(engine.groups).parameters) == 1
    assert list(schema.migrations(schema.folder(engine.__name__.split(".")[-1])))[0] == 1


@pytest.mark.parametrize("connection", [sqlite.Connection, postgres.Session])
def test_a_connection_has_what_jobs_and_queries_use(connection):
    for name in members(stores.Connection):
        assert callable(getattr(connection, name)), name
    assert "WriterCache()" in inspect.getsource(connection.__init__)
    assert WriterCache().rows == {}


def test_what_a_query_gives_is_a_cursor():
    for name in ("fetchone", "fetchall", "__iter__", "rowcount", "description"):
        assert hasattr(sqlite3.Cursor, name)
        assert hasattr(postgres.Rows([], (), "SELECT 0"), name)
