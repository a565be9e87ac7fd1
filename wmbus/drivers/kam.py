"""Kamstrup: MULTICAL 21 and flowIQ water meters, MULTICAL heat meters, OMNIPOWER, EM24 behind a Kamstrup radio.

FF20 and FF23 are the info codes of the water meters, FF22 those of the heat meters (technical descriptions of the
meters). Compact frames need their layout; those in use are in FORMATS, checked by their signature at import.

telegram 21442d2c785634121b167802ff207400041339300000441310270000615b0961670f
reading alarms=leak, current_status=LEAK, flow_temperature_c=9, id=12345678,
        min_external_temperature_last_month_c=15, status=LEAK, target_m3=10.0, time_bursting=, time_dry=22-31 days,
        time_leaking=, time_reversed=, total_m3=12.345
telegram 23442d2c785634121b168d2077214365272ca7d57f37e7e2d7992ab48a843c34ff4b8833
key 000102030405060708090a0b0c0d0e0f
reading current_status=, flow_temperature_c=9, id=12345678, min_external_temperature_last_month_c=15, status=OK,
        target_m3=10.0, time_bursting=, time_dry=, time_leaking=, time_reversed=, total_m3=12.345
telegram 33442d2c785634123504780406d204000004ff072b01000004ff089c00000004142e1600000259d014025d000904ff2202000000
reading alarms=low_battery, forward_energy_m3c=299, id=12345678, return_energy_m3c=156, status=LOW_BATTERY_LEVEL,
        t1_temperature_c=53.28, t2_temperature_c=23.04, total_energy_consumption_kwh=1234, total_volume_m3=56.78
"""

from . import number

# Info code FF20: four events in the low bits, then for each how many hours it lasted, in steps.
EVENTS = ((0x01, "DRY", "dry"), (0x02, "REVERSED", "reverse"), (0x04, "LEAK", "leak"), (0x08, "BURST", "burst"),
          (0xFFF0, "", None))
HOURS = ("", "1-8 hours", "9-24 hours", "2-3 days", "4-7 days", "8-14 days", "15-21 days", "22-31 days")
INFO_32 = (
    (0x001, "DRY", "dry"), (0x002, "REVERSED", "reverse"), (0x004, "LEAK", "leak"), (0x008, "BURST", "burst"),
    (0x010, "TAMPER", "tamper"), (0x020, "LOW_BATTERY", "low_battery"), (0x040, "LOW_AMBIENT", "freeze"),
    (0x080, "FLOW_ABOVE_Q4", "over_range"), (0x200, "NO_CONSUMPTION", "no_flow"),
)
# Info code FF22 of the heat meters, from bit 0 on; a 16-bit one has the lower half.
_OVER, _WATER = "over_range", "leak"
HEAT_INFO = tuple([(1 << bit, word, alarm) for bit, (word, alarm) in enumerate((
    ("VOLTAGE_INTERRUPTED", None), ("LOW_BATTERY_LEVEL", "low_battery"), ("SENSOR_ERROR", None),
    ("SENSOR_T1_ABOVE_MEASURING_RANGE", _OVER), ("SENSOR_T2_ABOVE_MEASURING_RANGE", _OVER),
    ("SENSOR_T1_BELOW_MEASURING_RANGE", None), ("SENSOR_T2_BELOW_MEASURING_RANGE", None),
    ("TEMP_DIFF_WRONG_POLARITY", None), ("FLOW_SENSOR_WEAK_OR_AIR", "air"), ("WRONG_FLOW_DIRECTION", "reverse"),
    ("RESERVED_BIT_10", None), ("FLOW_INCREASED", _OVER), ("IN_A1_LEAKAGE_IN_THE_SYSTEM", _WATER),
    ("IN_B1_LEAKAGE_IN_THE_SYSTEM", _WATER), ("IN_A1_A2_EXTERNAL_ALARM", None), ("IN_B1_B2_EXTERNAL_ALARM", None),
    ("V1_COMMUNICATION_ERROR", "comms"), ("V1_WRONG_PULSE_FIGURE", None), ("IN_A2_LEAKAGE_IN_THE_SYSTEM", _WATER),
    ("IN_B2_LEAKAGE_IN_THE_SYSTEM", _WATER), ("T3_ABOVE_MEASURING_RANGE_OR_SWITCHED_OFF", None),
    ("T3_BELOW_MEASURING_RANGE_OR_SWITCHED_OFF", None), ("V2_COMMUNICATION_ERROR", "comms"),
    ("V2_WRONG_PULSE_FIGURE", None), ("V2_AIR", "air"), ("V2_WRONG_FLOW_DIRECTION", "reverse"),
    ("RESERVED_BIT_26", None), ("V2_INCREASED_FLOW", _OVER), ("V1_V2_BURST_WATER_LOSS", "burst"),
    ("V1_V2_BURST_WATER_PENETRATION", "burst"), ("V1_V2_LEAKAGE_WATER_LOSS", _WATER),
    ("V1_V2_LEAKAGE_WATER_PENETRATION", _WATER)))])
# The standard's error flags of the older heat meters.
HEAT_ERRORS = (
    (0x0001, "VOLTAGE_INTERRUPTED", None), (0x0004, "SENSOR_T2_OUTSIDE_MEASURING_RANGE", None),
    (0x0008, "SENSOR_T1_OUTSIDE_MEASURING_RANGE", None), (0x0010, "V1_COMMUNICATION_ERROR", "comms"),
    (0x0020, "SENSOR_T3_OUTSIDE_MEASURING_RANGE", None), (0x0040, "LEAKAGE_COLD_WATER", _WATER),
    (0x0080, "V2_WRONG_PULSE_FIGURE", None), (0x0100, "LEAKAGE_HOT_WATER", _WATER),
    (0x0200, "BURST_WATER_LOSS", "burst"), (0x0400, "V2_COMMUNICATION_ERROR", "comms"),
    (0x0800, "V1_WRONG_PULSE_FIGURE", None), (0x1000, "V1_AIR", "air"),
    (0x2000, "V2_AIR", "air"), (0x4000, "V1_WRONG_FLOW_DIRECTION", "reverse"),
    (0x8000, "V2_WRONG_FLOW_DIRECTION", "reverse"),
)


def _formats(*texts):
    from ..accel import crc
    known = [bytes.fromhex(text) for text in texts]
    return {crc(layout): layout for layout in known}


def _words(value, reading):
    """FF20 of a water meter as its own fields besides the status."""
    reading["current_status"] = " ".join([w for bit, w, _ in EVENTS if w and value & bit])
    for name, shift in (("dry", 4), ("reversed", 7), ("leaking", 10), ("bursting", 13)):
        reading["time_" + name] = HOURS[value >> shift & 7]


WATER = {
    "names": {
        "volume_flow_m3h": ("flow_m3h", "volume_flow_m3h"),
        "target_min_flow_temperature_c": "flow_temperature_c",
        "target_max_flow_temperature_c": "max_flow_temperature_c",
        "target_min_external_temperature_c": "min_external_temperature_last_month_c",
        "target_max_external_temperature_c": "max_external_temperature_c",
        "target_max_volume_flow_m3h": "max_flow_month_m3h",
        "history_2_max_volume_flow_m3h": "max_flow_m3h",
        "history_2_min_volume_flow_m3h": "min_flow_m3h",
        "history_2_min_flow_temperature_c": ("min_flow_temperature_c", "flow_temperature_c"),
        "history_2_max_flow_temperature_c": "max_flow_temperature_c",
        "history_2_min_external_temperature_c": "min_external_temperature_last_day_c",
    },
    "bits": {"mfct_ff20": EVENTS, "mfct_ff23": INFO_32},
    "seen": {"mfct_ff20": _words},
    "formats": _formats(
        "02ff2004134413615b6167", "02ff20041392013ba1015b8101e7ff0f", "02ff2004134413a1015b8101e7ff0f",
        "02ff2004134413615b5167", "02ff2004134413", "02ff200413523b",
        "04ff234413523b06ff1b426c61675167023b04138101e7ff0f",
        "02ff2004134413426c523b615b616751678101e7ff0f06ff1b",
        "04ff2304134413426c023b92013ba2013b06ff1ba1015b91015ba10167"),
}
HEAT = {
    "names": {
        "flow_temperature_c": "t1_temperature_c",
        "return_temperature_c": "t2_temperature_c",
        "temperature_difference_c": "flow_return_temperature_difference_c",
        "target_energy_consumption_kwh": "target_energy_kwh",
        "total_energy_production_kwh": "total_energy_backward_kwh",
        "target_energy_production_kwh": "target_energy_backward_kwh",
        "mfct_ff07": "forward_energy_m3c",
        "mfct_ff08": "return_energy_m3c",
        "max_volume_flow_m3h": "max_flow_m3h",
        "current_consumption_mfct_07_hca": "va_counter",
        "current_consumption_mfct_08_hca": "vb_counter",
        "enhanced_id_mfct_15": "enhanced_id",
    },
    "bits": {"mfct_ff22": HEAT_INFO, "mfct_ff21": (), "error_flags": HEAT_ERRORS},
    "formats": _formats(
        "030643060314426c022d01ff21", "030e430e0313426c022d01ff21",
        "040604ff0704ff080414043b0259025d04ff22026c44064414426c",
        "02f9ff15040604eeff0704eeff0804148440148480401402fd17026c426c44064414c44014c4804014043b0259025d",
        "040e04ff0704ff08041384401484804014043b0259025d142d84100e84200e04ff22026c440e4413c44014c4804014426c",
        "040f04ff0704ff08041484401484804014043b0259025d142d84100f84200f04ff22026c440f4414c44014c4804014426c"),
}
EM24_BITS = ((0x01, "V_1_OVERFLOW", None), (0x02, "V_2_OVERFLOW", None), (0x04, "V_3_OVERFLOW", None),
             (0x08, "I_1_OVERFLOW", None), (0x10, "I_2_OVERFLOW", None), (0x20, "I_3_OVERFLOW", None),
             (0x40, "FREQUENCY", None))


def _apparent(reading):
    for kind in ("consumption", "production"):
        active = number(reading, "total_energy_%s_kwh" % kind)
        reactive = number(reading, "total_reactive_energy_%s_kvarh" % kind)
        if active is not None and reactive is not None:
            reading["total_apparent_energy_%s_kvah" % kind] = (active * active + reactive * reactive) ** 0.5


EM24 = {
    # The meter counts whole kvarh and tenths of Hz, whatever the VIF says.
    "names": {"total_reactive_energy_consumption_kvarh": ("total_reactive_energy_consumption_kvarh", 1, 1),
              "total_reactive_energy_production_kvarh": ("total_reactive_energy_production_kvarh", 1, 1),
              "frequency_hz": ("frequency_hz", 1, 10)},
    "bits": {"error_flags": EM24_BITS},
    "finish": _apparent,
}
METERS = (
    (None, (0x06, 0x07, 0x15, 0x16), WATER),
    ((0x33,), (0x02,), EM24),
    (None, (0x02,), {"formats": _formats("040404843c042b04ab3c")}),
    (None, (0x04, 0x0A, 0x0B, 0x0C, 0x0D), HEAT),
    (None, (0x18,), {
        "names": {"mfct_ff09": "alfa_counter", "mfct_ff0a": "beta_counter"},
        "bits": {"mfct_ff20": ((0x01, "DROP", None), (0x02, "SURGE", None), (0x04, "HIGH", None), (0x08, "LOW", None),
                               (0x10, "TRANSIENT", None), (0x20, "COMM_ERROR", None))},
    }),
)
