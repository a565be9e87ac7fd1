"""Token buckets: how often something may happen, by address or by gateway."""

import math
import time

MOST = 100_000  # buckets kept; beyond it the full ones, which say nothing, are dropped


class Buckets:
    """One bucket per name: `burst` at once, then `rate` per second. Seconds are real ones, even in simulation."""

    def __init__(self, rate: float, burst: float, clock=time.monotonic):
        self.rate, self.burst, self.clock = rate, burst, clock
        self._levels: "dict[str, tuple[float, float]]" = {}

    def wait(self, name: str) -> int:
        """Whole seconds until one is there again; 0: now."""
        level = self._level(name)
        return 0 if level >= 1 else math.ceil((1 - level) / self.rate)

    def charge(self, name: str) -> None:
        """Take one, whether or not it is there."""
        if len(self._levels) >= MOST:
            for other in [n for n in self._levels if self._level(n) >= self.burst]:
                del self._levels[other]
            if len(self._levels) >= MOST:
                self._levels.clear()
        self._levels[name] = (max(self._level(name) - 1, 0.0), self.clock())

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
