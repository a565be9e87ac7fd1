"""Elvaco: CMa10 to CMa12 and CMe room sensors."""


def _battery(reading):
    value = reading.get("digital_input")
    if value is not None:
        reading["battery"] = "BATTERY_%X" % value


METERS = (
    ((0x20, 0x1D), (0x1B,), {
        "names": {"temperature_c": "current_temperature_c", "target_temperature_c": "average_temperature_1h_c"},
        "finish": _battery,
    }),
    (None, (0x1B,), {
        "names": {"voltage_v": "battery_v", "relative_humidity_rh": "humidity_rh", "text_co2": "co2_ppm"},
    }),
)
