"""The browsers that somebody has logged in with: each is counted apart from the address that it comes from, so that
nobody else behind that address can make its owner wait.

A browser holds a random cookie, of which the hash is kept. It opens nothing; whoever has it still needs the password.
"""

import secrets
import sqlite3

from ..data.clock import DAY
from .keyfile import secret_hash

_SCHEMA = """
CREATE TABLE IF NOT EXISTS browsers (
  hash BLOB PRIMARY KEY, user TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
"""
KEPT_S = 365 * DAY
MOST = 10  # of an account; the oldest go


class Browsers:
    """Those in the accounts' file; belongs to the thread of `db`."""

    def __init__(self, db: sqlite3.Connection):
        self._db = db
        db.executescript(_SCHEMA)

    def remember(self, user: str, now: int) -> str:
        """A new cookie for a browser that an account has just logged in with."""
        cookie = secrets.token_urlsafe(24)
        self._db.execute("INSERT INTO browsers VALUES (?,?,?)", (secret_hash(cookie), user, now + KEPT_S))
        self._db.execute("DELETE FROM browsers WHERE user = ?1 AND hash NOT IN (SELECT hash FROM browsers "
                         "WHERE user = ?1 AND until > ?2 ORDER BY until DESC LIMIT ?3)", (user, now, MOST))
        return cookie

    def known(self, cookie: str, user: str, now: int) -> "str | None":
        """What a browser is counted under, if the account has logged in with it before."""
        hashed = secret_hash(cookie)
        row = self._db.execute("SELECT 1 FROM browsers WHERE hash = ? AND user = ? AND until > ?",
                               (hashed, user, now)).fetchone()
        return hashed.hex() if row else None

    def forget(self, user: str) -> None:
        """Those of an account; within the caller's transaction."""
        self._db.execute("DELETE FROM browsers WHERE user = ?", (user,))
