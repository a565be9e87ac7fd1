"""Which telegrams are one: the same bytes of the same meter at about the same time, whoever received them.

Two gateways' clocks may differ by SAME_TELEGRAM_S over one telegram. Identical bytes later than that (a meter that
stands still, in plain text) are a reading of their own.

A reception without a time yet joins no other gateway's: it waits by itself until its own gateway's clock tells when it
was. So no gateway holds back what another has a time for, nor says when another has heard something.
"""

import json
from collections import namedtuple

from ...data.clock import DAY
from .. import PAIRS
from . import coverage

SAME_TELEGRAM_S = 900

# A telegram that is stored: its row (None: about to be), time or None, when it was received, and who heard it.
StoredTelegram = namedtuple("StoredTelegram", ("row", "digest", "time", "received", "data", "receptions"))


def days_around(time: int) -> "set[int]":
    """The Unix days on which the same telegram may have been heard by others."""
    return {(time - SAME_TELEGRAM_S) // DAY, (time + SAME_TELEGRAM_S) // DAY}


def is_later(time: int, last_heard: int) -> bool:
    """Whether a telegram is later than all that was heard of its meter: it is no other's then, without a look."""
    return time > last_heard + SAME_TELEGRAM_S


def stored(db, days, contents) -> "list[StoredTelegram]":
    """The stored telegrams of these days with one of these contents: (meter's row, digest)."""
    text = json.dumps(list(set(contents)))
    return [StoredTelegram(row, digest, time, received, data, coverage.receptions(heard) or [(gateway, 0, 1)])
            for day in sorted(days) for row, digest, time, received, data, heard, gateway in db.execute(
                f"SELECT t.id, t.digest, t.time, t.received, t.data, t.heard, e.gateway FROM {PAIRS} p "
                "CROSS JOIN telegrams t CROSS JOIN epochs e WHERE t.day = ? AND t.meter = p.a AND t.digest = p.b "
                "AND e.id = t.epoch ORDER BY t.id", (text, day)).fetchall()]  # CROSS: in this order


def same_telegram(candidates, data: bytes, time: "int | None", gateway: int) -> "StoredTelegram | None":
    """Which of these is this telegram, received by some gateway (its row).

    One without a time is another only where this very gateway has it: its ring came again.
    """
    for c in candidates:
        if c.data == data and (has(c, gateway) if time is None else
                               c.time is not None and abs(c.time - time) <= SAME_TELEGRAM_S):
            return c
    return None


def has(stored: StoredTelegram, gateway: int) -> bool:
    """Whether a gateway (its row) has heard a stored telegram."""
    return any(row == gateway for row, _, _ in stored.receptions)
