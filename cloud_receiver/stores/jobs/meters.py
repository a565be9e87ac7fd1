"""The row of a meter: made at first sight, and brought up to date by what is heard of it.

The rule, in Python for the telegrams of one batch (`add`) and in SQL for what a batch adds to the table (`hear`): first
and last heard are the earliest and the latest, encrypted is whether any telegram was, the status is the latest's.
"""

import functools
import json

from .. import PENDING, TEXTS

_FIND = f"SELECT meter, id, last_heard FROM meters WHERE meter IN {TEXTS}"


def find(db, texts) -> "list[tuple[str, int, int]]":
    """(text, row, last heard) of those meters that have a row."""
    return db.execute(_FIND, (json.dumps(list(texts)),)).fetchall()


def add(heard: dict, meter, time: int, encrypted: int, status: "int | None") -> None:
    """Add a telegram to what was heard: {meter: (first heard, last heard, encrypted, status)}."""
    before = heard.get(meter)
    if before is None:
        heard[meter] = (time, time, encrypted, status)
        return
    first, last, sealed, latest = before
    heard[meter] = (min(first, time), max(last, time), max(sealed, encrypted), status if time >= last else latest)


@functools.cache
def hear(count: int) -> str:
    """The statement that adds what was heard of so many meters to their rows: row, first heard, last heard, encrypted,
    status of each. An upsert, as an UPDATE takes no list of rows; they are there, and no row is made."""
    return ("INSERT INTO meters (id, meter, media, first_heard, last_heard, encrypted, status, state) VALUES "
            + ",".join([f"(?,'',0,?,?,?,?,{PENDING})"] * count) + " ON CONFLICT (id) DO UPDATE SET "
            "first_heard = CASE WHEN excluded.first_heard < meters.first_heard THEN excluded.first_heard "
            "ELSE meters.first_heard END, "
            "last_heard = CASE WHEN excluded.last_heard > meters.last_heard THEN excluded.last_heard "
            "ELSE meters.last_heard END, "
            "encrypted = CASE WHEN excluded.encrypted > meters.encrypted THEN excluded.encrypted "
            "ELSE meters.encrypted END, "
            "status = CASE WHEN excluded.last_heard >= meters.last_heard THEN excluded.status ELSE meters.status END")


def enter(db, telegrams, may=lambda: True) -> "dict[str, int]":
    """Enter what was heard of meters: (text, media, Unix seconds, encrypted, status) of each telegram; returns {text:
    row}, of which those never heard before are new. `may()` is asked before each of these; one that may not has no
    row."""
    heard: dict = {}
    media: dict = {}
    for text, medium, time, encrypted, status in telegrams:
        add(heard, text, time, int(encrypted), status)
        media.setdefault(text, medium)
        db.cache.last_heard.pop(text, None)
    rows = {text: row for text, row, _ in find(db, heard)}
    db.executemany(hear(1), [(rows[text], *heard[text]) for text in heard if text in rows])
    for text, (first, last, encrypted, status) in heard.items():
        if text not in rows and may():
            rows[text] = db.execute(
                "INSERT INTO meters (meter, media, first_heard, last_heard, encrypted, state, status) "
                "VALUES (?,?,?,?,?,?,?) RETURNING id",
                (text, media[text], first, last, encrypted, PENDING, status)).fetchall()[0][0]
    return rows


def heard_at(db, row: int, time: int) -> None:
    """Widen when a meter was heard, by a telegram whose time was put right."""
    db.execute("UPDATE meters SET first_heard = ? WHERE id = ? AND first_heard > ?", (time, row, time))
    db.execute("UPDATE meters SET last_heard = ? WHERE id = ? AND last_heard < ?", (time, row, time))
    db.cache.forget()
