"""The receiver's clock: the system's, or a simulated one that runs faster. Nothing else here asks for the time.

Also what all of the receiver counts time in, and how a moment is written and read.
"""

import datetime
import time

UTC = datetime.timezone.utc
HOUR, DAY = 3600, 86_400  # seconds


class Clock:
    """Unix time in seconds; simulated: START at ORIGIN, then SCALE seconds per second."""

    def __init__(self, origin: float = 0.0, start: float = 0.0, scale: float = 1.0):
        self.origin, self.start, self.scale = origin, start, scale

    def now(self) -> float:
        """Unix seconds now."""
        return self.start + (time.time() - self.origin) * self.scale

    def seconds(self) -> int:
        """Unix seconds now, whole."""
        return int(self.now())


def parse_clock(text: str) -> Clock:
    """A Clock from `ORIGIN:START:SCALE`; raises ValueError."""
    origin, start, scale = (float(part) for part in text.split(":"))
    if scale <= 0:
        raise ValueError("scale must be above 0")
    return Clock(origin, start, scale)


def iso(seconds: "int | float | None") -> "str | None":
    """Unix seconds as ISO 8601 in UTC, `2026-11-24T07:00:00Z`; None stays None."""
    if seconds is None:
        return None
    try:
        return datetime.datetime.fromtimestamp(int(seconds), UTC).isoformat()[:19] + "Z"
    except (ValueError, OverflowError, OSError):
        return None


def parse_time(text: str) -> int:
    """Unix seconds from whole Unix seconds or ISO 8601 (a date is its midnight, no zone is UTC); raises ValueError."""
    if text.lstrip("-").isdigit():
        return int(text)
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
