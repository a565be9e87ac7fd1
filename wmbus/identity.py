"""Which meter: manufacturer, number, version, type, as bytes, as a tuple and as text (EN 13757-7 §7.5, EN 62056-21).

The same eight digits are sold by many makers, so that a number alone names no meter.
"""

from collections import namedtuple

from .errors import DecodeError

Meter = namedtuple("Meter", ("manufacturer", "id", "version", "type"))
recent_makers: "dict[int, str]" = {}  # letters by code (without its top bit), of the makers seen of late


def letters(code: int) -> "str | None":
    """The three letters of a manufacturer code, five bits each, A = 1; None where it has others.

    The top bit only tells that the address is unique in one network.
    """
    code &= 0x7FFF
    text = recent_makers.get(code)
    if text is None:
        first, second, third = code >> 10 & 31, code >> 5 & 31, code & 31
        if 0 < first < 27 and 0 < second < 27 and 0 < third < 27:
            if len(recent_makers) >= 64:
                recent_makers.clear()
            text = recent_makers[code] = chr(first + 64) + chr(second + 64) + chr(third + 64)
    return text


def number(address: bytes) -> str:
    """The eight digits of M(2 LE) ID(4 LE) version type."""
    return "%08X" % int.from_bytes(address[2:6], "little")


def meter_of(address: bytes) -> Meter:
    """The meter named by M(2 LE) ID(4 LE) version type."""
    return Meter(letters(address[0] | address[1] << 8), number(address), address[6], address[7])


def address_of(meter: Meter) -> bytes:
    """M(2 LE) ID(4 LE) version type of a meter: what `meter_of` takes."""
    first, second, third = [ord(letter) - 64 for letter in meter.manufacturer]
    code = first << 10 | second << 5 | third
    value = int(meter.id, 16)
    return bytes((code & 255, code >> 8, value & 255, value >> 8 & 255, value >> 16 & 255, value >> 24, meter.version,
                  meter.type))


def meter_text(meter: Meter) -> str:
    """A meter as text, 'KAM-12345678-1B-16': version and type in hex."""
    return "%s-%s-%02X-%02X" % (meter.manufacturer, meter.id, meter.version, meter.type)


def parse_meter(text: str) -> Meter:
    """The meter named by `meter_text`'s form; DecodeError when the text has another form."""
    parts = text.strip().upper().split("-")
    letters_ = all("A" <= c <= "Z" for c in parts[0])
    if letters_ and len(parts) == 4 and [len(part) for part in parts] == [3, 8, 2, 2]:
        try:
            int(parts[1], 16)
            version = int(parts[2], 16)
            kind = int(parts[3], 16)
        except ValueError:
            version = kind = -1
        if version >= 0 and kind >= 0:
            return Meter(parts[0], parts[1], version, kind)
    raise DecodeError("not a meter (MAN-12345678-VV-TT): " + text[:40])
