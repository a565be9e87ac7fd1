"""The meters' keys, sealed under a KEK that is kept elsewhere (kek.py).

A meter that got another key keeps its earlier ones, each for the telegrams from before it was replaced: what comes in
late or is decoded again still opens, and an old key that got into other hands opens nothing new. Keys leave this file
only to the decoder and, for a gateway's own meters, into an answer; they are never logged and never listed.
"""

from collections import namedtuple

from . import kek
from .files import transaction
from .keyfile import KeyFile

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sealed_keys (
  meter TEXT NOT NULL, number INTEGER NOT NULL, sealed BLOB NOT NULL, kek BLOB NOT NULL, added INTEGER NOT NULL,
  replaced INTEGER, PRIMARY KEY (meter, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changes (what TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
"""
EARLIER = 3  # keys kept of a meter beside the present one

# key: 16 bytes; replaced: None for the present key, else until when (Unix seconds) telegrams may be its.
MeterKey = namedtuple("MeterKey", ("key", "replaced"))


class MeterKeys:
    """The meter keys in a key file; belongs to the file's thread. Meters are named by their text."""

    def __init__(self, file: KeyFile):
        self.file, self._db = file, file.db
        file.db.executescript(_SCHEMA)
        self._keks: "dict[bytes, kek.Kek] | None" = None

    # --- the KEK

    def _kek(self, kek_id: "bytes | None" = None) -> kek.Kek:
        """The KEK of an id; without one the KEK to seal with, which is the one the kept keys are under. Raises
        Locked."""
        for again in (False, True):  # another process may have rotated it meanwhile
            if self._keks is None or again:
                self._keks = {k.id: k for k in kek.all_for(self.file.path.parent)}
            under = kek_id or self._any_under()
            if under is None and self._keks:
                return next(iter(self._keks.values()))
            if under in self._keks:
                return self._keks[under]
        if not self._keks:
            raise kek.Locked(f"no KEK for the meter keys of {self.file.path}: {kek.HOW}")
        raise kek.Locked(f"the meter keys of {self.file.path} are not under the KEK of "
                         f"{' or '.join(k.source for k in self._keks.values())}")

    def _any_under(self):
        row = self._db.execute("SELECT kek FROM sealed_keys LIMIT 1").fetchone()  # all are under one
        return row[0] if row else None

    def under(self) -> "set[bytes]":
        """The id of the KEK that the meter keys are under; nothing where there are none."""
        return {row[0] for row in self._db.execute("SELECT DISTINCT kek FROM sealed_keys")}

    def unlock(self) -> None:
        """Check that the meter keys can be read, and seal those that an earlier release kept in plain text. Raises
        Locked; a store without meter keys needs no KEK."""
        plain = self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meter_keys'").fetchone()
        if self._any_under() is not None or (plain and self._db.execute("SELECT 1 FROM meter_keys LIMIT 1").fetchone()):
            self._kek()
        if plain:
            self._seal_plain()

    def _seal_plain(self):
        with transaction(self._db):
            if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meter_keys'").fetchone():
                return  # another process was faster
            for meter, key, added in self._db.execute("SELECT meter, key, added FROM meter_keys").fetchall():
                self._put(meter, key, added)
            self._db.execute("DROP TABLE meter_keys")
        self._db.execute("VACUUM")  # so that no page of the file holds what was in plain text

    def rotate(self, new: kek.Kek) -> int:
        """Seal every meter key anew under another KEK, all or none; returns how many. Raises Locked."""
        self.unlock()
        with transaction(self._db):
            rows = self._db.execute("SELECT meter, number, sealed, kek FROM sealed_keys").fetchall()
            for meter, number, sealed, under in rows:
                try:
                    anew = new.seal(meter, self._kek(under).open(meter, sealed))
                except ValueError as e:
                    raise kek.Locked(f"{e}; take it away (netti keys remove) and import it again") from None
                self._db.execute("UPDATE sealed_keys SET sealed = ?, kek = ? WHERE meter = ? AND number = ?",
                                (anew, new.id, meter, number))
        self._db.execute("VACUUM")
        self._keks = None
        return len(rows)

    # --- meter keys

    def put(self, meter: str, key: bytes, now: int) -> str:
        """Keep a meter's key; returns added, unchanged or replaced. Raises Locked."""
        return self.put_all([(meter, key)], now)[0]

    def put_all(self, keys: "list[tuple[str, bytes]]", now: int) -> "list[str]":
        """Keep the keys of some meters, all or none; returns added, unchanged or replaced for each. Raises Locked."""
        self.unlock()
        with transaction(self._db):
            return [self._put(meter, key, now) for meter, key in keys]

    def _put(self, meter, key, now):
        present = self._db.execute("SELECT number, sealed, kek FROM sealed_keys WHERE meter = ? AND replaced IS NULL",
                                (meter,)).fetchone()
        if present and self._opens(meter, present[1], present[2]) == key:
            return "unchanged"
        seal = self._kek()
        number = 1
        if present:
            number = present[0] + 1
            self._db.execute("UPDATE sealed_keys SET replaced = ? WHERE meter = ? AND number = ?",
                            (now, meter, present[0]))
            self._db.execute("DELETE FROM sealed_keys WHERE meter = ? AND number < ?", (meter, number - EARLIER))
        self._db.execute("INSERT INTO sealed_keys VALUES (?,?,?,?,?,NULL)",
                        (meter, number, seal.seal(meter, key), seal.id, now))
        self._changed()
        return "replaced" if present else "added"

    def _opens(self, meter, sealed, under):
        try:
            return self._kek(under).open(meter, sealed)
        except ValueError:
            return None  # damaged: like no key, until it is imported again

    def _changed(self):
        self._db.execute("INSERT INTO changes VALUES ('meter keys', 1) ON CONFLICT (what) DO UPDATE SET "
                        "number = number + 1")

    def changes(self) -> int:
        """A number that changes with every meter key."""
        row = self._db.execute("SELECT number FROM changes WHERE what = 'meter keys'").fetchone()
        return row[0] if row else 0

    def remove(self, meter: str, earlier_only: bool = False) -> int:
        """Forget a meter's keys, or only those before the present one; returns how many."""
        with transaction(self._db):
            count = self._db.execute("DELETE FROM sealed_keys WHERE meter = ? AND (replaced IS NOT NULL OR NOT ?)",
                                   (meter, earlier_only)).rowcount
            if count:
                self._changed()
        return count

    def key(self, meter: str) -> "bytes | None":
        """A meter's present key, or None. Raises Locked."""
        row = self._db.execute("SELECT sealed, kek FROM sealed_keys WHERE meter = ? AND replaced IS NULL",
                              (meter,)).fetchone()
        return None if row is None else self._opens(meter, *row)

    def rings(self) -> "dict[str, tuple[MeterKey, ...]]":
        """Every meter's keys by the meter's text, the present one first; none of a meter whose keys are damaged, which
        has some all the same. Raises Locked."""
        self.unlock()
        rings: "dict[str, list[MeterKey]]" = {}
        for meter, sealed, under, replaced in self._db.execute(
                "SELECT meter, sealed, kek, replaced FROM sealed_keys ORDER BY meter, number DESC").fetchall():
            ring = rings.setdefault(meter, [])
            key = self._opens(meter, sealed, under)
            if key is not None:
                ring.append(MeterKey(key, replaced))
        return {meter: tuple(ring) for meter, ring in rings.items()}

    def keys(self) -> "dict[str, bytes]":
        """Every meter's present key by the meter's text. Raises Locked."""
        return {meter: ring[0].key for meter, ring in self.rings().items()
                if ring and ring[0].replaced is None}

    def damaged(self) -> "list[str]":
        """The meters whose present key is kept but does not open. Raises Locked."""
        return [meter for meter, sealed, under in self._db.execute(
            "SELECT meter, sealed, kek FROM sealed_keys WHERE replaced IS NULL ORDER BY meter").fetchall()
            if self._opens(meter, sealed, under) is None]

    def meters(self) -> "list[tuple[str, int]]":
        """The meters that have a key, and since when; never the keys."""
        return self._db.execute("SELECT meter, added FROM sealed_keys WHERE replaced IS NULL ORDER BY meter").fetchall()
