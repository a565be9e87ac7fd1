"""Stores of every schema there was, with rows in them, are opened by the present program with all they hold."""

import asyncio
import contextlib
import hashlib
import shutil
import sqlite3

import postgres
import pytest
from receiver_support import HOUR, NOW, Meter
from store_rig import every_meter, rows

import firmware.wire.records as wire_records
from cloud_receiver.data import records
from cloud_receiver.data.content import Content
from cloud_receiver.stores import StoreError, open_store, queries, schema, sqlite
from firmware.wire import envelope

PLAIN = Meter(11111111)
TELEGRAM = PLAIN.telegram(1)

FIRST = """
INSERT INTO gateways (id, gateway, public_key, kind, name, enrolled, last_contact, firmware, boot, clock)
  VALUES (70, 'AAAAAAAAAAAAAAAA', {nothing}, 'home', 'Old', 1, 2, '0.1.0', 1, 3);
INSERT INTO epochs VALUES (70, 70, {epoch}, 7, 1, 2);
INSERT INTO meters VALUES (70, '{meter}', 22, {time}, {time}, 1, 1, NULL, 0, 5000, 2, '{{"total_m3": 0.005}}');
INSERT INTO telegrams (id, meter, epoch, seq, received, raw_time, time, day, digest, state, data)
  VALUES (70, 70, 70, 7, {time}, {time}, {time}, {day}, {digest}, 1, {data});
INSERT INTO coverage VALUES ({day}, 70, 70, 1, 0, -70, -70, {level});
"""


def versions(dialect):
    return list(schema.migrations(schema.folder(dialect)))


def old_store(dialect, version, tmp_path):
    """The URL of a store made by the first schema, filled then, and migrated up to a version; and its migrations."""
    folder = tmp_path / "then"
    folder.mkdir()
    files = schema.migrations(schema.folder(dialect))
    shutil.copy(files[1], folder)
    form = "x'{}'" if dialect == "sqlite" else "'\\x{}'::bytea"
    time, digest = NOW - HOUR, records.content_digest(TELEGRAM)
    nothing, epoch, data, level = (form.format(b) for b in ("00", "0102030405060708", TELEGRAM.hex(), "46"))
    text = FIRST.format(meter=PLAIN.text, time=time, day=time // 86_400, nothing=nothing, digest=digest, epoch=epoch,
                        data=data, level=level)
    with contextlib.ExitStack() as stack:
        if dialect == "sqlite":
            url = f"sqlite://{tmp_path}/store.sqlite"
            db = stack.enter_context(contextlib.closing(sqlite3.connect(tmp_path / "store.sqlite",
                                                                        isolation_level=None)))
            script = db.executescript
        else:
            postgres.need()
            from cloud_receiver.stores.postgres import Session
            url = postgres.new_database()
            db = stack.enter_context(contextlib.closing(Session(url)))
            script = db.script
        assert schema.migrate(db, script, folder) == 1
        script(text)
        for number, path in files.items():
            if 1 < number <= version:
                shutil.copy(path, folder)
        assert schema.migrate(db, script, folder) == version
    return url


@pytest.mark.parametrize("dialect,version", [(d, v) for d in ("sqlite", "postgres") for v in versions(d)])
def test_a_store_of_every_schema_is_opened_with_all_it_holds(dialect, version, tmp_path):
    url = old_store(dialect, version, tmp_path)

    async def main():
        store = open_store(url)
        try:
            # The telegram that is there, from another gateway now; and a later one.
            row = await store.enrol(b"k" * 32, "home", "New", NOW)
            data = wire_records.telegram(1, NOW - HOUR + 5, -60, TELEGRAM) + wire_records.telegram(2, NOW, -61,
                                                                                                   PLAIN.telegram(2))
            head = envelope.Head(b"\x09" * 8, 1, "0", 2, 1, 2)
            taken = await store.store_batch(row, head, b"d", Content(data, 1, 2), NOW)
            return (taken.stored, await every_meter(store), await store.read(queries.gateways.every),
                    await store.read(queries.meters.coverage, 70, 0),
                    await store.read(rows, "SELECT count(*) FROM telegrams"),
                    await store.read(rows, "PRAGMA integrity_check" if dialect == "sqlite" else "SELECT 'ok'"))
        finally:
            await asyncio.get_running_loop().run_in_executor(None, store.close)

    new, meters, gateways, covered, telegrams, check = asyncio.run(main())
    assert new == 2 and check == [("ok",)] and telegrams == [(2,)], "the telegram that two have heard is one"
    assert [(m["id"], m["total_ml"]) for m in meters] == [(PLAIN.text, 5000)]
    assert sorted(g["name"] for g in gateways) == ["New", "Old"]
    heard = [(c["name"], c["best"]) for c in covered]
    assert ("Old", -70) in heard and ("New", -60) in heard


@pytest.mark.parametrize("name,digest", [
    ("sqlite/0001_first.sql", "7750fc72fe25e202560c19075a712a44a6287ea76efc38541f3664601468a42c")])
def test_the_first_schema_is_the_one_that_was_released(name, digest):
    assert hashlib.sha256((schema.folder("") / name).read_bytes()).hexdigest() == digest


def test_migrations_once_and_never_backwards(tmp_path):
    db = sqlite3.connect(tmp_path / "x.sqlite", isolation_level=None)
    assert sqlite.migrate(db) == sqlite.migrate(db) == versions("sqlite")[-1]
    db.execute("INSERT INTO migrations VALUES (9999, 'later', '')")
    with pytest.raises(StoreError, match="newer"):
        sqlite.migrate(db)
    db.execute("DELETE FROM migrations WHERE version = 9999")
    db.execute("UPDATE migrations SET sha256 = 'x' WHERE version = 1")
    with pytest.raises(StoreError, match="not the one"):
        sqlite.migrate(db)
