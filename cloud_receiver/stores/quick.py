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

# What `rows` makes, as bytes that are read quickly by the same interpreter: three tables of values, row after row.
# Telegrams (meter text, time, digest, data, ears), coverage (day, meter text, count, best, levels), meters (text,
# media, first heard, last heard, encrypted, status).
_TELEGRAM, _COVERAGE, _METER = 5, 5, 6  # values in a row
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
    count = len(times)
    if min(times) < batch.UNIX_FROM or max(times) > now + AHEAD_S or len(set(digests)) < count:
        return None  # no time, a wrong one, or the same telegram twice
    ear, counted = coverage.row_bytes(gateway), coverage.COUNTED
    telegrams = _table((texts, times, digests, data, [ear + counted[level] for level in levels]))
    best = [coverage.KNOWN[level] for level in levels]
    found = [coverage.LEVELS[level] for level in levels]
    sealed = list(map(int, encrypted))  # sqlite3 binds a bool the long way
    day = times[0] // DAY
    if len(set(texts)) == count and min(times) // DAY == day == max(times) // DAY:
        cover = _table(([day] * count, texts, [1] * count, best, found))
        meters = _table((texts, media, times, times, sealed, statuses))
    else:
        cover = _cover(times, texts, best, found)
        meters = _meters(texts, media, times, sealed, statuses)
    return marshal.dumps((telegrams, cover, meters), _VERSION)


def _table(columns):
    """Columns as one list of values, row after row."""
    values = [None] * (len(columns) * len(columns[0]))
    for n, column in enumerate(columns):
        values[n::len(columns)] = column
    return values


def _cover(times, texts, best, levels):
    found: dict = {}
    for time, text, level, piece in zip(times, texts, best, levels):
        count, known, pieces = found.get((time // DAY, text), (0, None, b""))
        found[time // DAY, text] = (count + 1, max((n for n in (known, level) if n is not None), default=None),
                                    pieces + piece)
    return [value for (day, text), row in found.items() for value in (day, text, *row)]


def _meters(texts, media, times, encrypted, statuses):
    found: dict = {}
    for text, kind, time, sealed, status in zip(texts, media, times, encrypted, statuses):
        row = found.get(text)
        found[text] = (kind, time, time, sealed, status) if row is None else (
            row[0], min(row[1], time), max(row[2], time), max(row[3], sealed), status if time >= row[2] else row[4])
    return [value for text, row in found.items() for value in (text, *row)]


def enter(db, gateway: int, epoch: int, first: int, made: bytes, count: int, now: int) -> bool:
    """Enter the rows if they are `count` telegrams, from seq `first` on; False, and nothing entered, where they go the
    general way."""
    if gateway in db.crowded:
        return False
    telegrams, cover, meters = marshal.loads(made)
    if len(telegrams) != count * _TELEGRAM or not _know(db, meters[::_METER]):
        return False
    known = db.meters
    there = [known[text] for text in meters[::_METER]]
    # What is later than all that was heard of its meter, by more than two clocks differ, nobody has told of.
    again = {text for text, heard, (_, last) in zip(meters[::_METER], meters[2::_METER], there)
             if heard <= last + SAME_TELEGRAM_S}
    if again and _stored(db, [at for at in range(0, len(telegrams), _TELEGRAM) if telegrams[at] in again], telegrams):
        db.crowded.add(gateway)  # others hear what this one hears: do not try next time
        return False
    telegrams[::_TELEGRAM] = [known[text][0] for text in telegrams[::_TELEGRAM]]
    cover[1::_COVERAGE] = [known[text][0] for text in cover[1::_COVERAGE]]
    for at in range(0, count, MOST_ROWS):
        part = telegrams[at * _TELEGRAM:(at + MOST_ROWS) * _TELEGRAM]
        db.execute(_insert_telegrams(len(part) // _TELEGRAM), [epoch, first + at, now, *part])
    for at in range(0, len(cover), MOST_ROWS * _COVERAGE):
        part = cover[at:at + MOST_ROWS * _COVERAGE]
        db.execute(_count_receptions(len(part) // _COVERAGE), [gateway, *part])
    for at in range(0, len(meters), MOST_ROWS * _METER):
        part = meters[at:at + MOST_ROWS * _METER]
        db.execute(_hear_meters(len(part) // _METER), part)
    for row, last in zip(there, meters[3::_METER]):
        if last > row[1]:
            row[1] = last
    return True


@functools.cache
def _insert_telegrams(count):
    return ("INSERT INTO telegrams (meter, epoch, seq, received, raw_time, time, day, digest, state, data, heard) "
            "VALUES " + ",".join([
                f"(?{n},?1,?2+{k},?3,?{n + 1},?{n + 1},?{n + 1}/{DAY},?{n + 2},{PENDING},?{n + 3},?{n + 4})"
                for k, n in enumerate(range(4, 4 + count * _TELEGRAM, _TELEGRAM))]))


@functools.cache
def _count_receptions(count):
    return ("INSERT INTO coverage (day, meter, gateway, telegrams, heard, best, rssi) VALUES "
            + ",".join([f"(?{n},?{n + 1},?1,?{n + 2},0,?{n + 3},?{n + 4})"
                        for n in range(2, 2 + count * _COVERAGE, _COVERAGE)])
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


def _stored(db, rows, telegrams):
    """Whether one of these telegrams, by where their rows begin, may be stored already."""
    days: "dict[int, list]" = {}
    for at in rows:
        time, digest = telegrams[at + 1:at + 3]
        for day in {(time - SAME_TELEGRAM_S) // DAY, (time + SAME_TELEGRAM_S) // DAY}:
            days.setdefault(day, []).append((db.meters[telegrams[at]][0], digest))
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
