"""Lists: what the items of a meter's push mean. Tables of facts and one interpreter.

Meters write their lists in four shapes, told apart from the data alone:
- objects: OBIS code and value, in structures of their own (Aidon, Embriq, Austrian Kaifa, Iskraemeco IE) or in one
  flat structure (Kamstrup, Swedish Kaifa, Sagemcom T210-D); a structure {scaler, unit} may follow each value;
- described: an array of capture objects (the push setup's object list, IEC 62056-6-2 5.3.8), then their values
  (Landis+Gyr E450, Energomera);
- attributes: class, OBIS code, attribute and value, the first three without tags (Sagemcom XT211);
- positional: values only (Norwegian Kaifa, Slovenian Iskraemeco, Austrian Landis+Gyr); a table gives the codes, and
  a list no table knows keeps its values by position (`value_1`, ...).

A Layout says where each value lies and how it is converted; it depends on tags, lengths, codes, scalers and strings
only, never on the numbers, so it may be kept for the next message of the same skeleton (plan.py).
"""

from . import obis
from .apdu import ARRAY, ENUM, INT8, NUMBERS, OCTETS, STRINGS, STRUCTURE, text
from .clock import EU
from .errors import DecodeError

EITHER = None  # in place of an exponent: a voltage in V, or from 1000 up in 0.01 V

# First string of a list -> what the list leaves unsaid: the zone of times without deviation, the exponent of values
# without scaler by unit, and whether the values' units are certain enough to state them beside the OBIS code.
MAKES = (
    ("Kamstrup", 60, {"A": -2, "V": EITHER, "": -2, "Wh": 1, "varh": 1}, True),
    ("KFM_", EU, {"A": -3, "V": -1}, False),
    ("AIDON", 60, {}, False),
    ("EMBRIQ", EU, {}, False),
)
# The push setup named in a described list stands for its make.
PUSH_SETUPS = {"0-8:25.9.0": {"A": -2}}
# Kamstrup's models for Sweden that count whole Wh.
WHOLE_WH = ("BN245101092",)

_KAIFA_HEAD = ("1-1:0.2.129", "0-0:96.1.0", "0-0:96.1.7", "1-0:1.7.0", "1-0:2.7.0", "1-0:3.7.0", "1-0:4.7.0")
_KAIFA_ONE = _KAIFA_HEAD + ("1-0:31.7.0", "1-0:32.7.0")
_KAIFA_THREE = _KAIFA_HEAD + ("1-0:31.7.0", "1-0:51.7.0", "1-0:71.7.0", "1-0:32.7.0", "1-0:52.7.0", "1-0:72.7.0")
_KAIFA_HOUR = ("0-0:1.0.0", "1-0:1.8.0", "1-0:2.8.0", "1-0:3.8.0", "1-0:4.8.0")

# (start of the first string or "" for a number, codes by position): the lists that send values only.
POSITIONAL = (
    ("", ("1-0:1.7.0",)),
    ("KFM_", _KAIFA_ONE),
    ("KFM_", _KAIFA_THREE),
    ("KFM_", _KAIFA_ONE + _KAIFA_HOUR),
    ("KFM_", _KAIFA_THREE + _KAIFA_HOUR),
)


class Layout:
    """Where the values of one list lie in its APDU.

    numbers: (code, flat name, start, struct code, multiplier, divisor, unit, flat multiplier, flat divisor)
    texts: (code, key, start, stop); times: (code, start); constants: key -> text.
    """

    def __init__(self):
        self.list = ""
        self.zone = EU
        self.constants = []
        self.numbers = []
        self.texts = []
        self.times = []
        self.fixed = []  # (code, value, unit) that the skeleton itself states
        self.time_at = -1
        self.exponents = {}
        self.certain = False

    def make(self, name):
        """Take over what the table says of a list of this name."""
        for start, zone, exponents, certain in MAKES:
            if name.startswith(start):
                self.zone = zone
                self.exponents = exponents
                self.certain = certain
                return True
        return False

    def number(self, code, token, scaler, unit):
        """Add a number; scaler and unit are None where the list doesn't state them."""
        tag, start, _ = token
        known = None
        groups = obis.split(code) if code else None
        if groups:
            known = obis.quantity(groups[0], groups[2], groups[3], groups[4])
        name = None
        flat_unit = unit
        exponent = scaler
        if scaler is None:
            exponent = 0
            if known:
                flat_unit = known[1]
                exponent = self.exponents.get(flat_unit, 0)
        flat_exponent = 0
        if known:
            name, flat_exponent = obis.flat(known[0], flat_unit)
        if code is None:
            name = "value_%d" % (len(self.numbers) + len(self.texts) + len(self.times) + 1)
        shown = exponent
        if scaler is None:
            if self.certain or exponent is EITHER:
                unit = flat_unit
            else:
                shown = 0
        if exponent is EITHER:
            scale = (0, 0, 0, 0)
        else:
            scale = _scale(shown) + _scale(exponent + flat_exponent)
        self.numbers.append((code, name, start, NUMBERS[tag], scale[0], scale[1], unit, scale[2], scale[3]))

    def value(self, data, code, token, scaler=None, unit=None):
        """Add one value of any type under its code (None for a position without one)."""
        tag, start, stop = token
        if tag in NUMBERS:
            self.number(code, token, scaler, unit)
        elif tag in STRINGS or tag == 4:
            if _is_time(data, start, stop):
                self.times.append((code, start))
                if self.time_at < 0 and code in obis.CLOCKS:
                    self.time_at = start
                return
            key = obis.IDENTITIES.get(code)
            if key and stop > start:
                self.constants.append((code, key, text(data, start, stop), start, stop))
            else:
                self.texts.append((code, key, start, stop))
        elif tag == 25:
            self.times.append((code, start))


def _scale(exponent):
    """(multiplier, divisor): one of them is 0. A division rounds right where a multiplication by 0.1 does not."""
    if exponent < 0:
        return 0, 10 ** -exponent
    return 10 ** exponent, 0


def _is_time(data, start, stop):
    # Years 1792 to 2303: a string of text begins otherwise.
    return stop - start == 12 and data[start] in (7, 8)


def _is_code(data, token):
    tag, start, stop = token
    return tag == OCTETS and stop - start == 6 and data[start + 5] == 255 and data[start] < 16


def _is_leaf(token):
    return token[0] != STRUCTURE and token[0] != ARRAY


def _scaler_unit(data, tokens, i):
    """(scaler, unit) of the structure {scaler, unit} at tokens[i], or None."""
    if i + 2 < len(tokens) and tokens[i][0] == STRUCTURE and tokens[i][2] == 2 and tokens[i + 2][0] == ENUM:
        tag, start, _ = tokens[i + 1]
        if tag == INT8:
            scaler = data[start]
            number = data[tokens[i + 2][1]]
            return scaler - 256 if scaler > 127 else scaler, obis.UNITS.get(number, "unit %d" % number)
    return None


def layout(data, tokens):
    """The Layout of a walked list. Raises DecodeError where the list holds no value."""
    out = Layout()
    if not tokens or _is_leaf(tokens[0]):
        raise DecodeError("a single value is no list")
    if len(tokens) > 5 and tokens[1][0] == ARRAY and _capture_object(data, tokens, 2):
        _described(out, data, tokens)
    elif _has_objects(data, tokens):
        _objects(out, data, tokens)
    else:
        _positional(out, data, tokens)
    if not (out.numbers or out.texts or out.times or out.constants):
        raise DecodeError("a list without values")
    return out


def _has_objects(data, tokens):
    for i in range(1, len(tokens) - 1):
        if _is_code(data, tokens[i]) and _is_leaf(tokens[i + 1]):
            return True
    return False


def _objects(out, data, tokens):
    out.list = "objects"
    pending = None  # the code whose value comes next
    i = 1
    while i < len(tokens):
        token = tokens[i]
        i += 1
        if pending is not None:
            if _is_leaf(token):
                unit = _scaler_unit(data, tokens, i)
                if unit:
                    out.value(data, pending, token, unit[0], unit[1])
                    i += 3
                else:
                    out.value(data, pending, token)
                pending = None
                _name(out)
                continue
            pending = None
        if _is_code(data, token):
            pending = obis.code(data, token[1])
        elif token[0] in STRINGS and token[2] > token[1]:
            if _is_time(data, token[1], token[2]):
                out.times.append((None, token[1]))
                if out.time_at < 0:
                    out.time_at = token[1]
            else:
                if not out.constants and not out.numbers:
                    name = text(data, token[1], token[2])
                    out.constants.append((None, "list", name, token[1], token[2]))
                    _name(out)
                else:
                    out.constants.append((None, "meter_id", text(data, token[1], token[2]), token[1], token[2]))
        elif token[0] in NUMBERS:
            out.value(data, None, token)
    model = ""
    for entry in out.constants:
        if entry[1] == "meter_model":
            model = entry[2]
    for part in WHOLE_WH:
        if part in model:
            out.numbers = [n[:4] + (1, 0) + n[6:7] + (0, 1000) if n[6] in ("Wh", "varh") else n for n in out.numbers]


def _name(out):
    """Take the list's name, once it has come, from the identities read so far."""
    if out.list == "objects" and out.constants and out.constants[-1][1] == "list":
        out.list = out.constants[-1][2]
        out.make(out.list)


def _capture_object(data, tokens, i):
    """How many tokens the capture object at tokens[i] takes, or 0: {class, code, attribute, index, ...}."""
    if i + 4 < len(tokens) and tokens[i][0] == STRUCTURE and tokens[i][2] >= 4 and tokens[i + 1][0] == 18 \
            and tokens[i + 2][0] == OCTETS and tokens[i + 2][2] - tokens[i + 2][1] == 6 and tokens[i + 3][0] == INT8:
        return 1 + tokens[i][2]
    return 0


def _described(out, data, tokens):
    out.list = "described"
    i = 2
    described = []
    for _ in range(tokens[1][2]):
        n = _capture_object(data, tokens, i)
        if not n:
            raise DecodeError("capture object not understood", tokens[min(i, len(tokens) - 1)][1])
        code = obis.code(data, tokens[i + 2][1])
        described.append((code, data[tokens[i + 3][1]], data[tokens[i + 1][1]] << 8 | data[tokens[i + 1][1] + 1]))
        out.exponents = PUSH_SETUPS.get(code, out.exponents)
        i += n
    for n in range(len(described)):
        code, attribute, number = described[n]
        if n == 0 and number == 40 and attribute == 2:
            # The first object is the push setup's object list: the array just read.
            out.fixed.append((code, attribute, None))
            continue
        if i >= len(tokens):
            raise DecodeError("%d capture objects without value" % (len(described) - n))
        token = tokens[i]
        i += 1
        if not _is_leaf(token):
            raise DecodeError("capture object with a structured value", token[1])
        if number == 40 and attribute == 1:
            continue  # the push setup's own logical name
        out.value(data, code, token)


def _positional(out, data, tokens):
    items = [t for t in tokens[1:] if _is_leaf(t)]
    name = ""
    if items and items[0][0] in STRINGS:
        name = text(data, items[0][1], items[0][2])
    codes = None
    for start, table in POSITIONAL:
        if len(table) == len(items) and (name.startswith(start) if start else not name):
            codes = table
    out.make(name)
    if codes:
        out.certain = True
        out.list = name or "list 1"
    else:
        out.list = "positional"
    for i in range(len(items)):
        out.value(data, codes[i] if codes else None, items[i])
