"""The DLMS application layer: LLC, DataNotification and the A-XDR data it carries.

- LLC (IEC 62056-46 annex): E6 E7 00 from the meter, E6 E6 00 in some pushes; absent on wired M-Bus.
- DataNotification (IEC 62056-5-3 9.3.10): 0F, long-invoke-id 4 bytes, date-time, data. Meters write the date-time in
  three ways: 00 (none), 0C + 12 bytes (A-XDR octet-string), 09 0C + 12 bytes (with the tag of a Data value).
- Data (IEC 62056-5-3 8.3 and A-XDR, IEC 61334-6): a tag, then the value. `walk` turns it into a flat list of tokens
  with positions only, so that one pass serves the plain path, the layout plan and the explanation.

Bounds: 16 levels, 128 items in a container, 1024 tokens.
"""

from .errors import DecodeError

NULL = 0
ARRAY = 1
STRUCTURE = 2
BIT_STRING = 4
OCTETS = 9
VISIBLE = 10
UTF8 = 12
INT8 = 15
ENUM = 22
COMPACT = 19
DATE_TIME = 25
DONT_CARE = 255

DATA_NOTIFICATION = 0x0F
GENERAL_BLOCK = 0xE0
GENERAL_GLO = 0xDB
GENERAL_CIPHERING = 0xDD

MAX_LEVELS = 16
MAX_ITEMS = 128
MAX_TOKENS = 1024

# tag -> size of the value in bytes
SIZES = {3: 1, 5: 4, 6: 4, 13: 1, 15: 1, 16: 2, 17: 1, 18: 2, 20: 8, 21: 8, 22: 1, 23: 4, 24: 8, 25: 12, 26: 5, 27: 4}
# tag -> struct code of a number
NUMBERS = {3: "B", 5: "i", 6: "I", 13: "B", 15: "b", 16: "h", 17: "B", 18: "H", 20: "q", 21: "Q", 22: "B", 23: "f",
           24: "d"}
STRINGS = (OCTETS, VISIBLE, UTF8)


def length(data, at, end):
    """(length, index after it) of an A-XDR length field."""
    if at >= end:
        raise DecodeError("length cut off", at)
    n = data[at]
    at += 1
    if n < 0x80:
        return n, at
    width = n & 0x7F
    if width > 2 or width == 0 or at + width > end:
        raise DecodeError("length field of %d bytes" % width, at)
    n = 0
    for _ in range(width):
        n = n << 8 | data[at]
        at += 1
    return n, at


def llc(data, at):
    """The index after an LLC header, or `at` where there is none."""
    if data[at:at + 3] in (b"\xe6\xe7\x00", b"\xe6\xe6\x00"):
        return at + 3
    return at


def notification(data, at, end):
    """(index of the 12-byte date-time or -1, index of the data) of a DataNotification at data[at:end]."""
    if end - at < 7 or data[at] != DATA_NOTIFICATION:
        raise DecodeError("no DataNotification", at)
    at += 5
    tag = data[at]
    if tag == 0:
        return -1, at + 1
    if tag == OCTETS:
        at += 1
        tag = data[at]
    if tag != 12:
        raise DecodeError("date-time of %d bytes" % tag, at)
    if at + 13 >= end:
        raise DecodeError("cut off in the date-time", at)
    return at + 1, at + 13


def walk(data, at, end, cut=False):
    """(tokens, index after the data, items missing): the Data at data[at:end], containers before what they hold.

    A token is (tag, index of the value, index after it); of a container (tag, index of the tag, number of items), of a
    compact-array (tag, index of the tag, index of its first value).
    With `cut`, data that ends early gives the tokens it holds, and counts what its containers still announce.
    """
    tokens: "list" = []
    left = 1
    levels: "list" = []  # items still to come in each container outside the present one
    while True:
        while left == 0:
            if not levels:
                return tokens, at, 0
            left = levels.pop()
        if len(tokens) >= MAX_TOKENS:
            raise DecodeError("more than %d values" % MAX_TOKENS, at)
        if at < end:
            tag = data[at]
            start = at + 1
            if tag in SIZES:
                stop = start + SIZES[tag]
            elif tag in STRINGS:
                n, start = length(data, start, end)
                stop = start + n
            elif tag in (STRUCTURE, ARRAY):
                n, start = length(data, start, end)
                if n > MAX_ITEMS:
                    raise DecodeError("container of %d items" % n, at)
                if len(levels) >= MAX_LEVELS:
                    raise DecodeError("more than %d levels" % MAX_LEVELS, at)
                tokens.append((tag, at, n))
                levels.append(left - 1)
                left = n
                at = start
                continue
            elif tag in (NULL, DONT_CARE):
                stop = start
            elif tag == COMPACT:
                at = _compact(data, at, end, tokens)
                left -= 1
                continue
            elif tag == BIT_STRING:
                n, start = length(data, start, end)
                stop = start + (n + 7) // 8
            else:
                raise DecodeError("unknown data tag %d" % tag, at)
        if at >= end or stop > end:
            if cut and len(tokens) > 1:
                return tokens, end, left + sum(levels)
            raise DecodeError("data cut off", at)
        tokens.append((tag, start, stop))
        left -= 1
        at = stop


def _compact(data, at, end, tokens):
    """Add the tokens of the compact-array at data[at:end], its elements flattened; the index behind it.

    19 | description of an element | length | values without tags
    """
    leaves: "list" = []
    start = _description(data, at + 1, end, leaves, 0)
    n, start = length(data, start, end)
    stop = start + n
    if stop > end:
        raise DecodeError("compact-array of %d bytes cut off" % n, at)
    if not leaves or not n:
        raise DecodeError("compact-array without values", at)
    tokens.append((COMPACT, at, start))
    while start < stop:
        for tag in leaves:
            if len(tokens) >= MAX_TOKENS:
                raise DecodeError("more than %d values" % MAX_TOKENS, start)
            if tag in STRINGS or tag == BIT_STRING:
                n, start = length(data, start, stop)
                if tag == BIT_STRING:
                    n = (n + 7) // 8
            else:
                n = SIZES.get(tag, 0)
            if start + n > stop:
                raise DecodeError("compact-array's last element cut off", start)
            tokens.append((tag, start, start + n))
            start += n
    return stop


def _description(data, at, end, leaves, level):
    """Add the tags of an element's values to `leaves`; the index behind its description."""
    if at >= end or level > MAX_LEVELS or len(leaves) > MAX_ITEMS:
        raise DecodeError("compact-array's description too large", at)
    tag = data[at]
    at += 1
    if tag == STRUCTURE:
        n, at = length(data, at, end)
        for _ in range(min(n, MAX_ITEMS + 1)):
            at = _description(data, at, end, leaves, level + 1)
    elif tag == ARRAY:
        n = data[at] << 8 | data[at + 1]
        inner: "list" = []
        at = _description(data, at + 2, end, inner, level + 1)
        if n * len(inner) > MAX_ITEMS:
            raise DecodeError("compact-array's description too large", at)
        leaves.extend(inner * n)
    elif tag in SIZES or tag in STRINGS or tag in (BIT_STRING, NULL):
        leaves.append(tag)
    else:
        raise DecodeError("unknown data tag %d" % tag, at - 1)
    return at


def text(data, start, end):
    """A string as text, without padding NULs and blanks; as hex digits where it is not printable ASCII."""
    while end > start and data[end - 1] in (0, 32):
        end -= 1
    raw = bytes(data[start:end])
    for c in raw:
        if not 32 <= c < 127:
            return raw.hex()
    return str(raw, "ascii")
