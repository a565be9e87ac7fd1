"""What people decided about readings: held back, accepted or refused; a meter replaced, its Q4. Decided here, carried
out in the store (operations/keeping.py), and again in one that was put back to an earlier state."""

from collections import namedtuple

from .keyfile import KeyFile

_SCHEMA = """
CREATE TABLE IF NOT EXISTS decided (
  id INTEGER PRIMARY KEY, meter TEXT NOT NULL, act TEXT NOT NULL, telegram INTEGER, time INTEGER, until INTEGER,
  at INTEGER NOT NULL, done INTEGER);
"""
ACCEPT = "accept"      # a reading held back is the meter's, and what comes is judged from it on
CORRECT = "correct"    # the same, and what was entered before and contradicts it was not the meter's
REFUSE = "refuse"      # a reading held back is not the meter's
WITHDRAW = "withdraw"  # what was entered from one time to another is not the meter's
REPLACED = "replaced"  # from a time on it is another meter, or set anew
Q4 = "q4"              # litres per hour that the meter lets through; 0: not known
ACTS = (ACCEPT, CORRECT, REFUSE, WITHDRAW, REPLACED, Q4)

# telegram: the row of the one held back, or None; time: its time, or from when; until: WITHDRAW's end, Q4's litres.
Decision = namedtuple("Decision", ("id", "meter", "act", "telegram", "time", "until"))


class Decisions:
    """The decisions in a key file; belongs to the file's thread."""

    def __init__(self, file: KeyFile):
        self._db = file.db
        self._db.executescript(_SCHEMA)

    def add(self, meter: str, act: str, now: int, telegram: "int | None" = None, time: "int | None" = None,
            until: "int | None" = None) -> None:
        """Note what the store is to do."""
        self._db.execute("INSERT INTO decided (meter, act, telegram, time, until, at) VALUES (?,?,?,?,?,?)",
                         (meter, act, telegram, time, until, now))

    def due(self) -> "list[Decision]":
        """The decisions that the store has not carried out, in their order."""
        return [Decision._make(row) for row in self._db.execute(
            "SELECT id, meter, act, telegram, time, until FROM decided WHERE done IS NULL ORDER BY id")]

    def done(self, number: int, now: int) -> None:
        """Note that the store has carried one out."""
        self._db.execute("UPDATE decided SET done = ? WHERE id = ?", (now, number))

    def all_again(self) -> None:
        """Have every decision carried out anew: the store has been put back to an earlier state."""
        self._db.execute("UPDATE decided SET done = NULL")
