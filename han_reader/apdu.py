"""The DLMS application layer: LLC, DataNotification and the A-XDR data it carries.

- LLC (IEC 62056-46 annex): E6 E7 00 from the meter, E6 E6 00 in some pushes; absent on wired M-Bus.
- DataNotification (IEC 62056-5-3 9.3.10): 0F, long-invoke-id 4 bytes, date-time, data. Meters write the date-time in
  three ways: 00 (none), 0C + 12 bytes (A-XDR octet-string), 09 0C + 12 bytes (with the tag of a Data value).
- Data (IEC 62056-5-3 8.3 and A-XDR, IEC 61334-6): a tag, then the value; walk.py.
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


def text(data, start, end):
    """A string as text, without padding NULs and blanks; as hex digits where it is not printable ASCII."""
    while end > start and data[end - 1] in (0, 32):
        end -= 1
    raw = bytes(data[start:end])
    for c in raw:
        if not 32 <= c < 127:
            return raw.hex()
    return str(raw, "ascii")
