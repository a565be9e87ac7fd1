"""The compiled layout: a telegram's skeleton is read once, afterwards only checked.

The skeleton (DIF, VIF and LVAR bytes and fillers) of a meter's telegram repeats for the life of the meter. `compile`
walks the records, names them, lets the driver rename them, and keeps where each value lies and how it becomes a number
or text. `find` returns the plan whose skeleton is, bit for bit, that of the telegram in hand: one big number masked
and compared. A plan holds no values. What is kept is bounded (accel.RECORDS): when the store is full it is
emptied, so that invented skeletons cost time and never memory.
"""

import struct

from . import accel, drivers, profiles, records, values
from .errors import DecodeError

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
    from . import naming, vif  # for this only, so that a device can drop their tables again
    found = records.walk(data, at, end, False)
    plan = Plan()
    plan.driver = driver = drivers.model(address)[1]
    names = driver.get("names") or {}
    bits = driver.get("bits") or {}
    seen = driver.get("seen") or {}
    raws = driver.get("raw") or {}
    mask = bytearray(b"\xff" * (end - at))
    pieces = ["<"]
    used: "dict[str, int]" = {}
    base_dates = {}
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
        code, convert = _converter(record, unit, data, name in bits or name in seen)
        pieces.append(code)
        if record.vif == b"\x6c" and record.size == 2:
            base_dates[record.storage, record.tariff, record.subunit] = index
        if _is_profile(record, data, vif.PROFILES):
            # Its control bytes are layout: they are checked like DIF and VIF.
            mask[record.value - at] = mask[record.value + 1 - at] = 0xFF
            name, multiply, divide = _rename(names, _hashed(name, record), 0, multiply, divide)
            inverse = 0x13 in [code & 0x7F for code in record.vif[1:]]
            control = data[record.value:record.value + 2]
            profile = profiles.compile(name, control, record.size, inverse) if name else None
            if profile is not None:
                which = record.storage, record.tariff, record.subunit
                plan.profiles.append((index, profile, multiply, divide, which))
            index += 1
            continue
        table = bits.get(name)
        if table is None and name in FLAGS:
            table = ()
        if name in raws and record.kind == records.LVAR:
            plan.raws.append((index, raws[name]))
            index += 1
            continue
        if (table is not None or name in seen) and record.kind not in (5, records.LVAR):
            plan.flags.append((index, convert, table, seen.get(name)))
            index += 1
            continue
        if record.kind == records.LVAR and data[record.value - 1] < 0xC0:
            multiply = divide = 1  # letters or a profile, not a number
        name, multiply, divide = _rename(names, name, record.storage, multiply, divide)
        for one in name if isinstance(name, tuple) else (name,):
            if one is None:
                continue
            used[one] = count = used.get(one, 0) + 1
            _step(plan, one if count == 1 else "%s_%d" % (one, count), index, convert, multiply, divide)
        index += 1
    plan.profiles = [step[:4] + (base_dates.get(step[4]),) for step in plan.profiles]
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
    if new is None or isinstance(new, str) or isinstance(new[1], str):
        return new, multiply, divide
    if len(new) == 2:
        return new[0] % abs(storage + new[1]), multiply, divide
    return new


def _is_profile(record, data, codes):
    return (record.kind == records.LVAR and record.size >= 2 and data[record.value - 1] < 0xC0
            and any((code & 0x7F) in codes for code in record.vif[1:]))


def _hashed(name, record):
    """The standard name of a profile: that of its register, with # for the number of the value, newest first."""
    storage = "_%d" % record.storage
    for plain in (("history" + storage, "target_#"), ("target", "target_#"), ("total", "target_#"),
                  ("consumption_at_set_date" + storage, "consumption_at_set_date_#"),
                  ("consumption_at_set_date", "consumption_at_set_date_#"),
                  ("current_consumption", "consumption_at_set_date_#")):
        if name.startswith(plain[0]):
            return plain[1] + name[len(plain[0]):]
    return "target_#_" + name


def _step(plan, name, index, convert, multiply, divide):
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


def _converter(record, unit, data, flags):
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
        return records.latin(raw)
    return "".join(["%02X" % raw[i] for i in range(len(raw) - 1, -1, -1)]) if raw else ""


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
    for name, index, divide in plan.numbers:
        reading[name] = raw[index] / divide
    for name, index, convert in plan.others:
        value = convert(raw[index])
        if value is not None:
            reading[name] = value
    for index, profile, multiply, divide, base in plan.profiles:
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
