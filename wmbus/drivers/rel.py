"""Relay: PadPuls pulse counters used as heat cost allocators."""

METERS = (
    (None, (0x00, 0x08), {
        "names": {
            "current_consumption_hca": ("consumption_hca", "current_consumption_hca"),
            "consumption_at_set_date_hca": ("target_hca", "consumption_at_set_date_hca"),
            "target_date_future": "next_target_date",
        },
    }),
)
