"""Kamstrup MULTICAL heat and cooling meters: FF22 is their info code, FF07 and FF08 the volume times temperature.

telegram 33442d2c785634123504780406de04000004ff079200000004ff084d00000004149106000002591507025d6f0404ff2202000000
reading alarms=low_battery, forward_energy_m3c=146, id=12345678, return_energy_m3c=77,
        status=LOW_BATTERY_LEVEL, t1_temperature_c=18.13, t2_temperature_c=11.35,
        total_energy_consumption_kwh=1246, total_volume_m3=16.81
"""

from .kam import formats

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
LAYOUT = {
    "names": {
        "flow_temperature_c": "t1_temperature_c",
        "return_temperature_c": "t2_temperature_c",
        "temperature_difference_c": "flow_return_temperature_difference_c",
        "target_energy_consumption_kwh": "target_energy_kwh",
        "total_energy_production_kwh": "total_energy_backward_kwh",
        "target_energy_production_kwh": "target_energy_backward_kwh",
        "mfct_ff07": "forward_energy_m3c",
        "mfct_ff08": "return_energy_m3c",
        "current_consumption_mfct_07_hca": "va_counter",
        "current_consumption_mfct_08_hca": "vb_counter",
        "enhanced_id_mfct_15": "enhanced_id",
    },
    "bits": {"mfct_ff22": HEAT_INFO, "mfct_ff21": (), "error_flags": HEAT_ERRORS},
    "formats": formats(
        "030643060314426c022d01ff21", "030e430e0313426c022d01ff21",
        "040604ff0704ff080414043b0259025d04ff22026c44064414426c",
        "02f9ff15040604eeff0704eeff0804148440148480401402fd17026c426c44064414c44014c4804014043b0259025d",
        "040e04ff0704ff08041384401484804014043b0259025d142d84100e84200e04ff22026c440e4413c44014c4804014426c",
        "040f04ff0704ff08041484401484804014043b0259025d142d84100f84200f04ff22026c440f4414c44014c4804014426c"),
}
