"""The A-XDR data of a DLMS message (IEC 62056-5-3 8.3; IEC 61334-6) as a flat list of tokens.

Tokens hold positions only, so that one pass serves the plain path, the layout plan and the explanation. Once a list's
plan is made a device needs none of it. Bounds: 16 levels, 128 items in a container, 1024 tokens.
"""

from .apdu import ARRAY, BIT_STRING, COMPACT, DONT_CARE, NULL, STRINGS, STRUCTURE, length
from .errors import DecodeError

MAX_LEVELS = 16
MAX_ITEMS = 128
MAX_TOKENS = 1024

# tag -> size of the value in bytes
SIZES = {3: 1, 5: 4, 6: 4, 13: 1, 15: 1, 16: 2, 17: 1, 18: 2, 20: 8, 21: 8, 22: 1, 23: 4, 24: 8, 25: 12, 26: 5, 27: 4}
# tag -> struct code of a number
NUMBERS = {3: "B", 5: "i", 6: "I", 13: "B", 15: "b", 16: "h", 17: "B", 18: "H", 20: "q", 21: "Q", 22: "B", 23: "f",
           24: "d"}


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
