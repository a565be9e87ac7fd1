"""Taking turns at what there is little of: a few do it at once, those who wait are served by sender, not by number.

Sites (prefixes.site) take turns, within one its senders (prefixes.prefix), within one first come first served. Where
too many wait, the site with most of them gives one up. So who comes from one network a thousand times, or from a
thousand addresses of one network, waits behind himself, and everybody else is next.
"""

import asyncio
import collections
import contextlib
from typing import AsyncIterator

from ..data.prefixes import prefix, site


class Full(Exception):
    """Too many wait already, most of them of the same network."""


class Turns:
    """The turns of one event loop."""

    def __init__(self, at_once: int, waiting: int, each: int = 1 << 30):
        """`at_once`: how many do it; `waiting`: how many may wait in all; `each`: of one sender."""
        self.at_once, self.most, self.each = at_once, waiting, each
        self.running = 0
        # site -> sender -> futures; who is next comes first.
        self._sites: "dict[str, dict[str, collections.deque[asyncio.Future]]]" = {}
        self._counts: "collections.Counter[str]" = collections.Counter()  # waiting, by site

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(self._counts.values())

    @contextlib.asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Wait for a turn, have it while within. Raises Full, also while waiting."""
        if self.running >= self.at_once or self._counts:
            await self._wait(site(address), prefix(address))
        else:
            self.running += 1
        try:
            yield
        finally:
            self.running -= 1
            self._next()

    async def _wait(self, place, sender):
        senders = self._sites.get(place, {})
        if len(senders.get(sender, ())) >= self.each:
            raise Full
        if self.waiting >= self.most:
            longest, count = self._counts.most_common(1)[0]
            if count <= self._counts[place] + 1:  # nobody has more than the newcomer would have
                raise Full
            crowd = max(self._sites[longest].values(), key=len)
            last = crowd[-1]
            self._take_out(longest, last)
            last.set_exception(Full())
        future = asyncio.get_running_loop().create_future()
        self._sites.setdefault(place, {}).setdefault(sender, collections.deque()).append(future)
        self._counts[place] += 1
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():  # its turn had come
                self.running -= 1
                self._next()
            else:
                self._take_out(place, future)
            raise

    def _take_out(self, place, future):
        senders = self._sites[place]
        for sender, futures in senders.items():
            if future in futures:
                futures.remove(future)
                if not futures:
                    del senders[sender]
                break
        self._counted_out(place)

    def _counted_out(self, place):
        self._counts[place] -= 1
        if not self._counts[place]:
            del self._counts[place], self._sites[place]

    def _next(self):
        while self._sites and self.running < self.at_once:
            place = next(iter(self._sites))
            senders = self._sites[place]
            sender = next(iter(senders))
            futures = senders.pop(sender)
            future = futures.popleft()
            if futures:
                senders[sender] = futures  # behind the other senders of its site
            self._sites[place] = self._sites.pop(place)  # and its site behind the others
            self._counted_out(place)
            if not future.done():
                self.running += 1
                future.set_result(None)
