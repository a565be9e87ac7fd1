"""Reads the records of a batch: their exact bytes, their seq, and which of them follow the contract.

A validly signed batch is never refused for what a record says (docs: wire contract). What cannot be read comes out as
opaque, is stored as it came and acknowledged; a newer receiver can still make sense of it.

Only the contract's own CBOR is ever built (firmware/wire/cbor.py): no tag, no float, nothing that makes an object of
bytes. What is beyond it is stepped over, so that any bytes cost what their length does.
"""

import hashlib
import struct
from collections import namedtuple

import wmbus
from firmware import wire
from firmware.wire import cbor
from firmware.wire import records as kinds
from wmbus.transport import meter_of

OPAQUE = 0
_MOST = 1 << 62  # what a database column holds, with room

# kind: the contract's type or OPAQUE; seq: its own, or for what has none the one it stands in for; time: as sent, None
# if opaque; fields: those behind the time (a Telegram for that kind; heard: the meter as text); body: the exact bytes.
Record = namedtuple("Record", ("kind", "seq", "time", "fields", "body"))
# meter: its text; media: its type; status: the plain status byte or None; digest: of the content, 64 bits.
Telegram = namedtuple("Telegram", ("rssi", "data", "meter", "media", "status", "encrypted", "digest"))

_DIGEST = struct.Struct(">q")


def read(data: bytes, first: int, last: int) -> "list[Record]":
    """The records of a batch whose head announced seq `first` to `last`, one after the other; never raises.

    A record's own seq counts where it rises within the announced range; else the record is opaque. Of more than a batch
    may hold, one more than that.
    """
    records: "list[Record]" = []
    offset, before = 0, first - 1
    while offset < len(data) and len(records) <= wire.MAX_RECORDS:
        record, end = read_one(data, offset, before, last)
        if record is None:
            record = Record(OPAQUE, min(before + 1, last), None, (), data[offset:end])
        else:
            before = record.seq
        records.append(record)
        offset = end
    return records


def read_one(data: bytes, at: int, before: int, last: int) -> "tuple[Record | None, int]":
    """The record at an offset, behind one of seq `before`, or None for what is none; and where it ends. Where that
    cannot be known, the rest is one."""
    item, end = _plain(data, at)
    if item is None:
        return None, end
    return _record(item, data[at:end], before, last), end


def _plain(data, at):
    """(what the bytes at an offset say in the contract's CBOR, or None; where they end)."""
    try:
        item, size = cbor.decode(data[at:at + wire.MAX_RECORD])
        return item, at + size
    except cbor.CborError:
        try:
            return None, behind(data, at)
        except ValueError:
            return None, len(data)


def behind(data: bytes, at: int) -> int:
    """The offset behind the CBOR item at an offset, of any kind but indefinite length; nothing is built, and no depth
    or count in it costs more than its bytes. Raises ValueError where it is not whole."""
    size, left = len(data), 1  # items that are to come
    while left:
        if left > size - at:  # each takes a byte at least
            raise ValueError("cut short")
        major, n = data[at] >> 5, data[at] & 31
        at += 1
        if n > 27:
            raise ValueError("indefinite or reserved length")
        if n > 23:
            width = 1 << n - 24
            n = int.from_bytes(data[at:at + width], "big")
            at += width
        left -= 1
        if major in (2, 3):
            at += n
        elif major in (4, 5):
            left += n * (major - 3)
        elif major == 6:
            left += 1
    if at > size:
        raise ValueError("cut short")
    return at


def _record(item, body, before, last):
    if (not isinstance(item, list) or len(item) < 3 or not _count(item[0]) or not _count(item[1])
            or item[1] > wire.LAST_SEQ or not before < item[1] <= last):
        return None
    kind, seq, time = item[0], item[1], item[2]
    check = _CHECKS.get(kind)
    if check is None or not _count(time) or len(body) > wire.MAX_RECORD or not check(item[3:]):
        return Record(OPAQUE, seq, None, (), body)
    fields = tuple(item[3:])
    if kind == kinds.TELEGRAM:
        fields = _telegram_fields(*fields)
        if fields is None:
            return Record(OPAQUE, seq, None, (), body)
    elif kind == kinds.HEARD:
        fields = (wmbus.meter_text(meter_of(fields[0])), *fields[1:])
    return Record(kind, seq, time, fields, body)


def _telegram_fields(rssi, data):
    try:
        summary = wmbus.summary(data)
    except wmbus.DecodeError:
        return None
    return Telegram(rssi, data, wmbus.meter_text(summary.meter), summary.meter.type, summary.status,
                    bool(summary.encrypted), content_digest(data))


def content_digest(data: bytes) -> int:
    """What tells telegrams apart: the first 64 bits of the SHA-256 of their bytes, signed as a column holds it."""
    return _DIGEST.unpack_from(hashlib.sha256(data).digest())[0]


def _count(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST


def _small(value, bits):
    return _count(value) and value < 1 << bits


def _number(value):
    return isinstance(value, int) and not isinstance(value, bool) and -_MOST < value < _MOST


def _rssi(value):
    return _number(value) and -128 <= value <= 127


def _text(value):
    return isinstance(value, str) and len(value) <= 512


def _telegram(f):
    return len(f) == 2 and _rssi(f[0]) and isinstance(f[1], bytes) and 10 <= len(f[1]) <= 300


def _heard(f):
    return (len(f) == 5 and isinstance(f[0], bytes) and len(f[0]) == 8 and _count(f[1]) and f[1] < 1 << 20
            and _small(f[2], 32) and _rssi(f[3]) and _rssi(f[4]))


def _status(f):
    return (len(f) == 1 and isinstance(f[0], list)
            and all(isinstance(c, list) and len(c) == 2 and _text(c[0]) and _number(c[1]) for c in f[0]))


def as_opaque(records: "list[Record]") -> "list[Record]":
    """The same records, none of them understood."""
    return [r._replace(kind=OPAQUE, time=None, fields=()) for r in records]


# What each type's fields must be, within what sums of them a store can hold; a longer record is a newer contract's, and
# opaque here.
_CHECKS = {
    kinds.TELEGRAM: _telegram,
    kinds.HEARD: _heard,
    kinds.HAN_HOUR: lambda f: (len(f) == 4 and _small(f[0], 36) and _small(f[1], 40) and _small(f[2], 40)
                               and isinstance(f[3], bool)),
    kinds.EVENT: lambda f: len(f) == 2 and _text(f[0]) and _text(f[1]),
    kinds.STATUS: _status,
    kinds.BOOT: lambda f: len(f) == 2 and _count(f[0]) and (_text(f[1]) or _number(f[1])),
    # Each better quality corrects a boot's start once more: so there are few.
    kinds.CLOCK: lambda f: len(f) == 2 and _count(f[0]) and _small(f[1], 3),
    kinds.LOST: lambda f: (len(f) == 3 and all(_count(n) for n in f) and f[0] <= f[1] <= wire.LAST_SEQ
                           and _small(f[2], 40)),
    kinds.POSITION: lambda f: len(f) == 3 and all(_number(n) for n in f),
    kinds.RESULT: lambda f: len(f) == 3 and _count(f[0]) and _number(f[1]) and _text(f[2]),
}
