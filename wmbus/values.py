"""Raw values to numbers, texts and dates (EN 13757-3 annex A: types A, B, C, F, G, H, I, J, M).

Each converter takes what struct unpacked, a little-endian number or bytes, and returns None where the standard says
that the value is not there: an invalid date, a BCD field with letters in it.
"""

SIZES = (0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, 0, 6, 0)
LVAR = 13
FILLER = 0x2F


def lvar_size(data: bytes, at: int) -> "tuple[int, int]":
    """(bytes of value, kind of value) of the LVAR byte at `at`: kind is its class 00, C0, D0 or E0."""
    first = data[at]
    if first < 0xC0:
        return first, 0
    if first < 0xD0:
        return first & 15, 0xC0
    if first < 0xE0:
        return first & 15, 0xD0
    if first < 0xF0:
        return first & 15, 0xE0
    if first < 0xF5:
        return 4 * (first - 0xEC), 0xE0
    return {0xF5: 48, 0xF6: 64}.get(first, 0), 0xE0


def bcd(value: int) -> "int | None":
    """Type A: packed BCD read as a little-endian number; F as the top digit is a minus sign."""
    text = "%x" % value
    if text.isdigit():
        return int(text)
    if text[0] == "f" and text[1:].isdigit():
        return -int(text[1:])
    return None


def bcd_text(value: int, size: int) -> str:
    """The digits of a BCD field of `size` bytes as text, leading zeros kept."""
    text = "%x" % value
    return ("0" * (2 * size - len(text)) + text).upper()


def signed(raw: bytes) -> int:
    """Type B of any size: a little-endian two's complement number."""
    value = int.from_bytes(raw, "little")
    if raw and raw[-1] & 0x80:
        value -= 1 << 8 * len(raw)
    return value


def real(value: float) -> "float | None":
    """Type H: a 32-bit float; not-a-number and the infinities say that there is no value."""
    return value if value - value == 0 else None


def date(value: int) -> "str | None":
    """Type G, 16 bits: "2024-03-01", or None."""
    day = value & 31
    month = value >> 8 & 15
    if value == 0xFFFF or not day or not 0 < month < 13:
        return None
    return "%d-%02d-%02d" % (2000 + ((value >> 5 & 7) | (value >> 9 & 0x78)), month, day)


def datetime(value: int) -> "str | None":
    """Type F, 32 bits: "2024-03-01 12:30" (the meter's own clock), or None where it is marked invalid."""
    if value & 0x80:
        return None
    hour = value >> 8 & 31
    minute = value & 63
    day = value >> 16 & 31
    month = value >> 24 & 15
    if hour > 23 or minute > 59 or not day or not 0 < month < 13:
        return None
    return "%d-%02d-%02d %02d:%02d" % (2000 + ((value >> 21 & 7) | (value >> 25 & 0x78)), month, day, hour, minute)


def datetime_seconds(raw: bytes) -> "str | None":
    """Type I, 48 bits: "2024-03-01 12:30:05", or None where it is marked invalid."""
    if raw[1] & 0x80:
        return None
    second = raw[0] & 63
    minute = raw[1] & 63
    hour = raw[2] & 31
    day = date(raw[3] | raw[4] << 8)
    if day is None or hour > 23 or minute > 59 or second > 59:
        return None
    return "%s %02d:%02d:%02d" % (day, hour, minute, second)


def time(raw: bytes) -> "str | None":
    """Type J, 24 bits: "12:30:05", or None."""
    if raw[0] & 63 > 59 or raw[1] & 63 > 59 or raw[2] & 31 > 23:
        return None
    return "%02d:%02d:%02d" % (raw[2] & 31, raw[1] & 63, raw[0] & 63)


def latin(raw: bytes) -> str:
    """Text as it lies in a record, last letter first; what is no printable letter of ISO 8859-1 is left out."""
    letters = [chr(c) for c in raw if 32 <= c < 127 or c > 160]
    letters.reverse()
    return "".join(letters).strip()
