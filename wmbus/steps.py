"""What a plan holds: where the values of one skeleton lie, and what becomes of each (plan.py finds and applies plans).

layouts.py fills a plan with these; the functions in it stay for as long as it is kept, and so does this module.
"""

from . import drivers, values

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
        self.heads = b""    # DIF and VIF bytes, a compact frame's format
        self.signature = 0
        self.weight = 0     # number of records, what it costs to keep
        self.rest = None    # index of the manufacturer's rest
        self.driver: dict = drivers.EMPTY


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
