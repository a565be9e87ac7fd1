"""Compiles the layout of a telegram: walks its records, names them, and keeps where each value lies (plan.py uses it).

Only the first telegram of a layout needs this and the tables of names behind it, so a device loads them for that and
drops them again: nothing that a plan keeps may be a function of this module.
"""

from . import accel, drivers, naming, records, steps, vif
from .errors import DecodeError


def build(address: bytes, data: bytes, at: int, end: int) -> steps.Plan:
    """Compile the plan of `data[at:end]`; DecodeError when there is no whole record."""
    walked = records.walk(data, at, end, False)
    plan = steps.Plan()
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
    for record in walked:
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
        code, convert = steps.converter(record, unit, data, name in bits or name in seen)
        pieces.append(code)
        if record.vif == b"\x6c" and record.size == 2:
            base_dates[record.storage, record.tariff, record.subunit] = index
        if _is_profile(record, data):
            # Its control bytes are layout: they are checked like DIF and VIF.
            mask[record.value - at] = mask[record.value + 1 - at] = 0xFF
            name, multiply, divide = _rename(names, _hashed(name, record), 0, multiply, divide)
            inverse = 0x13 in [code & 0x7F for code in record.vif[1:]]
            control = data[record.value:record.value + 2]
            from . import profiles
            profile = profiles.compile(name, control, record.size, inverse) if name else None
            if profile is not None:
                which = record.storage, record.tariff, record.subunit
                plan.profiles.append((index, profile, multiply, divide, which))
            index += 1
            continue
        table = bits.get(name)
        if table is None and name in steps.FLAGS:
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
            steps.step(plan, one if count == 1 else "%s_%d" % (one, count), index, convert, multiply, divide)
        index += 1
    plan.profiles = [step[:4] + (base_dates.get(step[4]),) for step in plan.profiles]
    if not walked and not _only_filler(data, at, end):
        raise DecodeError("no whole data record", at)
    if position < end and walked and not _only_filler(data, position, end):
        for i in range(position - at, end - at):
            mask[i] = 0  # a last record that is cut short says nothing
    plan.weight = len(walked) + 2
    plan.heads = records.heads(data, walked)
    plan.signature = accel.crc(plan.heads)
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


def _is_profile(record, data):
    return (record.kind == records.LVAR and record.size >= 2 and data[record.value - 1] < 0xC0
            and any((code & 0x7F) in vif.PROFILES for code in record.vif[1:]))


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
