"""PiiGAB: room sensors.

telegram 2044294178563412011b7a2a0000000265de044265bc05820165910642fb1ab500
reading average_temperature_1h_c=14.68, average_temperature_24h_c=16.81, id=12345678,
        relative_humidity_1h_rh=18.1, status=OK, temperature_c=12.46
"""

METERS = (
    (None, (0x1B,), {
        "names": {
            "target_temperature_c": "average_temperature_1h_c",
            "history_2_temperature_c": "average_temperature_24h_c",
            "target_relative_humidity_rh": "relative_humidity_1h_rh",
            "history_2_relative_humidity_rh": "relative_humidity_24h_rh",
        },
    }),
)
