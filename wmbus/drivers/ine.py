"""Innotas EURIS II heat cost allocators: storage 1 to 17 are month ends."""

METERS = (
    (None, (0x08,), {
        "names": {
            "consumption_at_set_date_hca": ("consumption_at_set_date_hca", "consumption_at_set_date_1_hca"),
            "consumption_at_history_*_hca": ("consumption_at_set_date_%d_hca", 0),
        },
        "bits": {"error_flags": ((0x01, "MEASUREMENT", None), (0x20, "RESET", None))},
    }),
)
