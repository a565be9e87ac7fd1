"""Which gateways belong to the works: one-time tokens, who enrolled with one, who is revoked."""

import secrets
from collections import namedtuple

from .files import transaction
from .keyfile import KeyFile, secret_hash

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tokens (
  hash BLOB PRIMARY KEY, made INTEGER NOT NULL, used_by BLOB, used INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS enrolled (
  gateway TEXT PRIMARY KEY, public_key BLOB NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, since INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS revoked (
  gateway TEXT PRIMARY KEY, since INTEGER NOT NULL) WITHOUT ROWID;
"""

# id: the gateway's; public_key: 32 bytes; kind: home, concentrator or drive-by; since: Unix seconds.
Gateway = namedtuple("Gateway", ("id", "public_key", "kind", "name", "since"))


class Enrolled:
    """The gateways in a key file; belongs to the file's thread. Gateways are named by their id."""

    def __init__(self, file: KeyFile):
        self._db = file.db
        self._db.executescript(_SCHEMA)
        self.refresh()

    def refresh(self) -> None:
        """Read anew who is revoked, after another process may have changed it."""
        self._revoked: "dict[str, int]" = dict(self._db.execute("SELECT gateway, since FROM revoked"))

    def make_token(self, now: int) -> str:
        """A new one-time secret; only its hash is kept."""
        secret = secrets.token_urlsafe(18)
        self._db.execute("INSERT INTO tokens VALUES (?, ?, NULL, NULL)", (secret_hash(secret), now))
        return secret

    def has_token(self, secret: str) -> bool:
        """Whether a secret was ever given out, spent or not."""
        return self._db.execute("SELECT 1 FROM tokens WHERE hash = ?", (secret_hash(secret),)).fetchone() is not None

    def use_token(self, secret: str, public_key: bytes, now: int, gateway: str = "", kind: str = "home",
                  name: str = "") -> bool:
        """Spend a secret for a gateway's key, and keep that it is enrolled; the same key may come again (its answer was
        lost), another may not."""
        with transaction(self._db):
            done = self._db.execute(
                "UPDATE tokens SET used_by = ?, used = coalesce(used, ?) "
                "WHERE hash = ? AND (used_by IS NULL OR used_by = ?)",
                (public_key, now, secret_hash(secret), public_key))
            if done.rowcount == 1 and gateway:
                self._db.execute("INSERT INTO enrolled VALUES (?,?,?,?,?) ON CONFLICT (gateway) DO UPDATE SET "
                                 "kind = excluded.kind, name = CASE WHEN excluded.name = '' THEN name "
                                 "ELSE excluded.name END", (gateway, public_key, kind, name, now))
        return done.rowcount == 1

    def all(self) -> "list[Gateway]":
        """Every enrolled gateway, the revoked too, those of longest standing first."""
        return [Gateway._make(row) for row in self._db.execute(
            "SELECT gateway, public_key, kind, name, since FROM enrolled ORDER BY since")]

    def ids(self) -> "list[str]":
        """Their ids."""
        return [gateway.id for gateway in self.all()]

    def get(self, gateway: str) -> "Gateway | None":
        """One of them."""
        return next((g for g in self.all() if g.id == gateway), None)

    def forget_name(self, gateway: str) -> None:
        """Forget what a gateway is called, which may be its home's address."""
        self._db.execute("UPDATE enrolled SET name = '' WHERE gateway = ?", (gateway,))

    def revoke(self, gateway: str, now: int) -> bool:
        """Refuse a gateway from now on; False if it was revoked already."""
        changed = self._db.execute("INSERT OR IGNORE INTO revoked VALUES (?, ?)", (gateway, now)).rowcount == 1
        self.refresh()
        return changed

    def reinstate(self, gateway: str) -> bool:
        """Take a revocation back; False if there was none."""
        changed = self._db.execute("DELETE FROM revoked WHERE gateway = ?", (gateway,)).rowcount == 1
        self.refresh()
        return changed

    def revoked(self) -> "dict[str, int]":
        """The revoked gateways, and since when; what another process has changed is seen after `refresh`."""
        return self._revoked
