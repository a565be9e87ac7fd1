"""The part of CBOR (RFC 8949) that the wire contract uses, written and read strictly.

Integers, byte and text strings, arrays, maps, false, true and null, each in its one shortest form: what two parsers
could read differently is refused. No indefinite lengths, no duplicate keys, no tags, no floats, depth at most 8.
"""

import struct

MAX_DEPTH = 8


class CborError(ValueError):
    """The bytes are not CBOR of this profile; `offset` is where."""

    def __init__(self, reason, offset):
        super().__init__(reason)
        self.reason = reason
        self.offset = offset


def head(major, n):
    """The initial bytes of an item: major type 0-7 and its argument, in the shortest form."""
    major <<= 5
    if n < 24:
        return bytes((major | n,))
    if n < 0x100:
        return bytes((major | 24, n))
    if n < 0x10000:
        return bytes((major | 25, n >> 8, n & 255))
    if n <= 0xFFFFFFFF:
        return struct.pack(">BI", major | 26, n)
    if n <= 0xFFFFFFFFFFFFFFFF:
        return struct.pack(">BQ", major | 27, n)
    raise CborError("integer too large", 0)


def encode(value):
    """The bytes of a value: int, bytes, str, bool, None, list or tuple, dict (keys sorted by their bytes)."""
    if value is None:
        return b"\xf6"
    if value is True:
        return b"\xf5"
    if value is False:
        return b"\xf4"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return head(2, len(value)) + bytes(value)
    if isinstance(value, str):
        text = value.encode()
        return head(3, len(text)) + text
    if isinstance(value, (list, tuple)):
        return head(4, len(value)) + b"".join([encode(v) for v in value])
    if isinstance(value, dict):
        # RFC 8949 4.2.1: keys in the bytewise order of their encodings.
        pairs = sorted([(encode(k), encode(v)) for k, v in value.items()])
        return head(5, len(pairs)) + b"".join([k + v for k, v in pairs])
    raise CborError("no CBOR form here for " + type(value).__name__, 0)


def decode(data, offset=0):
    """Read one item at `offset`; returns (value, offset behind it). Arrays come as lists, maps as dicts."""
    return _item(data, offset, MAX_DEPTH)


def decode_all(data):
    """Read exactly one item; trailing bytes are an error."""
    value, end = decode(data)
    if end != len(data):
        raise CborError("trailing bytes", end)
    return value


def skip(data, offset=0):
    """The offset behind the item at `offset`, without building its value."""
    return decode(data, offset)[1]


def _item(data, offset, depth):
    if not depth:
        raise CborError("nested too deeply", offset)
    if offset >= len(data):
        raise CborError("cut short", offset)
    first = data[offset]
    start = offset
    offset += 1
    major, n = first >> 5, first & 31
    if n >= 24:
        if n > 27:
            raise CborError("indefinite or reserved length", start)
        size = 1 << (n - 24)
        if offset + size > len(data):
            raise CborError("cut short", start)
        n = int.from_bytes(data[offset:offset + size], "big")
        offset += size
        if major != 7 and n < (24 if size == 1 else 1 << (4 * size)):
            raise CborError("not the shortest form", start)
    if major == 0:
        return n, offset
    if major == 1:
        return -1 - n, offset
    if major == 2 or major == 3:
        if offset + n > len(data):
            raise CborError("cut short", start)
        raw = bytes(data[offset:offset + n])
        if major == 2:
            return raw, offset + n
        try:
            return raw.decode(), offset + n
        except (ValueError, UnicodeError):
            raise CborError("not UTF-8", start)  # noqa: B904 - the clause is the news, not the codec's own words
    # Each item takes a byte at least, so a count beyond the input is refused before anything is built.
    if major == 4:
        if n > len(data) - offset:
            raise CborError("cut short", start)
        items = []
        for _ in range(n):
            value, offset = _item(data, offset, depth - 1)
            items.append(value)
        return items, offset
    if major == 5:
        if n > (len(data) - offset) // 2:
            raise CborError("cut short", start)
        pairs = {}
        for _ in range(n):
            at = offset
            key, offset = _item(data, offset, depth - 1)
            if not isinstance(key, (int, str, bytes)):
                raise CborError("key is no integer or string", at)
            if key in pairs:
                raise CborError("duplicate key", at)
            pairs[key], offset = _item(data, offset, depth - 1)
        return pairs, offset
    if major == 7 and offset == start + 1 and n in (20, 21, 22):
        return (False, True, None)[n - 20], offset
    raise CborError("tag, float or other simple value", start)
