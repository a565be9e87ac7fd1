"""How many times its bounds of a day (data/bounds.py) a gateway is given, or every gateway of the works: an operator's
decision, for the works that thins less, or the gateway that hears a town."""

from ..data.bounds import MOST_TIMES
from .keyfile import KeyFile

WORKS = ""  # in place of a gateway's id

_SCHEMA = """
CREATE TABLE IF NOT EXISTS allowances (gateway TEXT PRIMARY KEY, times INTEGER NOT NULL, since INTEGER NOT NULL)
  WITHOUT ROWID;
"""


class Allowances:
    """What was decided, in a key file; belongs to the file's thread. Gateways are named by their id."""

    def __init__(self, file: KeyFile):
        self._db = file.db
        self._db.executescript(_SCHEMA)
        self.refresh()

    def refresh(self) -> None:
        """Read anew what another process may have changed."""
        self._times: "dict[str, int]" = dict(self._db.execute("SELECT gateway, times FROM allowances"))

    def times(self, gateway: str) -> int:
        """How many times its bounds a gateway is given."""
        return max(self._times.get(gateway, 1), self._times.get(WORKS, 1))

    def all(self) -> "dict[str, int]":
        """What was decided: {gateway's id or WORKS: times}."""
        return dict(self._times)

    def give(self, gateway: str, times: int, now: int) -> None:
        """Give a gateway, or WORKS, so many times the bounds; 1 takes it back. Raises ValueError for what is not 1 to
        MOST_TIMES."""
        if not 1 <= times <= MOST_TIMES:
            raise ValueError(f"1 to {MOST_TIMES} times")
        if times == 1:
            self._db.execute("DELETE FROM allowances WHERE gateway = ?", (gateway,))
        else:
            self._db.execute("INSERT INTO allowances VALUES (?,?,?) ON CONFLICT (gateway) DO UPDATE SET "
                             "times = excluded.times, since = excluded.since", (gateway, times, now))
        self.refresh()
