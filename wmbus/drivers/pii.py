"""PiiGAB: room sensors."""

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
