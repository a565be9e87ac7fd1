"""Orders to gateways: made by people or by the receiver, signed into answers until a result comes (docs/wire.md).

They are kept with what people decide (keys.sqlite), so that a store restored from a backup forgets none. Counters rise
with the time of day as well as one by one, so that even a key store from a backup never uses one twice. A household's
meter keys are not in the queue: they are put in when an answer is made, and only for meters that are bound to the
gateway.
"""

import hashlib
import time
from collections import namedtuple
from pathlib import Path

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware.wire import WireError, envelope
from firmware.wire import orders as table

from . import trust
from .files import transaction
from .homes import Homes
from .keyfile import KeyFile
from .meter_keys import MeterKeys

_SCHEMA = """
CREATE TABLE IF NOT EXISTS commands (
  gateway TEXT NOT NULL, counter INTEGER NOT NULL, name TEXT NOT NULL, arguments BLOB NOT NULL,
  not_after INTEGER NOT NULL, made INTEGER NOT NULL, code INTEGER, text TEXT, answered INTEGER,
  PRIMARY KEY (gateway, counter)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS commands_open ON commands (gateway) WHERE answered IS NULL;
"""
RESULTS = table.RESULTS.split("|")  # what came of an order, by code
MOST_REWINDS = 8  # of a gateway that wait: what it sends again behind the first brings the others
MOST_BYTES = 60_000  # of orders in one answer, which is at most 64 KiB

# arguments: what the wire carries, own meters without keys; code and text: the result, None while there is none.
Queued = namedtuple("Queued", ("gateway", "counter", "name", "arguments", "not_after", "made", "code", "text",
                               "answered"))


class OrderRefused(ValueError):
    """An order that the table does not have, or whose arguments are beyond its bounds; the text is one line."""


class Orders:
    """The queue of one works in a key file; belongs to the file's thread."""

    def __init__(self, file: KeyFile, meter_keys: MeterKeys, homes: Homes, works: str, folder: "Path | None" = None):
        """`meter_keys`, `homes`: of the same file; `folder` holds the works' command keys: without it orders can be
        made, not signed."""
        self._db, self._meter_keys, self._homes, self.works, self._folder = file.db, meter_keys, homes, works, folder
        self._db.executescript(_SCHEMA)
        self._key: "Ed25519PrivateKey | None" = None
        self._open: "set[str]" = set()  # gateways that have open orders
        self.load_key()
        self.refresh()

    def load_key(self) -> None:
        """Read the works' command key, at the start and after it was replaced."""
        self._key = None if self._folder is None else trust.command_key(self._folder)

    def refresh(self) -> None:
        """See anew who has open orders, after another process may have changed them."""
        self._open = {row[0] for row in self._db.execute("SELECT gateway FROM commands WHERE answered IS NULL")}

    def make(self, gateway: str, name: str, arguments: dict, now: int) -> int:
        """Queue an order, in place of what waits and is said by it; returns its counter. Raises OrderRefused."""
        order = check(name, arguments)
        data = cbor2.dumps(arguments, canonical=True)
        db = self._db
        with transaction(db):
            last = db.execute("SELECT max(counter) FROM commands WHERE gateway = ?", (gateway,)).fetchone()[0] or 0
            counter = max(last + 1, int(time.time()))  # the real time, also in simulation: see above
            if order.replaces != table.NONE:
                db.execute("UPDATE commands SET answered = ?, text = 'replaced' WHERE gateway = ? AND name = ? "
                           "AND answered IS NULL AND (? OR arguments = ?)",
                           (now, gateway, name, order.replaces == table.ALL, data))
            db.execute("INSERT INTO commands (gateway, counter, name, arguments, not_after, made) VALUES (?,?,?,?,?,?)",
                       (gateway, counter, name, data, now + order.valid_s, now))
        self.refresh()
        return counter

    def own_meters(self, gateway: str, now: int) -> int:
        """Tell a gateway which meters are its home's own, as they are bound; returns the order's counter. Raises
        OrderRefused where there are more than a gateway takes."""
        return self.make(gateway, table.OWN_METERS, {"meters": sorted(self._homes.bound(gateway))}, now)

    def result(self, gateway: str, counter: int, code: int, text: str, now: int) -> None:
        """Note what became of an order; a counter that was never given out is ignored."""
        done = self._db.execute("UPDATE commands SET code = ?, text = ?, answered = ? "
                                    "WHERE gateway = ? AND counter = ? AND code IS NULL",
                                    (code, text[:200], now, gateway, counter))
        if done.rowcount:
            for c in self.of(gateway) if code == table.INTERRUPTED else ():
                if c.counter == counter and c.name == table.REWIND:
                    self.rewind(gateway, c.arguments["epoch"], c.arguments["after"], None, now)
            self.refresh()

    def withdraw(self, gateway: str, counter: int, why: str, now: int) -> bool:
        """Tell a gateway no more of an order; False where there is a result already. `why`: a word, kept with it. After
        the last of many `refresh` saves looking for the others."""
        return self._db.execute("UPDATE commands SET answered = ?, text = ? WHERE gateway = ? AND counter = ? "
                                "AND answered IS NULL", (now, why, gateway, counter)).rowcount == 1

    def forget(self, gateway: str) -> None:
        """Forget which meters a gateway was told are its home's own, and what it answered in words; what waits is to be
        replaced by the caller."""
        self._db.execute("UPDATE commands SET arguments = ? WHERE gateway = ? AND name = ?",
                         (cbor2.dumps({"meters": []}), gateway, table.OWN_METERS))
        self._db.execute("UPDATE commands SET text = '' WHERE gateway = ? AND text <> ''", (gateway,))

    def rewind(self, gateway: str, epoch: bytes, after: int, heard: "int | None", now: int) -> bool:
        """Ask a gateway for what its ring still holds behind `after`; False where it is not asked.

        `heard`: when this ring last sent anything that the store has; None for a gap seen just now. It is not asked
        where it has done it and sent since: then it holds no more; nor while MOST_REWINDS others wait. Else it is asked
        anew, in place of what waits: that may have been done already, for a store that a backup has taken the place of.
        """
        arguments = {"epoch": epoch, "after": after}
        last = next((c for c in self.of(gateway) if c.name == table.REWIND and c.arguments == arguments), None)
        if last is not None and heard is not None and last.code not in (None, table.INTERRUPTED) and (
                last.answered < heard):
            return False
        waiting = [c for c in self.open(gateway)
                   if c.name == table.REWIND and c.arguments != arguments and c.not_after >= now]
        if len(waiting) >= MOST_REWINDS:
            return False
        self.make(gateway, table.REWIND, arguments, now)
        return True

    def of(self, gateway: str) -> "list[Queued]":
        """A gateway's orders, newest first."""
        return self._rows("WHERE gateway = ? ORDER BY counter DESC LIMIT 100", gateway)

    def open(self, gateway: str) -> "list[Queued]":
        """A gateway's orders without a result, in rising counter."""
        if gateway not in self._open:
            return []
        # From the file: another process may just have taken the result, and a gateway that is told again answers again.
        return self._rows("WHERE gateway = ? AND answered IS NULL ORDER BY counter", gateway)

    def signed(self, gateway: str, kid: bytes, now: int) -> "list[bytes]":
        """The open orders of a gateway as an answer carries them, in rising counter."""
        signed: "list[bytes]" = []
        size = 0
        for c in self.open(gateway):
            if c.not_after < now or len(signed) == table.MOST:
                continue
            data = self.sign(kid, c.counter, c.not_after, c.name, self._complete(c))
            size += len(data)
            if size > MOST_BYTES:
                break
            signed.append(data)
        return signed

    def sign(self, kid: bytes, counter: int, not_after: int, name: str, arguments: dict) -> bytes:
        """One order in its envelope."""
        if self._key is None:
            raise ValueError("no command key")
        content = cbor2.dumps([kid, counter, not_after, name, arguments], canonical=True)
        digest = hashlib.sha256(content).digest()
        signer = envelope.kid(trust.public_bytes(self._key))
        signature = self._key.sign(envelope.to_sign("command", self.works, signer, digest, table.CONTENT_TYPE))
        return envelope.envelope(signer, digest, signature, table.CONTENT_TYPE) + content

    def _complete(self, c: Queued) -> dict:
        """The arguments as they are sent: own meters with their keys, as far as they are bound to this gateway."""
        if c.name != table.OWN_METERS:
            return c.arguments
        bound = self._homes.bound(c.gateway)
        return _with_keys([m for m in c.arguments["meters"] if m in bound], self._meter_keys.key)

    def _rows(self, where, *values):
        rows = self._db.execute(f"SELECT {', '.join(Queued._fields)} FROM commands {where}", values)
        return [Queued._make(row)._replace(arguments=cbor2.loads(row[3])) for row in rows]


def state(c: Queued, now: int) -> str:
    """waiting, expired, replaced, done or refused."""
    if c.answered is None:
        return "waiting" if c.not_after >= now else "expired"
    if c.code is None:
        return "replaced"
    return "done" if c.code == 0 else "refused"


def outcome(c: Queued, text=lambda english: english) -> str:
    """What a result says, in words; `text` puts them into another language."""
    said = text(RESULTS[c.code]) if c.code is not None and 0 < c.code < len(RESULTS) else ""
    return ": ".join(part for part in (said, c.text) if part)


def check(name: str, arguments: dict) -> table.Order:
    """The row of an order; raises OrderRefused unless it has one and its gateway will take the arguments."""
    order = table.named(name)
    if order is None:
        raise OrderRefused(f"no order called {name}")
    asked = arguments
    if name == table.OWN_METERS and isinstance(arguments, dict) and isinstance(arguments.get("meters"), list):
        asked = {**arguments, **_with_keys(arguments["meters"], lambda meter: None)}
    try:
        table.check(order, asked)
    except WireError as e:
        raise OrderRefused(str(e)) from None
    return order


def _with_keys(meters, key):
    # What the wire carries of a household's own meters.
    return {"meters": [{"meter": m, "key": key(m)} for m in meters]}
