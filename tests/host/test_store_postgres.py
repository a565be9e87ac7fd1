"""PostgreSQL as the store: lost connections, a server that stalls, one writer a database, its dialect; every query on
both stores; a receiver that runs on it."""

import asyncio
import contextlib
import inspect
import os
import signal

import postgres
import pytest
from receiver_support import DAY, NOW, Meter, Process
from test_ingest_kill import under_load
from test_store import Ring, kind, run  # noqa: F401

import firmware.batch as batch
from cloud_receiver.stores import StoreError, open_store, queries

PLAIN = Meter(11111111)


@pytest.fixture
def store(kind):  # noqa: F811
    if kind != "postgres":
        pytest.skip("of PostgreSQL")
    pytest.importorskip("asyncpg")
    import cloud_receiver.stores.postgres as module
    return module


def backend(session_dsn):
    """The server's process behind the writer."""
    from cloud_receiver.stores.postgres import Session
    with contextlib.closing(Session(session_dsn)) as session:
        return session.execute("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND database = "
                               "(SELECT oid FROM pg_database WHERE datname = current_database())").fetchone()[0]


def test_a_lost_connection_is_made_anew_and_nothing_counts_as_done(tmp_path, store):
    async def scenario(opened):
        ring = Ring(opened)
        await ring.send([ring.telegram(PLAIN.telegram(1))])
        os.kill(await asyncio.to_thread(backend, opened.dsn), signal.SIGTERM)
        second, failures = [ring.telegram(PLAIN.telegram(2))], 0
        for _ in range(100):
            try:
                await ring.send(second, first=2)
                break
            except StoreError:
                failures += 1
                await asyncio.sleep(0.05)
        return failures, (await opened.read(queries.summary))["telegrams"]

    failures, telegrams = run(tmp_path, scenario)
    assert telegrams == 2 and failures < 50


def test_a_server_that_stalls_is_given_up_and_nothing_counts_as_done(tmp_path, store, monkeypatch):
    monkeypatch.setattr(store, "STATEMENT_S", 0.5)

    async def scenario(opened):
        ring = Ring(opened)
        await ring.send([ring.telegram(PLAIN.telegram(1))])
        second = [ring.telegram(PLAIN.telegram(2))]
        pid = await asyncio.to_thread(backend, opened.dsn)
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(StoreError):
                await asyncio.wait_for(ring.send(second, first=2), 20)
        finally:
            os.kill(pid, signal.SIGCONT)
        for _ in range(100):  # its lock goes with it
            try:
                taken = await ring.send(second, first=2)
                break
            except StoreError:
                await asyncio.sleep(0.1)
        return taken.through, (await opened.read(queries.summary))["telegrams"]

    assert run(tmp_path, scenario) == (2, 2)


def test_one_writer_a_database(tmp_path, store, monkeypatch):
    monkeypatch.setattr(store, "LOCK_S", 0.3)
    url = postgres.new_database()
    first = open_store(url)
    try:
        with pytest.raises(StoreError, match="another receiver"):
            open_store(url)
    finally:
        first.close()
    open_store(url).close()


def test_values_and_lists_in_its_dialect(store):
    from cloud_receiver.stores import NUMBERS, TEXTS
    assert store.dialect("SELECT ?, ?") == "SELECT $1, $2"
    assert store.dialect("SELECT ?2, ?1") == "SELECT $2, $1"
    assert "?" not in store.dialect(f"a IN {NUMBERS} AND b IN {TEXTS} AND c = ?")
    assert store.dialect(f"a IN {NUMBERS} AND c = ?").endswith("c = $2")


def test_a_text_it_cannot_hold(tmp_path):
    async def scenario(opened):
        ring = Ring(opened)
        ring.row = await opened.enrol(ring.public, "home", "a\0b", NOW)
        await ring.send([batch.event(ring.next(), NOW, "x\0y", "\0"), batch.status(ring.next(), NOW, [["\0", 1]])])
        [g] = await opened.read(queries.gateways)
        return g["name"], g["status"]

    name, status = run(tmp_path, scenario)
    assert name in ("a\0b", "a\ufffdb") and status == {"\0": 1}


ARGUMENTS = {"gateway": lambda s: s.gateway.id, "row": lambda s: 1, "day": lambda s: 0, "limit": lambda s: 10,
             "start": lambda s: NOW - DAY, "end": lambda s: NOW}


def test_every_query_answers_alike(tmp_path):
    """Each function of queries, on a store with a bit of everything; the same on both."""
    async def scenario(opened):
        ring = Ring(opened)
        n = ring.next
        await ring.send([batch.boot(n(), 0, 1, "power"), ring.telegram(PLAIN.telegram(1)),
                         batch.heard(n(), NOW, PLAIN.address, NOW // DAY, 9, -50, -60), batch.event(n(), NOW, "e", ""),
                         batch.han_hour(n(), NOW, NOW - 7200, 1500, 0, False), batch.status(n(), NOW, [["a", 1]]),
                         batch.lost(n(), NOW, 900, 901, 2)], now=NOW)
        ring.seq += 5
        await ring.send([ring.telegram(PLAIN.telegram(2))], now=NOW)
        await ring.send([ring.telegram(PLAIN.telegram(3))], first=13, now=NOW)
        found = {}
        for name, query in inspect.getmembers(queries, inspect.isfunction):
            if query.__module__ != queries.__name__ or name.startswith("_") or name == "key_state":
                continue
            values = [ARGUMENTS[p.name](ring) if p.name != "gateway" or name == "gateway_key" else None
                      for p in list(inspect.signature(query).parameters.values())[1:]
                      if p.default is p.empty]
            found[name] = await opened.read(query, *[ring.gateway.id if v is None else v for v in values])
        return found

    Ring.gateway = property(lambda self: self)
    found = run(tmp_path, scenario)
    assert found["summary"]["gaps"] == 5 and found["summary"]["equivocations"] == 1
    assert found["gateways"][0]["epochs"][0]["gaps"] == [[8, 12]]
    assert found["meters"][0]["heard_by"] == 1 and found["meter_coverage"][0]["median"] == -60
    assert len(found) > 12


def test_a_receiver_on_it_is_killed_and_loses_nothing(tmp_path, store):
    url = postgres.new_database()

    def start(directory):
        settings = directory.load()
        if not settings.store:
            settings.store = url
            directory.save(settings)
        return Process(directory, "--processes", "1")

    import test_ingest_kill
    original = test_ingest_kill.stored

    def counted(process):
        from cloud_receiver.stores.postgres import Session
        with contextlib.closing(Session(url)) as session:
            counts = dict(session.execute("SELECT m.meter, count(*) FROM telegrams t JOIN meters m ON m.id = t.meter "
                                          "GROUP BY 1").fetchall())
            doubles = session.execute("SELECT count(*) FROM (SELECT 1 FROM telegrams GROUP BY meter, data "
                                      "HAVING count(*) > 1) d").fetchone()[0]
        return counts, doubles

    test_ingest_kill.stored = counted
    try:
        missing, doubles, acknowledged = under_load(tmp_path, 2, start)
    finally:
        test_ingest_kill.stored = original
    assert (missing, doubles) == (0, 0) and acknowledged > 50
    assert not (tmp_path / "works" / "store.sqlite").exists()


