"""Homes: which meters are a household's own, the link of its page, since when its residents live there."""

import secrets

from .keyfile import KeyFile, secret_hash

_SCHEMA = """
CREATE TABLE IF NOT EXISTS bindings (
  gateway TEXT NOT NULL, meter TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (gateway, meter)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS homes (
  hash BLOB PRIMARY KEY, gateway TEXT NOT NULL UNIQUE, since INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS moved_in (
  gateway TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
"""


class Homes:
    """The homes in a key file; belongs to the file's thread. A home is named by its gateway's id, times are Unix
    seconds."""

    def __init__(self, file: KeyFile):
        self._db = file.db
        self._db.executescript(_SCHEMA)

    def bind(self, gateway: str, meter: str, now: int) -> bool:
        """Say that a meter is the household's own where a gateway hangs, which alone releases its key to it."""
        return self._db.execute("INSERT OR IGNORE INTO bindings VALUES (?, ?, ?)", (gateway, meter, now)).rowcount == 1

    def unbind(self, gateway: str, meter: str) -> bool:
        """Take a binding back; False if there was none."""
        return self._db.execute("DELETE FROM bindings WHERE gateway = ? AND meter = ?", (gateway, meter)).rowcount == 1

    def bound(self, gateway: str) -> "dict[str, int]":
        """The meters bound to a gateway, and since when."""
        return dict(self._db.execute("SELECT meter, since FROM bindings WHERE gateway = ? ORDER BY meter", (gateway,)))

    def make_link(self, gateway: str, since: int) -> str:
        """A new secret for the home's own page, which shows nothing from before `since`; an earlier secret ends."""
        secret = secrets.token_urlsafe(24)
        self._db.execute("INSERT OR REPLACE INTO homes VALUES (?, ?, ?)", (secret_hash(secret), gateway, since))
        return secret

    def by_link(self, secret: str) -> "tuple[str, int] | None":
        """(gateway, since) of a home's secret."""
        return self._db.execute("SELECT gateway, since FROM homes WHERE hash = ?", (secret_hash(secret),)).fetchone()

    def since(self, gateway: str) -> "int | None":
        """From when the present residents' page shows values; None if there is no link."""
        row = self._db.execute("SELECT since FROM homes WHERE gateway = ?", (gateway,)).fetchone()
        return row[0] if row else None

    def move_in(self, gateway: str, now: int) -> None:
        """Note that a home has new residents: what is the former ones' alone is to be forgotten."""
        self._db.execute("INSERT OR REPLACE INTO moved_in VALUES (?, ?)", (gateway, now))

    def moved_in(self) -> "list[tuple[str, int]]":
        """The homes that changed hands, and when last."""
        return self._db.execute("SELECT gateway, at FROM moved_in").fetchall()

    def forget(self, gateway: str) -> None:
        """End a home's link and its bindings."""
        for table in ("homes", "bindings"):
            self._db.execute(f"DELETE FROM {table} WHERE gateway = ?", (gateway,))
