"""Time for short whiles: it wraps, and may be asked for in an interrupt."""

import time

from . import MICROPYTHON


class Clock:
    """The time of a bus."""

    @staticmethod
    def ms():
        """Now, for `since`."""
        return time.ticks_ms() if MICROPYTHON else time.monotonic_ns() // 1000000  # type: ignore[attr-defined]

    @staticmethod
    def since(then):
        """Milliseconds since a moment that `ms` told."""
        if MICROPYTHON:
            return time.ticks_diff(time.ticks_ms(), then)  # type: ignore[attr-defined]
        return time.monotonic_ns() // 1000000 - then

    @staticmethod
    def wait_us(us):
        """Wait that long, and hold up everything but interrupts."""
        if MICROPYTHON:
            time.sleep_us(us)  # type: ignore[attr-defined]
        else:
            time.sleep(us / 1e6)
