"""Weptech: Munia room sensors.

telegram 1c44b05c78563412021b7a2a0000000265de0402fb1ab60102fd46b80b
reading battery_v=3.0, current_relative_humidity_rh=43.8, current_temperature_c=12.46, id=12345678, status=OK
"""

METERS = (
    (None, (0x1B,), {
        "names": {"temperature_c": "current_temperature_c", "relative_humidity_rh": "current_relative_humidity_rh"},
    }),
)
