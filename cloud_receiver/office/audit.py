"""The audit log of one works: who looked at whose hourly values, and who changed what.

It lies in the accounts' file (access.sqlite), beside its table of users; triggers let no line be changed or deleted.
What a line is about happens only once the line is durable.
"""

import asyncio
import concurrent.futures
import sqlite3
from collections import namedtuple
from pathlib import Path
from typing import Iterator

from ..data.clock import iso
from .roles import Who

_SCHEMA = """
CREATE TABLE IF NOT EXISTS audit (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, role TEXT NOT NULL, via TEXT NOT NULL,
  what TEXT NOT NULL, subject TEXT NOT NULL, start INTEGER, "end" INTEGER, purpose TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS audit_stays BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit log stays'); END;
CREATE TRIGGER IF NOT EXISTS audit_is BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit log stays'); END;
"""
_COLUMNS = 'id, at, who, role, via, what, subject, start, "end", purpose'
# A homeowner's account is called by its home's gateway: the log stays, and people's names are not to.
_HOME = "coalesce((SELECT home FROM users WHERE name = {0}), {0})"
_ADD = ('INSERT INTO audit (at, who, role, via, what, subject, start, "end", purpose) '
        f"VALUES (?1,{_HOME.format('?2')},?3,?4,?5,{_HOME.format('?6')},?7,?8,?9)")
WAIT_S = 5.0  # for another process that writes the file

# at, start and end: Unix seconds, the latter two of what was looked at; subject: a meter, a gateway, an account, all.
Line = namedtuple("Line", ("id", "at", "who", "role", "via", "what", "subject", "start", "end", "purpose"))


class Unwritable(Exception):
    """A line could not be made durable; what it is about must not happen. The text is one line for whoever asked."""


class Audit:
    """The log; its methods belong to the thread of `db`, but for `note`, which has a thread of its own."""

    def __init__(self, path: Path, db: sqlite3.Connection):
        """`db`: an open connection to the file at `path`."""
        self.path, self.db = path, db
        db.executescript(_SCHEMA)
        self.wait_s = WAIT_S
        self._thread: "concurrent.futures.ThreadPoolExecutor | None" = None
        self._own: "sqlite3.Connection | None" = None  # the thread's connection

    def close(self) -> None:
        """End the thread and its connection; `db` is left to whoever opened it."""
        if self._thread is not None:
            self._thread.shutdown(wait=True)
        if self._own is not None:
            self._own.close()

    def write(self, now: int, who: Who, what: str, subject: str, start: "int | None" = None, end: "int | None" = None,
              purpose: str = "") -> None:
        """Add a line; durable when it returns. Raises sqlite3.Error."""
        self.db.execute(_ADD, (now, who.name, who.role, who.via, what, subject, start, end, purpose))

    async def note(self, now: int, who: Who, what: str, subject: str, start: "int | None" = None,
                   end: "int | None" = None, purpose: str = "") -> None:
        """Add a line off the event loop; durable when it returns. Raises Unwritable."""
        if self._thread is None:
            self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="audit")
        line = (now, who.name, who.role, who.via, what, subject, start, end, purpose)
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._add, line)
        except sqlite3.Error:
            raise Unwritable("the audit log cannot be written, so nothing is shown") from None

    def _add(self, line):
        if self._own is None:
            self._own = sqlite3.connect(self.path, timeout=self.wait_s, isolation_level=None, check_same_thread=False)
            self._own.execute("PRAGMA synchronous=FULL")
        self._own.execute(_ADD, line)

    def latest(self, subject: str = "", limit: int = 1000) -> "list[Line]":
        """The newest lines first, of one subject where one is named."""
        return [Line._make(row) for row in self.db.execute(
            f"SELECT {_COLUMNS} FROM audit WHERE (?1 = '' OR subject = ?1) ORDER BY id DESC LIMIT ?2",
            (subject, limit))]

    def piece(self, after: int, limit: int) -> "list[Line]":
        """The lines behind an id, oldest first."""
        return [Line._make(row) for row in self.db.execute(
            f"SELECT {_COLUMNS} FROM audit WHERE id > ? ORDER BY id LIMIT ?", (after, limit))]

    def lines(self) -> "Iterator[Line]":
        """Every line, oldest first, for an export."""
        return map(Line._make, self.db.execute(f"SELECT {_COLUMNS} FROM audit ORDER BY id"))


def exported(line: Line) -> dict:
    """A line as it is handed out: by field, times as ISO 8601 in UTC."""
    return dict(line._asdict(), at=iso(line.at), start=iso(line.start), end=iso(line.end))
