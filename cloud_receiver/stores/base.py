"""What every store has in common: the jobs it queues for its writer, its reading threads.

A job or a query gets a connection with `execute(sql, values)`, which gives rows (fetchone, fetchall, iteration,
rowcount, description), and `executemany(sql, rows)`; `cache` is a jobs.cache.WriterCache. Its SQL is what
both dialects take: `?` or `?1` for a value, RETURNING, ON CONFLICT, no function but the common ones, and NUMBERS, TEXTS
and PAIRS for a list.
"""

import asyncio
import concurrent.futures

from . import queries
from .jobs import batch, cache, common_batch, erase, gateways, keeping, settle

WriterCache = cache.WriterCache  # what a store's own module gives the connection that writes

READERS = 4


class BaseStore:
    """The contract over a writer and `_read(query, args)`, which a store's own module gives."""

    common_batches = False  # whether jobs/common_batch.py is for this store

    def __init__(self, writer):
        self.writer = writer
        self._readers = concurrent.futures.ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")

    def _read(self, query, args):
        raise NotImplementedError

    @property
    def waiting(self) -> int:
        """Jobs that wait to be written: what can wait lets them go first."""
        return self.writer.waiting

    # --- writes: durable when they return

    async def enrol(self, public_key: bytes, kind: str, name: str, now: int) -> int:
        """The row of a gateway's key, made if it is new; one that was here before keeps its history."""
        return await self.writer.submit(gateways.enrol, public_key, kind, name, now)

    def store_batch(self, gateway: int, head, digest: bytes, content, now: int) -> "asyncio.Future":
        """Store a verified batch, whose records are a content.Content; the future gives a TakeResult."""
        return self.writer.submit(batch.store_batch, gateway, head, digest, content, now,
                                  common_batch.rows(gateway, content, now) if self.common_batches else None)

    async def settle(self, settled) -> int:
        """Enter what became of telegrams."""
        return await self.writer.submit(settle.settle, settled)

    async def reopen(self, meters, states) -> int:
        """Have these meters' telegrams in these states decoded again."""
        return await self.writer.submit(settle.reopen, meters, states)

    async def forget_home(self, gateway: str, before: int) -> int:
        """Forget a home's electricity from before a time; returns how many hours that was."""
        return await self.writer.submit(gateways.forget_home, gateway, before)

    async def erase(self, gateway: "str | None", meters: "list[str]", before: int, after: int) -> "int | None":
        """A piece of forgetting what a home and its meters did before a time (jobs/erase.py); where the next begins."""
        return await self.writer.submit(erase.erase, gateway, meters, before, after)

    async def forget_telegrams(self, before: int, most: int = keeping.MOST) -> int:
        """Forget some of the raw telegrams and records received before a time; returns how many (0: none are left)."""
        return await self.writer.submit(keeping.forget_telegrams, before, most)

    async def age(self, day: int, most: int = keeping.MOST) -> int:
        """Make daily values of some of the hourly ones from before a Unix day; returns how many day rows it looked at
        (0: none are left)."""
        return await self.writer.submit(keeping.age, day, most)

    async def write_mark(self, name: str, value: int) -> None:
        """Keep a number under a name."""
        await self.writer.submit(keeping.write_mark, name, value)

    # --- reads

    async def read(self, query, *args):
        """Run one of `queries` on a read-only connection, in a thread; it sees one state of the store."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, query, args)

    async def pending(self, limit: int):
        """The next telegrams to decode."""
        return await self.read(queries.telegrams.pending, limit)
