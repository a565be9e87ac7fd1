"""The common batch in three statements: telegrams with a time of their own, next in their ring, heard by nobody else.

The rows are made where the batch is read, so that the one writer does little but write; and written many to a
statement, which takes SQLite a fifth less than one by one. Whatever is not the common case is stored the general way
(batch.py), by the same rules (matching, coverage, meters) and with the same outcome. SQLite only, which has one process
that remembers.
"""

import functools
import marshal

import firmware.wire.records as records

from ...data.clock import DAY
from .. import PENDING
from . import coverage, matching, meters
from .cache import MOST_METERS
from .times import believed

MOST_ROWS = 64  # of a statement: each count of rows is a statement of its own, and those are kept

# What `rows` makes, as bytes that are read quickly by the same interpreter: the texts of three tables' meters, and the
# tables' values row after row, each row with a place for its meter's row in front:
#   telegrams   _, time, digest, data, receptions
#   coverage    _, day, count, best, levels
#   meters      _, first heard, last heard, encrypted, status
# Where each meter comes once, as nearly always, the texts of the other two are None: they are the telegrams' in order.
_WIDTH = 5
_VERSION = 2  # of marshal: without a search for objects that come twice


def rows(gateway: int, content, now: int) -> "bytes | None":
    """The rows of a batch (a content.Content) of a gateway (its row), or None where it is not a common one."""
    if content.telegrams is None:
        return None
    t = content.telegrams
    times, digests = t.times, t.digests
    count, first, last = len(times), min(times), max(times)
    if first < records.UNIX_FROM or believed(last, now) != last or len(set(digests)) < count:
        return None  # no time, a wrong one, or the same telegram twice
    texts = [text for text, _ in t.meters]
    head, counted = coverage.row_bytes(gateway), coverage.COUNTED
    telegrams = _values(times, digests, t.data, [head + counted[rssi] for rssi in t.rssi])
    encrypted = list(map(int, t.encrypted))  # sqlite3 binds a bool the long way
    if len(set(texts)) == count and first // DAY == last // DAY:
        best, levels = coverage.BEST, coverage.LEVELS
        rest = (None, _values([first // DAY] * count, [1] * count, [best[rssi] for rssi in t.rssi],
                              [levels[rssi] for rssi in t.rssi]),
                None, _values(times, times, encrypted, t.statuses))
    else:
        rest = _summed_up(times, texts, t.rssi, encrypted, t.statuses)
    return marshal.dumps((texts, telegrams, *rest), _VERSION)


def _values(*columns):
    values: list = [None] * (_WIDTH * len(columns[0]))
    for n, column in enumerate(columns, 1):
        values[n::_WIDTH] = column
    return values


def _summed_up(times, texts, rssi, encrypted, statuses):
    """The coverage and the meters of telegrams of which some are of one meter, or of several days."""
    counts: dict = {}
    heard: dict = {}
    for time, text, level, sealed, status in zip(times, texts, rssi, encrypted, statuses):
        coverage.add(counts, (text, time // DAY), level)
        meters.add(heard, text, time, sealed, status)
    return ([text for text, _ in counts], [v for (_, day), row in counts.items() for v in (None, day, *row)],
            list(heard), [v for row in heard.values() for v in (None, *row)])


def enter(db, gateway: int, epoch: int, first: int, made: bytes, count: int, now: int) -> bool:
    """Enter the rows if they are `count` telegrams, from seq `first` on; False, and nothing entered, where they go the
    general way."""
    cache = db.cache
    if gateway in cache.crowded:
        return False
    texts, telegrams, covered, cover, named, heard = marshal.loads(made)
    named = named or texts  # each once
    if len(texts) != count or not _look_up(db, named):
        return False
    rows, last_heard = cache.rows, cache.last_heard
    before = [last_heard[text] for text in named]
    later = matching.is_later(min(heard[1::_WIDTH]), max(before))
    if not later:
        again = {text for text, time, last in zip(named, heard[1::_WIDTH], before)
                 if not matching.is_later(time, last)}
        if again and may_be_stored(db, again, texts, telegrams):
            cache.crowded.add(gateway)  # others hear what this one hears: do not try next time
            return False
    ids = [rows[text] for text in texts]
    telegrams[::_WIDTH] = ids
    cover[::_WIDTH] = ids if covered is None else [rows[text] for text in covered]
    heard[::_WIDTH] = ids if named is texts else [rows[text] for text in named]
    for at, values in _pieces(telegrams):
        db.execute(insert_telegrams(len(values) // _WIDTH), [epoch, first + at, now, *values])
    for _, values in _pieces(cover):
        db.execute(coverage.count_receptions(len(values) // _WIDTH), [gateway, *values])
    for _, values in _pieces(heard):
        db.execute(meters.hear(len(values) // _WIDTH), values)
    last_heard.update(zip(named, heard[2::_WIDTH] if later else map(max, before, heard[2::_WIDTH])))
    return True


def _pieces(values):
    """(first row, values) of what a statement takes each."""
    most = MOST_ROWS * _WIDTH
    return [(0, values)] if len(values) <= most else [
        (at // _WIDTH, values[at:at + most]) for at in range(0, len(values), most)]


@functools.cache
def insert_telegrams(count: int) -> str:
    """The statement that enters telegrams: the ring's row, the first seq, when they were received, then meter, time,
    digest, data, receptions of so many."""
    return ("INSERT INTO telegrams (meter, epoch, seq, received, raw_time, time, day, digest, state, data, heard) "
            "VALUES " + ",".join([
                f"(?{n},?1,?2+{k},?3,?{n + 1},?{n + 1},?{n + 1}/{DAY},?{n + 2},{PENDING},?{n + 3},?{n + 4})"
                for k, n in enumerate(range(4, 4 + count * 5, 5))]))


def may_be_stored(db, again, texts, telegrams):
    """Whether a telegram of one of these meters may be stored already."""
    days: "dict[int, list]" = {}
    for text, time, digest in zip(texts, telegrams[1::_WIDTH], telegrams[2::_WIDTH]):
        if text in again:
            for day in matching.days_around(time):
                days.setdefault(day, []).append((db.cache.rows[text], digest))
    return any(matching.stored(db, [day], contents) for day, contents in days.items())


def _look_up(db, texts):
    """Whether every meter has a row, after a look at those not remembered: its row, and when it was last heard."""
    rows, last_heard = db.cache.rows, db.cache.last_heard
    missing = [text for text in texts if text not in last_heard]
    if missing:
        if len(last_heard) > MOST_METERS:
            db.cache.forget()
            missing = list(texts)
        for text, row, last in meters.find(db, missing):
            rows[text], last_heard[text] = row, last
        return all(text in last_heard for text in missing)
    return True
