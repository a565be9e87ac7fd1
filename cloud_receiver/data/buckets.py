"""Token buckets: how often something may happen, by address or by gateway."""

import heapq
import math
import time

MOST = 100_000  # buckets kept; beyond it those with most left in them, which say least, are dropped
DROPPED = 8  # a fraction of them, 1/DROPPED, at once


class Buckets:
    """One bucket per name: `burst` at once, then `rate` per second. Seconds are real ones, even in simulation."""

    def __init__(self, rate: float, burst: float, clock=time.monotonic):
        self.rate, self.burst, self.clock = rate, burst, clock
        self._levels: "dict[str, tuple[float, float]]" = {}

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._levels)

    def wait(self, name: str) -> int:
        """Whole seconds until one is there again; 0: now."""
        level = self._level(name)
        return 0 if level >= 1 else math.ceil((1 - level) / self.rate)

    def charge(self, name: str) -> None:
        """Take one, whether or not it is there."""
        if len(self._levels) >= MOST and name not in self._levels:
            self._drop()
        self._levels[name] = (max(self._level(name) - 1, 0.0), self.clock())

    def _drop(self):
        """Make room. Who floods with ever new names empties none but the like: an exhausted bucket stays."""
        for other in heapq.nlargest(max(1, len(self._levels) // DROPPED), self._levels, key=self._level):
            del self._levels[other]

    def give_back(self, name: str) -> None:
        """Put one back that was taken."""
        self._levels[name] = (min(self._level(name) + 1, self.burst), self.clock())

    def spend(self, name: str) -> int:
        """Take one if it is there and return 0, else the seconds to wait."""
        wait = self.wait(name)
        if not wait:
            self.charge(name)
        return wait

    def clear(self) -> None:
        """Fill them all."""
        self._levels.clear()

    def _level(self, name):
        level, since = self._levels.get(name, (self.burst, 0.0))
        return min(self.burst, level + (self.clock() - since) * self.rate)
