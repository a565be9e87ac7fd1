"""The compiled layout: a telegram's skeleton is read once, afterwards only checked.

The skeleton (DIF, VIF and LVAR bytes and fillers) of a meter's telegram repeats for the life of the meter. `compile`
walks the records, names them, lets the driver rename them, and keeps where each value lies and how it becomes a number
or text. `find` returns the plan whose skeleton is, bit for bit, that of the telegram in hand: one big number masked
and compared. A plan holds no values. What is kept is bounded (accel.RECORDS): when the store is full it is
emptied, so that invented skeletons cost time and never memory.
"""

import struct

from . import accel, drivers, naming, records, values
from .errors import DecodeError

_plans: "dict[tuple, list[Plan]]" = {}
_count = [0]
SIGNED = {1: "b", 2: "h", 4: "i", 8: "q"}
UNSIGNED = {1: "B", 2: "H", 4: "I", 8: "Q"}


class Plan:
    """Where the values of one skeleton lie and what they become."""

    def __init__(self):
        self.mask = 0
        self.expected = 0
        self.format = ""
        self.numbers = []   # (name, index, multiply, divide) of binary values with a divisor
        self.others = []    # (name, index, converter)
        self.flags = []     # (name or None, index, converter, table, prefix)
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
        _plans.clear()
        _count[0] = 0
        plans = None
    _count[0] += weight
    if plans is None:
        _plans[key] = [plan]
    else:
        plans.append(plan)
    return plan


def build(address: bytes, data: bytes, at: int, end: int) -> Plan:
    """Compile the plan of `data[at:end]`; DecodeError when there is no whole record."""
    found = records.walk(data, at, end, False)
    plan = Plan()
    plan.driver = driver = drivers.layout(address)
    names = driver.get("names") or {}
    bits = driver.get("bits") or {}
    mask = bytearray(b"\xff" * (end - at))
    pieces = ["<"]
    used: "dict[str, int]" = {}
    position = at
    index = 0
    for record in found:
        stop = record.value + record.size
        for i in range(record.value - at, stop - at):
            mask[i] = 0
        if record.value > position:
            pieces.append("%dx" % (record.value - position))
        position = stop
        if record.kind == 15:
            pieces.append("%ds" % record.size)
            plan.rest = index
            index += 1
            continue
        if record.size == 0 and record.kind != records.LVAR:
            continue
        name, unit, multiply, divide = naming.describe(record, address[7])
        code, convert = _converter(record, unit, data)
        pieces.append(code)
        table = bits.get(name)
        if table is None and name == "error_flags":
            table = ()
        if table is not None:
            plan.flags.append((index, convert, table))
            index += 1
            continue
        if record.kind == records.LVAR and data[record.value - 1] < 0xC0:
            multiply = divide = 1  # letters or a profile, not a number
        name, multiply, divide = _rename(names, name, record.storage, multiply, divide)
        if name is not None:
            used[name] = count = used.get(name, 0) + 1
            if count > 1:
                name = "%s_%d" % (name, count)
            _step(plan, name, index, convert, multiply, divide)
        index += 1
    if not found and not _only_filler(data, at, end):
        raise DecodeError("no whole data record", at)
    if position < end and found and not _only_filler(data, position, end):
        for i in range(position - at, end - at):
            mask[i] = 0  # a last record that is cut short says nothing
    plan.weight = len(found) + 2
    plan.known = records.heads(data, found)
    plan.signature = accel.crc(plan.known)
    plan.mask = int.from_bytes(mask, "little")
    plan.format = "".join(pieces)
    return plan


def _only_filler(data, at, end):
    return all(data[i] == records.FILLER for i in range(at, end))


def _rename(names, name, storage, multiply, divide):
    """What the driver calls a record: names[standard name], the storage number in it written *."""
    new = names.get(name, name)
    if new is name and storage > 1:
        new = names.get(name.replace("_%d" % storage, "_*", 1), name)
    if new is None or isinstance(new, str):
        return new, multiply, divide
    if len(new) == 2:
        return new[0] % (storage + new[1]), multiply, divide
    return new


def _step(plan, name, index, convert, multiply, divide):
    if convert is None and divide != 1:
        plan.numbers.append((name, index, multiply, divide))
    elif convert is None:
        plan.others.append((name, index, lambda v: v * multiply))
    elif multiply == divide == 1:
        plan.others.append((name, index, convert))
    else:
        plan.others.append((name, index, lambda v: _scaled(convert(v), multiply, divide)))


def _scaled(value, multiply, divide):
    return None if value is None else value * multiply if divide == 1 else value * multiply / divide


def _converter(record, unit, data):
    """(struct code, converter or None for a number that needs none) of a record."""
    kind = record.kind
    size = record.size
    if kind == records.LVAR:
        return "%ds" % size, _variable(records.lvar_size(data, record.value - 1)[1])
    if unit == "date" and kind in (2, 3, 4, 6):
        if size == 2:
            return "H", values.date
        if size == 4:
            return "I", values.datetime
        return "%ds" % size, values.time if size == 3 else values.datetime_seconds
    if kind == 5:
        return "f", None
    if 9 <= kind <= 14:
        code = UNSIGNED.get(size)
        if unit == "" and _is_text(record):
            if code is None:
                return "%ds" % size, lambda v: values.bcd_text(int.from_bytes(v, "little"), size)
            return code, lambda v: values.bcd_text(v, size)
        if code is None:
            return "%ds" % size, lambda v: values.bcd(int.from_bytes(v, "little"))
        return code, values.bcd
    if unit == "bits":
        code = UNSIGNED.get(size)
        return (code, None) if code else ("%ds" % size, lambda v: int.from_bytes(v, "little"))
    code = SIGNED.get(size)
    if code is None:
        return "%ds" % size, values.signed
    return code, None


def _is_text(record):
    return record.vif[0] & 0x7F in (0x78, 0x79, 0x7D)


def _variable(kind):
    if kind == 0:
        return records.latin
    if kind == 0xC0:
        return lambda v: values.bcd(int.from_bytes(v, "little")) if v else None
    if kind == 0xD0:
        return lambda v: -(values.bcd(int.from_bytes(v, "little")) or 0) if v else None
    return values.signed


def apply(plan: Plan, data: bytes, at: int, reading: dict, words: list, alarms: list) -> "bytes | None":
    """Put the values at `data[at:]` into `reading`, raised flags into the lists; the maker's rest, if any."""
    raw = struct.unpack_from(plan.format, data, at)
    for name, index, multiply, divide in plan.numbers:
        reading[name] = raw[index] * multiply / divide
    for name, index, convert in plan.others:
        value = convert(raw[index])
        if value is not None:
            reading[name] = value
    for index, convert, table in plan.flags:
        value = raw[index] if convert is None else convert(raw[index])
        if value:
            flags(value, table, "ERROR_FLAGS_%X", words, alarms)
    return None if plan.rest is None else raw[plan.rest]


def flags(value: int, table, unknown: str, words: list, alarms: list) -> None:
    """Words and alarms for the bits of `value` by `table` of (mask, word, alarm or None); other bits: `unknown`."""
    for mask, word, alarm in table:
        if value & mask == mask:
            value &= ~mask
            if word and word not in words:
                words.append(word)
            if alarm and alarm not in alarms:
                alarms.append(alarm)
    if value:
        words.append(unknown % value)
