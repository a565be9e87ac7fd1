"""What han_reader and other people's decoders say of the same list, in forms that can be compared."""

import pytest

from han_reader import apdu as axdr
from han_reader import walk

# amshan's names -> ours, with the factor from its unit to ours
AMSHAN = {
    "active_power_import": ("import_w", 1), "active_power_export": ("export_w", 1),
    "reactive_power_import": ("import_var", 1), "reactive_power_export": ("export_var", 1),
    "current_l1": ("current_l1_a", 1), "current_l2": ("current_l2_a", 1), "current_l3": ("current_l3_a", 1),
    "voltage_l1": ("voltage_l1_v", 1), "voltage_l2": ("voltage_l2_v", 1), "voltage_l3": ("voltage_l3_v", 1),
    "active_power_import_total": ("import_kwh", 0.001), "active_power_export_total": ("export_kwh", 0.001),
    "reactive_power_import_total": ("import_kvarh", 0.001), "reactive_power_export_total": ("export_kvarh", 0.001),
    "active_power_import_l1": ("import_l1_w", 1), "active_power_import_l2": ("import_l2_w", 1),
    "active_power_import_l3": ("import_l3_w", 1),
}


def agree(theirs, ours):
    """How many values amshan and we both name; an AssertionError where they differ."""
    n = 0
    for key in AMSHAN:
        name, factor = AMSHAN[key]
        if key in theirs and name in ours:
            assert ours[name] == pytest.approx(theirs[key] * factor, rel=1e-6, abs=1.1e-3), (key, theirs, ours)
            n += 1
    return n


def body_of(apdu):
    """The Data of a DataNotification."""
    return apdu[axdr.notification(apdu, 0, len(apdu))[1]:] if apdu[0] == 0x0F else apdu


def leaves(value):
    """All numbers and strings of a nested list, in order."""
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in leaves(item)]
    if value is None:
        return []
    if isinstance(value, (bytes, bytearray)):
        return [bytes(value).hex()]
    if isinstance(value, str):
        return [value.encode("latin1").rstrip(b"\x00").hex()]
    return [int(value) if isinstance(value, (bool, int)) else value]


def own(data):
    """The same of our own walk."""
    out = []
    for tag, start, stop in walk.walk(data, 0, len(data))[0]:
        if tag in walk.NUMBERS:
            out.append(int.from_bytes(data[start:stop], "big", signed=tag in (5, 15, 16, 20)))
        elif tag in axdr.STRINGS:
            raw = data[start:stop]
            out.append((raw.rstrip(b"\x00") if tag == axdr.VISIBLE else raw).hex())
    return out
