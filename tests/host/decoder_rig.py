"""A store and the decoder beside it, without the network."""

import asyncio
import contextlib
import hashlib

import wmbus_cases as cases
from receiver_support import NOW
from store_rig import every_meter

import firmware.wire.records as wire_records
import wmbus
from cloud_receiver.data.content import Content
from cloud_receiver.decoding import decoder
from cloud_receiver.office import kek
from cloud_receiver.office.directory import Directory
from cloud_receiver.office.keyfile import KeyFile
from cloud_receiver.office.meter_keys import MeterKeys
from cloud_receiver.stores import DECODED, open_store
from firmware.wire import envelope

METER = "NET-12345678-01-07"
PATIENCE_S = 60


async def until(true):
    """Until `await true()` holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not await true():
            await asyncio.sleep(0.02)


class Receiver:
    """A store and the decoder beside it, without the network."""

    def __init__(self, path):
        self.path = path / "receiver"
        self.path.mkdir(exist_ok=True)
        if not kek.file_of(self.path).exists():
            kek.make(kek.file_of(self.path))
        self.store = open_store(f"sqlite://{self.path}/store.sqlite")
        self.states = []
        settle = self.store.settle

        async def watched(settled):
            count = await settle(settled)
            self.states += [s.state for s in settled]
            return count
        self.store.settle = watched

    def put_key(self, key=cases.KEY, meter=METER):
        with contextlib.closing(KeyFile(Directory(self.path).keys)) as file:
            MeterKeys(file).put(meter, key, NOW)

    def remove_key(self):
        with contextlib.closing(KeyFile(Directory(self.path).keys)) as file:
            MeterKeys(file).remove(METER)

    async def take(self, gateway, telegrams, at=NOW - 600):
        bodies = [wire_records.telegram(gateway.next(), at + i, -70, t) for i, t in enumerate(telegrams)]
        content = b"".join(bodies)
        head = envelope.Head(gateway.epoch, 1, "0", 2, gateway.seq - len(bodies) + 1, gateway.seq)
        row = await self.store.enrol(gateway.public, "home", "", NOW)
        await self.store.store_batch(row, head, hashlib.sha256(content).digest(),
                              Content(content, head.first, head.last), NOW)

    async def work(self):
        """The decoder's loop from a start until nothing is left to do: the states it settled, in their order."""
        self.states.clear()

        async def done():
            return self.states and not await self.store.pending(1)
        async with self._running():
            await until(done)
        return list(self.states)

    async def total_ml(self):
        """The total of the one meter, in ml."""
        return (await every_meter(self.store))[0]["total_ml"]

    async def work_with_key(self):
        """As `work`, with the key put when it has looked and found nothing to do."""
        looked, pending = asyncio.Event(), self.store.pending

        async def watched(count):
            rows = await pending(count)
            looked.set()
            return rows
        self.store.pending = watched

        async def decoded():
            return DECODED in self.states
        async with self._running():
            await asyncio.wait_for(looked.wait(), PATIENCE_S)
            self.put_key()
            await until(decoded)

    @contextlib.asynccontextmanager
    async def _running(self):
        self.decoder = decoder.Decoder(self.store, Directory(self.path))
        task = asyncio.create_task(self.decoder.run())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def close(self):
        self.store.close()


def compact(access):
    """A compact frame of the layout of cases.RECORDS; `access` makes it another telegram's content."""
    known = bytes.fromhex("0413" "4413" "426c" "023b" "015b")
    signature, full = wmbus.crc(known), wmbus.crc(cases.RECORDS)
    return cases.telegram(bytes((0x7B, access, 0, 0, 0)) + cases.little(signature) + cases.little(full)
                          + bytes.fromhex("39300000" "10270000" "ff2c" "7800" "09"))
