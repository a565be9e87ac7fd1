"""E. Wehrle: Modularis water meters."""

METERS = (
    (None, (0x06, 0x07, 0x15, 0x16), {
        "names": {
            "target_m3": ("target_1_m3", "target_m3"),
            "target_date": ("target_1_date", "target_date"),
            "target_date_future": "next_target_date",
            "history_*_m3": ("target_%d_m3", 0),
            "history_*_date": ("target_%d_date", 0),
        },
    }),
)
