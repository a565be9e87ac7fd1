"""PiiGAB: room sensors.

telegram 2044294178563412011b7a2a00000002653f0a4265000a820165ca0942fb1a5301
reading average_temperature_1h_c=25.6, average_temperature_24h_c=25.06, id=12345678, relative_humidity_1h_rh=33.9,
        status=OK, temperature_c=26.23
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
