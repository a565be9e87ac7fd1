"""How long after a failed attempt the next one has to wait: longer from time to time, never for good."""

import heapq
import math
import time

MOST = 50_000  # names kept; beyond it those that failed least, and longest ago, are dropped
DROPPED = 8  # a fraction of them, 1/DROPPED, at once


class Delays:
    """By name: `free` attempts at once, then `first` seconds, doubled with each failure up to `longest`; forgotten
    after `forget` seconds without one. Seconds are real ones, even in simulation."""

    def __init__(self, free: int, first: float, longest: float, forget: float, clock=time.monotonic):
        self.free, self.first, self.longest, self.forget, self.clock = free, first, longest, forget, clock
        self._failed: "dict[str, tuple[int, float]]" = {}  # how often, and when last

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._failed)

    def wait(self, name: str) -> int:
        """Whole seconds until the next attempt; 0: now."""
        count, last = self._failed.get(name, (0, 0.0))
        since = self.clock() - last
        if count < self.free or since >= self.forget:
            return 0
        return math.ceil(max(0.0, min(self.longest, self.first * 2.0 ** min(count - self.free, 60)) - since))

    def failed(self, name: str) -> None:
        """An attempt failed, or has begun: whoever makes many at once waits like one who makes them in turn."""
        if len(self._failed) >= MOST and name not in self._failed:
            # Who floods with ever new names makes others forget none but the like.
            for other in heapq.nsmallest(max(1, MOST // DROPPED), self._failed, key=self._failed.__getitem__):
                del self._failed[other]
        count, last = self._failed.get(name, (0, 0.0))
        now = self.clock()
        self._failed[name] = (1 if now - last >= self.forget else count + 1, now)

    def succeeded(self, name: str) -> None:
        """An attempt did not fail: the next one is the first."""
        self._failed.pop(name, None)
