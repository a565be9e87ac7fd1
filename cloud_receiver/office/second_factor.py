"""A second factor beside the password: codes that change every half minute (TOTP, RFC 6238: SHA-1, 6 digits, 30 s), and
recovery codes for who has lost what makes them.

A code is good once, and in its own half minute or the one before or after: clocks differ. The secret must be kept as it
is, so who has access.sqlite has it; of recovery codes only hashes are kept. To see what it is good for, replace
`SecondFactors.has` (nobody has one) or `_good_once` (a code is good as often as it is shown).
"""

import base64
import hmac
import re
import secrets
import sqlite3
import urllib.parse

from .files import transaction
from .keyfile import secret_hash

STEP_S, DIGITS, NEAR = 30, 6, 1  # NEAR: steps before and after that are as good
CODES = 10  # recovery codes
_BYTES = 20  # of a secret (RFC 4226, R6)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS second_factors (
  user TEXT PRIMARY KEY, secret BLOB NOT NULL, since INTEGER, last INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recovery_codes (
  user TEXT NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (user, hash)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS access_settings (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
_REQUIRED = "second factor of administrators"


class SecondFactors:
    """Those in the accounts' file; belongs to the thread of `db`. `since`: when it was confirmed, None until then."""

    def __init__(self, db: sqlite3.Connection):
        self._db = db
        db.executescript(_SCHEMA)

    # --- of the works

    def required(self) -> bool:
        """Whether administrators must have one."""
        row = self._db.execute("SELECT value FROM access_settings WHERE name = ?", (_REQUIRED,)).fetchone()
        return bool(row and row[0])

    def require(self, required: bool) -> None:
        """Say whether administrators must have one: who has none sets one up before anything else."""
        self._db.execute("INSERT OR REPLACE INTO access_settings VALUES (?,?)", (_REQUIRED, int(required)))

    # --- of an account

    def has(self, user: str) -> bool:
        """Whether an account has one, which its log-in then asks for."""
        return self._db.execute("SELECT 1 FROM second_factors WHERE user = ? AND since IS NOT NULL",
                                (user,)).fetchone() is not None

    def codes_left(self, user: str) -> int:
        """How many recovery codes an account has not used."""
        return self._db.execute("SELECT count(*) FROM recovery_codes WHERE user = ?", (user,)).fetchone()[0]

    def begin(self, user: str) -> bytes:
        """The secret that an account is to confirm with a code, a new one at first; it asks for nothing until then."""
        self._db.execute("INSERT OR IGNORE INTO second_factors (user, secret) VALUES (?,?)",
                         (user, secrets.token_bytes(_BYTES)))
        return self._db.execute("SELECT secret FROM second_factors WHERE user = ?", (user,)).fetchone()[0]

    def confirm(self, user: str, code: str, now: int) -> "list[str] | None":
        """Have an account's log-in ask for codes from now on, if this one is right; returns its recovery codes, which
        nobody sees again."""
        if self.has(user) or not self._good_once(user, code, now):
            return None
        self._db.execute("UPDATE second_factors SET since = ? WHERE user = ?", (now, user))
        return self.new_codes(user)

    def new_codes(self, user: str) -> "list[str]":
        """New recovery codes, in place of those there were."""
        codes = [base64.b32encode(secrets.token_bytes(10)).decode() for _ in range(CODES)]
        with transaction(self._db):
            self._db.execute("DELETE FROM recovery_codes WHERE user = ?", (user,))
            self._db.executemany("INSERT INTO recovery_codes VALUES (?,?)",
                                 [(user, secret_hash(code)) for code in codes])
        return ["-".join(code[n:n + 4] for n in range(0, 16, 4)) for code in codes]

    def check(self, user: str, code: str, now: int) -> "str | None":
        """`code` or `recovery code` where one is right, and used up with it; None where it is not."""
        text = re.sub(r"[\s-]", "", code).upper()
        if self._good_once(user, text, now):
            return "code"
        used = self._db.execute("DELETE FROM recovery_codes WHERE user = ? AND hash = ?", (user, secret_hash(text)))
        return "recovery code" if used.rowcount == 1 else None

    def remove(self, user: str) -> bool:
        """Ask an account for none any more; False if it had none."""
        self._db.execute("DELETE FROM recovery_codes WHERE user = ?", (user,))
        return self._db.execute("DELETE FROM second_factors WHERE user = ?", (user,)).rowcount == 1

    def _good_once(self, user, code, now):
        row = self._db.execute("SELECT secret FROM second_factors WHERE user = ?", (user,)).fetchone()
        if row is None or not re.fullmatch(r"[0-9]{%d}" % DIGITS, code):
            return False
        step = now // STEP_S
        right = [n for n in range(step - NEAR, step + NEAR + 1) if hmac.compare_digest(code_of(row[0], n), code)]
        # Within one statement: two log-ins at once are not both good.
        return bool(right) and self._db.execute("UPDATE second_factors SET last = ? WHERE user = ? AND last < ?",
                                                (right[-1], user, right[-1])).rowcount == 1


def code_of(secret: bytes, step: int) -> str:
    """The code of a half minute, counted from 1970 (RFC 4226 5.3, RFC 6238 4.2)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at:at + 4], 'big') & 0x7FFFFFFF) % 10 ** DIGITS:0{DIGITS}}"


def text_of(secret: bytes) -> str:
    """A secret as people type it into an app: base32."""
    return base64.b32encode(secret).decode()


def address_of(secret: bytes, user: str, works: str, most: int) -> str:
    """The otpauth:// address of a secret, which apps read from a QR code; the names in it are cut where it would be
    longer than `most` characters."""
    for length in range(64, -1, -1):
        issuer, label = (urllib.parse.quote(text[:length]) for text in (f"Netti {works}", user))
        address = f"otpauth://totp/{issuer}:{label}?secret={text_of(secret)}&issuer={issuer}"
        if len(address) <= most:
            break
    return address
