"""What the lines of a P1 telegram say.

A line is code(value)(value)...; a value is a number with its unit (0012.345*kWh), a time stamp, or a text. A number
stands alone or behind the time it was read at. Sub-meters (gas, water, heat) stand on 0-n:24.2.1 with their own time,
in DSMR 2 and 3 on 0-n:24.3.0, the number on a line of its own.

As with DLMS lists, the lines' skeleton repeats: a plan keeps where every value stands under a mask that lets only the
digits of values change, and only to other digits.
"""

from . import accel, obis
from .clock import p1_time
from .errors import DecodeError

# Device type of the sub-meter (0-n:24.1.0, EN 13757-3 table 8) -> start of its flat names.
SUB_METERS = {2: "submeter", 3: "gas", 4: "heat", 6: "hot_water", 7: "water", 8: "heat_cost", 10: "cooling",
              11: "cooling", 12: "heat", 13: "heat"}
# unit as it may be spelled, in small letters -> unit of obis.SUFFIXES
UNITS = {"m3": "m3", "gj": "GJ", "mj": "MJ", "kwh": "kWh", "wh": "Wh", "kw": "kW", "w": "W", "v": "V", "a": "A",
         "ma": "mA", "kvar": "kvar", "kvarh": "kvarh", "var": "var", "varh": "varh", "kva": "kVA", "va": "VA",
         "hz": "Hz", "kvah": "kVAh", "mwh": "MWh"}
METER_IDS = ("0-0:96.1.1", "0-0:96.1.0", "0-0:42.0.0", "0-0:96.1.4", "1-0:0.0.0", "0-0:96.1.255")
CLOCK = "0-0:1.0.0"

_plans: "list" = []  # (size, mask, skeleton, index of the "!", plan), newest last


def objects(text):
    """Every (code, [(start, stop) of each value in the text]) of a telegram's lines."""
    out: "list" = []
    at = 0
    end = len(text)
    while at < end:
        stop = text.find("\n", at)
        if stop < 0:
            stop = end
        line = text[at:stop].rstrip()
        base = at
        at = stop + 1
        first = line.find("(")
        if first < 0:
            if line and not (out and _open(text, out[-1])):
                raise DecodeError("a line that names nothing: " + line[:20])
            continue
        if first == 0 and out:
            out[-1][1].extend(_values(line, 0, base))  # a value on a line of its own
        else:
            out.append((line[:first].split("*")[0].strip(), _values(line, first, base)))
    return out


def _open(text, objects_read):
    """Whether the last value has not been closed: a text that was broken over lines."""
    return objects_read[1] and text[objects_read[1][-1][1]:objects_read[1][-1][1] + 1] != ")"


def _values(line, at, base):
    values = []
    while at < len(line) and line[at] == "(":
        stop = line.find(")", at)
        if stop < 0:
            stop = len(line)
        values.append((base + at + 1, base + stop))
        at = stop + 1
    return values


def _is_number(text):
    digits = 0
    for i in range(len(text)):
        c = text[i]
        if "0" <= c <= "9":
            digits += 1
        elif not (c == "." and text.find(".") == i or c == "-" and i == 0):
            return False
    return digits > 0


def _is_digits(text):
    return text != "" and all("0" <= c <= "9" for c in text)


def _is_stamp(text):
    """Whether a text has the shape of a time stamp; what it says is read later."""
    if len(text) == 17:
        return text[8] == " " and text[11] == ":" and _is_digits(text[:8])
    return len(text) in (12, 13) and _is_digits(text[:12]) and text[12:] in ("", "S", "W")


class _Plan:
    """Where the values of a telegram stand, as indices into its text behind the identification."""

    def __init__(self, identification, text):
        self.identification = identification
        self.numbers: "list" = []  # (code, start, dot, stop, divisor, unit, flat name, multiplier, flat divisor,
        # least, most)
        self.texts: "list" = []  # (code, values, key or None)
        self.stamps: "list" = []  # (flat name, start, stop)
        self.kept: "list" = []  # values whose digits belong to the skeleton
        self.clock = (0, 0)
        self.kinds: "dict" = {}
        self.id: "tuple" = ("", "")  # the meter's number as sent and as text
        named = False
        objects_read = objects(text)
        for code, values in objects_read:
            if code.endswith(":24.1.0") and values:
                self.kept += values
                word = text[values[0][0]:values[0][1]]
                if _is_digits(word):
                    self.kinds[code[:-7]] = int(word)
        for code, values in objects_read:
            words = [text[s:e] for s, e in values]
            if code.endswith(":24.3.0") and len(words) == 7:
                self.kept += values[4:6]
                self.texts.append((code, values, None))
                stamp = values[0] if _is_stamp(words[0]) else None
                self._sub_meter(code.replace("24.3.0", "24.2.1"), words[5], stamp, values[6], words[6])
                continue
            if code == CLOCK and words and _is_stamp(words[0]):
                self.clock = values[0]
                continue
            timed = len(words) == 2 and _is_stamp(words[0])
            word = words[-1] if timed or len(words) == 1 else ""
            star = word.find("*")
            if star > 0 and _is_number(word[:star]):
                start = values[-1][0]
                self._number(code, start, word[:star], word[star + 1:], values[0] if timed else None)
                continue
            key = None
            if not named and code in METER_IDS and words and words[0]:
                key = "meter_id"
                named = True
            self.texts.append((code, values, key))
        self.sums = obis.totals([number[6] for number in self.numbers if number[6]])

    def _number(self, code, start, digits, unit, stamp):
        groups = obis.split(code)
        name = None
        exponent = 0
        known = UNITS.get(unit.lower(), unit)
        if groups and groups[0] == 0 and groups[1] and groups[2] == 24 and groups[3] == 2:
            self._sub_meter(code, unit, stamp, (start, start + len(digits)), digits, code)
            return
        if groups:
            quantity = obis.quantity(groups[0], groups[2], groups[3], groups[4])
            if quantity:
                name, exponent = obis.flat(quantity[0], known)
        self._add(code, start, digits, unit, name, exponent)

    def _sub_meter(self, code, unit, stamp, value, digits, shown=None):
        if not _is_number(digits):
            return
        medium, e = code.split(":24.2.")
        name = SUB_METERS.get(self.kinds.get(medium, 2), "submeter") + ("" if e in ("1", "3") else "_" + e)
        flat, exponent = obis.flat(name, UNITS.get(unit.lower(), unit))
        self._add(shown, value[0], digits, unit, flat, exponent)
        if stamp and flat:
            self.stamps.append((name + "_time", stamp[0], stamp[1]))

    def _add(self, code, start, digits, unit, name, exponent):
        stop = start + len(digits)
        dot = digits.find(".")
        decimals = 0 if dot < 0 else len(digits) - dot - 1
        dot = stop if dot < 0 else start + dot
        exponent -= decimals
        low, high = obis.limits(name)
        self.numbers.append((code, start, dot, stop, 10 ** decimals, unit, name, 10 ** exponent if exponent >= 0 else 0,
                             10 ** -exponent if exponent < 0 else 0, low, high))

    def reading(self, text):
        """The reading of a telegram with this skeleton; ValueError where a digit is none."""
        codes: "dict" = {}
        out: "dict" = {"list": "P1", "meter_model": self.identification, "obis": codes}
        for code, start, dot, stop, divisor, unit, name, multiplier, flat_divisor, low, high in self.numbers:
            number = int(text[start:dot] + text[dot + 1:stop])
            if code:
                codes[code] = [number / divisor, unit]
            if name:
                value = number * multiplier if multiplier else number / flat_divisor
                if low <= value <= high:
                    out[name] = value
                else:
                    obis.drop(out, name, value, low)
        for code, values, key in self.texts:
            if len(values) == 1:
                start, stop = values[0]
                codes[code] = [text[start:stop], None]
            else:
                codes[code] = [[text[s:e] for s, e in values] if values else "", None]
            if key:
                raw = text[values[0][0]:values[0][1]]
                if raw != self.id[0]:
                    self.id = (raw, _plain_id(raw))
                out[key] = self.id[1]
        if self.sums:
            obis.add_totals(out, self.sums)
        start, stop = self.clock
        if stop:
            int(text[start:start + (8 if stop - start == 17 else 12)])  # what is no digit makes it no stamp
            time = p1_time(text[start:stop])
            if time is None:
                codes[CLOCK] = [text[start:stop], None]
            else:
                codes[CLOCK] = [time, "s"]
                if time >= obis.EARLIEST:
                    out["time"] = time
                else:
                    obis.drop(out, "time", time, obis.EARLIEST)
        for name, start, stop in self.stamps:
            int(text[start:start + (8 if stop - start == 17 else 12)])
            time = p1_time(text[start:stop])
            if time is not None:
                out[name] = time
        return out

    def mask(self, message, line, mark):
        """The bits of a message that belong to the skeleton: all but the digits of values, and their CRC."""
        mask = bytearray(b"\xff" * len(message))
        spans = [(s, e) for _, values, _ in self.texts for s, e in values]
        spans += [(s, e) for _, s, _, e, _, _, _, _, _, _, _ in self.numbers] + [self.clock]
        spans += [(s, e) for _, s, e in self.stamps]
        for start, stop in spans:
            if (start, stop) not in self.kept:
                for i in range(line + start, line + stop):
                    if 48 <= message[i] <= 57:
                        mask[i] = 0xF0
        mask[mark + 1:] = bytes(len(message) - mark - 1)
        return mask


def _plain_id(text):
    """A meter's number as text: DSMR sends its characters as hex digits."""
    if len(text) < 20 or len(text) & 1:
        return text
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        return text
    for c in raw:
        if not (48 <= c <= 57 or 65 <= c <= 90):
            return text
    return str(raw, "ascii")


def _printable(raw):
    out = ""
    for c in raw:
        out += chr(c) if 32 <= c < 127 else "\\x%02x" % c
    return out


def plain(message, line, mark):
    """The reading of a checked telegram, its plan worked out anew."""
    text = str(bytes(message[line:mark]), "ascii")
    return _Plan(_printable(bytes(message[1:line])).strip(), text).reading(text)


def compiled(message, line, mark):
    """The same, keeping the plan for the next telegram of this skeleton."""
    text = str(bytes(message[line:mark]), "ascii")
    plan = _Plan(_printable(bytes(message[1:line])).strip(), text)
    out = plan.reading(text)
    if len(message) == mark + 5:
        bits = int.from_bytes(plan.mask(message, line, mark), "big")
        if len(_plans) >= accel.PLANS // 2:
            _plans.pop(0)
        _plans.append((len(message), bits, int.from_bytes(message, "big") & bits, line, plan))
    return out


def planned(message):
    """The reading of a telegram with a CRC that a plan fits, or None. DecodeError where the CRC is wrong."""
    size = len(message)
    number = 0
    for length, bits, skeleton, line, plan in _plans:
        if length == size:
            number = number or int.from_bytes(message, "big")
            if number & bits == skeleton:
                mark = size - 5
                try:
                    crc = int(bytes(message[mark + 1:]), 16)
                    if crc != accel.p1(message, 0, mark + 1):
                        raise DecodeError("CRC wrong", mark + 1)
                    return plan.reading(str(bytes(message[line:mark]), "ascii"))
                except DecodeError:
                    raise
                except ValueError:
                    return None
    return None
