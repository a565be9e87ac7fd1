"""Schneider Electric: iEM3000 electricity meters. Phases and averages are told apart by the maker's VIFE after FF.

telegram 2244a34c7856341215027a2a0000000503000000000583ff010000000003fd17400000
reading id=12345678, status=CODE_203_PHASE_SEQUENCE_REVERSED, total_energy_consumption_kwh=0.0,
        total_energy_consumption_l1_kwh=0.0
"""

NAMES = {
    "manufacturer_id": "manufacturer_name",
    "total_energy_consumption_mfct_09_kwh": "total_energy_production_kwh",
    "total_energy_consumption_subunit1_kwh": "total_reactive_energy_consumption_kvarh",
    "total_energy_consumption_mfct_09_subunit1_kwh": "total_reactive_energy_production_kvarh",
    "total_energy_consumption_mfct_0d_kwh": "partial_energy_consumption_kwh",
    "total_energy_consumption_mfct_0d_subunit1_kwh": "partial_reactive_energy_consumption_kvarh",
    "current_power_consumption_kw": ("active_consumption_kw", "current_power_consumption_kw"),
    "current_power_consumption_subunit1_kw": "reactive_consumption_kw",
    "current_power_consumption_subunit2_kw": "apparent_consumption_kw",
    "current_mfct_00_a": "current_average_a",
    "voltage_mfct_05_v": "voltage_l1_l2_v",
    "voltage_mfct_06_v": "voltage_l2_l3_v",
    "voltage_mfct_07_v": "voltage_l3_l1_v",
    "voltage_mfct_08_v": "voltage_average_ll_v",
    "voltage_mfct_04_v": "voltage_average_ln_v",
    "meter_datetime_mfct_0c": "last_partial_energy_reset_datetime",
    "meter_datetime_mfct_0e": "last_input_metering_reset_datetime",
    "meter_datetime_mfct_39": "last_alarm_datetime",
    "cumulation_counter": "input_metering_cumulation_counter",
    "mfct_ff0a": "power_factor",
    "mfct_ff0b": "frequency_hz",
    "mfct_ff10": "active_tariff_nr",
    "mfct_ff20": ("operating_time_y", 1, 1),
    "mfct_ff21": "phases_counter",
    "mfct_ff22": "wires_nr",
    "mfct_ff24": "nominal_frequency_hz",
    "mfct_ff2c": "pulse_duration_counter",
    "mfct_ff2e": "pulse_weight_counter",
    "mfct_ff2f": "pulse_constant_counter",
    "mfct_ff35": "pickup_setpoint_counter",
}
for _i in (1, 2, 3):
    NAMES["total_energy_consumption_mfct_0%d_kwh" % _i] = "total_energy_consumption_l%d_kwh" % _i
    NAMES["current_power_consumption_mfct_0%d_kw" % _i] = "active_consumption_l%d_kw" % _i
    NAMES["current_mfct_0%d_a" % _i] = "current_l%d_a" % _i
    NAMES["voltage_mfct_0%d_v" % _i] = "voltage_l%d_n_v" % _i

# Error codes are numbers, not bits: the larger ones first.
CODES = ((0x50, "CODE_204_TOTAL_ACTIVE_ENERGY_NEGATIVE_DUE_TO_INCORRECT_V_OR_A_CONNECTIONS", None),
         (0x40, "CODE_203_PHASE_SEQUENCE_REVERSED", None))
METERS = ((None, (0x02,), {"names": NAMES, "bits": {"error_flags": CODES}}),)
