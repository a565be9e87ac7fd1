"""The common batch in three statements: telegrams with a time of their own, next in their ring, heard by nobody else.

The rows are made where the batch is read, so that the one writer does little but write; and written many to a
statement, which takes SQLite a fifth less than one by one. Whatever is not the common case is taken the general way
(batch.py), with the same outcome. SQLite only, which has one process that remembers.
"""

import functools
import json
import marshal

import firmware.wire.records as records

from ...data.clock import DAY
from .. import PAIRS, TEXTS
from . import coverage

SAME_TELEGRAM_S = 900  # two gateways' clocks may differ by this much over one telegram
AHEAD_S = DAY  # a time further ahead of ours than this is not believed
PENDING = 0
MOST_METERS = 200_000  # remembered
MOST_ROWS = 64  # of a statement: each count of rows is a statement of its own, and those are kept

# What `rows` makes, as bytes that are read quickly by the same interpreter: the texts of three tables' meters, and the
# tables' values row after row, each row with a place for its meter's row in front:
#   telegrams   _, time, digest, data, ears
#   coverage    _, day, count, best, levels
#   meters      _, first heard, last heard, encrypted, status
# Where each meter comes once, as nearly always, the texts of the other two are None: they are the telegrams' in order.
_WIDTH = 5
_VERSION = 2  # of marshal: without a search for objects that come twice

# CROSS: in this order, each pair by the index.
_KNOWN = (f"SELECT 1 FROM {PAIRS} p CROSS JOIN telegrams t "
          "WHERE t.day = ? AND t.meter = p.a AND t.digest = p.b LIMIT 1")
_METERS = f"SELECT meter, id, last_heard FROM meters WHERE meter IN {TEXTS}"


class WriterCache:
    """What is remembered of a store by the one connection that writes to it."""

    def __init__(self):
        self.meters: "dict[str, int]" = {}  # text -> row
        self.heard: "dict[str, int]" = {}  # text -> when last, of those whose row is known
        self.crowded: "set[int]" = set()  # gateways (rows) that hear what others hear

    def forget(self) -> None:
        """Look up meters anew: what is remembered may have been taken back, or changed elsewhere."""
        self.meters.clear()
        self.heard.clear()


def rows(gateway: int, content, now: int) -> "bytes | None":
    """The rows of a batch (a content.Content), or None where it is not a common one."""
    if content.telegrams is None:
        return None
    t = content.telegrams
    times, digests = t.times, t.digests
    count, first, last = len(times), min(times), max(times)
    if first < records.UNIX_FROM or last > now + AHEAD_S or len(set(digests)) < count:
        return None  # no time, a wrong one, or the same telegram twice
    texts = [text for text, _ in t.meters]
    ear, counted, known, levels = coverage.row_bytes(gateway), coverage.COUNTED, coverage.KNOWN, coverage.LEVELS
    telegrams = _values(times, digests, t.data, [ear + counted[level] for level in t.rssi])
    best, found = [known[level] for level in t.rssi], [levels[level] for level in t.rssi]
    sealed = map(int, t.encrypted)  # sqlite3 binds a bool the long way
    if len(set(texts)) == count and first // DAY == last // DAY:
        rest = (None, _values([first // DAY] * count, [1] * count, best, found),
                None, _values(times, times, list(sealed), t.statuses))
    else:
        rest = _cover(times, texts, best, found) + _meters(texts, times, sealed, t.statuses)
    return marshal.dumps((texts, telegrams, *rest), _VERSION)


def _values(*columns):
    values: list = [None] * (_WIDTH * len(columns[0]))
    for n, column in enumerate(columns, 1):
        values[n::_WIDTH] = column
    return values


def _cover(times, texts, best, levels):
    found: dict = {}
    for time, text, level, piece in zip(times, texts, best, levels):
        count, known, pieces = found.get((text, time // DAY), (0, None, b""))
        found[text, time // DAY] = (count + 1, max((n for n in (known, level) if n is not None), default=None),
                                    pieces + piece)
    return [text for text, _ in found], [v for (_, day), row in found.items() for v in (None, day, *row)]


def _meters(texts, times, encrypted, statuses):
    found: dict = {}
    for text, time, sealed, status in zip(texts, times, encrypted, statuses):
        row = found.get(text)
        found[text] = (time, time, sealed, status) if row is None else (
            min(row[0], time), max(row[1], time), max(row[2], sealed), status if time >= row[1] else row[3])
    return list(found), [v for row in found.values() for v in (None, *row)]


def enter(db, gateway: int, epoch: int, first: int, made: bytes, count: int, now: int) -> bool:
    """Enter the rows if they are `count` telegrams, from seq `first` on; False, and nothing entered, where they go the
    general way."""
    known = db.cache
    if gateway in known.crowded:
        return False
    texts, telegrams, covered, cover, named, meters = marshal.loads(made)
    named = named or texts  # each once
    if len(texts) != count or not _know(db, named):
        return False
    rows, heard = known.meters, known.heard
    before = [heard[text] for text in named]
    later = min(meters[1::_WIDTH]) > max(before) + SAME_TELEGRAM_S
    if not later:
        # What is later than all that was heard of its meter, by more than two clocks differ, nobody has told of.
        again = {text for text, at, last in zip(named, meters[1::_WIDTH], before) if at <= last + SAME_TELEGRAM_S}
        if again and _stored(db, again, texts, telegrams):
            known.crowded.add(gateway)  # others hear what this one hears: do not try next time
            return False
    ids = [rows[text] for text in texts]
    telegrams[::_WIDTH] = ids
    cover[::_WIDTH] = ids if covered is None else [rows[text] for text in covered]
    meters[::_WIDTH] = ids if named is texts else [rows[text] for text in named]
    for at, values in _pieces(telegrams):
        db.execute(_insert_telegrams(len(values) // _WIDTH), [epoch, first + at, now, *values])
    for _, values in _pieces(cover):
        db.execute(_count_receptions(len(values) // _WIDTH), [gateway, *values])
    for _, values in _pieces(meters):
        db.execute(_hear_meters(len(values) // _WIDTH), values)
    heard.update(zip(named, meters[2::_WIDTH] if later else map(max, before, meters[2::_WIDTH])))
    return True


def _pieces(values):
    """(first row, values) of what a statement takes each."""
    most = MOST_ROWS * _WIDTH
    return [(0, values)] if len(values) <= most else [
        (at // _WIDTH, values[at:at + most]) for at in range(0, len(values), most)]


@functools.cache
def _insert_telegrams(count):
    return ("INSERT INTO telegrams (meter, epoch, seq, received, raw_time, time, day, digest, state, data, heard) "
            "VALUES " + ",".join([
                f"(?{n},?1,?2+{k},?3,?{n + 1},?{n + 1},?{n + 1}/{DAY},?{n + 2},{PENDING},?{n + 3},?{n + 4})"
                for k, n in enumerate(range(4, 4 + count * 5, 5))]))


@functools.cache
def _count_receptions(count):
    return ("INSERT INTO coverage (day, meter, gateway, telegrams, heard, best, rssi) VALUES "
            + ",".join([f"(?{n + 1},?{n},?1,?{n + 2},0,?{n + 3},?{n + 4})"
                        for n in range(2, 2 + count * 5, 5)])
            + " ON CONFLICT (day, meter, gateway) DO UPDATE SET telegrams = telegrams + excluded.telegrams, "
              "best = coalesce(max(best, excluded.best), best, excluded.best), "
              f"rssi = CAST(substr(rssi || excluded.rssi, 1, {coverage.MOST_LEVELS}) AS BLOB)")


@functools.cache
def _hear_meters(count):
    """An upsert, as an UPDATE takes no list of rows. They are there: their telegrams refer to them."""
    return ("INSERT INTO meters (id, meter, media, first_heard, last_heard, encrypted, status, state) VALUES "
            + ",".join([f"(?,'',0,?,?,?,?,{PENDING})"] * count)
            + " ON CONFLICT (id) DO UPDATE SET first_heard = min(first_heard, excluded.first_heard), "
              "status = CASE WHEN last_heard <= excluded.last_heard THEN excluded.status ELSE status END, "
              "last_heard = max(last_heard, excluded.last_heard), encrypted = max(encrypted, excluded.encrypted)")


def _stored(db, again, texts, telegrams):
    """Whether a telegram of one of these meters may be stored already."""
    days: "dict[int, list]" = {}
    for text, time, digest in zip(texts, telegrams[1::_WIDTH], telegrams[2::_WIDTH]):
        if text in again:
            for day in {(time - SAME_TELEGRAM_S) // DAY, (time + SAME_TELEGRAM_S) // DAY}:
                days.setdefault(day, []).append((db.cache.meters[text], digest))
    return any(db.execute(_KNOWN, (json.dumps(contents), day)).fetchone() for day, contents in days.items())


def _know(db, texts):
    """Whether every meter is known, after a look: its row, and when it was last heard."""
    rows, heard = db.cache.meters, db.cache.heard
    missing = [text for text in texts if text not in heard]
    if missing:
        if len(heard) > MOST_METERS:
            db.cache.forget()
            missing = list(texts)
        for text, row, last_heard in db.execute(_METERS, (json.dumps(missing),)):
            rows[text], heard[text] = row, last_heard
        return all(text in heard for text in missing)
    return True
