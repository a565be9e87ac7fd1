"""Lists: what the items of a meter's push mean. Facts only; layout.py reads them.

A list says more or less about itself: some carry OBIS code, scaler and unit with every value, some the codes alone,
some nothing but values. What is left unsaid stands here, by the list's own name or by its shape.
"""

from .clock import EU

EITHER = None  # in place of an exponent: a voltage in V, or from 1000 up in 0.01 V

# Start of the list's first string -> (zone of its times, whether a stated deviation counts, exponents of values
# without scaler by unit, whether the units of its tagged values are documented).
# Aidon and Kamstrup keep normal time (UTC+1) all year; Aidon writes deviation 0 all the same.
MAKES: "tuple" = (
    ("Kamstrup", 60, True, {"A": -2, "V": EITHER, "": -2, "Wh": 1, "varh": 1}, True),
    ("KFM_", EU, True, {"A": -3, "V": -1}, False),
    ("AIDON", 60, False, {}, False),
    ("EMBRIQ", 60, False, {}, False),
)
# A described list is known by its push setup.
PUSH_SETUPS: "dict" = {"0-8:25.9.0": {"A": -2}}

# Model numbers of Kamstrup meters whose energies are whole Wh instead of 10 Wh.
WHOLE_WH = ("BN245101092",)

_POWERS = ("1-0:1.7.0", "1-0:2.7.0", "1-0:3.7.0", "1-0:4.7.0")
_ENERGIES = ("1-0:1.8.0", "1-0:2.8.0", "1-0:3.8.0", "1-0:4.8.0")
_VOLTAGES = ("1-0:32.7.0", "1-0:52.7.0", "1-0:72.7.0")
_CURRENTS = ("1-0:31.7.0", "1-0:51.7.0", "1-0:71.7.0")
_IMPORTS = ("1-0:21.7.0", "1-0:41.7.0", "1-0:61.7.0")
_EXPORTS = ("1-0:22.7.0", "1-0:42.7.0", "1-0:62.7.0")
_TARIFFS = ("1-0:1.8.0", "1-0:1.8.1", "1-0:1.8.2", "1-0:2.8.0", "1-0:2.8.1", "1-0:2.8.2")
_KAIFA = ("1-1:0.2.129", "0-0:96.1.0", "0-0:96.1.7")
_ISKRA = ("0-0:42.0.0", "0-0:96.1.3")

_MILLI = {"A": -3, "V": -1}
_CENTI = {"A": -2, "V": -1}
_WHOLE = {"A": -2, "V": 0}

# Lists of values only: (name in the reading, or "" for the list's own; start of the first string; types; codes by
# position; exponents by unit). Types: s string, t date-time, 4 double-long-unsigned, 2 long-unsigned, 8 64 bits,
# b boolean or enum, 1 one byte. A code of "" leaves the value to its position.
POSITIONAL: "tuple" = (
    # Norway, Kaifa. List 1 is anonymous.
    ("list 1", "", "4", ("1-0:1.7.0",), _MILLI),
    ("", "KFM_", "sss444444", _KAIFA + _POWERS + ("1-0:31.7.0", "1-0:32.7.0"), _MILLI),
    ("", "KFM_", "sss4444444444", _KAIFA + _POWERS + _CURRENTS + _VOLTAGES, _MILLI),
    ("", "KFM_", "sss444444t4444", _KAIFA + _POWERS + ("1-0:31.7.0", "1-0:32.7.0", "0-0:1.0.0") + _ENERGIES, _MILLI),
    ("", "KFM_", "sss4444444444t4444", _KAIFA + _POWERS + _CURRENTS + _VOLTAGES + ("0-0:1.0.0",) + _ENERGIES, _MILLI),
    # The same with 64-bit energies (MA304T4, read over current transformers).
    ("", "KFM_", "sss4444444444t8888", _KAIFA + _POWERS + _CURRENTS + _VOLTAGES + ("0-0:1.0.0",) + _ENERGIES, _MILLI),
    # Slovenia, Iskraemeco: orders differ between the distributors.
    ("ISK 18", "ISK", "ss4444222222444444", _ISKRA + _POWERS + _VOLTAGES + _CURRENTS + _IMPORTS + _EXPORTS, _CENTI),
    ("ISK 12 tariffs", "ISK", "ssbs44444444",
     _ISKRA + ("0-0:96.3.10", "0-0:96.14.0") + _TARIFFS + ("1-0:3.8.0", "1-0:4.8.0"), _CENTI),
    ("ISK 12", "ISK", "ss2222224444", _ISKRA + _VOLTAGES + _CURRENTS + _POWERS, _CENTI),
    ("ISK 10", "ISK", "ss44442244", _ISKRA + _POWERS + ("1-0:32.7.0", "1-0:31.7.0", "1-0:21.7.0", "1-0:22.7.0"),
     _CENTI),
    ("ISK 10 tariffs", "ISK", "ss44444444",
     _ISKRA + ("1-0:1.8.1", "1-0:1.8.2", "1-0:2.8.1", "1-0:2.8.2", "1-0:3.8.1", "1-0:3.8.2", "1-0:4.8.1", "1-0:4.8.2"),
     _CENTI),
    ("ISK 9", "ISK", "ss4444244", _ISKRA + _POWERS + ("1-0:32.7.0", "1-0:2.8.1", "1-0:2.8.2"), _CENTI),
    ("ISK 8", "ISK", "ss224444", _ISKRA + ("1-0:32.7.0", "1-0:31.7.0") + _POWERS, _CENTI),
    ("ISK 4", "", "sb44", ("0-0:96.1.3", "0-0:96.3.10", "1-0:1.8.0", "1-0:2.8.0"), _CENTI),
    # Croatia, Iskraemeco IE.5.
    ("ISK 33", "", "sss4444444444442444444222222" + "4222b",
     ("0-0:96.1.0", "0-0:1.1.0", "0-0:1.2.0") + _TARIFFS + ("1-0:5.8.0", "1-0:6.8.0", "1-0:7.8.0", "1-0:8.8.0",
      "1-0:1.7.0", "1-0:2.7.0", "1-0:13.7.0") + _IMPORTS + _EXPORTS + _VOLTAGES + _CURRENTS + ("", "", "", "", ""),
     {"A": -2, "V": -1, "": -3}),
    # Austria, Landis+Gyr E450.
    ("L+G 14", "", "2222224444222s",
     _VOLTAGES + _CURRENTS + ("1-0:1.7.0", "1-0:2.7.0", "1-0:1.8.0", "1-0:2.8.0", "", "", "", "0-0:96.1.0"), _WHOLE),
    ("L+G 11", "", "2222224444s",
     _VOLTAGES + _CURRENTS + ("1-0:1.7.0", "1-0:2.7.0", "1-0:1.8.0", "1-0:2.8.0", "0-0:96.1.0"), _WHOLE),
)
