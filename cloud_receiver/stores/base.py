"""What every store has in common: the jobs it queues for its writer, its reading threads. The contract
(stores/__init__.py) says what each method does."""

import asyncio
import concurrent.futures

from . import MOST, Store, queries
from .jobs import batch, cache, common_batch, erase, gateways, held, keeping, quarantine, retime, scrub, settle

WriterCache = cache.WriterCache  # what a store's own module gives the connection that writes

READERS = 4


class BaseStore(Store):
    """The contract over a writer and `_read(query, args)`; an engine adds these two, its connections and `close`."""

    _common_batches = False  # whether jobs/common_batch.py is for this store

    def __init__(self, address, writer):
        self.address, self.writer, self.warning = str(address), writer, ""
        self._readers = concurrent.futures.ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")

    def _read(self, query, args):
        """Run a query in one view of the store, on a connection of this thread's; raises StoreError."""
        raise NotImplementedError

    @property
    def waiting(self) -> int:
        return self.writer.waiting

    async def enrol(self, public_key, kind, name, now):
        return await self.writer.submit(gateways.enrol, public_key, kind, name, now)

    def store_batch(self, gateway, head, digest, content, now, times=1):
        return self.writer.submit(batch.store_batch, gateway, head, digest, content, now,
                                  common_batch.rows(gateway, content, now) if self._common_batches else None, times)

    async def settle(self, settled):
        return await self.writer.submit(settle.settle, settled)

    async def reopen(self, meters, states):
        return await self.writer.submit(settle.reopen, meters, states)

    async def decide(self, meter, act, telegram, time, until):
        return await self.writer.submit(held.decide, meter, act, telegram, time, until)

    async def forget_home(self, gateway, before):
        return await self.writer.submit(gateways.forget_home, gateway, before)

    async def erase(self, gateway, meters, before, after):
        return await self.writer.submit(erase.erase, gateway, meters, before, after)

    async def quarantine(self, gateway, act, since, before):
        return await self.writer.submit(quarantine.quarantine, gateway, act, since, before)

    async def scrub(self, most):
        return await self.writer.submit(scrub.scrub, most)

    async def forget_telegrams(self, before, most=MOST):
        return await self.writer.submit(keeping.forget_telegrams, before, most)

    async def age(self, day, most=MOST):
        return await self.writer.submit(keeping.age, day, most)

    async def retime(self, now, most=MOST):
        return await self.writer.submit(retime.retime, now, most)

    async def write_mark(self, name, value):
        await self.writer.submit(keeping.write_mark, name, value)

    async def read(self, query, *args):
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, query, args)

    async def pending(self, limit):
        return await self.read(queries.telegrams.pending, limit)
