"""Load profiles in one record: compact profiles (EN 13757-3 annex F; VIFE 13 inverse, 1E and 1F forward).

The value is a spacing control byte (increment mode in bits 7-6, unit of the spacing in bits 5-4, DIF code of the values
in bits 3-0), a spacing value (FE with unit 3: one month) and the values. They belong to the moments before (inverse)
or after (forward) the register of the same storage number, whose date gives theirs.
"""

from .values import SIZES, bcd


def compile(name: str, head: bytes, size: int, inverse: bool) -> "tuple | None":
    """(bytes a value, BCD, names of values and dates, monthly, inverse) of a profile, or None where it holds none.

    `head` are the two control bytes, `size` the value's bytes, # in `name` stands for the number, newest first.
    """
    kind = head[0] & 15
    each = SIZES[kind]
    if not each or kind in (5, 13, 15):
        return None
    mark = name.find("#")
    names = [(name[:mark] + str(i) + name[mark + 1:], name[:mark] + str(i) + "_date")
             for i in range(1, (size - 2) // each + 1)]
    return each, kind >= 9, names, head[0] & 0x30 == 0x30 and head[1] == 0xFE, inverse


def apply(profile: tuple, raw: bytes, multiply: int, divide: int, base: "int | None", reading: dict) -> None:
    """Put a profile's values and, with the date (type G) they lead to as `base`, their dates into the reading."""
    each, digits, names, monthly, inverse = profile
    count = len(names)
    days = dates(base, inverse, count) if monthly and base is not None else None
    half = 1 << 8 * each - 1
    at = 2 if inverse else 2 + each * (count - 1)
    for i in range(count):
        value = int.from_bytes(raw[at:at + each], "little")
        at += each if inverse else -each
        if digits:
            number = bcd(value)
            if number is None:
                continue
            value = number
        elif value >= half:
            if value == half:  # the standard's "no value"
                continue
            value -= 2 * half
        name, day = names[i]
        reading[name] = value * multiply if divide == 1 else value * multiply / divide
        if days:
            reading[day] = days[i]


def dates(base: int, inverse: bool, count: int) -> "list[str] | None":
    """The month's days of `count` values, newest first, before (inverse) or after the date `base` of type G."""
    day = base & 31
    month = (base >> 8 & 15) - 1
    if not day or not 0 <= month < 12 or base == 0xFFFF:
        return None
    year = 2000 + ((base >> 5 & 7) | (base >> 9 & 0x78))
    last = day >= length(year, month)
    at = year * 12 + month + (-1 if inverse else count)
    texts = []
    for _ in range(count):
        year, month = divmod(at, 12)
        end = length(year, month) if last or day > 28 else day
        texts.append("%d-%02d-%02d" % (year, month + 1, end if last or day > end else day))
        at -= 1
    return texts


def length(year: int, month: int) -> int:
    """Days of a month, January being 0."""
    if month == 1:
        return 29 if year % 4 == 0 and (year % 100 or year % 400 == 0) else 28
    return 30 if month in (3, 5, 8, 10) else 31
