"""What a VIF means: quantity, unit and scale (EN 13757-3 tables 10 to 15).

The tables give, per run of consecutive codes, the quantity, the unit a reading carries, the power of ten of the first
code (each next code is ten times as much) and, where the wire's unit is another one, a factor as (multiply, divide).
A reading's units are those of a household's dashboard: kWh, kW, m3, m3/h, h, degrees C.
"""

J = (1, 3600000)  # J to kWh, J/h to kW

# first, last, quantity, unit, exponent, factor
PRIMARY = (
    (0x00, 0x07, "energy", "kwh", -6, None),
    (0x08, 0x0F, "energy", "kwh", 0, J),
    (0x10, 0x17, "volume", "m3", -6, None),
    (0x18, 0x1F, "mass", "kg", -3, None),
    (0x20, 0x23, "on_time", "h", None, ((1, 3600), (1, 60), (1, 1), (24, 1))),
    (0x24, 0x27, "operating_time", "h", None, ((1, 3600), (1, 60), (1, 1), (24, 1))),
    (0x28, 0x2F, "power", "kw", -6, None),
    (0x30, 0x37, "power", "kw", 0, J),
    (0x38, 0x3F, "volume_flow", "m3h", -6, None),
    (0x40, 0x47, "volume_flow", "m3h", -7, (60, 1)),
    (0x48, 0x4F, "volume_flow", "m3h", -9, (3600, 1)),
    (0x50, 0x57, "mass_flow", "kgh", -3, None),
    (0x58, 0x5B, "flow_temperature", "c", -3, None),
    (0x5C, 0x5F, "return_temperature", "c", -3, None),
    (0x60, 0x63, "temperature_difference", "c", -3, None),
    (0x64, 0x67, "external_temperature", "c", -3, None),
    (0x68, 0x6B, "pressure", "bar", -3, None),
    (0x6C, 0x6C, "date", "", 0, None),
    (0x6D, 0x6D, "datetime", "", 0, None),
    (0x6E, 0x6E, "consumption", "hca", 0, None),
    (0x70, 0x73, "averaging_duration", "s", None, ((1, 1), (60, 1), (3600, 1), (86400, 1))),
    (0x74, 0x77, "actuality_duration", "s", None, ((1, 1), (60, 1), (3600, 1), (86400, 1))),
    (0x78, 0x78, "fabrication_no", "", 0, None),
    (0x79, 0x79, "enhanced_id", "", 0, None),
    (0x7A, 0x7A, "bus_address", "", 0, None),
)

FD = (  # first extension, VIF FD
    (0x00, 0x03, "credit", "currency", -3, None),
    (0x04, 0x07, "debit", "currency", -3, None),
    (0x08, 0x08, "access", "counter", 0, None),
    (0x09, 0x09, "medium", "", 0, None),
    (0x0A, 0x0A, "manufacturer_id", "", 0, None),
    (0x0B, 0x0B, "parameter_set", "", 0, None),
    (0x0C, 0x0C, "model_version", "", 0, None),
    (0x0D, 0x0D, "hardware_version", "", 0, None),
    (0x0E, 0x0E, "firmware_version", "", 0, None),
    (0x0F, 0x0F, "software_version", "", 0, None),
    (0x10, 0x10, "location", "", 0, None),
    (0x11, 0x11, "customer", "", 0, None),
    (0x12, 0x16, "access_code", "", 0, None),
    (0x17, 0x17, "error_flags", "bits", 0, None),
    (0x18, 0x18, "error_mask", "bits", 0, None),
    (0x19, 0x19, "security_key", "", 0, None),
    (0x1A, 0x1A, "digital_output", "bits", 0, None),
    (0x1B, 0x1B, "digital_input", "bits", 0, None),
    (0x1C, 0x1C, "baud_rate", "baud", 0, None),
    (0x1D, 0x1D, "response_delay", "bittimes", 0, None),
    (0x1E, 0x1E, "retry", "counter", 0, None),
    (0x1F, 0x1F, "remote_control", "bits", 0, None),
    (0x20, 0x20, "first_storage", "counter", 0, None),
    (0x21, 0x21, "last_storage", "counter", 0, None),
    (0x22, 0x22, "storage_block_size", "counter", 0, None),
    (0x23, 0x23, "tariff_descriptor", "bits", 0, None),
    (0x24, 0x27, "storage_interval", "s", None, ((1, 1), (60, 1), (3600, 1), (86400, 1))),
    (0x28, 0x29, "storage_interval", "month", None, ((1, 1), (12, 1))),
    (0x2A, 0x2A, "operator_data", "", 0, None),
    (0x2B, 0x2B, "time_point", "s", 0, None),
    (0x2C, 0x2F, "duration_since_readout", "s", None, ((1, 1), (60, 1), (3600, 1), (86400, 1))),
    (0x30, 0x30, "tariff_start", "date", 0, None),
    (0x31, 0x33, "tariff_duration", "min", None, ((1, 1), (60, 1), (1440, 1))),
    (0x34, 0x37, "tariff_period", "s", None, ((1, 1), (60, 1), (3600, 1), (86400, 1))),
    (0x38, 0x39, "tariff_period", "month", None, ((1, 1), (12, 1))),
    (0x3A, 0x3A, "value", "counter", 0, None),
    (0x3B, 0x3B, "container", "", 0, None),
    (0x3C, 0x3F, "transmit_period", "s", None, ((1, 1), (60, 1), (3600, 1), (86400, 1))),
    (0x40, 0x4F, "voltage", "v", -9, None),
    (0x50, 0x5F, "current", "a", -12, None),
    (0x60, 0x60, "reset", "counter", 0, None),
    (0x61, 0x61, "cumulation", "counter", 0, None),
    (0x62, 0x62, "control_signal", "bits", 0, None),
    (0x63, 0x63, "day_of_week", "nr", 0, None),
    (0x64, 0x64, "week_number", "nr", 0, None),
    (0x65, 0x65, "day_change_time", "", 0, None),
    (0x66, 0x66, "parameter_activation", "bits", 0, None),
    (0x67, 0x67, "supplier_info", "", 0, None),
    (0x68, 0x69, "duration_since_cumulation", "h", None, ((1, 1), (24, 1))),
    (0x6A, 0x6B, "duration_since_cumulation", "month", None, ((1, 1), (12, 1))),
    (0x6C, 0x6D, "battery_operating_time", "h", None, ((1, 1), (24, 1))),
    (0x6E, 0x6F, "battery_operating_time", "month", None, ((1, 1), (12, 1))),
    (0x70, 0x70, "battery_change", "date", 0, None),
    (0x71, 0x71, "rf_level", "dbm", 0, None),
    (0x72, 0x72, "daylight_saving", "bits", 0, None),
    (0x73, 0x73, "listening_window", "bits", 0, None),
    (0x74, 0x74, "remaining_battery_life", "y", 0, (400, 146097)),
    (0x75, 0x75, "stopped", "counter", 0, None),
    (0x76, 0x76, "manufacturer_container", "", 0, None),
)

FB = (  # second extension, VIF FB
    (0x00, 0x01, "energy", "kwh", 2, None),
    (0x02, 0x03, "reactive_energy", "kvarh", 0, None),
    (0x04, 0x05, "apparent_energy", "kvah", 0, None),
    (0x08, 0x09, "energy", "kwh", 8, J),
    (0x0C, 0x0F, "energy", "kwh", -1, (4187, 3600)),
    (0x10, 0x11, "volume", "m3", 2, None),
    (0x14, 0x17, "reactive_power", "kvar", -3, None),
    (0x18, 0x19, "mass", "kg", 5, None),
    (0x1A, 0x1B, "relative_humidity", "rh", -1, None),
    (0x20, 0x20, "volume", "m3", 0, (28316846592, 1000000000000)),
    (0x21, 0x21, "volume", "m3", 0, (28316846592, 10000000000000)),
    (0x28, 0x29, "power", "kw", 2, None),
    (0x2A, 0x2A, "phase_voltage_angle", "deg", -1, None),
    (0x2B, 0x2B, "phase_current_angle", "deg", -1, None),
    (0x2C, 0x2F, "frequency", "hz", -3, None),
    (0x30, 0x31, "power", "kw", 8, J),
    (0x34, 0x37, "apparent_power", "kva", -3, None),
    (0x74, 0x77, "temperature_limit", "c", -3, None),
    (0x78, 0x7F, "cumulative_max_power", "kw", -6, None),
)

# Combinable VIFE (EN 13757-3 table 15) that change a reading's name. What is not here and no error code is named by
# its number, so that no record is lost or taken for another.
BACKWARD = 0x3C
FORWARD = 0x3B
VIFE = {
    0x12: "average", 0x15: "no_data", 0x16: "overflow", 0x17: "underflow", 0x18: "data_error", 0x1C: "premature_end",
    0x1D: "standard", 0x14: "deviation", 0x20: "per_second", 0x21: "per_minute", 0x22: "per_hour", 0x23: "per_day",
    0x24: "per_week", 0x25: "per_month", 0x26: "per_year", 0x27: "per_revolution", 0x28: "per_input_pulse_1",
    0x29: "per_input_pulse_2", 0x2A: "per_output_pulse_1", 0x2B: "per_output_pulse_2", 0x2C: "per_l", 0x2D: "per_m3",
    0x2E: "per_kg", 0x2F: "per_k", 0x30: "per_kwh", 0x31: "per_gj", 0x32: "per_kw", 0x33: "per_kl", 0x34: "per_v",
    0x35: "per_a", 0x36: "times_s", 0x37: "times_s_per_v", 0x38: "times_s_per_a", 0x39: "start", 0x3A: "uncorrected",
    0x3B: "forward", 0x3C: "backward", 0x3F: "obis", 0x40: "lower_limit",
    0x41: "lower_limit_exceeds", 0x42: "lower_limit_first_begin", 0x43: "lower_limit_first_end",
    0x46: "lower_limit_last_begin", 0x47: "lower_limit_last_end", 0x48: "upper_limit", 0x49: "upper_limit_exceeds",
    0x4A: "upper_limit_first_begin", 0x4B: "upper_limit_first_end", 0x4E: "upper_limit_last_begin",
    0x4F: "upper_limit_last_end", 0x62: "first_begin", 0x63: "first_end", 0x66: "last_begin", 0x67: "last_end",
    0x6A: "first_begin", 0x6B: "first_end", 0x6E: "last_begin", 0x6F: "last_end", 0x7E: "future",
}
VIFE_FC = {
    0x01: "at_phase_1", 0x02: "at_phase_2", 0x03: "at_phase_3", 0x04: "at_neutral", 0x05: "between_phase_1_and_2",
    0x06: "between_phase_2_and_3", 0x07: "between_phase_3_and_1", 0x08: "quadrant_1", 0x09: "quadrant_2",
    0x0A: "quadrant_3", 0x0B: "quadrant_4", 0x0C: "delta_import_export", 0x10: "absolute",
}
PROFILES = (0x13, 0x1E, 0x1F)  # inverse compact profile, compact profile with and without registers
DATE_VIFE = (0x39, 0x42, 0x43, 0x46, 0x47, 0x4A, 0x4B, 0x4E, 0x4F, 0x62, 0x63, 0x66, 0x67, 0x6A, 0x6B, 0x6E, 0x6F)


def _find(table, code):
    for first, last, quantity, unit, exponent, factor in table:
        if first <= code <= last:
            multiply, divide = (1, 1) if factor is None else factor[code - first] if exponent is None else factor
            power = 0 if exponent is None else exponent + code - first
            return quantity, unit, multiply, divide, power
    return None


def meaning(vif: bytes) -> "tuple[str, str, int, int, list[str]] | None":
    """(quantity, unit, multiply, divide, modifiers) of a VIF with its VIFEs, or None where the standard has no entry.

    A reading's number is value * multiply / divide. Modifiers are words of `VIFE`, `vife_XX` for others, and `mfct_XX`
    for what follows a VIFE 7F.
    """
    head = vif[0] & 0x7F
    at = 1
    if head == 0x7B or head == 0x7D:
        if len(vif) < 2:
            return None
        row = _find(FB if head == 0x7B else FD, vif[1] & 0x7F)
        at = 2
    elif head == 0x7C:
        row = ("text", "", 1, 1, 0)
    else:
        row = _find(PRIMARY, head)
    if row is None:
        return None
    quantity, unit, multiply, divide, power = row
    words = []
    second = maker = False
    for code in vif[at:]:
        code &= 0x7F
        if maker:
            words.append("mfct_%02x" % code)
        elif second:
            second = False
            words.append(VIFE_FC.get(code) or "vife_fc%02x" % code)
        elif code == 0x7C:
            second = True
        elif code == 0x7F:
            maker = True
        elif code == 0 or code == 0x3E or code in PROFILES:
            # "No error"; "at base conditions", which is what a corrected gas volume is; profiles are lists of values.
            pass
        elif 0x70 <= code <= 0x77:
            power += code - 0x76
        elif code == 0x7D:
            power += 3
        elif code in DATE_VIFE:
            quantity, unit, multiply, divide, power = quantity + "_" + VIFE[code], "date", 1, 1, 0
        elif 0x50 <= code <= 0x5F or code in (0x60, 0x61, 0x64, 0x65):
            quantity = quantity + ("_upper" if code & 8 else "_lower") + "_limit_duration"
            unit = "h"
            power = 0
            multiply, divide = ((1, 3600), (1, 60), (1, 1), (24, 1))[code & 3]
        else:
            words.append(VIFE.get(code) or "vife_%02x" % code)
    if maker and vif[-1] & 0x7F == 0x7F:
        words.append("mfct")  # changed in a way that only the maker knows
    if power > 0:
        multiply *= 10 ** power
    elif power < 0:
        divide *= 10 ** -power
    return quantity, unit, multiply, divide, words
