"""Simulated time: the triple ORIGIN:START:SCALE that every process of a simulation is given.

Real Unix time `now` means simulated Unix time START + (now - ORIGIN) * SCALE. The one clock is the machine's; nothing
is sent around.
"""

import time
from collections.abc import Callable


class SimulatedClock:
    """Simulated Unix time, running SCALE times as fast as the machine's clock."""

    def __init__(self, origin: float, start: float, scale: float, real: Callable[[], float] = time.time):
        self.origin, self.start, self.scale = origin, start, scale
        self._real = real

    def now(self) -> float:
        """Simulated Unix time, seconds."""
        return self.start + (self._real() - self.origin) * self.scale

    def real(self, simulated: float) -> float:
        """The real Unix time at which it is `simulated`."""
        return self.origin + (simulated - self.start) / self.scale

    def until(self, simulated: float) -> float:
        """Real seconds from now until it is `simulated`; negative when that is past."""
        return self.real(simulated) - self._real()

    def triple(self) -> str:
        """The text the processes take: ORIGIN:START:SCALE."""
        return f"{self.origin:.3f}:{self.start:.0f}:{self.scale:g}"


def from_triple(text: str) -> SimulatedClock:
    """Read ORIGIN:START:SCALE; raises ValueError."""
    origin, start, scale = (float(part) for part in text.split(":"))
    if scale <= 0:
        raise ValueError("scale must be above 0")
    return SimulatedClock(origin, start, scale)
