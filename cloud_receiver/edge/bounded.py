"""What one gateway may ask of a receiver at once, and what it is told that has reached a bound of the day
(data/bounds.py): so that a gateway that asks at full rate costs its signature and no more.

Nothing of it is looked at, or changed, before the signature has been verified: no stranger takes a gateway's turn.
"""

from collections import namedtuple

from ..data import bounds
from ..data.clock import DAY
from .requests import Refused

_AT_ONCE = ("records", "bytes", "other")  # what is over for every batch with records
COST = 50  # of the bucket of batches: what one costs that the writer has refused
SOON_S = 1


class Over(namedtuple("Over", ("name", "until", "retry"))):
    """A bound that was reached: its name, until when (Unix seconds) it is told so, seconds after which to ask again."""

    __slots__ = ()

    def refusal(self) -> Refused:
        """The answer."""
        if bounds.ANSWERS[self.name] == bounds.CONFLICT:
            return Refused(409, "more gaps than a gateway may leave in a day")
        return Refused(429, f"over the bound of {self.name} for today", self.retry)


class Pace:
    """How one gateway is going on. Written by ingest's event loop, but `begin`, which its verifying thread calls."""

    __slots__ = ("over", "wait", "under_way")

    def __init__(self) -> None:
        self.over: "Over | None" = None  # the bound that lets nothing in at present
        self.wait = 0  # seconds until another batch may come
        self.under_way = False  # whether a batch with records is being read or stored

    def look(self, now: int, wait: int) -> None:
        """As of now: `wait` is what the bucket of its batches says."""
        self.wait = wait
        if self.over is not None and now >= self.over.until:
            self.over = None

    def begin(self) -> None:
        """A batch with records, before they are read: one at a time, until `end`. Raises Refused."""
        if self.over is not None:
            raise self.over.refusal()
        if self.wait:
            raise Refused(429, "too many batches", self.wait)
        if self.under_way:
            raise Refused(429, "one batch at a time", SOON_S)
        self.under_way = True

    def end(self) -> None:
        """That batch is stored, or refused."""
        self.under_way = False

    def reached(self, name: str, now: int) -> Refused:
        """The answer to a batch for which the store says that a bound was reached; it is kept for the next ones."""
        retry = min(DAY - now % DAY, bounds.AGAIN_S)
        over = Over(name, now + retry, retry)
        if name in _AT_ONCE:
            self.over = over
        return over.refusal()
