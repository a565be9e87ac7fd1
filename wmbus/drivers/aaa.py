"""Aventies water meters: monthly registers in storage 1 to 14."""

METERS = (
    (None, (0x06, 0x07), {
        "names": {
            "target_m3": ("consumption_at_set_date_1_m3", "target_m3"),
            "history_*_m3": ("consumption_at_set_date_%d_m3", 0),
        },
        "bits": {"error_flags": ((0x01, "MEASUREMENT", None), (0x10, "HF", None))},
    }),
)
