"""The common batch in three statements: telegrams with a time of their own, next in their ring, heard by nobody else.

The rows are made where the batch is read, so that the one writer does little but write. Whatever is not the common
case is taken the general way (take.py), with the same outcome. SQLite only, which has one process that remembers.
"""

import json
import marshal
import pickle

import firmware.batch as batch

from . import NUMBERS, coverage

SAME_TELEGRAM_S = 900  # two gateways' clocks may differ by this much over one telegram
AHEAD_S = 86_400  # a time further ahead of ours than this is not believed
DAY = 86_400
PENDING = 0

# What `rows` makes, as bytes that are read quickly by the same interpreter: (telegrams, coverage, meters, digests).
# telegrams: (meter text, seq, time, day, digest, data, ears); coverage: (day, meter text, count, best, levels);
# meters: {text: (first heard, last heard, encrypted, status)}; digests: [(day, the JSON list of the telegrams' own)].

_KNOWN = f"SELECT 1 FROM telegrams WHERE day = ? AND digest IN {NUMBERS} LIMIT 1"
_TELEGRAM = (
    "INSERT INTO telegrams (meter, epoch, seq, received, raw_time, time, day, digest, state, data, heard) "
    "VALUES (?,?,?,?,?,?,?,?,0,?,?)")
_COVERAGE = (
    "INSERT INTO coverage (day, meter, gateway, telegrams, heard, best, rssi) VALUES (?,?,?,?,0,?,?) "
    "ON CONFLICT (day, meter, gateway) DO UPDATE SET telegrams = telegrams + excluded.telegrams, "
    "best = coalesce(max(best, excluded.best), best, excluded.best), "
    f"rssi = CAST(substr(rssi || excluded.rssi, 1, {coverage.MOST_LEVELS}) AS BLOB)")
_METER = (
    "UPDATE meters SET first_heard = min(first_heard, ?1), "
    "status = CASE WHEN last_heard <= ?2 THEN ?4 ELSE status END, "
    "last_heard = max(last_heard, ?2), encrypted = max(encrypted, ?3) WHERE id = ?5")


class Later:
    """Records that are unpickled only where they are needed."""

    def __init__(self, records):
        self._records, self._bytes = records, None

    def __getstate__(self):
        return self._bytes if self._records is None else pickle.dumps(self._records, pickle.HIGHEST_PROTOCOL)

    def __setstate__(self, data):
        self._records, self._bytes = None, data

    def get(self):
        """The records."""
        if self._records is None:
            self._records = pickle.loads(self._bytes or b"")
        return self._records


def rows(gateway: int, records, now: int) -> "bytes | None":
    """The rows of a batch of telegrams, or None where it is not a common one."""
    telegrams: list = []
    meters: dict = {}
    cover: dict = {}
    digests: "dict[int, set[int]]" = {}
    for r in records:
        time = r.time
        if r.kind != batch.TELEGRAM or not batch.UNIX_FROM <= time <= now + AHEAD_S \
                or not SAME_TELEGRAM_S <= time % DAY < DAY - SAME_TELEGRAM_S:
            return None
        rssi, data, text, media, status, encrypted, digest = r.fields
        day = time // DAY
        of_day = digests.setdefault(day, set())
        if digest in of_day:
            return None
        of_day.add(digest)
        telegrams.append((text, r.seq, time, day, digest, data, coverage.one(gateway, rssi)))
        levels = bytes((-rssi,)) if rssi < 0 else b""
        there = cover.get((day, text))
        if there is None:
            cover[day, text] = (1, rssi if rssi < 0 else None, levels)
            m = meters.get(text)
            meters[text] = (time, time, int(encrypted), status) if m is None else _merged(m, time, encrypted, status)
        else:
            count, best, before = there
            if rssi < 0:
                best = rssi if best is None else max(best, rssi)
            cover[day, text] = (count + 1, best, before + levels)
            meters[text] = _merged(meters[text], time, encrypted, status)
    if not telegrams:
        return None
    return marshal.dumps((telegrams, [(day, text, *c) for (day, text), c in cover.items()], meters,
                          [(day, json.dumps(list(of_day))) for day, of_day in digests.items()]))


def _merged(m, time, encrypted, status):
    first, last, before, shown = m
    return (min(first, time), max(last, time), max(before, int(encrypted)), status if time >= last else shown)


def enter(db, gateway: int, epoch: int, made: bytes, count: int, now: int) -> bool:
    """Enter the rows if they are `count` telegrams; False, and nothing entered, where they go the general way."""
    if gateway in db.crowded:
        return False
    telegrams, cover, meters, digests = marshal.loads(made)
    if len(telegrams) != count or not _know(db, meters):
        return False
    ids = db.meters
    for of_day in digests:
        if db.execute(_KNOWN, of_day).fetchone():  # others hear what this one hears: do not try next time
            db.crowded.add(gateway)
            return False
    db.executemany(_TELEGRAM, [(ids[text], epoch, seq, now, time, time, day, digest, data, ears)
                               for text, seq, time, day, digest, data, ears in telegrams])
    db.executemany(_COVERAGE, [(day, ids[text], gateway, *c) for day, text, *c in cover])
    db.executemany(_METER, [(*m, ids[text]) for text, m in meters.items()])
    return True


def _know(db, texts):
    """Whether the row of every meter is known, after a look."""
    missing = [text for text in texts if text not in db.meters]
    for text in missing:
        row = db.execute("SELECT id FROM meters WHERE meter = ?", (text,)).fetchone()
        if row is None:
            return False
        db.meters[text] = row[0]
    return True
