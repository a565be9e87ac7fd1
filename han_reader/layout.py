"""Where the values of a list lie and how they are converted.

Meters write their lists in four shapes, told apart from the data alone:
- objects: OBIS code and value, in structures of their own (Aidon, Embriq, Austrian Kaifa, Iskraemeco IE) or in one
  flat structure (Kamstrup, Swedish Kaifa, Sagemcom T210-D); a structure {scaler, unit} may follow each value;
- described: an array of capture objects (the push setup's object list, IEC 62056-6-2 push setup), then their values
  (Landis+Gyr E450, Energomera);
- attributes: class, code and attribute without tags, then the value (Sagemcom XT211);
- positional: values only. A table gives the codes; a list no table knows keeps its values by position (`value_1`).

A Layout depends on tags, lengths, codes, scalers and the meter's own strings only, never on its numbers and times, so
it may be kept for the next message of the same skeleton (plan.py).
"""

from . import obis
from .apdu import ARRAY, COMPACT, ENUM, INT8, OCTETS, STRINGS, STRUCTURE, text
from .clock import EU
from .errors import DecodeError
from .lists import EITHER, MAKES, POSITIONAL, PUSH_SETUPS, WHOLE_WH
from .walk import NUMBERS, walk

# tag -> type letter of lists.POSITIONAL
TYPES = {3: "b", 22: "b", 6: "4", 5: "4", 18: "2", 16: "2", 20: "8", 21: "8", 17: "1", 15: "1", 25: "t"}


class Layout:
    """Where the values of one list lie in its APDU.

    numbers: (code, flat name, start, struct code, multiplier, divisor, unit, flat multiplier, flat divisor); a divisor
    of 0 multiplies, a multiplier and a divisor of 0 mean lists.EITHER.
    texts and constants: (code, key, start, stop); constants are part of the skeleton. times: (code, start).
    """

    def __init__(self):
        self.list = ""
        self.zone: "int | str" = EU
        self.deviation = True  # whether a stated deviation counts
        self.constants: "list" = []
        self.numbers: "list" = []
        self.texts: "list" = []
        self.times: "list" = []
        self.fixed: "list" = []  # (code, value) that the skeleton itself states
        self.time_at = -1
        self.missing = 0  # values the list announces and does not hold
        self._exponents: "dict" = {}  # of values without scaler, by unit
        self._certain = False
        self._position = 0

    def make(self, name):
        """Take over what the tables say of a list of this name."""
        for start, zone, deviation, exponents, certain in MAKES:
            if name.startswith(start):
                self.zone = zone
                self.deviation = deviation
                self._exponents = exponents
                self._certain = certain

    def exponents(self, exponents, certain):
        """Take over the exponents of values without scaler; `certain`: their units may stand beside the codes."""
        self._exponents = exponents
        self._certain = certain

    def value(self, data, code, token, scaler=None, unit=None):
        """Add one value of any type under its code ("" for a position without one)."""
        tag, start, stop = token
        self._position += 1
        if tag in NUMBERS:
            self._number(code, tag, start, scaler, unit)
        elif tag == 25 or _is_time(data, tag, start, stop):
            self.times.append((code, start))
            if self.time_at < 0 and (code in obis.CLOCKS or not code):
                self.time_at = start
        elif tag in STRINGS or tag == 4:
            key = obis.IDENTITIES.get(code)
            if key and stop > start:
                self._position -= 1
                self.constant(data, code, key, start, stop)
            else:
                self.texts.append((code, "text_%d" % self._position, start, stop))

    def constant(self, data, code, key, start, stop):
        """Add a string that is part of the skeleton."""
        self._position += 1
        value = text(data, start, stop)
        self.constants.append((code, key, start, stop, value))
        if key == "list":
            self.list = value
            if not self._certain:
                self.make(value)

    def _number(self, code, tag, start, scaler, unit):
        known = obis.quantity_of(code) if code else None
        name = None
        exponent = scaler
        flat_unit = unit
        if scaler is None:
            exponent = 0
            if known:
                flat_unit = known[1]
                exponent = self._exponents.get(flat_unit, 0)
        flat_exponent = 0
        if known:
            name, flat_exponent = obis.flat(known[0], flat_unit)
        elif not code:
            name = "value_%d" % self._position
        shown = exponent
        if scaler is None:
            # Without scaler and documents the code stands beside what the meter sent.
            if self._certain:
                unit = flat_unit
            else:
                shown = 0
        if exponent is EITHER:
            scale = (0, 0, 0, 0)
        else:
            scale = _scale(shown) + _scale(exponent + flat_exponent)
        self.numbers.append((code, name, start, NUMBERS[tag], scale[0], scale[1], unit, scale[2], scale[3]))


def _scale(exponent):
    """(multiplier, divisor), one of them 0: a division rounds right where a multiplication by 0.1 does not."""
    if exponent < 0:
        return 0, 10 ** -exponent
    return 10 ** exponent, 0


def _is_time(data, tag, start, stop):
    # Years 1792 to 2303: a text begins otherwise.
    return tag == OCTETS and stop - start == 12 and data[start] in (7, 8)


def _is_code(data, token):
    tag, start, stop = token
    return tag == OCTETS and stop - start == 6 and data[start + 5] == 255 and data[start] < 16


def _is_leaf(token):
    return token[0] not in (STRUCTURE, ARRAY, COMPACT)


def layout(data, at, end, cut=False):
    """The Layout of the list at data[at:end]. Raises DecodeError where it is broken or holds no value.

    `cut`: a list may end early, as some meters fill a frame; what it holds is taken, the rest counted as missing.
    """
    out = Layout()
    if _attribute_list(data, at, end):
        _attributes(out, data, at, end)
    elif _capture_object(data, at + 4, end):
        _described(out, data, at, end)
    else:
        tokens, stop, out.missing = walk(data, at, end, cut)
        if stop != end:
            raise DecodeError("%d bytes behind the list" % (end - stop), stop)
        if _is_leaf(tokens[0]):
            raise DecodeError("a single value is no list", at)
        if _has_objects(data, tokens):
            _objects(out, data, tokens)
        else:
            _positional(out, data, tokens)
    if not (out.numbers or out.texts or out.times or out.constants):
        raise DecodeError("a list without values", at)
    return out


# Objects


def _has_objects(data, tokens):
    return any(_is_code(data, tokens[i]) and _is_leaf(tokens[i + 1]) for i in range(1, len(tokens) - 1))


def _scaler_unit(data, tokens, i):
    """(scaler, unit) of the structure {scaler, unit} at tokens[i], or None."""
    if i + 2 < len(tokens) and tokens[i][0] == STRUCTURE and tokens[i][2] == 2 and tokens[i + 2][0] == ENUM \
            and tokens[i + 1][0] == INT8:
        scaler = data[tokens[i + 1][1]]
        number = data[tokens[i + 2][1]]
        return scaler - 256 if scaler > 127 else scaler, obis.UNITS.get(number, "unit %d" % number)
    return None


def _objects(out, data, tokens):
    out.list = "objects"
    count = len(tokens)
    i = 1
    while i < count:
        token = tokens[i]
        i += 1
        if _is_code(data, token) and i < count and _is_leaf(tokens[i]):
            code = obis.code(data, token[1])
            value = tokens[i]
            unit = _scaler_unit(data, tokens, i + 1)
            if unit:
                out.value(data, code, value, unit[0], unit[1])
                i += 4
            else:
                out.value(data, code, value)
                i += 1
        elif token[0] in STRINGS and token[2] > token[1] and not _is_time(data, token[0], token[1], token[2]):
            # Strings without code: the list's name in front, the meter's number behind.
            first = not (out.constants or out.numbers or out.times)
            out.constant(data, "", "list" if first else "meter_id", token[1], token[2])
        elif _is_leaf(token):
            out.value(data, "", token)
    for constant in out.constants:
        if constant[1] == "meter_model":
            _whole_wh(out, constant[4])


def _whole_wh(out, model):
    for part in WHOLE_WH:
        if part in model:
            out.numbers = [n[:4] + (1, 0, n[6], 0, 1000) if n[6] in ("Wh", "varh") else n for n in out.numbers]


# Described lists


def _capture_object(data, at, end):
    """Whether a capture object {class, code, attribute, index, ...} begins at data[at], in an array in a structure."""
    return end - at > 18 and data[at - 4] == STRUCTURE and data[at - 2] == ARRAY and data[at] == STRUCTURE \
        and 4 <= data[at + 1] <= 6 and data[at + 2] == 18 and data[at + 5] == OCTETS and data[at + 6] == 6


def _described(out, data, at, end):
    out.list = "described"
    count = data[at + 1]
    described = data[at + 3]
    at += 4
    objects = []
    for _ in range(described):
        if not (end - at > 18 and data[at] == STRUCTURE and data[at + 5] == OCTETS and data[at + 6] == 6
                and data[at + 13] == INT8 and data[at + 15] == 18):
            raise DecodeError("capture object not understood", at)
        fields = data[at + 1]
        code = obis.code(data, at + 7)
        objects.append((code, data[at + 3] << 8 | data[at + 4], data[at + 14]))
        if code in PUSH_SETUPS:
            out.exponents(PUSH_SETUPS[code], False)
        at += 18
        if fields > 4:
            at = _restriction(data, at, end)
        if fields > 5:
            at = walk(data, at, end)[1]
    # The values: the first object, when it is the push setup's object list, is the array just read.
    n = 0
    for code, number, attribute in objects:
        n += 1
        if n == 1 and number == 40 and attribute == 2:
            out.fixed.append((code, attribute))
            continue
        if at >= end:
            raise DecodeError("%d capture objects without value" % (len(objects) - n + 1), at)
        tokens, at, _ = walk(data, at, end)
        if number == 40 and attribute == 1:
            continue  # the push setup's own name
        if _is_leaf(tokens[0]):
            out.value(data, code, tokens[0])
        else:
            # A structure has no value of its own: the code stands with the attribute that was sent.
            out.fixed.append((code, attribute))
            _nested(out, data, tokens)
    if at != end:
        raise DecodeError("%d bytes behind the list" % (end - at), at)
    if count != described and count != described + 1:
        raise DecodeError("%d values for %d capture objects" % (count, described), end)


def _nested(out, data, tokens):
    for i in range(1, len(tokens) - 1):
        if _is_code(data, tokens[i]) and _is_leaf(tokens[i + 1]):
            out.value(data, obis.code(data, tokens[i][1]), tokens[i + 1])


def _restriction(data, at, end):
    """The index after a capture object's restriction {type, value}; Energomera leaves out the value of type 0."""
    if end - at > 4 and data[at] == STRUCTURE and data[at + 1] == 2 and data[at + 2] == ENUM and data[at + 3] == 0:
        return at + 5 if data[at + 4] == 0 else at + 4
    return walk(data, at, end)[1]


# Attribute lists


def _attribute_list(data, at, end):
    """Whether the data is a structure of an enum and an array of n times 02 02 class code attribute value."""
    return end - at > 18 and data[at] == STRUCTURE and data[at + 1] == 2 and data[at + 2] == ENUM \
        and data[at + 4] == ARRAY and data[at + 6] == STRUCTURE and data[at + 7] == 2 and data[at + 8] == 0


def _attributes(out, data, at, end):
    out.list = "attributes"
    count = data[at + 5]
    at += 6
    for _ in range(count):
        if end - at < 12 or data[at] != STRUCTURE or data[at + 1] != 2:
            raise DecodeError("attribute not understood", at)
        code = obis.code(data, at + 4)
        tokens, at, _ = walk(data, at + 11, end)
        if not _is_leaf(tokens[0]):
            raise DecodeError("attribute with a structured value", at)
        out.value(data, code, tokens[0])
    if at != end:
        raise DecodeError("%d bytes behind the list" % (end - at), at)


# Positional lists


def _types(data, items):
    types = ""
    for tag, start, stop in items:
        if tag in STRINGS:
            types += "t" if _is_time(data, tag, start, stop) else "s"
        else:
            types += TYPES.get(tag, "?")
    return types


def _positional(out, data, tokens):
    items = [t for t in tokens[1:] if _is_leaf(t)]
    types = _types(data, items)
    name = text(data, items[0][1], items[0][2]) if types[:1] == "s" else ""
    out.list = "positional"
    codes: "tuple" = ()
    for label, start, pattern, table, exponents in POSITIONAL:
        if types == pattern and name.startswith(start):
            codes = table
            out.list = label or name
            out.make(name)
            out.exponents(exponents, True)
            break
    for i in range(len(items)):
        if i == 0 and name and not (codes and codes[0]):
            # It chose the table, so it belongs to the skeleton.
            out.constant(data, "", "text_1", items[0][1], items[0][2])
        else:
            out.value(data, codes[i] if codes else "", items[i])

