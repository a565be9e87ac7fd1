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
HEAT_INFO = (
    (0x00001, "VOLTAGE_INTERRUPTED", None), (0x00002, "LOW_BATTERY_LEVEL", "low_battery"),
    (0x00004, "EXTERNAL_ALARM", None), (0x00008, "SENSOR_T1_ABOVE_MEASURING_RANGE", "over_range"),
    (0x00010, "SENSOR_T2_ABOVE_MEASURING_RANGE", "over_range"), (0x00020, "SENSOR_T1_BELOW_MEASURING_RANGE", None),
    (0x00040, "SENSOR_T2_BELOW_MEASURING_RANGE", None), (0x00080, "TEMP_DIFF_WRONG_POLARITY", None),
    (0x00100, "FLOW_SENSOR_WEAK_OR_AIR", "air"), (0x00200, "WRONG_FLOW_DIRECTION", "reverse"),
    (0x00800, "FLOW_INCREASED", "over_range"), (0x10000, "V1_COMMUNICATION_ERROR", "comms"),
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
    "bits": {"mfct_ff22": HEAT_INFO, "mfct_ff21": ()},
    "formats": _formats(
        "030e430e0313426c022d01ff21",
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


METERS = (
    (None, (0x06, 0x07, 0x15, 0x16), WATER),
    ((0x33,), (0x02,), {
        # The meter counts whole kvarh, whatever the correction VIFE says.
        "names": {"total_reactive_energy_consumption_kvarh": ("total_reactive_energy_consumption_kvarh", 1, 1),
                  "total_reactive_energy_production_kvarh": ("total_reactive_energy_production_kvarh", 1, 1)},
        "bits": {"error_flags": EM24_BITS},
        "finish": _apparent,
    }),
    (None, (0x02,), {"formats": _formats("040404843c042b04ab3c")}),
    (None, (0x04, 0x0A, 0x0B, 0x0C, 0x0D), HEAT),
    (None, (0x18,), {
        "names": {"mfct_ff09": "alfa_counter", "mfct_ff0a": "beta_counter"},
        "bits": {"mfct_ff20": ((0x01, "DROP", None), (0x02, "SURGE", None), (0x04, "HIGH", None), (0x08, "LOW", None),
                               (0x10, "TRANSIENT", None), (0x20, "COMM_ERROR", None))},
    }),
)
