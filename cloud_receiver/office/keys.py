"""What people decide and what must stay secret, in a file apart from the readings (keys.sqlite, 0600).

Meter keys, enrolment tokens (as hashes), who is enrolled, revocations, which meter belongs to which home, links of
homes (as hashes), commands. A store restored from a backup thus forgets no decision.

Meter keys lie in it sealed under a KEK that is kept elsewhere (kek.py). A meter that got another key keeps its earlier
ones, each for the telegrams from before it was replaced: what comes in late or is decoded again still opens, and an old
key that got into other hands opens nothing new.

Several processes may write it (the running receiver, `netti keys`, `netti receiver`), so it keeps SQLite's rollback
journal. Keys leave it only to the decoder and, for a gateway's own meters, into an answer; they are never logged and
never listed.
"""

import csv
import hashlib
import io
import json
import os
import secrets
from collections import namedtuple
from pathlib import Path

import wmbus

from ..data.clock import DAY
from . import kek
from .files import database, transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sealed_keys (
  meter TEXT NOT NULL, number INTEGER NOT NULL, sealed BLOB NOT NULL, kek BLOB NOT NULL, added INTEGER NOT NULL,
  replaced INTEGER, PRIMARY KEY (meter, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changes (what TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tokens (
  hash BLOB PRIMARY KEY, made INTEGER NOT NULL, used_by BLOB, used INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS enrolled (
  gateway TEXT PRIMARY KEY, public_key BLOB NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, since INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS revoked (
  gateway TEXT PRIMARY KEY, since INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bindings (
  gateway TEXT NOT NULL, meter TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (gateway, meter)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS homes (
  hash BLOB PRIMARY KEY, gateway TEXT NOT NULL UNIQUE, since INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS moved_in (
  gateway TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS erased (
  id INTEGER PRIMARY KEY, gateway TEXT, meters TEXT NOT NULL, before INTEGER NOT NULL, at INTEGER NOT NULL,
  done INTEGER);
CREATE TABLE IF NOT EXISTS commands (
  gateway TEXT NOT NULL, counter INTEGER NOT NULL, name TEXT NOT NULL, arguments BLOB NOT NULL,
  not_after INTEGER NOT NULL, made INTEGER NOT NULL, code INTEGER, text TEXT, answered INTEGER,
  PRIMARY KEY (gateway, counter)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS commands_open ON commands (gateway) WHERE answered IS NULL;
"""

LATE_S = 60 * DAY  # how long after an erasure its gateway may still deliver something older
EARLIER = 3  # keys kept of a meter beside the present one
# key: 16 bytes; replaced: None for the present key, else until when (Unix seconds) telegrams may be its.
MeterKey = namedtuple("MeterKey", ("key", "replaced"))
# line: in the file; meter: its text or None; verdict: added, unchanged, replaced or bad; reason: why bad.
Verdict = namedtuple("Verdict", ("line", "meter", "verdict", "reason"))


class KeyStore:
    """The file; each object belongs to one thread."""

    def __init__(self, path: "str | os.PathLike[str]"):
        self.path = Path(path)
        self.db = database(self.path, _SCHEMA, timeout=10)
        self._keks: "dict[bytes, kek.Kek] | None" = None

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def stamp(self) -> int:
        """A number that changes whenever another object or process has changed the file."""
        return self.db.execute("PRAGMA data_version").fetchone()[0]

    # --- the KEK

    def _kek(self, kek_id: "bytes | None" = None) -> kek.Kek:
        """The KEK of an id; without one the KEK to seal with, which is the one the kept keys are under. Raises
        Locked."""
        for again in (False, True):  # another process may have rotated it meanwhile
            if self._keks is None or again:
                self._keks = {k.id: k for k in kek.found(self.path.parent)}
            under = kek_id or self._any_under()
            if under is None and self._keks:
                return next(iter(self._keks.values()))
            if under in self._keks:
                return self._keks[under]
        if not self._keks:
            raise kek.Locked(f"no KEK for the meter keys of {self.path}: {kek.HOW}")
        raise kek.Locked(f"the meter keys of {self.path} are not under the KEK of "
                         f"{' or '.join(k.source for k in self._keks.values())}")

    def _any_under(self):
        row = self.db.execute("SELECT kek FROM sealed_keys LIMIT 1").fetchone()  # all are under one
        return row[0] if row else None

    def under(self) -> "set[bytes]":
        """The id of the KEK that the meter keys are under; nothing where there are none."""
        return {row[0] for row in self.db.execute("SELECT DISTINCT kek FROM sealed_keys")}

    def unlock(self) -> None:
        """Check that the meter keys can be read, and seal those that an earlier release kept in plain text. Raises
        Locked; a store without meter keys needs no KEK."""
        plain = self.db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meter_keys'").fetchone()
        if self._any_under() is not None or (plain and self.db.execute("SELECT 1 FROM meter_keys LIMIT 1").fetchone()):
            self._kek()
        if plain:
            self._seal_plain()

    def _seal_plain(self):
        with transaction(self.db):
            if not self.db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meter_keys'").fetchone():
                return  # another process was faster
            for meter, key, added in self.db.execute("SELECT meter, key, added FROM meter_keys").fetchall():
                self._put(meter, key, added)
            self.db.execute("DROP TABLE meter_keys")
        self.db.execute("VACUUM")  # so that no page of the file holds what was in plain text

    def rotate(self, new: kek.Kek) -> int:
        """Seal every meter key anew under another KEK, all or none; returns how many. Raises Locked."""
        self.unlock()
        with transaction(self.db):
            rows = self.db.execute("SELECT meter, number, sealed, kek FROM sealed_keys").fetchall()
            for meter, number, sealed, under in rows:
                try:
                    anew = new.seal(meter, self._kek(under).open(meter, sealed))
                except ValueError as e:
                    raise kek.Locked(f"{e}; take it away (netti keys remove) and import it again") from None
                self.db.execute("UPDATE sealed_keys SET sealed = ?, kek = ? WHERE meter = ? AND number = ?",
                                (anew, new.id, meter, number))
        self.db.execute("VACUUM")
        self._keks = None
        return len(rows)

    # --- meter keys

    def put(self, meter: str, key: bytes, now: int) -> str:
        """Keep a meter's key; returns added, unchanged or replaced. Raises Locked."""
        self.unlock()
        with transaction(self.db):
            return self._put(meter, key, now)

    def _put(self, meter, key, now):
        there = self.db.execute("SELECT number, sealed, kek FROM sealed_keys WHERE meter = ? AND replaced IS NULL",
                                (meter,)).fetchone()
        if there and self._opens(meter, there[1], there[2]) == key:
            return "unchanged"
        seal = self._kek()
        number = 1
        if there:
            number = there[0] + 1
            self.db.execute("UPDATE sealed_keys SET replaced = ? WHERE meter = ? AND number = ?",
                            (now, meter, there[0]))
            self.db.execute("DELETE FROM sealed_keys WHERE meter = ? AND number < ?", (meter, number - EARLIER))
        self.db.execute("INSERT INTO sealed_keys VALUES (?,?,?,?,?,NULL)",
                        (meter, number, seal.seal(meter, key), seal.id, now))
        self._changed()
        return "replaced" if there else "added"

    def _opens(self, meter, sealed, under):
        try:
            return self._kek(under).open(meter, sealed)
        except ValueError:
            return None  # damaged: like no key, until it is imported again

    def _changed(self):
        self.db.execute("INSERT INTO changes VALUES ('meter keys', 1) ON CONFLICT (what) DO UPDATE SET "
                        "number = number + 1")

    def meter_keys_changed(self) -> int:
        """A number that changes with every meter key."""
        row = self.db.execute("SELECT number FROM changes WHERE what = 'meter keys'").fetchone()
        return row[0] if row else 0

    def remove(self, meter: str, earlier_only: bool = False) -> int:
        """Forget a meter's keys, or only those before the present one; returns how many."""
        with transaction(self.db):
            gone = self.db.execute("DELETE FROM sealed_keys WHERE meter = ? AND (replaced IS NOT NULL OR NOT ?)",
                                   (meter, earlier_only)).rowcount
            if gone:
                self._changed()
        return gone

    def key(self, meter: str) -> "bytes | None":
        """A meter's present key, or None. Raises Locked."""
        row = self.db.execute("SELECT sealed, kek FROM sealed_keys WHERE meter = ? AND replaced IS NULL",
                              (meter,)).fetchone()
        return None if row is None else self._opens(meter, *row)

    def rings(self) -> "dict[str, tuple[MeterKey, ...]]":
        """Every meter's keys by the meter's text, the present one first. Raises Locked."""
        self.unlock()
        found: "dict[str, list[MeterKey]]" = {}
        for meter, sealed, under, replaced in self.db.execute(
                "SELECT meter, sealed, kek, replaced FROM sealed_keys ORDER BY meter, number DESC").fetchall():
            key = self._opens(meter, sealed, under)
            if key is not None:
                found.setdefault(meter, []).append(MeterKey(key, replaced))
        return {meter: tuple(ring) for meter, ring in found.items()}

    def keys(self) -> "dict[str, bytes]":
        """Every meter's present key by the meter's text. Raises Locked."""
        return {meter: ring[0].key for meter, ring in self.rings().items() if ring[0].replaced is None}

    def damaged(self) -> "list[str]":
        """The meters whose present key is kept but does not open. Raises Locked."""
        return [meter for meter, sealed, under in self.db.execute(
            "SELECT meter, sealed, kek FROM sealed_keys WHERE replaced IS NULL ORDER BY meter").fetchall()
            if self._opens(meter, sealed, under) is None]

    def meters(self) -> "list[tuple[str, int]]":
        """The meters that have a key, and since when; never the keys."""
        return self.db.execute("SELECT meter, added FROM sealed_keys WHERE replaced IS NULL ORDER BY meter").fetchall()

    def import_csv(self, text: str, now: int) -> "list[Verdict]":
        """Keep the keys of a CSV: `meter;key` or `manufacturer;id;version;type;key`. A verdict per row; good rows
        are kept even where others are bad."""
        verdicts: "list[Verdict]" = []
        seen: "dict[str, bytes]" = {}
        self.unlock()
        with transaction(self.db):
            for line, row in _rows(text):
                try:
                    meter, key = parse_row(row)
                    if seen.get(meter, key) != key:
                        raise ValueError(f"{meter} stands in this file twice with different keys")
                    seen[meter] = key
                    verdicts.append(Verdict(line, meter, self._put(meter, key, now), ""))
                except ValueError as e:
                    verdicts.append(Verdict(line, None, "bad", str(e)))
        return verdicts

    # --- enrolment

    def make_token(self, now: int) -> str:
        """A new one-time secret; only its hash is kept."""
        secret = secrets.token_urlsafe(18)
        self.db.execute("INSERT INTO tokens VALUES (?, ?, NULL, NULL)", (_hash(secret), now))
        return secret

    def use_token(self, secret: str, public_key: bytes, now: int, gateway: str = "", kind: str = "home",
                  name: str = "") -> bool:
        """Spend a secret for a gateway's key, and keep that it is enrolled; the same key may come again (its answer was
        lost), another may not."""
        with transaction(self.db):
            done = self.db.execute(
                "UPDATE tokens SET used_by = ?, used = coalesce(used, ?) "
                "WHERE hash = ? AND (used_by IS NULL OR used_by = ?)", (public_key, now, _hash(secret), public_key))
            if done.rowcount == 1 and gateway:
                self.db.execute("INSERT INTO enrolled VALUES (?,?,?,?,?) ON CONFLICT (gateway) DO UPDATE SET "
                                "kind = excluded.kind, name = CASE WHEN excluded.name = '' THEN name "
                                "ELSE excluded.name END", (gateway, public_key, kind, name, now))
        return done.rowcount == 1

    def enrolled(self) -> "list[tuple[str, bytes, str, str, int]]":
        """(gateway, public key, kind, name, since) of every enrolled gateway."""
        return self.db.execute("SELECT gateway, public_key, kind, name, since FROM enrolled ORDER BY since").fetchall()

    # --- revocation

    def revoke(self, gateway: str, now: int) -> bool:
        """Refuse a gateway from now on; False if it was revoked already."""
        return self.db.execute("INSERT OR IGNORE INTO revoked VALUES (?, ?)", (gateway, now)).rowcount == 1

    def reinstate(self, gateway: str) -> bool:
        """Take a revocation back; False if there was none."""
        return self.db.execute("DELETE FROM revoked WHERE gateway = ?", (gateway,)).rowcount == 1

    def revoked(self) -> "dict[str, int]":
        """The revoked gateways, and since when."""
        return dict(self.db.execute("SELECT gateway, since FROM revoked"))

    # --- homes

    def bind(self, gateway: str, meter: str, now: int) -> bool:
        """Say that a meter is the household's own where a gateway hangs, which alone releases its key to it."""
        return self.db.execute("INSERT OR IGNORE INTO bindings VALUES (?, ?, ?)", (gateway, meter, now)).rowcount == 1

    def unbind(self, gateway: str, meter: str) -> bool:
        """Take a binding back; False if there was none."""
        return self.db.execute("DELETE FROM bindings WHERE gateway = ? AND meter = ?", (gateway, meter)).rowcount == 1

    def bound(self, gateway: str) -> "dict[str, int]":
        """The meters bound to a gateway, and since when."""
        return dict(self.db.execute("SELECT meter, since FROM bindings WHERE gateway = ? ORDER BY meter", (gateway,)))

    def home_link(self, gateway: str, since: int) -> str:
        """A new secret for the home's own page, which shows nothing from before `since`; an earlier secret ends."""
        secret = secrets.token_urlsafe(24)
        self.db.execute("INSERT OR REPLACE INTO homes VALUES (?, ?, ?)", (_hash(secret), gateway, since))
        return secret

    def home_since(self, gateway: str) -> "int | None":
        """From when the present residents' page shows values; None if there is no link."""
        row = self.db.execute("SELECT since FROM homes WHERE gateway = ?", (gateway,)).fetchone()
        return row[0] if row else None

    def move_in(self, gateway: str, now: int) -> None:
        """Note that a home has new residents: what is the former ones' alone is to be forgotten."""
        self.db.execute("INSERT OR REPLACE INTO moved_in VALUES (?, ?)", (gateway, now))

    def moved_in(self) -> "list[tuple[str, int]]":
        """The homes that changed hands, and when last."""
        return self.db.execute("SELECT gateway, at FROM moved_in").fetchall()

    def erase(self, gateway: "str | None", meters: "list[str]", before: int, now: int) -> None:
        """Forget the people of a home (None: only a meter's) here, and note that the store is to forget what they did
        before a time."""
        with transaction(self.db):
            if gateway is not None:
                for table in ("homes", "bindings"):
                    self.db.execute(f"DELETE FROM {table} WHERE gateway = ?", (gateway,))
                self.db.execute("UPDATE enrolled SET name = '' WHERE gateway = ?", (gateway,))
            self.db.execute("INSERT INTO erased (gateway, meters, before, at) VALUES (?,?,?,?)",
                            (gateway, json.dumps(meters), before, now))

    def erasures(self, now: int) -> "list[tuple[int, str | None, list[str], int]]":
        """(id, gateway, meters, before) of the erasures to be carried out in the store: new ones, and for LATE_S once
        a day those that were, as a gateway may deliver late."""
        return [(number, gateway, json.loads(meters), before) for number, gateway, meters, before in self.db.execute(
            "SELECT id, gateway, meters, before FROM erased WHERE done IS NULL OR (at > ? AND done < ?)",
            (now - LATE_S, now - DAY))]

    def erase_again(self) -> None:
        """Have every erasure carried out anew: the store has been put back to an earlier state."""
        self.db.execute("UPDATE erased SET done = NULL")

    def erased(self, number: int, now: int) -> None:
        """Note that the store has forgotten."""
        self.db.execute("UPDATE erased SET done = ? WHERE id = ?", (now, number))

    def home(self, secret: str) -> "tuple[str, int] | None":
        """(gateway, since) of a home's secret."""
        return self.db.execute("SELECT gateway, since FROM homes WHERE hash = ?", (_hash(secret),)).fetchone()


def parse_row(row: "list[str]") -> "tuple[str, bytes]":
    """(meter text, 16-byte key) of a CSV row; raises ValueError with one line that does not repeat the key."""
    fields = [f.strip() for f in row]
    if len(fields) == 5:
        fields = ["-".join(fields[:4]), fields[4]]
    if len(fields) != 2:
        raise ValueError(f"{len(fields)} columns; expected meter;key or manufacturer;id;version;type;key")
    try:
        meter = wmbus.meter_text(wmbus.parse_meter(fields[0].upper()))
    except wmbus.DecodeError:  # its text would repeat the field, which is the key where columns are swapped
        raise ValueError("not a meter (MAN-12345678-VV-TT) in the first column") from None
    digits = fields[1].replace(" ", "")
    if len(digits) != 32:
        raise ValueError(f"key of {meter} has {len(digits)} characters, not 32 hex digits")
    try:
        return meter, bytes.fromhex(digits)
    except ValueError:
        raise ValueError(f"key of {meter} is not hex") from None


def _rows(text):
    """Yield (line number, fields) of the rows that are not blank, a comment or the heading."""
    text = text.lstrip("\ufeff")
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    delimiter = next((d for d in (";", "\t", ",") if d in first), ";")
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    for row in reader:
        if not any(f.strip() for f in row) or row[0].startswith("#"):
            continue
        if row[-1].strip().lower() in ("key", "nøkkel", "nokkel"):
            continue
        yield reader.line_num, row


def _hash(secret):
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()  # an address may hold any byte
