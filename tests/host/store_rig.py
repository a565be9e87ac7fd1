"""What the tests of the store share: a fresh store of each kind, a gateway's ring that goes straight into it."""

import asyncio
import hashlib
import os

import postgres
import pytest
from receiver_support import DAY, NOW, Gateway

import firmware.wire.records as wire_records
from cloud_receiver.data import bounds
from cloud_receiver.data.content import Content
from cloud_receiver.stores import open_store, queries
from firmware.wire import envelope


@pytest.fixture(params=["sqlite", "postgres"], autouse=True)
def kind(request):
    """Each test runs on each store."""
    global new_store
    if request.param == "sqlite":
        new_store = lambda folder: f"sqlite://{folder}/{os.urandom(4).hex()}.sqlite"  # noqa: E731
    else:
        new_store = lambda folder: postgres.new_database()  # noqa: E731
        postgres.need()
    return request.param


def run(tmp_path, scenario):
    """Run `await scenario(store)` on a fresh store."""
    url = new_store(tmp_path)

    async def main():
        store = open_store(url)
        try:
            return await scenario(store)
        finally:
            await asyncio.get_running_loop().run_in_executor(None, store.close)
    return asyncio.run(main())


class Ring(Gateway):
    """A gateway's ring, straight into the store."""

    def __init__(self, store):
        super().__init__()
        self.store = store
        self.row = None

    async def send(self, bodies, first=None, now=NOW):
        """Records' bytes as a batch; returns a TakeResult."""
        if self.row is None:
            self.row = await self.store.enrol(self.public, "home", "", now)
        content = b"".join(bodies)
        last = self.seq if first is None else first + len(bodies) - 1
        first = last - len(bodies) + 1 if first is None else first
        head = envelope.Head(self.epoch, 1, "0", 2, first, last)
        return await self.store.store_batch(self.row, head, hashlib.sha256(content).digest(),
                                     Content(content, first, last), now)

    def telegram(self, telegram, time=NOW - 60, rssi=-70):
        return wire_records.telegram(self.next(), time, rssi, telegram)


class Sender(Ring):
    """A ring whose batches may leave gaps, begin epochs, and come on any day."""

    async def put(self, bodies, first=None, last=None, now=NOW, times=1, epoch=None):
        if self.row is None:
            self.row = await self.store.enrol(self.public, "home", "", now)
        data = b"".join(bodies)
        first = self.seq - len(bodies) + 1 if first is None else first
        last = self.seq if last is None else last
        head = envelope.Head(epoch or self.epoch, 1, "0", 2, first, last)
        return await self.store.store_batch(self.row, head, hashlib.sha256(data).digest(),
                                            Content(data, first, last), now, times)

    def event(self, detail="", seq=None, time=NOW - 60):
        return wire_records.event(self.next() if seq is None else seq, time, "e", detail)

    async def account(self, day=NOW // DAY):
        names = (*bounds.Bounds._fields, "over", "left_out")
        found = await self.store.read(rows, f"SELECT {', '.join(names)} FROM bounds WHERE gateway = ? AND day = ?",
                                      self.row, day)
        return dict(zip(names, found[0])) if found else {}


def rows(db, sql, *args):
    """For store.read: the rows of a query."""
    return db.execute(sql, args).fetchall()


async def every_meter(store):
    """Every meter of a store with its latest reading and all its coverage (queries.meters.one), by their texts."""
    texts = await store.read(lambda db: db.execute("SELECT meter FROM meters ORDER BY meter").fetchall())
    return [await store.read(queries.meters.one, 0, text) for (text,) in texts]
