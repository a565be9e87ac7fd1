"""Telegrams that wait: for the decoder, for their meter's key."""

import json

from .. import DECODED, NO_KEY, PENDING, TEXTS, WRONG_KEY
from .rows import dicts

WAITING = "telegrams WHERE state = 0 AND time IS NOT NULL"  # these two in the words of their partial indices
CLOSED = "telegrams WHERE state > 1"


def pending(db, limit: int) -> "list[tuple[int, int, str, int, bytes]]":
    """Telegrams the decoder has not tried, with their time, oldest first: (id, meter row, meter text, time, data)."""
    return db.execute("SELECT t.id, t.meter, m.meter, t.time, t.data FROM telegrams t JOIN meters m ON m.id = t.meter "
                      "WHERE t.state = 0 AND t.time IS NOT NULL ORDER BY t.id LIMIT ?", (limit,)).fetchall()


def closed_meters(db) -> "list[str]":
    """The meters that have telegrams of which nothing was entered: without a right key, undecodable, held back, ..."""
    return [row[0] for row in db.execute(
        "SELECT meter FROM meters WHERE id IN (SELECT DISTINCT meter FROM telegrams WHERE state > 1) ORDER BY meter")]


def without_key(db) -> "list[dict]":
    """{meter, state (NO_KEY or WRONG_KEY), telegrams (how many), first, last (received)} of every meter with telegrams
    whose key is missing or wrong."""
    return dicts(db.execute(
        "SELECT m.meter, t.state, count(*) AS telegrams, min(t.received) AS first, max(t.received) AS last "
        "FROM telegrams t JOIN meters m ON m.id = t.meter WHERE t.state > 1 AND t.state IN (?,?) "
        "GROUP BY m.meter, t.state ORDER BY m.meter, t.state", (NO_KEY, WRONG_KEY)))


def progress(db, meters: "list[str]") -> "tuple[int, int, int]":
    """(decoded, still to be tried, not opened): how many telegrams of these meters."""
    counts = dict(db.execute(
        f"SELECT t.state, count(*) FROM telegrams t JOIN meters m ON m.id = t.meter WHERE m.meter IN {TEXTS} "
        "GROUP BY t.state", (json.dumps(sorted(meters)),)).fetchall())
    return counts.get(DECODED, 0), counts.get(PENDING, 0), counts.get(NO_KEY, 0) + counts.get(WRONG_KEY, 0)
