"""Leave nothing of what was erased: neither in free pages nor in the log of writes.

Whatever erases leaves a mark (`mark`); while it stands, the receiver has the store write itself anew (`scrub`), each
engine in its own way. That blocks the writer for as long as the store is large: gateways are told to come back.
"""

from . import keeping

MARK = "scrub"


def mark(db) -> None:
    """Note that something was erased whose bytes are to go too."""
    keeping.write_mark(db, MARK, 1)


def scrub(db, most: int) -> "list[str]":
    """Write a store of up to `most` bytes anew where something was erased; returns what could not be done, one line
    each."""
    if not keeping.read_mark(db, MARK) or db.size() > most:
        return []
    left = db.scrub()
    keeping.write_mark(db, MARK, 0)
    return left


scrub.alone = True  # type: ignore[attr-defined]  # in no transaction with others, nor in one at all: see writer.py
