"""Orders: what a works may tell a gateway to do, in one table for all who speak of them (docs/wire.md, Commands).

By it the gateway checks and executes, the receiver queues, the command line makes its arguments and its help, the pages
name things, and docs/wire.cddl is tested. What is not here is no order. The names are literals here and nowhere else.
A device has this in memory only while it takes an order or reads its configuration: nothing keeps a reference to it.

A kind of value is a tuple; `wrong` is its one interpreter, on both sides of the wire:

    ("whole", low, high)            an integer           ("bytes", size)
    ("one of", (value, ...))        of these integers    ("text", least, most, form)    bytes of UTF-8; form in FORMS
    ("list", least, most, kind)                          ("map", ((key, kind), ...))    with exactly these keys
    ("or null", kind)
"""

from collections import namedtuple

from . import WireError

MAX_ORDER = 40 * 1024  # bytes of one with its envelope; every order that the table allows is shorter
MOST = 8  # in one answer: each costs its gateway a signature check
CONTENT_TYPE = "application/cbor"

# --- what became of one: the code of its result, and the words to it

DONE, NO_CONSENT, TOO_LATE, NOT_LISTED, NOT_UNDERSTOOD, NO_CLOCK, FAILED, INTERRUPTED = range(8)
# By code, as one text: a tuple of so many would take a device three times the memory.
RESULTS = ("done|the owner has not consented|too late|not on the list|arguments not understood|no good clock|"
           "tried and failed|interrupted by a restart")

# --- kinds of values, by name where the configuration knows them too

DAY = 86400
WATER = (0x06, 0x07, 0x15, 0x16)  # EN 13757-7 table 13: hot, water, cold, ... : the media types a home may relay
INTERVAL = ("whole", 10, DAY)
WINDOW = ("whole", 60, DAY)
MEDIA = ("list", 1, 4, ("one of", WATER))
LISTED = ("or null", ("list", 0, 2000, ("text", 5, 18, "meter or make")))
OWN = ("list", 0, 16, ("map", (("key", ("or null", ("bytes", 16))), ("meter", ("text", 18, 18, "meter")))))
ADDRESS = ("text", 1, 267, "address")  # a DNS name has at most 253
ANCHORS = ("list", 1, 4, ("text", 1, 8192, "certificate"))
COMMAND_KEYS = ("list", 1, 4, ("bytes", 32))
LAST_SEQ = (1 << 62) - 1

# --- the table

# means: what it is to a person, "" where nobody is asked and the receiver has the value itself; default: (value,) where
# a person may leave it out, else ().
Field = namedtuple("Field", ("name", "kind", "means", "default"))
# valid_s: seconds that it may wait for its gateway. replaces: which of the same name that still wait a later one takes
# the place of. guard: None for what is harmless when late; else whose consent it needs, of those in config.json, and
# how many seconds at most it may be valid by a clock that was good before it came.
Order = namedtuple("Order", ("name", "means", "fields", "valid_s", "replaces", "guard"))
ALL, EQUAL, NONE = "all", "equal", "none"

OWN_METERS, TRUST, REWIND, UPDATE = "own-meters", "trust", "rewind", "update"
ORDERS = (
    Order("interval", "time between its regular batches", (
        Field("seconds", INTERVAL, "seconds", ()),
    ), 30 * DAY, ALL, None),
    Order("relay", "which telegrams of water meters it relays, and how often", (
        Field("window", WINDOW, "seconds per relayed telegram", (3600,)),
        Field("media", MEDIA, "media types", (list(WATER),)),
        Field("meters", LISTED, "only these meters or makes", (None,)),
    ), 30 * DAY, ALL, None),
    Order(OWN_METERS, "the home's own meters and keys once more, as bound (bind, unbind do it too)", (
        Field("meters", OWN, "", ()),
    ), 30 * DAY, ALL, None),
    Order(TRUST, "the anchors and command keys as they are now (rotate does it too)", (
        Field("url", ADDRESS, "", ()),
        Field("anchors", ANCHORS, "", ()),
        Field("command_keys", COMMAND_KEYS, "", ()),
    ), 365 * DAY, ALL, None),
    Order(REWIND, "send again what its ring still holds (done by itself where a gap is seen)", (
        Field("epoch", ("bytes", 8), "the ring, as its page shows it", ()),
        Field("after", ("whole", 0, LAST_SEQ), "the record before the first that is wanted, 0 for all", ()),
    ), 30 * DAY, EQUAL, None),
    Order(UPDATE, "tell it that an update of Netti is there; it checks the release's own signature", (
        Field("version", ("text", 1, 64, ""), "the release's version", ()),
        Field("url", ("text", 1, 320, "https"), "where its manifest is", ()),
    ), 30 * DAY, NONE, None),
    # Its gateway closes it within 300 s by its own clock, which may be a minute behind the receiver's.
    Order("close-valve", "close the main valve: only where the owner has agreed on the gateway, and only if it calls "
          "within four minutes; nothing opens it from afar", (), 240, NONE, ("valve", 300)),
)


def named(name):
    """The row of an order, or None for a name that is not on the list."""
    for order in ORDERS:
        if order.name == name:
            return order
    return None


def check(order, arguments):
    """Raise WireError, which says where and why, unless these are an order's arguments as the wire carries them."""
    fault = wrong(("map", order.fields), arguments)
    if fault:
        raise WireError(order.name + fault)


# --- the rules

def wrong(kind, value):
    """What is wrong with a value, as it goes behind its name: "[3].meter: ..."; "" where nothing is."""
    what = kind[0]
    if what == "or null":
        return "" if value is None else wrong(kind[1], value)
    if what == "list":
        if not isinstance(value, list) or not kind[1] <= len(value) <= kind[2]:
            return ": " + says(kind)
        for i, item in enumerate(value):
            fault = wrong(kind[3], item)
            if fault:
                return "[%d]%s" % (i, fault)
        return ""
    if what == "map":
        if not isinstance(value, dict) or len(value) != len(kind[1]) or any(row[0] not in value for row in kind[1]):
            return ": " + says(kind)
        for row in kind[1]:
            fault = wrong(row[1], value[row[0]])
            if fault:
                return ".%s%s" % (row[0], fault)
        return ""
    if what == "text":
        return _wrong_text(kind, value)
    if what == "bytes":
        good = isinstance(value, bytes) and len(value) == kind[1]
    else:
        good = isinstance(value, int) and not isinstance(value, bool) and (
            kind[1] <= value <= kind[2] if what == "whole" else value in kind[1])
    return "" if good else ": " + says(kind)


def _wrong_text(kind, value):
    _what, least, most, form = kind
    try:
        size = len(value.encode()) if isinstance(value, str) else 0
    except ValueError:
        size = 0  # half a surrogate pair
    if not size or form and not FORMS[form][0](value):
        return ": " + says(kind)
    return "" if least <= size <= most else ": %d bytes, not %d to %d" % (size, least, most)


def says(kind):
    """A kind of value in words."""
    what = kind[0]
    if what == "whole":
        return "a whole number from %d to %d" % kind[1:]
    if what == "one of":
        return "one of " + ", ".join([str(v) for v in kind[1]])
    if what == "bytes":
        return "%d bytes" % kind[1]
    if what == "text":
        return FORMS[kind[3]][1] if kind[3] else "a text of %d to %d bytes" % kind[1:3]
    if what == "list":
        return "a list of %s %d" % ("%d to" % kind[1] if kind[1] else "at most", kind[2])
    if what == "map":
        return "exactly " + (", ".join([row[0] for row in kind[1]]) or "nothing")
    return "null, or " + says(kind[1])


def split_url(url):
    """(host, port) of https://HOST[:PORT], port 443 where none is named; None for another text."""
    rest = url[8:] if _https(url) else ""
    if rest.endswith("/"):
        rest = rest[:-1]
    host, colon, port = rest.rpartition(":")
    if not colon:
        host, port = rest, "443"
    if not host or "/" in host or not port.isdigit() or not 0 < int(port) < 65536:
        return None
    return host, int(port)


def _https(text):
    data = text.encode()
    return text.startswith("https://") and len(text) > 8 and min(data) > 0x20 and max(data) < 0x7F


def _meter(text):
    return len(text) == 18 and text[3] + text[12] + text[15] == "---" and _make(text[:3]) and not (
        text[4:12] + text[13:15] + text[16:]).strip("0123456789ABCDEF")


def _make(text):
    return len(text) == 3 and not text.strip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


# form: (whether a text has it, in words)
FORMS = {
    "meter": (_meter, "a meter like KAM-12345678-1B-16"),
    "meter or make": (lambda text: _meter(text) or text.endswith("-*") and _make(text[:-2]),
                      "a meter like KAM-12345678-1B-16 or a make like KAM-*"),
    "address": (split_url, "https://HOST[:PORT]"),
    "https": (_https, "https://..."),
    "certificate": (lambda text: "-----BEGIN CERTIFICATE-----" in text, "a PEM certificate"),
}
