"""The common batch in three statements: telegrams with a time of their own, next in their ring, heard by nobody else.

The rows are made where the batch is read, so that the one writer does little but write; and written many to a
statement, which takes SQLite a fifth less than one by one. Whatever is not the common case is taken the general way
(take.py), with the same outcome. SQLite only, which has one process that remembers.
"""

import functools
import json
import marshal

import firmware.batch as batch

from . import PAIRS, TEXTS, coverage

SAME_TELEGRAM_S = 900  # two gateways' clocks may differ by this much over one telegram
AHEAD_S = 86_400  # a time further ahead of ours than this is not believed
DAY = 86_400
PENDING = 0
MOST_METERS = 200_000  # remembered
MOST_ROWS = 64  # of a statement: each count of rows is a statement of its own, and those are kept

# What `rows` makes, as bytes that are read quickly by the same interpreter: three tables by their columns.
#   telegrams   meter text, time, digest, data, ears
#   coverage    meter text, day, count, best, levels
#   meters      text, media, first heard, last heard, encrypted, status
# Where each meter comes once, as nearly always, the texts of the other two are None: they are the telegrams' in order.
_VERSION = 2  # of marshal: without a search for objects that come twice

# CROSS: in this order, each pair by the index.
_KNOWN = (f"SELECT 1 FROM {PAIRS} p CROSS JOIN telegrams t "
          "WHERE t.day = ? AND t.meter = p.a AND t.digest = p.b LIMIT 1")
_METERS = f"SELECT meter, id, last_heard FROM meters WHERE meter IN {TEXTS}"


def rows(gateway: int, content, now: int) -> "bytes | None":
    """The rows of a batch (a records.Content), or None where it is not a common one."""
    if not content.telegrams:
        return None
    _, times, levels, data, named, statuses, encrypted, digests, _ = zip(*content.telegrams)
    texts, media = zip(*named)
    count, first, last = len(times), min(times), max(times)
    if first < batch.UNIX_FROM or last > now + AHEAD_S or len(set(digests)) < count:
        return None  # no time, a wrong one, or the same telegram twice
    ear, counted = coverage.row_bytes(gateway), coverage.COUNTED
    best = [coverage.KNOWN[level] for level in levels]
    found = [coverage.LEVELS[level] for level in levels]
    sealed = list(map(int, encrypted))  # sqlite3 binds a bool the long way
    if len(set(texts)) == count and first // DAY == last // DAY:
        cover: tuple = (None, [first // DAY] * count, [1] * count, best, found)
        meters: tuple = (None, media, times, times, sealed, statuses)
    else:
        cover = _cover(times, texts, best, found)
        meters = _meters(texts, media, times, sealed, statuses)
    return marshal.dumps(((texts, times, digests, data, [ear + counted[level] for level in levels]), cover, meters),
                         _VERSION)


def _cover(times, texts, best, levels):
    found: dict = {}
    for time, text, level, piece in zip(times, texts, best, levels):
        count, known, pieces = found.get((time // DAY, text), (0, None, b""))
        found[time // DAY, text] = (count + 1, max((n for n in (known, level) if n is not None), default=None),
                                    pieces + piece)
    return tuple(zip(*[(text, day, *row) for (day, text), row in found.items()]))


def _meters(texts, media, times, encrypted, statuses):
    found: dict = {}
    for text, kind, time, sealed, status in zip(texts, media, times, encrypted, statuses):
        row = found.get(text)
        found[text] = (kind, time, time, sealed, status) if row is None else (
            row[0], min(row[1], time), max(row[2], time), max(row[3], sealed), status if time >= row[2] else row[4])
    return tuple(zip(*[(text, *row) for text, row in found.items()]))


def enter(db, gateway: int, epoch: int, first: int, made: bytes, count: int, now: int) -> bool:
    """Enter the rows if they are `count` telegrams, from seq `first` on; False, and nothing entered, where they go the
    general way."""
    if gateway in db.crowded:
        return False
    telegrams, cover, meters = marshal.loads(made)
    texts = telegrams[0]
    named = meters[0] or texts
    if len(texts) != count or not _know(db, named):
        return False
    known = db.meters
    there = [known[text] for text in named]
    # What is later than all that was heard of its meter, by more than two clocks differ, nobody has told of.
    again = {text for text, heard, (_, last) in zip(named, meters[2], there) if heard <= last + SAME_TELEGRAM_S}
    if again and _stored(db, again, telegrams):
        db.crowded.add(gateway)  # others hear what this one hears: do not try next time
        return False
    ids = [known[text][0] for text in texts]
    for at, values in _pieces((ids, *telegrams[1:])):
        db.execute(_insert_telegrams(len(values) // len(telegrams)), [epoch, first + at, now, *values])
    for _, values in _pieces((ids if cover[0] is None else [known[text][0] for text in cover[0]], *cover[1:])):
        db.execute(_count_receptions(len(values) // len(cover)), [gateway, *values])
    for _, values in _pieces((named, *meters[1:])):
        db.execute(_hear_meters(len(values) // len(meters)), values)
    for row, last in zip(there, meters[3]):
        if last > row[1]:
            row[1] = last
    return True


def _pieces(columns):
    """(first row, values row after row) of a table, in pieces of what a statement takes."""
    width, count = len(columns), len(columns[0])
    for at in range(0, count, MOST_ROWS):
        values: list = [None] * (width * min(MOST_ROWS, count - at))
        for n, column in enumerate(columns):
            values[n::width] = column[at:at + MOST_ROWS]
        yield at, values


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
    """They are known: an upsert, as an UPDATE takes no list of rows."""
    return ("INSERT INTO meters (meter, media, first_heard, last_heard, encrypted, status, state) VALUES "
            + ",".join([f"(?,?,?,?,?,?,{PENDING})"] * count)
            + " ON CONFLICT (meter) DO UPDATE SET first_heard = min(first_heard, excluded.first_heard), "
              "status = CASE WHEN last_heard <= excluded.last_heard THEN excluded.status ELSE status END, "
              "last_heard = max(last_heard, excluded.last_heard), encrypted = max(encrypted, excluded.encrypted)")


def _stored(db, texts, telegrams):
    """Whether a telegram of one of these meters may be stored already."""
    days: "dict[int, list]" = {}
    for text, time, digest in zip(*telegrams[:3]):
        if text in texts:
            for day in {(time - SAME_TELEGRAM_S) // DAY, (time + SAME_TELEGRAM_S) // DAY}:
                days.setdefault(day, []).append((db.meters[text][0], digest))
    return any(db.execute(_KNOWN, (json.dumps(contents), day)).fetchone() for day, contents in days.items())


def _know(db, texts):
    """Whether every meter is known, after a look: its row, and when it was last heard."""
    missing = [text for text in texts if text not in db.meters]
    if missing:
        if len(db.meters) > MOST_METERS:
            db.meters.clear()
            missing = list(texts)
        for text, row, last_heard in db.execute(_METERS, (json.dumps(missing),)):
            db.meters[text] = [row, last_heard]
        return all(text in db.meters for text in missing)
    return True
