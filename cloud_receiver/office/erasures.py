"""What is to be forgotten of people: decided here, carried out in the store (operations/keeping.py)."""

import json

from ..data.clock import DAY
from .enrolled import Enrolled
from .files import transaction
from .homes import Homes
from .keyfile import KeyFile

_SCHEMA = """
CREATE TABLE IF NOT EXISTS erased (
  id INTEGER PRIMARY KEY, gateway TEXT, meters TEXT NOT NULL, before INTEGER NOT NULL, at INTEGER NOT NULL,
  done INTEGER);
"""
LATE_S = 60 * DAY  # how long after an erasure its gateway may still deliver something older


class Erasures:
    """The erasures in a key file; belongs to the file's thread."""

    def __init__(self, file: KeyFile, homes: Homes, enrolled: Enrolled):
        """`homes`, `enrolled`: of the same file."""
        self._db, self._homes, self._enrolled = file.db, homes, enrolled
        self._db.executescript(_SCHEMA)

    def add(self, gateway: "str | None", meters: "list[str]", before: int, now: int) -> None:
        """Forget the people of a home (None: only a meter's) here, and note that the store is to forget what they did
        before a time."""
        with transaction(self._db):
            if gateway is not None:
                self._homes.forget(gateway)
                self._enrolled.forget_name(gateway)
            self._db.execute("INSERT INTO erased (gateway, meters, before, at) VALUES (?,?,?,?)",
                             (gateway, json.dumps(meters), before, now))

    def due(self, now: int) -> "list[tuple[int, str | None, list[str], int]]":
        """(id, gateway, meters, before) of the erasures to be carried out in the store: new ones, and for LATE_S once
        a day those that were, as a gateway may deliver late."""
        return [(number, gateway, json.loads(meters), before) for number, gateway, meters, before in self._db.execute(
            "SELECT id, gateway, meters, before FROM erased WHERE done IS NULL OR (at > ? AND done < ?)",
            (now - LATE_S, now - DAY))]

    def done(self, number: int, now: int) -> None:
        """Note that the store has forgotten."""
        self._db.execute("UPDATE erased SET done = ? WHERE id = ?", (now, number))

    def all_again(self) -> None:
        """Have every erasure carried out anew: the store has been put back to an earlier state."""
        self._db.execute("UPDATE erased SET done = NULL")
