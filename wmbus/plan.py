"""The compiled layout: a telegram's skeleton is read once, afterwards only checked.

The skeleton (DIF, VIF and LVAR bytes and fillers) of a meter's telegram repeats for the life of the meter. `compile`
walks the records, names them, lets the driver rename them, and keeps where each value lies and how it becomes a number
or text. `find` returns the plan whose skeleton is, bit for bit, that of the telegram in hand: one big number masked
and compared. A plan holds no values. What is kept is bounded (accel.RECORDS): when the store is full it is
emptied, so that invented skeletons cost time and never memory.
"""

import struct

from . import accel, drivers
from .steps import Plan

_plans: "dict[tuple, list[Plan]]" = {}
_count = [0]


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
