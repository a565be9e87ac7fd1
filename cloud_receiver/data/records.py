"""Reads the records of a batch: their exact bytes, their seq, and which of them follow the contract.

A validly signed batch is never refused for its content (docs: wire contract). What cannot be read comes out as opaque,
is stored as it came and acknowledged; a newer receiver can still make sense of it.
"""

import functools
import hashlib
import io
import struct
from collections import namedtuple

import cbor2

import firmware.wire.records as records
import wmbus
from firmware import wire
from wmbus.transport import meter_of

OPAQUE = 0
MAX_DEPTH = 8
_MOST = 1 << 62  # what a database column holds, with room

# kind: the contract's type or OPAQUE; seq: its own, or for what has none the one it stands in for; time: as sent, None
# if opaque; fields: those behind the time (a Telegram for that kind; heard: the meter as text); body: the exact bytes.
Record = namedtuple("Record", ("kind", "seq", "time", "fields", "body"))
# meter: its text; media: its type; status: the plain status byte or None; digest: of the content, 64 bits.
Telegram = namedtuple("Telegram", ("rssi", "data", "meter", "media", "status", "encrypted", "digest"))
# The telegrams of a batch by what is told of each; meters: (text, media); ends: where its record does.
Columns = namedtuple("Columns", ("seqs", "times", "rssi", "data", "meters", "statuses", "encrypted", "digests", "ends"))

# A telegram's record as gateways write nearly all of them: array of 5, type, seq, time, RSSI, length, each number in
# the form named. The telegram follows.
_SHORT = struct.Struct(">3sHBIBBBB")
_LONG = struct.Struct(">3sIBIBBBB")
_SHORT_HEAD, _LONG_HEAD = b"\x85\x01\x19", b"\x85\x01\x1a"
_TIME, _RSSI, _BYTES = 0x1A, 0x38, 0x58
_DIGEST = struct.Struct(">q")

_meters: "dict[bytes, tuple[str, int]]" = {}  # text and media by address, of the meters seen of late
_MOST_METERS = 100_000


class Content:
    """The records of a batch: their bytes, the seq range its head announced, and their telegrams where it holds nothing
    else. Goes to the writer's process as bytes, and is read there only where it must."""

    __slots__ = ("data", "first", "last", "opaque", "telegrams")

    def __init__(self, data: bytes, first: int, last: int, opaque: bool = False):
        """`opaque`: none of it is to be understood."""
        self.data, self.first, self.last, self.opaque = data, first, last, opaque
        self.telegrams = None if opaque else telegrams(data, first, last)

    def __reduce__(self):
        return _content, (self.data, self.first, self.last, self.opaque)

    def count(self) -> int:
        """How many records there are."""
        return len(self.read() if self.telegrams is None else self.telegrams.seqs)

    def read(self) -> "list[Record]":
        """The records."""
        found = read(self.data, 0, self.first, self.last)
        return as_opaque(found) if self.opaque else found


def _content(data, first, last, opaque):
    content = Content.__new__(Content)
    content.data, content.first, content.last, content.opaque, content.telegrams = data, first, last, opaque, None
    return content


def telegrams(data: bytes, first: int, last: int) -> "Columns | None":
    """The telegrams of a batch by their columns, where it holds nothing else and they are seq `first` to `last`; else
    None."""
    try:
        return _of_one_length(data, first, last) or _one_by_one(data, first, last)
    except Exception:  # noqa: BLE001 - as in `read`, which says what it is
        return None


@functools.lru_cache(512)
def _layout(long, size):
    """Of a record: array of 5, type and form of the seq; seq; form of the time; time; form of the RSSI; RSSI; form of
    the length and the length; telegram."""
    return struct.Struct(f">3s{'I' if long else 'H'}BIBB2s{size}s")


def _of_one_length(data, first, last):
    """As `telegrams`, all at once where the records are of one length and form, as those of one make of meter are."""
    count = last - first + 1
    long = first > 0xFFFF
    size = len(data) // count - (16 if long else 14)
    if len(data) % count or not 10 <= size <= 255:
        return None
    starts, seqs, a, times, b, levels, lengths, found = zip(*_layout(long, size).iter_unpack(data))
    if (set(starts) != {_LONG_HEAD if long else _SHORT_HEAD} or seqs != tuple(range(first, last + 1))
            or set(a) != {_TIME} or set(b) != {_RSSI} or set(lengths) != {bytes((_BYTES, size))}
            or max(levels) > 127):
        return None
    sha256, known = hashlib.sha256, _meters
    addresses, _, _, statuses, encrypted = zip(*map(wmbus.head, found))
    digests = struct.unpack(">" + "q24x" * count, b"".join([sha256(t).digest() for t in found]))
    return Columns(seqs, times, [-1 - n for n in levels], found, [known.get(a) or _meter(a) for a in addresses],
                   statuses, encrypted, digests,
                   range(len(data) // count, len(data) + 1, len(data) // count))


def _one_by_one(data, first, last):
    found: list = []
    add = found.append
    at, end, seq = 0, len(data), first
    sha256, number, head_of, known = hashlib.sha256, _DIGEST.unpack_from, wmbus.head, _meters
    short, long = _SHORT.unpack_from, _LONG.unpack_from
    while at < end:
        form = data[at + 2]
        if form == 0x19:
            start, own, a, time, b, level, c, size = short(data, at)
        else:
            start, own, a, time, b, level, c, size = long(data, at)
        if own != seq or a != _TIME or b != _RSSI or c != _BYTES or level > 127 or size < 10 or (
                start != _SHORT_HEAD and start != _LONG_HEAD):
            record, at = _one(data, at, seq - 1, last)
            if record is None or record.kind != records.TELEGRAM or record.seq != seq:
                return None
            t = record.fields
            add((seq, record.time, t.rssi, t.data, (t.meter, t.media), t.status, t.encrypted, t.digest, at))
            seq += 1
            continue
        at += 14 if form == 0x19 else 16
        telegram = data[at:at + size]
        at += size
        address, _, _, status, encrypted = head_of(telegram)
        add((own, time, -1 - level, telegram, known.get(address) or _meter(address), status, encrypted,
             number(sha256(telegram).digest())[0], at))
        seq += 1
    return Columns(*zip(*found)) if at == end and seq == last + 1 and found else None


def _one(data, at, before, last):
    """The record at an offset, or None for what is none, and where it ends; raises what the reader raises."""
    stream = io.BytesIO(data)
    stream.seek(at)
    item = _decoder(stream).decode()
    return _record(item, data[at:stream.tell()], before, last), stream.tell()


def _decoder(stream):
    return cbor2.CBORDecoder(stream, max_depth=MAX_DEPTH, allow_indefinite=False, allow_duplicate_keys=False)


def _meter(address):
    if len(_meters) >= _MOST_METERS:
        _meters.clear()
    named = meter_of(address)
    found = _meters[address] = (wmbus.meter_text(named), named.type)
    return found


def read(data: bytes, offset: int, first: int, last: int) -> "list[Record]":
    """The records of a batch from `offset` on, whose head announced seq `first` to `last`; never raises.

    A record's own seq counts where it rises within the announced range; else the record is opaque.
    """
    data, offset = data[offset:], 0
    common = telegrams(data, first, last)
    if common is not None:
        return _of_common(data, common)
    found = []
    stream = io.BytesIO(data)
    decoder = _decoder(stream)
    before = first - 1
    while offset < len(data):
        try:
            item = decoder.decode()
            end = stream.tell()
        except Exception:  # noqa: BLE001 - whatever the reader says of hostile bytes, they are stored, not refused
            # Where this one ends cannot be known: the rest is one opaque record.
            found.append(Record(OPAQUE, min(before + 1, last), None, (), data[offset:]))
            break
        body = data[offset:end]
        offset = end
        record = _record(item, body, before, last)
        if record is None:
            record = Record(OPAQUE, min(before + 1, last), None, (), body)
        else:
            before = record.seq
        found.append(record)
    return found


def _of_common(data, common):
    found, at = [], 0
    for seq, time, rssi, telegram, (meter, media), status, encrypted, digest, end in zip(*common):
        found.append(Record(records.TELEGRAM, seq, time,
                            Telegram(rssi, telegram, meter, media, status, encrypted, digest), data[at:end]))
        at = end
    return found


def _record(item, body, before, last):
    if (not isinstance(item, list) or len(item) < 3 or not _count(item[0]) or not _count(item[1])
            or not before < item[1] <= last):
        return None
    kind, seq, time = item[0], item[1], item[2]
    check = _CHECKS.get(kind)
    if check is None or not _count(time) or len(body) > wire.MAX_RECORD or not check(item[3:]):
        return Record(OPAQUE, seq, None, (), body)
    fields = tuple(item[3:])
    if kind == records.TELEGRAM:
        fields = _of_telegram(*fields)
        if fields is None:
            return Record(OPAQUE, seq, None, (), body)
    elif kind == records.HEARD:
        fields = (wmbus.meter_text(meter_of(fields[0])), *fields[1:])
    return Record(kind, seq, time, fields, body)


def _of_telegram(rssi, data):
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


def as_opaque(found: "list[Record]") -> "list[Record]":
    """The same records, none of them understood."""
    return [r._replace(kind=OPAQUE, time=None, fields=()) for r in found]


# What each type's fields must be, within what sums of them a store can hold; a longer record is a newer contract's, and
# opaque here.
_CHECKS = {
    records.TELEGRAM: _telegram,
    records.HEARD: _heard,
    records.HAN_HOUR: lambda f: (len(f) == 4 and _small(f[0], 36) and _small(f[1], 40) and _small(f[2], 40)
                               and isinstance(f[3], bool)),
    records.EVENT: lambda f: len(f) == 2 and _text(f[0]) and _text(f[1]),
    records.STATUS: _status,
    records.BOOT: lambda f: len(f) == 2 and _count(f[0]) and (_text(f[1]) or _number(f[1])),
    records.CLOCK: lambda f: len(f) == 2 and _count(f[0]) and _count(f[1]),
    records.LOST: lambda f: len(f) == 3 and all(_count(n) for n in f) and f[0] <= f[1] and _small(f[2], 40),
    records.POSITION: lambda f: len(f) == 3 and all(_number(n) for n in f),
    records.RESULT: lambda f: len(f) == 3 and _count(f[0]) and _number(f[1]) and _text(f[2]),
}
