"""The compiled layout: a telegram's skeleton is read once, afterwards only checked.

The skeleton (DIF, VIF and LVAR bytes and fillers) of a meter's telegram repeats for the life of the meter. `compile`
walks the records, names them, lets the driver rename them, and keeps where each value lies and how it becomes a number
or text. `find` returns the plan whose skeleton is, bit for bit, that of the telegram in hand: one big number masked
and compared. A plan holds no values. What is kept is bounded (accel.RECORDS): when the store is full it is
emptied, so that invented skeletons cost time and never memory.
"""

import struct

from . import accel, drivers, values

_plans: "dict[tuple, list[Plan]]" = {}
_count = [0]
SIGNED = {1: "b", 2: "h", 4: "i", 8: "q"}
# Error flags, with the standard's word that they are its own, or that the meter sends fewer of them than it has.
FLAGS = ("error_flags", "error_flags_standard", "error_flags_premature_end")
UNSIGNED = {1: "B", 2: "H", 4: "I", 8: "Q"}


class Plan:
    """Where the values of one skeleton lie and what they become."""

    def __init__(self):
        self.mask = 0
        self.expected = 0
        self.format = ""
        self.numbers = []   # (name, index, divide) of binary values
        self.others = []    # (name, index, converter)
        self.profiles = []  # (index, compiled profile, multiply, divide, index of the date or None)
        self.flags = []     # (index, converter, table or None, driver's own function or None)
        self.raws = []      # (index, driver's own function) of values only the driver can read
        self.known = b""    # DIF and VIF bytes, a compact frame's format
        self.signature = 0
        self.weight = 0     # number of records, what it costs to keep
        self.rest = None    # index of the manufacturer's rest
        self.driver: dict = drivers.EMPTY


def find(address: bytes, data: bytes, at: int, end: int) -> Plan:
    """The plan for `data[at:end]` of the meter model in `address`, compiled at first sight."""
    key = (address[:2] + address[6:], end - at)
    skeleton = int.from_bytes(data[at:end], "little")
    plans = _plans.get(key)
    if plans is not None:
        for plan in plans:
            if skeleton & plan.mask == plan.expected:
                return plan
    plan = build(address, data, at, end)
    plan.expected = skeleton & plan.mask
    weight = plan.weight
    if weight * 2 > accel.RECORDS:
        return plan
    if _count[0] + weight > accel.RECORDS:
        forget()
        plans = None
    _count[0] += weight
    if plans is None:
        _plans[key] = [plan]
    else:
        plans.append(plan)
    return plan


def forget() -> None:
    """Drop every plan kept: the next telegram of each layout is read as at first sight."""
    _plans.clear()
    _count[0] = 0


def build(address: bytes, data: bytes, at: int, end: int) -> Plan:
    """Compile the plan of `data[at:end]`; DecodeError when there is no whole record."""
    from .layouts import build as run
    return run(address, data, at, end)


def step(plan, name, index, convert, multiply, divide):
    """Note in a plan what becomes of one value."""
    if convert is None and multiply == 1 and divide != 1:
        plan.numbers.append((name, index, divide))
    elif convert is None:
        plan.others.append((name, index, lambda v: _scaled(v, multiply, divide)))
    elif multiply == divide == 1:
        plan.others.append((name, index, convert))
    else:
        plan.others.append((name, index, lambda v: _scaled(convert(v), multiply, divide)))


def _scaled(value, multiply, divide):
    if value is None or isinstance(value, str):
        return value
    return value * multiply if divide == 1 else value * multiply / divide


def converter(record, unit, data, flags):
    """(struct code, converter or None for a number that needs none) of a record."""
    kind = record.kind
    size = record.size
    if kind == values.LVAR:
        return "%ds" % size, _variable(values.lvar_size(data, record.value - 1)[1])
    if unit == "date" and kind in (2, 3, 4, 6):
        if size == 2:
            return "H", values.date
        if size == 4:
            return "I", values.datetime
        return "%ds" % size, values.time if size == 3 else values.datetime_seconds
    if kind == 5:
        return "f", values.real
    if 9 <= kind <= 14:
        code = UNSIGNED.get(size)
        if unit == "" and _is_text(record):
            if code is None:
                return "%ds" % size, lambda v: values.bcd_text(int.from_bytes(v, "little"), size)
            return code, lambda v: values.bcd_text(v, size)
        if code is None:
            return "%ds" % size, lambda v: values.bcd(int.from_bytes(v, "little"))
        return code, values.bcd
    if unit == "" and _is_text(record):
        return "%ds" % size, _hex
    if unit == "bits" or unit == "counter" or flags:
        code = UNSIGNED.get(size)
        return (code, None) if code else ("%ds" % size, lambda v: int.from_bytes(v, "little"))
    code = SIGNED.get(size)
    if code is None:
        return "%ds" % size, values.signed
    return code, None


def _is_text(record):
    return record.vif[0] & 0x7F in (0x78, 0x79, 0x7D)


def _hex(raw):
    """Identification bytes that are no BCD: letters if they are some, else hex digits, both last byte first."""
    if all(32 <= c < 127 for c in raw):
        return values.latin(raw)
    return "".join(["%02X" % raw[i] for i in range(len(raw) - 1, -1, -1)]) if raw else ""


def _variable(kind):
    if kind == 0:
        return values.latin
    if kind == 0xC0:
        return lambda v: values.bcd(int.from_bytes(v, "little")) if v else None
    if kind == 0xD0:
        return lambda v: -(values.bcd(int.from_bytes(v, "little")) or 0) if v else None
    return values.signed


def apply(plan: Plan, data: bytes, at: int, reading: dict, words: list, alarms: list) -> "bytes | None":
    """Put the values at `data[at:]` into `reading`, raised flags into the lists; the maker's rest, if any."""
    raw = struct.unpack_from(plan.format, data, at)
    for name, index, divide in plan.numbers:
        reading[name] = raw[index] / divide
    for name, index, convert in plan.others:
        value = convert(raw[index])
        if value is not None:
            reading[name] = value
    for index, profile, multiply, divide, base in plan.profiles:
        from . import profiles
        profiles.apply(profile, raw[index], multiply, divide, None if base is None else raw[base], reading)
    for index, convert in plan.raws:
        convert(raw[index], reading)
    for index, convert, table, seen in plan.flags:
        value = raw[index] if convert is None else convert(raw[index])
        if seen is not None and value is not None:
            seen(value, reading)
        if value and table is not None:
            flags(value, table, "ERROR_FLAGS_%X", words, alarms)
    return None if plan.rest is None else raw[plan.rest]


def flags(value: int, table, unknown: str, words: list, alarms: list) -> None:
    """Words and alarms for the bits of `value` by `table` of (mask, word, alarm or None).

    Bits with an empty word are no flags; what is left over becomes `unknown`. A table that begins with DIGITS is one of
    decimal digits instead: for each place, units first, {digit: (word, alarm or None)}.
    """
    if table and table[0] == drivers.DIGITS:
        for place in table[1:]:
            value, digit = divmod(value, 16)
            if digit:
                word, alarm = place.get(digit, (unknown % digit, None))
                words.append(word)
                if alarm and alarm not in alarms:
                    alarms.append(alarm)
        return
    for mask, word, alarm in table:
        if not word:
            value &= ~mask
        elif value & mask == mask:
            value &= ~mask
            if word not in words:
                words.append(word)
            if alarm and alarm not in alarms:
                alarms.append(alarm)
    if value:
        words.append(unknown % value)
