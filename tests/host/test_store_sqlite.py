"""The default store: what is durable, its file, its copies; day rows and how they age."""

import asyncio
import os
import random
import sqlite3

import pytest
from receiver_support import HOUR, NOW, Meter
from store_rig import Ring, rows

import firmware.wire.records as records
from cloud_receiver.data import dayrows
from cloud_receiver.stores import StoreError, open_store, queries, sqlite, writer
from cloud_receiver.stores.jobs import batch

PLAIN = Meter(11111111)


def run(tmp_path, scenario):
    """Run `await scenario(store)` on a fresh store."""
    async def main():
        store = open_store(f"sqlite://{tmp_path}/{os.urandom(4).hex()}.sqlite")
        try:
            return await scenario(store)
        finally:
            await asyncio.get_running_loop().run_in_executor(None, store.close)
    return asyncio.run(main())


# --- durable before it returns

async def full_disk(store):
    """What was acknowledged although the disk was full: must be none."""
    ring = Ring(store)
    await ring.send([records.event(ring.next(), NOW, "e", "")])
    await store.writer.submit(lambda db: db.execute("PRAGMA max_page_count=1").fetchone())
    acknowledged = 0
    for _ in range(3):
        before = ring.seq
        try:
            taken = await ring.send([ring.telegram(PLAIN.telegram(n)) for n in range(400)])
            acknowledged += taken.through - before
        except StoreError:
            ring.seq = before
    await store.writer.submit(lambda db: db.execute("PRAGMA max_page_count=1073741823").fetchone())
    stored = (await store.read(queries.summary.everything))["telegrams"]
    return acknowledged, stored


class TellsBeforeCommit(writer.Groups):
    """Known-bad: whoever waits is told once the job has run, whatever becomes of the commit."""

    def _run(self, connection, job, args):
        try:
            return super()._run(connection, job, args)
        except (sqlite3.Error, StoreError):
            return batch.TakeResult(args[1].last, False, 0, 0)

    def _group(self, connection):
        done = []
        self._commit = lambda c: done.append(1)
        results = super()._group(connection)
        if connection.in_transaction:
            connection.execute("COMMIT")
        return results


def test_nothing_is_acknowledged_that_is_not_stored(tmp_path):
    acknowledged, stored = run(tmp_path, full_disk)
    assert acknowledged == stored == 0


def test_the_check_sees_a_writer_that_tells_before_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "Groups", TellsBeforeCommit)
    acknowledged, stored = run(tmp_path, full_disk)
    assert acknowledged > stored


# --- day rows and what the decoder found

def test_day_rows_keep_what_they_are_given():
    rng = random.Random(2)
    for _ in range(200):
        base = rng.choice((0, 123_456_789, 10 ** 15))
        hours = [None if rng.random() < 0.3 else (rng.randrange(3600), base + rng.randrange(5_000_000))
                 for _ in range(24)]
        assert dayrows.unpack(dayrows.pack(hours)) == hours
    assert dayrows.unpack(dayrows.pack(dayrows.empty())) == dayrows.empty()
    falling = [(0, 10 ** 9 - n * 40_000_000) for n in range(24)]
    assert dayrows.unpack(dayrows.pack(falling)) == falling


def test_a_main_that_moves_more_than_32_bits_loses_less_than_a_litre():
    hours = [(0, n * 10 ** 9) for n in range(24)]
    assert all(abs(a[1] - b[1]) < 1000 for a, b in zip(hours, dayrows.unpack(dayrows.pack(hours))))


def test_within_an_hour_the_later_reading_stays_whatever_the_order():
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        hours = dayrows.empty()
        for n in order:
            dayrows.put(hours, 7 * HOUR + n * 60, 100 + n)
        assert hours[7] == (120, 102)


# --- the file

def test_synchronous_wal_and_readers_that_cannot_write(tmp_path):
    async def scenario(store):
        settings = await store.writer.submit(lambda db: [db.execute(f"PRAGMA {name}").fetchone()[0] for name in
                                                         ("journal_mode", "synchronous", "foreign_keys", "mmap_size")])
        with pytest.raises(StoreError, match="readonly"):
            await store.read(rows, "DELETE FROM meters")
        return settings, oct(os.stat(store.address).st_mode & 0o777)

    assert run(tmp_path, scenario) == (["wal", 2, 1, 0], "0o600")


def test_a_store_is_found_by_its_scheme(tmp_path):
    for url in ("nosuch://x", "../x://y", "writer/x://"):
        with pytest.raises(ValueError):
            open_store(url)
    with pytest.raises(FileNotFoundError):
        open_store(f"sqlite://{tmp_path}/no/such/folder/store.sqlite")


# --- copies

def test_a_copy_of_a_store_in_use_is_one_state_of_it(tmp_path):
    async def scenario(store):
        ring = Ring(store)
        await ring.send([ring.telegram(PLAIN.telegram(n), time=NOW - n * HOUR) for n in range(300)])
        copying = asyncio.to_thread(sqlite.copy, store.address, tmp_path / "copy", 1)
        sending = asyncio.gather(*(ring.send([ring.telegram(PLAIN.telegram(n), time=NOW - n * HOUR)], first=n + 1)
                                   for n in range(300, 340)))
        await asyncio.gather(copying, sending)
        return (await store.read(queries.summary.everything))["telegrams"]

    assert run(tmp_path, scenario) == 340
    assert not list(tmp_path.glob("copy-*")) and oct(os.stat(tmp_path / "copy").st_mode & 0o777) == "0o600"
    db = sqlite3.connect(tmp_path / "copy")
    telegrams, through = db.execute("SELECT (SELECT count(*) FROM telegrams), through FROM epochs").fetchone()
    assert 300 <= telegrams <= 340 and telegrams == through, "no batch half"
    db.close()
    # It is put back whole, over a store with another's log beside it.
    for name, content in (("store", b"broken"), ("store-wal", b"of the former store")):
        (tmp_path / name).write_bytes(content)
    sqlite.restore(tmp_path / "copy", tmp_path / "store")
    assert not (tmp_path / "store-wal").exists()
    store = open_store(f"sqlite://{tmp_path}/store")
    store.close()


def test_what_cannot_be_copied_leaves_no_copy(tmp_path):
    (tmp_path / "no").write_bytes(b"no database at all" * 100)
    with pytest.raises(sqlite3.Error):
        sqlite.copy(tmp_path / "no", tmp_path / "copy")
    assert not list(tmp_path.glob("copy*"))


def test_a_build_with_the_wal_reset_bug_is_warned_of(monkeypatch):
    monkeypatch.setattr(sqlite.sqlite3, "sqlite_version_info", (3, 51, 2))
    assert "one connection" in sqlite.warning()
    monkeypatch.setattr(sqlite.sqlite3, "sqlite_version_info", (3, 51, 3))
    assert sqlite.warning() == ""


def test_readers_never_checkpoint(tmp_path):
    """The single-connection rule: one writes and checkpoints, the others are read-only and leave the log alone."""
    async def scenario(store):
        await Ring(store).send([])
        return await store.read(lambda db: [db.execute(f"PRAGMA {name}").fetchone()[0]
                                            for name in ("query_only", "wal_autocheckpoint")])

    assert run(tmp_path, scenario) == [1, 0]
