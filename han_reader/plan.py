"""From an APDU to a reading, plainly or by a compiled plan.

The skeleton of a list (tags, lengths, codes, scalers, the meter's own strings) repeats for the life of a meter; only
numbers and times change. A plan keeps the layout under its skeleton: one AND of the whole APDU against a mask shows
that it fits, one `struct` call takes out every number. Readings are the same as on the plain path, which builds the
layout anew each time (tests/test_han_plan.py). The cache is bounded: foreign skeletons push each other out.
"""

import struct

from . import apdu as axdr
from . import clock
from .errors import DecodeError
from .lists import layout

MAX_PLANS = 16


def reading_of(lay, data, header, values):
    """The reading of an APDU by its layout; `values` are its raw numbers in the layout's order."""
    obis = {}
    reading = {"list": lay.list, "obis": obis}
    for code, key, value, _, _ in lay.constants:
        if code:
            obis[code] = [value, None]
        if key not in reading or key != "list":
            reading[key] = value
    for code, value, unit in lay.fixed:
        obis[code] = [value, unit]
    i = 0
    for code, name, _, _, multiplier, divisor, unit, flat_multiplier, flat_divisor in lay.numbers:
        v = values[i]
        i += 1
        if divisor:
            value = v / divisor
        elif multiplier:
            value = v * multiplier
        else:
            value = v / 100 if v >= 1000 else v
        if code:
            obis[code] = [value, unit]
        if name:
            if flat_divisor:
                reading[name] = v / flat_divisor
            elif flat_multiplier:
                reading[name] = v * flat_multiplier
            else:
                reading[name] = value
    for code, key, start, stop in lay.texts:
        value = axdr.text(data, start, stop)
        if code:
            obis[code] = [value, None]
        else:
            reading["text_%d" % start] = value
    time = None
    if header >= 0:
        time = clock.date_time(data, header, lay.zone)
    for code, start in lay.times:
        value = clock.date_time(data, start, lay.zone)
        if code:
            obis[code] = [value, "s"]
    if time is None and lay.time_at >= 0:
        time = clock.date_time(data, lay.time_at, lay.zone)
    if time is not None:
        reading["time"] = time
    return reading


def layout_of(data):
    """(layout, index of the header's date-time or -1) of a DataNotification, or of bare Data."""
    end = len(data)
    if data[0] == axdr.DATA_NOTIFICATION:
        header, at = axdr.notification(data, 0, end)
    else:
        header, at = -1, 0
    tokens, stop = axdr.walk(data, at, end)
    if stop != end:
        raise DecodeError("%d bytes behind the list" % (end - stop), stop)
    return layout(data, tokens), header


def plain(data):
    """The reading of an APDU, its layout worked out anew."""
    lay, header = layout_of(data)
    values = [struct.unpack_from(">" + n[3], data, n[2])[0] for n in lay.numbers]
    return reading_of(lay, data, header, values)


class Plans:
    """A bounded cache of compiled plans; `reading(apdu)` gives what `plain(apdu)` gives."""

    def __init__(self, limit=MAX_PLANS):
        self.limit = limit
        self._plans = []  # (size, mask, skeleton, layout, header, struct format)

    def reading(self, data):
        """The reading of an APDU, by a plan where one fits; DecodeError where the APDU holds none."""
        size = len(data)
        number = int.from_bytes(data, "big")
        plans = self._plans
        for plan in plans:
            if plan[0] == size and number & plan[1] == plan[2]:
                return reading_of(plan[3], data, plan[4], struct.unpack(plan[5], data))
        plan = self._compile(data, number)
        if len(plans) >= self.limit:
            plans.pop(0)
        plans.append(plan)
        return reading_of(plan[3], data, plan[4], struct.unpack(plan[5], data))

    def _compile(self, data, number):
        lay, header = layout_of(data)
        lay.numbers.sort(key=lambda n: n[2])
        mask = bytearray(b"\xff" * len(data))
        if data[0] == axdr.DATA_NOTIFICATION:
            mask[1:5] = bytes(4)
        if header >= 0:
            mask[header:header + 12] = bytes(12)
        form = ">"
        at = 0
        for n in lay.numbers:
            size = struct.calcsize(">" + n[3])
            form += "%dx" % (n[2] - at) + n[3]
            at = n[2] + size
            mask[n[2]:at] = bytes(size)
        form += "%dx" % (len(data) - at)
        for _, _, start, stop in lay.texts:
            mask[start:stop] = bytes(stop - start)
        for _, start in lay.times:
            mask[start + 1:start + 12] = bytes(11)
        bits = int.from_bytes(mask, "big")
        return len(data), bits, number & bits, lay, header, form
