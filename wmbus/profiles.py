"""Load profiles in one record: compact profiles (EN 13757-3 annex F; VIFE 13 inverse, 1E and 1F forward).

The value is a spacing control byte (increment mode in bits 7-6, unit of the spacing in bits 5-4, DIF code of the values
in bits 3-0), a spacing value (FE with unit 3: one month) and the values. They belong to the moments before (inverse)
or after (forward) the register of the same storage number, whose date gives theirs.
"""

from .records import SIZES
from .values import bcd, signed

MONTHLY = (0x30, 0xFE)


def values(raw: bytes, inverse: bool) -> "list[int | None]":
    """The profile's values, the newest first; None where the meter has none."""
    if len(raw) < 2:
        return []
    kind = raw[0] & 15
    size = SIZES[kind]
    if not size or kind in (5, 13, 15):
        return []
    found: "list[int | None]" = []
    invalid = -(1 << (8 * size - 1))
    for at in range(2, len(raw) - size + 1, size):
        value = raw[at:at + size]
        if kind >= 9:
            number = bcd(int.from_bytes(value, "little"))
        else:
            number = signed(value)
            if number == invalid:
                number = None
        found.append(number)
    if not inverse:
        found.reverse()
    return found


def dates(raw: bytes, inverse: bool, base: int, count: int) -> "list[str] | None":
    """The values' dates, newest first, from the date (type G) of the register they lead to; None unless monthly."""
    day = base & 31
    month = (base >> 8 & 15) - 1
    if raw[0] & 0x30 != MONTHLY[0] or raw[1] != MONTHLY[1] or not day or not 0 <= month < 12 or base == 0xFFFF:
        return None
    year = 2000 + ((base >> 5 & 7) | (base >> 9 & 0x78))
    last = day >= length(year, month)
    found = []
    for i in range(1, count + 1):
        at = year * 12 + month + (-i if inverse else count - i + 1)
        end = length(at // 12, at % 12)
        found.append("%d-%02d-%02d" % (at // 12, at % 12 + 1, end if last or day > end else day))
    return found


def length(year: int, month: int) -> int:
    """Days of a month, January being 0."""
    if month == 1:
        return 29 if year % 4 == 0 and (year % 100 or year % 400 == 0) else 28
    return 30 if month in (3, 5, 8, 10) else 31
