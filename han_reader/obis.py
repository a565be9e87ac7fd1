"""OBIS codes (IEC 62056-6-1) and COSEM units (IEC 62056-6-2 table 4): what a value is called in a reading.

Codes are written A-B:C.D.E, with *F only where F says something. The flat names of a reading carry their unit:
`import_w`, `import_t1_kwh`, `voltage_l1_v`. Import is what the home takes from the grid (+P), export what it gives.
"""

from .gate import EARLIEST, add_totals, drop  # noqa: F401 - the plain path's

# COSEM unit number -> unit.
UNITS = {
    8: "°C", 9: "°C", 13: "m3", 14: "m3", 15: "m3/h", 16: "m3/h", 25: "J", 27: "W", 28: "VA", 29: "var", 30: "Wh",
    31: "VAh", 32: "varh", 33: "A", 34: "C", 35: "V", 44: "Hz", 255: "",
}

# unit -> (suffix of the flat name, decimal exponent from the unit to the suffix's own)
SUFFIXES = {
    "W": ("_w", 0), "VA": ("_va", 0), "var": ("_var", 0), "Wh": ("_kwh", -3), "VAh": ("_kvah", -3),
    "varh": ("_kvarh", -3), "A": ("_a", 0), "V": ("_v", 0), "Hz": ("_hz", 0), "": ("", 0), "m3": ("_m3", 0),
    "kW": ("_w", 3), "kVA": ("_va", 3), "kvar": ("_var", 3), "kWh": ("_kwh", 0), "kVAh": ("_kvah", 0),
    "kvarh": ("_kvarh", 0), "MW": ("_w", 6), "MWh": ("_kwh", 3), "mA": ("_a", -3), "GJ": ("_gj", 0), "MJ": ("_gj", -3),
    "J": ("_gj", -9), "m3/h": ("_m3h", 0), "°C": ("_c", 0),
}

# value group C of electricity, for the sum of the phases; a phase adds 20, 40 or 60.
QUANTITIES = {
    1: ("import", "W"), 2: ("export", "W"), 3: ("import", "var"), 4: ("export", "var"), 5: ("reactive_q1", "var"),
    6: ("reactive_q2", "var"), 7: ("reactive_q3", "var"), 8: ("reactive_q4", "var"), 9: ("import", "VA"),
    10: ("export", "VA"), 11: ("current", "A"), 12: ("voltage", "V"), 13: ("power_factor", ""),
    14: ("frequency", "Hz"), 15: ("absolute", "W"), 16: ("net", "W"), 17: ("q1_q4", "W"),
}
# value group D -> (word in the name, whether the quantity is integrated over time)
PROCESSINGS = {
    3: ("_min", False), 4: ("_average", False), 5: ("_last_average", False), 6: ("_max", False), 7: ("", False),
    8: ("", True), 9: ("_period", True), 24: ("_average", False), 25: ("_last_average", False), 27: ("_average", False),
    29: ("_period", True),
}
INTEGRALS = {"W": "Wh", "VA": "VAh", "var": "varh"}

# End of a flat name, least and most that a household's meter can mean. CRC-16 lets one damaged message in 65536
# through, and meters send 0 V for a phase that an IT grid doesn't have.
LIMITS = (
    ("_v", 80, 300), ("_a", -1000, 1000), ("_w", 0, 700000), ("_var", 0, 700000), ("_va", 0, 700000),
    ("_kwh", 0, 1000000000), ("_kvarh", 0, 1000000000), ("_kvah", 0, 1000000000), ("_hz", 40, 70),
    ("_m3", 0, 100000000),
    ("power_factor", -1, 1), ("power_factor_l1", -1, 1), ("power_factor_l2", -1, 1), ("power_factor_l3", -1, 1),
)
EVERYTHING = (-1e30, 1e30)

# objects that name the meter or its list -> the reading's key
IDENTITIES = {
    "0-0:96.1.0": "meter_id", "0-0:96.1.1": "meter_id", "0-0:96.1.2": "meter_id", "0-0:96.1.3": "meter_id",
    "1-1:0.0.5": "meter_id", "1-0:0.0.5": "meter_id",
    "0-0:42.0.0": "device_id", "1-0:0.0.0": "meter_id", "0-0:96.1.255": "meter_id",
    "0-0:96.1.7": "meter_model", "1-1:96.1.1": "meter_model", "1-0:96.1.1": "meter_model",
    "1-1:0.2.129": "list", "1-0:0.2.129": "list", "1-0:96.1.0": "meter_id",
}

CLOCKS = ("0-0:1.0.0", "0-1:1.0.0")


def code(data, at):
    """The code of the six bytes at data[at:]."""
    text = "%d-%d:%d.%d.%d" % (data[at], data[at + 1], data[at + 2], data[at + 3], data[at + 4])
    return text if data[at + 5] == 255 else text + "*%d" % data[at + 5]


def split(text):
    """The value groups (A, B, C, D, E) of a code, or None."""
    try:
        medium, rest = text.split("*")[0].split(":")
        a, b = medium.split("-")
        c, d, e = rest.split(".")
        return int(a), int(b), int(c), int(d), int(e)
    except ValueError:
        return None


def quantity(a, c, d, e):
    """(name without suffix, unit) of an electricity code, or None where it has no flat name."""
    if a != 1 or d not in PROCESSINGS:
        return None
    phase = ""
    if c > 20:
        if c > 80:
            return None
        phase = "_l%d" % ((c - 1) // 20)
        c = (c - 1) % 20 + 1
    if c not in QUANTITIES:
        return None
    name, unit = QUANTITIES[c]
    word, integral = PROCESSINGS[d]
    if integral:
        if unit not in INTEGRALS:
            return None
        unit = INTEGRALS[unit]
    tariff = "_t%d" % e if e and integral else ""
    if e and not integral and d == 7:
        return None  # harmonics
    return name + word + phase + tariff, unit


def quantity_of(text):
    """(name without suffix, unit) of a code as text, or None."""
    groups = split(text)
    return quantity(groups[0], groups[2], groups[3], groups[4]) if groups else None


def flat(name, unit):
    """(flat name, exponent from `unit` to it) for a quantity's name, or (None, 0) for a unit that has no suffix."""
    if unit not in SUFFIXES:
        return None, 0
    suffix, exponent = SUFFIXES[unit]
    return name + suffix, exponent


def limits(name):
    """(least, most) that a flat name may hold."""
    if name:
        for end, low, high in LIMITS:
            if name.endswith(end):
                return low, high
    return EVERYTHING


def totals(names):
    """(name of a total, names of its tariffs) of the energies that come by tariff only."""
    out = []
    for way in ("import", "export"):
        for unit in ("_kwh", "_kvarh"):
            parts = [name for name in names if name[:8] == way + "_t" and name[8:9] in "1234" and name[9:] == unit]
            if len(parts) > 1 and way + unit not in names:
                out.append((way + unit, sorted(parts)))
    return out
