"""The common batch in three statements: telegrams with a time of their own, next in their ring, heard by nobody else.

The rows are made where the batch is read, so that the one writer does little but write. Whatever is not the common
case is taken the general way (take.py), with the same outcome. SQLite only, which has one process that remembers.
"""

import json
import marshal

import firmware.batch as batch

from . import NUMBERS, TEXTS, coverage

SAME_TELEGRAM_S = 900  # two gateways' clocks may differ by this much over one telegram
AHEAD_S = 86_400  # a time further ahead of ours than this is not believed
DAY = 86_400
PENDING = 0
MOST_METERS = 200_000  # remembered

# What `rows` makes, as bytes that are read quickly by the same interpreter: (telegrams, coverage, meters).
# telegrams: (meter text, seq, time, digest, data, ears); coverage: (day, meter text, count, best, levels);
# meters: {text: (first heard, last heard, encrypted, status)}.

_KNOWN = f"SELECT 1 FROM telegrams WHERE day = ? AND digest IN {NUMBERS} LIMIT 1"
_METERS = f"SELECT meter, id, last_heard FROM meters WHERE meter IN {TEXTS}"
_TELEGRAM = (
    "INSERT INTO telegrams (meter, epoch, seq, received, raw_time, time, day, digest, state, data, heard) "
    f"VALUES (?1,?2,?3,?4,?5,?5,?5 / {DAY},?6,{PENDING},?7,?8)")
_COVERAGE = (
    "INSERT INTO coverage (day, meter, gateway, telegrams, heard, best, rssi) VALUES (?,?,?,?,0,?,?) "
    "ON CONFLICT (day, meter, gateway) DO UPDATE SET telegrams = telegrams + excluded.telegrams, "
    "best = coalesce(max(best, excluded.best), best, excluded.best), "
    f"rssi = CAST(substr(rssi || excluded.rssi, 1, {coverage.MOST_LEVELS}) AS BLOB)")
_METER = (
    "UPDATE meters SET first_heard = min(first_heard, ?1), "
    "status = CASE WHEN last_heard <= ?2 THEN ?4 ELSE status END, "
    "last_heard = max(last_heard, ?2), encrypted = max(encrypted, ?3) WHERE id = ?5")


def rows(gateway: int, content, now: int) -> "bytes | None":
    """The rows of a batch (a records.Content), or None where it is not a common one."""
    if content.telegrams is None:
        return None
    made: list = []
    meters: dict = {}
    cover: dict = {}
    ears: "dict[int, bytes]" = {}
    latest = now + AHEAD_S
    for seq, time, rssi, data, text, _media, status, encrypted, digest, _end in content.telegrams:
        if not batch.UNIX_FROM <= time <= latest:
            return None
        heard = ears.get(rssi)
        if heard is None:
            heard = ears[rssi] = coverage.one(gateway, rssi)
        made.append((text, seq, time, digest, data, heard))
        m = meters.get(text)
        # As an int: sqlite3 binds a bool the long way.
        meters[text] = (time, time, int(encrypted), status) if m is None else _merged(m, time, encrypted, status)
        key = time // DAY, text
        there = cover.get(key)
        best, levels = (rssi, bytes((-rssi,))) if rssi < 0 else (None, b"")
        if there is None:
            cover[key] = (1, best, levels)
        else:
            best = max((level for level in (there[1], best) if level is not None), default=None)
            cover[key] = (there[0] + 1, best, there[2] + levels)
    digests = {t[3] for t in made}
    if len(digests) < len(made):  # the same telegram twice
        return None
    return marshal.dumps((made, [(day, text, *c) for (day, text), c in cover.items()], meters))


def _merged(m, time, encrypted, status):
    first, last, before, shown = m
    return (min(first, time), max(last, time), max(before, int(encrypted)), status if time >= last else shown)


def enter(db, gateway: int, epoch: int, made: bytes, count: int, now: int) -> bool:
    """Enter the rows if they are `count` telegrams; False, and nothing entered, where they go the general way."""
    if gateway in db.crowded:
        return False
    telegrams, cover, meters = marshal.loads(made)
    if len(telegrams) != count or not _know(db, meters):
        return False
    known = db.meters
    # What is later than all that was heard of its meter, by more than two clocks differ, nobody has told of.
    again = {text for text, m in meters.items() if m[0] <= known[text][1] + SAME_TELEGRAM_S}
    if again and _stored(db, [t for t in telegrams if t[0] in again]):
        db.crowded.add(gateway)  # others hear what this one hears: do not try next time
        return False
    db.executemany(_TELEGRAM, [(known[text][0], epoch, seq, now, time, digest, data, ears)
                               for text, seq, time, digest, data, ears in telegrams])
    db.executemany(_COVERAGE, [(day, known[text][0], gateway, *c) for day, text, *c in cover])
    db.executemany(_METER, [(*m, known[text][0]) for text, m in meters.items()])
    for text, m in meters.items():
        if m[1] > known[text][1]:
            known[text] = (known[text][0], m[1])
    return True


def _stored(db, telegrams):
    """Whether one of these may be stored already."""
    days: "dict[int, list]" = {}
    for _text, _seq, time, digest, _data, _ears in telegrams:
        for day in {(time - SAME_TELEGRAM_S) // DAY, (time + SAME_TELEGRAM_S) // DAY}:
            days.setdefault(day, []).append(digest)
    return any(db.execute(_KNOWN, (day, json.dumps(digests))).fetchone() for day, digests in days.items())


def _know(db, texts):
    """Whether every meter is known, after a look: its row, and when it was last heard."""
    missing = [text for text in texts if text not in db.meters]
    if missing:
        if len(db.meters) > MOST_METERS:
            db.meters.clear()
            missing = list(texts)
        for text, row, last_heard in db.execute(_METERS, (json.dumps(missing),)):
            db.meters[text] = (row, last_heard)
        return all(text in db.meters for text in missing)
    return True
