"""Accounts, sessions and API tokens of one works, in a file of their own (access.sqlite, 0600), with the audit log.

Passwords are kept as scrypt hashes; sessions and tokens as SHA-256 of what the bearer holds. The file is apart from
keys.sqlite, which changes only when people decide something: this one is written at each log-in and each look at a
home's hours.
"""

import hashlib
import os
import re
import secrets
import sqlite3
from collections import namedtuple
from pathlib import Path

from ..data.clock import DAY, HOUR
from .audit import Audit
from .browsers import Browsers
from .files import database, transaction
from .keyfile import KeyFile, secret_hash
from .roles import FACTOR, ROLES, STAFF, Who
from .second_factor import SecondFactors

SESSION_S = 12 * HOUR
LEAST_PASSWORD = 12  # characters
TOKEN_PREFIX = "netti_"
MOST_TOKEN_DAYS = 3 * 365
# What an account or a token may be called; also the form's pattern, where browsers want the - escaped.
NAME = r"[a-z0-9][a-z0-9._@\-]{0,63}"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
  name TEXT PRIMARY KEY, salt BLOB NOT NULL, hash BLOB NOT NULL, role TEXT NOT NULL, made INTEGER NOT NULL,
  home TEXT, last INTEGER, disabled INTEGER, once INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (
  hash BLOB PRIMARY KEY, user TEXT NOT NULL, csrf TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS api_tokens (
  name TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, role TEXT NOT NULL, made INTEGER NOT NULL, until INTEGER NOT NULL,
  revoked INTEGER) WITHOUT ROWID;
"""
# Columns that files of earlier releases lack.
_SINCE = (("last", "INTEGER"), ("disabled", "INTEGER"), ("once", "INTEGER NOT NULL DEFAULT 0"))

# last: the latest log-in; disabled: since when; once: whether its password is one to be replaced at the first log-in.
Person = namedtuple("Person", ("name", "role", "made", "home", "last", "disabled", "once"))


def is_name(text: str) -> bool:
    """Whether a new account or token may be called that."""
    return re.fullmatch(NAME, text) is not None


def password_hash(password: str, salt: bytes) -> bytes:
    """scrypt at 32 MiB, about a tenth of a second."""
    return hashlib.scrypt(password.encode("utf-8", "surrogateescape"), salt=salt, n=1 << 15, r=8, p=1, maxmem=1 << 26,
                          dklen=32)


def new_hash(password: str) -> "tuple[bytes, bytes]":
    """A new salt, and the hash of a password with it."""
    salt = os.urandom(16)
    return salt, password_hash(password, salt)


class Accounts:
    """The file; its methods belong to one thread. `audit`: the log in it."""

    def __init__(self, path: "str | os.PathLike[str]", keyfile: "KeyFile | None" = None):
        """`keyfile`: the works', where earlier releases kept accounts; they are moved from it."""
        self.path = Path(path)
        self.db = database(self.path, _SCHEMA, timeout=2)
        columns = {row[1] for row in self.db.execute("PRAGMA table_info(users)")}
        for column, kind in _SINCE:
            if column not in columns:
                self.db.execute(f"ALTER TABLE users ADD COLUMN {column} {kind}")
        self.audit, self.browsers = Audit(self.path, self.db), Browsers(self.db)
        self.second = SecondFactors(self.db)
        if keyfile is not None:
            self._take_over(keyfile.db)

    def _take_over(self, old):
        if not old.execute("SELECT 1 FROM sqlite_master WHERE name = 'users'").fetchone():
            return
        self.db.executemany("INSERT OR IGNORE INTO users (name, salt, hash, role, made) VALUES (?,?,?,?,?)",
                            old.execute("SELECT name, salt, hash, role, made FROM users").fetchall())
        old.executescript("BEGIN; DROP TABLE users; DROP TABLE IF EXISTS sessions; COMMIT;")

    def close(self) -> None:
        """Close the file."""
        self.audit.close()
        self.db.close()

    # --- accounts

    def put(self, name: str, password: str, now: int, role: str = "administrator", home: "str | None" = None,
            once: bool = False) -> bool:
        """Make an account or give it a new password and role, which ends its sessions and enables it; True if it is
        new. `once`: whoever logs in with the password has to choose another."""
        if role not in ROLES or (role == "homeowner") != (home is not None):
            raise ValueError(f"no role called {role}, or no home to it")
        salt, hashed = new_hash(password)
        with transaction(self.db):
            new = self.db.execute("SELECT 1 FROM users WHERE name = ?", (name,)).fetchone() is None
            self.db.execute("INSERT INTO users (name, salt, hash, role, made, home, once) VALUES (?,?,?,?,?,?,?) "
                            "ON CONFLICT (name) DO UPDATE SET salt = excluded.salt, hash = excluded.hash, "
                            "role = excluded.role, made = excluded.made, home = excluded.home, once = excluded.once, "
                            "disabled = NULL", (name, salt, hashed, role, now, home, once))
            self.end_all(name)
        return new

    def set_role(self, name: str, role: str) -> None:
        """Give an account of the works another role, also in its running sessions."""
        if role not in STAFF:
            raise ValueError(f"no role called {role} of the works")
        self.db.execute("UPDATE users SET role = ? WHERE name = ? AND home IS NULL", (role, name))

    def disable(self, name: str, since: "int | None") -> None:
        """Let nobody log in to an account and end its sessions; None: let them again."""
        with transaction(self.db):
            self.db.execute("UPDATE users SET disabled = ? WHERE name = ?", (since, name))
            self.end_all(name)

    def remove(self, name: str) -> bool:
        """End an account and its sessions; False if there is none."""
        with transaction(self.db):
            self.end_all(name)
            self.second.remove(name)
            return self.db.execute("DELETE FROM users WHERE name = ?", (name,)).rowcount == 1

    def end_all(self, name: str) -> None:
        """End an account's sessions, and forget the browsers it logged in with."""
        self.db.execute("DELETE FROM sessions WHERE user = ?", (name,))
        self.browsers.forget(name)

    def users(self) -> "list[tuple[str, str, int, str | None]]":
        """(name, role, made, home) of every account."""
        return self.db.execute("SELECT name, role, made, home FROM users ORDER BY name").fetchall()

    def people(self) -> "list[Person]":
        """Every account."""
        return [Person._make(row) for row in self.db.execute(
            f"SELECT {', '.join(Person._fields)} FROM users ORDER BY name")]

    def of_home(self, gateway: str) -> "list[str]":
        """The homeowners' accounts of a home."""
        return [row[0] for row in self.db.execute("SELECT name FROM users WHERE home = ? ORDER BY name", (gateway,))]

    def salt_and_hash(self, name: str) -> "tuple[bytes, bytes]":
        """What a password is checked against; for an unknown name something that takes as long and never fits."""
        row = self.db.execute("SELECT salt, hash FROM users WHERE name = ?", (name,)).fetchone()
        return row or (bytes(16), bytes(32))

    # --- sessions

    def begin(self, name: str, expected: bytes, now: int, second: bool = False) -> "str | None":
        """A new session for who has shown the password of this hash, and, as `second` says, a second factor; returns
        its cookie, None if the account has changed meanwhile, is disabled, or has a second factor not shown."""
        if not second and self.second.has(name):
            return None
        cookie = secrets.token_urlsafe(24)
        with transaction(self.db):
            self.db.execute("DELETE FROM sessions WHERE until < ?", (now,))
            made = self.db.execute("INSERT INTO sessions SELECT ?, name, ?, ? FROM users "
                                   "WHERE name = ? AND hash = ? AND disabled IS NULL",
                                   (secret_hash(cookie), secrets.token_urlsafe(18), now + SESSION_S, name, expected))
            if made.rowcount == 1:
                self.db.execute("UPDATE users SET last = ? WHERE name = ?", (now, name))
        return cookie if made.rowcount == 1 else None

    def session(self, cookie: str, now: int) -> "Who | None":
        """Whose session a cookie is, if it still runs."""
        row = self.db.execute("SELECT s.user, u.role, 'session', s.csrf, u.home, u.once FROM sessions s "
                              "JOIN users u ON u.name = s.user WHERE s.hash = ? AND s.until > ? "
                              "AND u.disabled IS NULL", (secret_hash(cookie), now)).fetchone()
        if row is None:
            return None
        who = Who(*row)
        if not who.once and who.role == "administrator" and self.second.required() and not self.second.has(who.name):
            return who._replace(once=FACTOR)
        return who

    def end(self, cookie: str) -> None:
        """End a session."""
        self.db.execute("DELETE FROM sessions WHERE hash = ?", (secret_hash(cookie),))

    # --- API tokens

    def make_token(self, name: str, role: str, days: int, now: int) -> str:
        """A new token for a program; raises ValueError where the name is taken. Only its hash is kept."""
        if role not in STAFF or role == "administrator" or not 1 <= days <= MOST_TOKEN_DAYS:
            raise ValueError(f"a token's role is reader, operations or installer, its time 1 to {MOST_TOKEN_DAYS} days")
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        try:
            self.db.execute("INSERT INTO api_tokens VALUES (?,?,?,?,?,NULL)",
                            (name, secret_hash(token), role, now, now + days * DAY))
        except sqlite3.IntegrityError:
            raise ValueError(f"there is a token called {name} already (its name stays in the audit log)") from None
        return token

    def revoke_token(self, name: str, now: int) -> bool:
        """End a token; False if there is none that runs."""
        return self.db.execute("UPDATE api_tokens SET revoked = ? WHERE name = ? AND revoked IS NULL",
                               (now, name)).rowcount == 1

    def tokens(self) -> "list[tuple[str, str, int, int, int | None]]":
        """(name, role, made, until, revoked) of every token, ended ones too."""
        return self.db.execute("SELECT name, role, made, until, revoked FROM api_tokens ORDER BY made, name").fetchall()

    def bearer(self, token: str, now: int) -> "Who | None":
        """Whose token it is, if it still runs."""
        row = self.db.execute("SELECT name, role, 'token', '', NULL FROM api_tokens "
                              "WHERE hash = ? AND until > ? AND revoked IS NULL", (secret_hash(token), now)).fetchone()
        return None if row is None else Who(*row)
