"""From a list to a reading, plainly or by a compiled plan.

The skeleton of a list (tags, lengths, codes, scalers, the meter's own strings, and the frame around it) repeats for the
life of a meter; only numbers and times change. A plan keeps the layout under its skeleton: one AND of the whole message
against a mask shows that it fits, one `struct` call takes out every number. What the mask covers was checked when the
plan was made, the frame's header check included; the frame check is made each time. Readings are the same as on the
plain path, which works out the layout anew (tests/test_han_plan.py). The cache is bounded: foreign skeletons push each
other out.
"""

import struct

from . import accel
from . import apdu as axdr
from .clock import date_time
from .errors import DecodeError
from .gate import EARLIEST, add_totals, drop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .layout import Layout


def layout_of(data, at, end, cut=False):
    """(layout, index of the header's date-time or -1) of the DataNotification, or bare Data, at data[at:end]."""
    from .layout import layout  # for this only, so that a device can drop its tables again
    header = -1
    if at < end and data[at] == axdr.DATA_NOTIFICATION:
        header, at = axdr.notification(data, at, end)
    return layout(data, at, end, cut), header


def plain(data, at=0, end=None, cut=False):
    """The reading of the APDU at data[at:end], its layout worked out anew. `cut` as in layout.layout."""
    if end is None:
        end = len(data)
    return _Plan(data, at, end, cut).reading(data)


class _Plan:
    """The layout of one skeleton, sorted by what is to be done with each value."""

    def __init__(self, data, at, end, cut, others=()):
        from .obis import limits, totals
        lay, header = layout_of(data, at, end, cut)
        self.lay: "Layout" = lay  # until the mask is made: it would keep layout.py and its tables in memory
        self.header = header
        self.zone, self.deviation, self.strings = lay.zone, lay.deviation, lay.texts
        self.times, self.time_at = lay.times, lay.time_at
        # Copies of these with every key in place are quicker than dicts that grow.
        self.keys: "dict" = {"list": lay.list, "obis": None}
        self.codes: "dict" = {}
        self.texts = []  # (code, value) that never change
        for code, key, _, _, value in lay.constants:
            self.keys[key] = value
            if code:
                self.texts.append((code, value))
        self.texts += lay.fixed
        for code, _ in self.texts:
            self.codes[code] = None
        if lay.missing:
            self.keys["missing"] = lay.missing
        lay.numbers.sort(key=lambda n: n[2])
        self.whole = []  # value as it stands, in both places
        self.scaled: "list" = []  # everything else
        self.reals: "list" = []  # the same of floats, which may be no numbers
        form = [">"]
        last = 0
        for i in range(len(lay.numbers)):
            code, name, start, letter, multiplier, divisor, unit, flat_multiplier, flat_divisor = lay.numbers[i]
            code, name = _held(code, others), _held(name, others)
            form.append("%dx%s" % (start - last, letter))
            last = start + struct.calcsize(">" + letter)
            same = multiplier == flat_multiplier and divisor == flat_divisor
            low, high = limits(name)
            if code:
                self.codes[code] = None
            if name:
                self.keys[name] = None
            if multiplier == 1 and same and code and name and letter not in "fd":
                self.whole.append((i, code, unit, name, low, high))
            else:
                row = (i, code, unit, name, multiplier, divisor, same, flat_multiplier, flat_divisor, low, high)
                (self.reals if letter in "fd" else self.scaled).append(row)
        self.sums = totals(self.keys)
        form.append("%dx" % (len(data) - last))
        self.form = "".join(form)

    def mask(self, data, at):
        """The bits of a message that belong to the skeleton."""
        lay = self.lay
        mask = bytearray(b"\xff" * len(data))
        if data[at] == axdr.DATA_NOTIFICATION:
            mask[at + 1:at + 5] = bytes(4)  # the invoke id
        if self.header >= 0:
            mask[self.header:self.header + 12] = bytes(12)
        for number in lay.numbers:
            size = struct.calcsize(">" + number[3])
            mask[number[2]:number[2] + size] = bytes(size)
        for _, _, start, stop in lay.texts:
            # A string of 6 bytes may be a code, one of 12 a time by its first byte: layout.py asks.
            if stop - start != 6:
                first = start + 1 if stop - start == 12 else start
                mask[first:stop] = bytes(stop - first)
        for _, start in lay.times:
            mask[start + 1:start + 12] = bytes(11)
        return mask

    def reading(self, data):
        """The reading of a message of this skeleton."""
        values = struct.unpack(self.form, data)
        obis: "dict" = self.codes.copy()
        reading: "dict" = self.keys.copy()
        reading["obis"] = obis
        for code, value in self.texts:
            obis[code] = [value, None]
        for i, code, unit, name, low, high in self.whole:
            value = values[i]
            obis[code] = [value, unit]
            if low <= value <= high:
                reading[name] = value
            else:
                drop(reading, name, value, low)
        scaled = self.scaled
        if self.reals:
            scaled = scaled + _numbers(self.reals, values, obis, reading)
        for i, code, unit, name, multiplier, divisor, same, flat_multiplier, flat_divisor, low, high in scaled:
            number = values[i]
            if divisor:
                value = number / divisor
            elif multiplier:
                value = number * multiplier
            else:
                value = number / 100 if number >= 1000 else number
            if code:
                obis[code] = [value, unit]
            if name:
                if not same:
                    value = number / flat_divisor if flat_divisor else number * flat_multiplier
                if low <= value <= high:
                    reading[name] = value
                else:
                    drop(reading, name, value, low)
        if self.sums:
            add_totals(reading, self.sums)
        for code, key, start, stop in self.strings:
            value = axdr.text(data, start, stop)
            if code:
                obis[code] = [value, None]
            else:
                reading[key] = value
        time = None
        if self.header >= 0:
            time = date_time(data, self.header, self.zone, self.deviation)
        for code, start in self.times:
            stamp = date_time(data, start, self.zone, self.deviation)
            if code:
                obis[code] = [stamp, "s"]
            if time is None and start == self.time_at:
                time = stamp
        if time is not None:
            if time >= EARLIEST:
                reading["time"] = time
            else:
                drop(reading, "time", time, EARLIEST)
        return reading


def _held(text, plans):
    """A code or name as one of the plans holds it, if one does: a meter's lists share them, and a device's memory holds
    each once."""
    for plan in plans:
        for known in (plan.codes, plan.keys):
            if text in known:
                for held in known:
                    if held == text:
                        return held
    return text


def _numbers(reals, values, obis, reading):
    """The rows whose values are numbers; the others are taken out of the reading."""
    kept = []
    for row in reals:
        if abs(values[row[0]]) < 1e30:
            kept.append(row)
        else:
            if row[1]:
                obis[row[1]] = [None, row[2]]
            if row[3]:
                drop(reading, row[3], values[row[0]], 0)
    return kept


class Plans:
    """A bounded cache of compiled plans; `reading` gives what `plain` gives."""

    def __init__(self, limit=accel.PLANS):
        self.limit = limit
        self._sizes: "dict" = {}  # size of the message -> [(mask, skeleton, cut, plan)]
        self._order: "list" = []  # sizes of the plans, oldest first

    def __len__(self):
        return len(self._order)

    def frame(self, message):
        """The reading of one HDLC frame that a plan fits, or None. DecodeError where its frame check is wrong."""
        plans = self._sizes.get(len(message))
        if plans:
            number = int.from_bytes(message, "big")
            for mask, skeleton, kind, plan in plans:
                if kind == 2 and number & mask == skeleton:
                    if not accel.x25_ok(message, 1, len(message) - 1):
                        raise DecodeError("frame check wrong", 0)
                    return plan.reading(message)
        return None

    def reading(self, data, at=0, end=None, cut=False, framed=False):
        """The reading of the APDU at data[at:end]; DecodeError where it holds none.

        `framed`: data is one whole HDLC frame whose checks are right; the plan is kept for `frame`.
        """
        if end is None:
            end = len(data)
        kind = 2 if framed else 1 if cut else 0
        number = int.from_bytes(data, "big")
        plans = self._sizes.get(len(data), ())
        for mask, skeleton, known, plan in plans:
            if known == kind and number & mask == skeleton:
                return plan.reading(data)
        plan = _Plan(data, at, end, cut, [entry[3] for kept in self._sizes.values() for entry in kept])
        reading = plan.reading(data)
        mask = plan.mask(data, at)
        plan.lay = None  # type: ignore[assignment]
        if framed:
            mask[end:end + 2] = bytes(2)  # the FCS
        bits = int.from_bytes(mask, "big")
        self._keep(len(data), (bits, number & bits, kind, plan))
        return reading

    def _keep(self, size, entry):
        if len(self._order) >= self.limit:
            oldest = self._order.pop(0)
            plans = self._sizes[oldest]
            plans.pop(0)
            if not plans:
                self._sizes.pop(oldest)
        if size not in self._sizes:
            self._sizes[size] = []
        self._sizes[size].append(entry)
        self._order.append(size)
