"""How much of one gateway a receiver takes in a day (UTC), so that no gateway's content fills a disk or a list.

What a home's gateway sends at most, with the firmware's own defaults (docs/security.md has the same arithmetic):

    a day      300 meters x (24 windows + 16 changes of status) = 12,000 telegrams of 100 bytes: 1.2 MB; a `heard`
               record of 40 bytes for each meter, a status of 600 bytes with each of 96 batches: 70 kB
    an outage  the whole ring of telegrams, 4 MiB or 70,000 of 60 bytes, and that of values, 512 KiB
    a restore  both rings once more, as the receiver from a backup asks for them

That is 152,000 records, 10.6 MB, of which 1.1 MB are no telegrams. A concentrator or a drive-by is bounded at 16 times
a home: 2000 meters and rings of 64 MiB. An operator gives a gateway, or all of a works, so many times its bounds.
"""

from collections import namedtuple

from .clock import HOUR

# records: received, those that came before too; bytes: of batches, BATCH for each envelope; other: bytes of records
# that are no telegrams, opaque ones among them; meters: never heard before by anybody; epochs: rings begun; gaps:
# ranges jumped over; equivocations: noted. And of a ring at once: lost: rows of what was lost, the oldest are added up;
# boots: that wait for their time.
Bounds = namedtuple("Bounds", ("records", "bytes", "other", "meters", "epochs", "gaps", "lost", "equivocations",
                               "boots"))

HOME = Bounds(records=200_000, bytes=16 << 20, other=2 << 20, meters=500, epochs=12, gaps=100, lost=100,
              equivocations=20, boots=100)
LARGE = HOME._replace(records=16 * HOME.records, bytes=16 * HOME.bytes, other=16 * HOME.other, meters=20 * HOME.meters)
KINDS = {"home": HOME, "concentrator": LARGE, "drive-by": LARGE}
MOST_TIMES = 1000
BATCH = 256  # bytes of an envelope and head
AGAIN_S = HOUR  # until a gateway that is over a bound may ask again: what an operator allows is had within the hour
GAPS_AT_ONCE = 1000  # open gaps that one batch may touch

# What a batch over a bound is answered; of the other bounds nothing is refused.
LATER, CONFLICT = 429, 409
ANSWERS = {"records": LATER, "bytes": LATER, "other": LATER, "epochs": LATER, "gaps": CONFLICT}


def of(kind: str, times: int = 1) -> Bounds:
    """The bounds of a kind of gateway (enrolment.KINDS), so many times."""
    bounds = KINDS.get(kind, HOME)
    return bounds if times == 1 else bounds._replace(
        **{name: times * getattr(bounds, name) for name in ("records", "bytes", "other", "meters", "epochs")})


def names(over: int) -> "list[str]":
    """The bounds that a number (a bit for each) names."""
    return [name for n, name in enumerate(Bounds._fields) if over >> n & 1]


def bit(name: str) -> int:
    """The bit of a bound."""
    return 1 << Bounds._fields.index(name)
