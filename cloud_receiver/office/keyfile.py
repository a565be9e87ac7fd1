"""The file of what people decide and what must stay secret, apart from the readings (keys.sqlite, 0600).

Meter keys, enrolment tokens (as hashes), who is enrolled, revocations, which meter belongs to which home, links of
homes (as hashes), erasures, orders, stages of releases: each table stands with the module that reads and writes it. A
store restored from a backup thus forgets no decision. Several processes may write the file (the running receiver,
`netti keys`, `netti receiver`), so it keeps SQLite's rollback journal.
"""

import hashlib
import os
from pathlib import Path

from .files import database

WAIT_S = 10  # for another process that writes the file


class KeyFile:
    """One connection to the file, for one thread."""

    def __init__(self, path: "str | os.PathLike[str]"):
        self.path = Path(path)
        self.db = database(self.path, "", timeout=WAIT_S)

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def stamp(self) -> int:
        """A number that changes whenever another object or process has changed the file."""
        return self.db.execute("PRAGMA data_version").fetchone()[0]


def secret_hash(secret: str) -> bytes:
    """What is kept of a secret that people hold: the SHA-256 of its text, which may be any a request can carry."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()  # an address may hold any byte
