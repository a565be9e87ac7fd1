"""Batches of gateways that were stolen: what one sent from a day on is set aside, let in again, or removed. Decided
here, carried out in the store (operations/keeping.py), and again in one that was put back to an earlier state."""

from collections import namedtuple

from .keyfile import KeyFile

_SCHEMA = """
CREATE TABLE IF NOT EXISTS quarantines (
  id INTEGER PRIMARY KEY, gateway TEXT NOT NULL, act TEXT NOT NULL, since INTEGER NOT NULL, at INTEGER NOT NULL,
  done INTEGER);
"""
SET_ASIDE = "set aside"  # telegrams received since then, of this gateway alone, tell nothing
RELEASE = "release"      # those set aside are decoded and judged as if they had just come
REMOVE = "remove"        # those set aside are deleted
ACTS = (SET_ASIDE, RELEASE, REMOVE)

# since: Unix seconds, 0 for RELEASE and REMOVE; at: when it was decided; done: when it was carried out, or None.
Quarantine = namedtuple("Quarantine", ("id", "gateway", "act", "since", "at", "done"))


class Quarantines:
    """Those in a key file; belongs to the file's thread. Gateways are named by their id."""

    def __init__(self, file: KeyFile):
        self._db = file.db
        self._db.executescript(_SCHEMA)

    def add(self, gateway: str, act: str, since: int, now: int) -> None:
        """Note what the store is to do."""
        self._db.execute("INSERT INTO quarantines (gateway, act, since, at) VALUES (?,?,?,?)",
                         (gateway, act, since, now))

    def due(self) -> "list[Quarantine]":
        """What the store has not carried out, in its order."""
        return self._rows("WHERE done IS NULL ORDER BY id")

    def of(self, gateway: str) -> "list[Quarantine]":
        """What was decided of a gateway, the latest last."""
        return self._rows("WHERE gateway = ? ORDER BY id", gateway)

    def since(self, gateway: str) -> "int | None":
        """From when on what a gateway sent is set aside, None where it is not."""
        last = self.of(gateway)[-1:]
        return last[0].since if last and last[0].act == SET_ASIDE else None

    def done(self, number: int, now: int) -> None:
        """Note that the store has carried one out."""
        self._db.execute("UPDATE quarantines SET done = ? WHERE id = ?", (now, number))

    def all_again(self) -> None:
        """Have all carried out anew: the store has been put back to an earlier state."""
        self._db.execute("UPDATE quarantines SET done = NULL")

    def _rows(self, where, *values):
        return [Quarantine._make(row) for row in self._db.execute(
            f"SELECT {', '.join(Quarantine._fields)} FROM quarantines {where}", values)]
