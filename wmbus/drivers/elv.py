"""Elvaco: CMa10 to CMa12 and CMe room sensors.

telegram 1b44961578563412201b7a2a0000000265de044265bc0502fd1b3003
reading average_temperature_1h_c=14.68, battery=BATTERY_330, current_temperature_c=12.46, id=12345678, status=OK
"""


def _battery(value, reading):
    reading["battery"] = "BATTERY_%X" % value


METERS = (
    ((0x20, 0x1D), (0x1B,), {
        "names": {"temperature_c": "current_temperature_c", "target_temperature_c": "average_temperature_1h_c"},
        "seen": {"digital_input": _battery},
    }),
    (None, (0x1B,), {
        "names": {"relative_humidity_rh": "humidity_rh", "text_co2": "co2_ppm"},
    }),
)
