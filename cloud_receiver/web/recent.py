"""What coverage says over all meters and gateways, summed up no more often than it costs."""

import asyncio
import time

from ..data.clock import DAY
from ..stores import queries

RECENT_DAYS = 1  # coverage shown with a meter: today and the day before
TREND_DAYS = 14  # of the overview's picture
QUICK_S, REST = 0.01, 50  # what takes longer to sum up is kept for so many times as long


class Recent:
    """The recent coverage of a store."""

    def __init__(self, store, clock):
        self._store, self._clock = store, clock
        self._coverage: "queries.recent.Recent | None" = None
        self._until, self._summing = 0.0, asyncio.Lock()

    def day(self) -> int:
        """The Unix day from which coverage counts as recent."""
        return self._clock.seconds() // DAY - RECENT_DAYS

    async def coverage(self) -> queries.recent.Recent:
        """As of now in a small works; in a large one, where summing up takes long, as of some seconds ago."""
        async with self._summing:
            now = self._clock.seconds()
            began = time.monotonic()
            if self._coverage is None or began >= self._until:
                self._coverage = await self._store.read(queries.recent.reception, self.day(), now // DAY, TREND_DAYS)
                took = time.monotonic() - began
                self._until = time.monotonic() + (took * REST if took > QUICK_S else 0)
            return self._coverage
