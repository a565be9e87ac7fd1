"""What a gateway is told that has reached a bound of the day (data/bounds.py), and for how long it is told so before
its records are read: a gateway that asks again at full rate costs its signature and no more."""

from collections import namedtuple

from ..data import bounds
from ..data.clock import DAY
from .requests import Refused

_AT_ONCE = ("records", "bytes", "other")  # what is over for every batch with records


class Over(namedtuple("Over", ("name", "until", "retry"))):
    """A bound that was reached: its name, until when (Unix seconds) it is told so, seconds after which to ask again."""

    __slots__ = ()

    def refusal(self) -> Refused:
        """The answer."""
        if bounds.ANSWERS[self.name] == bounds.CONFLICT:
            return Refused(409, "more gaps than a gateway may leave in a day")
        return Refused(429, f"over the bound of {self.name} for today", self.retry)


def over_bound(gateway, name: str, now: int) -> Refused:
    """The answer to a gateway (an IngestGateway) that has reached a bound, which is kept for its next batches."""
    retry = min(DAY - now % DAY, bounds.AGAIN_S)
    over = Over(name, now + retry, retry)
    if name in _AT_ONCE:
        gateway.over[:] = [over]
    return over.refusal()
