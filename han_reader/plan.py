"""From an APDU to a reading, plainly or by a compiled plan.

The skeleton of a list (tags, lengths, codes, scalers, the meter's own strings) repeats for the life of a meter; only
numbers and times change. A plan keeps the layout under its skeleton: one AND of the whole APDU against a mask shows
that it fits, one `struct` call takes out every number. Readings are the same as on the plain path, which builds the
layout anew each time (tests/test_han_plan.py). The cache is bounded: foreign skeletons push each other out.
"""

import struct

from . import accel
from . import apdu as axdr
from .clock import date_time
from .layout import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any



def reading_of(lay, data, header, values):
    """The reading of an APDU by its layout; `values` are its raw numbers in the layout's order."""
    obis: "Any" = {}
    reading: "Any" = {"list": lay.list, "obis": obis}
    for code, key, _, _, value in lay.constants:
        if code:
            obis[code] = [value, None]
        reading[key] = value
    for code, value in lay.fixed:
        obis[code] = [value, None]
    for number, v in zip(lay.numbers, values):
        code, name, _, _, multiplier, divisor, unit, flat_multiplier, flat_divisor = number
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
            reading[key] = value
    for code, start in lay.times:
        if code:
            obis[code] = [date_time(data, start, lay.zone, lay.deviation), "s"]
    time = None
    if header >= 0:
        time = date_time(data, header, lay.zone, lay.deviation)
    if time is None and lay.time_at >= 0:
        time = date_time(data, lay.time_at, lay.zone, lay.deviation)
    if time is not None:
        reading["time"] = time
    if lay.missing:
        reading["missing"] = lay.missing
    return reading


def layout_of(data, cut=False):
    """(layout, index of the header's date-time or -1) of a DataNotification, or of bare Data."""
    end = len(data)
    header = -1
    at = 0
    if data[0] == axdr.DATA_NOTIFICATION:
        header, at = axdr.notification(data, 0, end)
    return layout(data, at, end, cut), header


def plain(data, cut=False):
    """The reading of an APDU, its layout worked out anew. `cut` as in layout.layout."""
    lay, header = layout_of(data, cut)
    return reading_of(lay, data, header, [struct.unpack_from(">" + n[3], data, n[2])[0] for n in lay.numbers])


class Plans:
    """A bounded cache of compiled plans; `reading(apdu)` gives what `plain(apdu)` gives."""

    def __init__(self, limit=accel.PLANS):
        self.limit = limit
        self._plans: "Any" = []  # (size, cut allowed, mask, skeleton, layout, header, struct format), newest last

    def reading(self, data, cut=False):
        """The reading of an APDU, by a plan where one fits; DecodeError where the APDU holds none."""
        size = len(data)
        number = int.from_bytes(data, "big")
        for plan in self._plans:
            if plan[0] == size and number & plan[2] == plan[3] and plan[1] == cut:
                return reading_of(plan[4], data, plan[5], struct.unpack(plan[6], data))
        plan = _compile(data, number, cut)
        if len(self._plans) >= self.limit:
            self._plans.pop(0)
        self._plans.append(plan)
        return reading_of(plan[4], data, plan[5], struct.unpack(plan[6], data))


def _compile(data, number, cut):
    lay, header = layout_of(data, cut)
    lay.numbers.sort(key=lambda n: n[2])
    mask = bytearray(b"\xff" * len(data))
    if data[0] == axdr.DATA_NOTIFICATION:
        mask[1:5] = bytes(4)  # the invoke id
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
    return len(data), cut, bits, number & bits, lay, header, form
