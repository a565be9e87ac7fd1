"""The common batch, which holds nothing but telegrams, read by columns: many telegrams at once, for ingest's speed.

What it reads is what records.read reads of the same bytes; what is not wholly of the common form is left to that.
"""

import functools
import hashlib
import struct
from collections import namedtuple

import wmbus
from firmware.wire import records as kinds
from wmbus.transport import meter_of

from .records import Record, Telegram, read_one

# The telegrams of a batch by what is told of each; meters: (text, media); ends: where its record does.
Columns = namedtuple("Columns", ("seqs", "times", "rssi", "data", "meters", "statuses", "encrypted", "digests", "ends"))

# A telegram's record as gateways write nearly all of them: array of 5, type, seq, time, RSSI, length, each number in
# the form named, which is its shortest for numbers above the least. The telegram follows.
_SHORT = struct.Struct(">3sHBIBBBB")
_LONG = struct.Struct(">3sIBIBBBB")
_SHORT_HEAD, _LONG_HEAD = b"\x85\x01\x19", b"\x85\x01\x1a"
_TIME, _RSSI, _BYTES = 0x1A, 0x38, 0x58
_LEAST_SHORT, _LEAST_LONG, _LEAST_TIME, _LEAST = 0x100, 0x10000, 0x10000, 24
_DIGEST = struct.Struct(">q")

_meters: "dict[bytes, tuple[str, int]]" = {}  # text and media by address, of the meters seen of late
_MOST_METERS = 100_000


def read(data: bytes, first: int, last: int) -> "Columns | None":
    """The telegrams of a batch, where it holds nothing else and they are seq `first` to `last`; else None."""
    try:
        return _of_one_length(data, first, last) or _one_by_one(data, first, last)
    except Exception:  # noqa: BLE001 - as in records.read, which says what it is
        return None


def records(data: bytes, columns: Columns) -> "list[Record]":
    """The records that a batch's columns were read from."""
    rows, at = [], 0
    for seq, time, rssi, telegram, (meter, media), status, encrypted, digest, end in zip(*columns):
        rows.append(Record(kinds.TELEGRAM, seq, time,
                            Telegram(rssi, telegram, meter, media, status, encrypted, digest), data[at:end]))
        at = end
    return rows


@functools.lru_cache(512)
def _layout(long, size):
    """Of a record: array of 5, type and form of the seq; seq; form of the time; time; form of the RSSI; RSSI; form of
    the length and the length; telegram."""
    return struct.Struct(f">3s{'I' if long else 'H'}BIBB2s{size}s")


def _of_one_length(data, first, last):
    """As `read`, all at once where the records are of one length and form, as those of one make of meter are."""
    count = last - first + 1
    long = first > 0xFFFF
    size = len(data) // count - (16 if long else 14)
    if len(data) % count or not _LEAST <= size <= 255 or first < _LEAST_SHORT:
        return None
    starts, seqs, a, times, b, levels, lengths, telegrams = zip(*_layout(long, size).iter_unpack(data))
    if (set(starts) != {_LONG_HEAD if long else _SHORT_HEAD} or seqs != tuple(range(first, last + 1))
            or set(a) != {_TIME} or set(b) != {_RSSI} or set(lengths) != {bytes((_BYTES, size))}
            or max(levels) > 127 or min(levels) < _LEAST or min(times) < _LEAST_TIME):
        return None
    sha256, cached = hashlib.sha256, _meters
    addresses, _, _, statuses, encrypted = zip(*map(wmbus.head, telegrams))
    digests = struct.unpack(">" + "q24x" * count, b"".join([sha256(t).digest() for t in telegrams]))
    return Columns(seqs, times, [-1 - n for n in levels], telegrams, [cached.get(a) or _meter(a) for a in addresses],
                   statuses, encrypted, digests,
                   range(len(data) // count, len(data) + 1, len(data) // count))


def _one_by_one(data, first, last):
    rows: list = []
    add = rows.append
    at, end, seq = 0, len(data), first
    sha256, number, head_of, cached = hashlib.sha256, _DIGEST.unpack_from, wmbus.head, _meters
    short, long = _SHORT.unpack_from, _LONG.unpack_from
    while at < end:
        form = data[at + 2]
        if form == 0x19:
            start, own, a, time, b, level, c, size = short(data, at)
        else:
            start, own, a, time, b, level, c, size = long(data, at)
        if (own != seq or a != _TIME or b != _RSSI or c != _BYTES or not _LEAST <= level <= 127 or size < _LEAST
                or time < _LEAST_TIME or (start != _SHORT_HEAD or own < _LEAST_SHORT)
                and (start != _LONG_HEAD or own < _LEAST_LONG)):
            record, at = read_one(data, at, seq - 1, last)
            if record is None or record.kind != kinds.TELEGRAM or record.seq != seq:
                return None
            t = record.fields
            add((seq, record.time, t.rssi, t.data, (t.meter, t.media), t.status, t.encrypted, t.digest, at))
            seq += 1
            continue
        at += 14 if form == 0x19 else 16
        telegram = data[at:at + size]
        at += size
        address, _, _, status, encrypted = head_of(telegram)
        add((own, time, -1 - level, telegram, cached.get(address) or _meter(address), status, encrypted,
             number(sha256(telegram).digest())[0], at))
        seq += 1
    return Columns(*zip(*rows)) if at == end and seq == last + 1 and rows else None


def _meter(address):
    if len(_meters) >= _MOST_METERS:
        _meters.clear()
    named = meter_of(address)
    text_and_media = _meters[address] = (wmbus.meter_text(named), named.type)
    return text_and_media
