"""Relay: PadPuls pulse counters used as heat cost allocators.

telegram 2344ac487856341241087a2a0000000c6e341200004c6e00100000426cff2c42ec7e1f3c
reading consumption_at_set_date_hca=1000, consumption_hca=1234, current_consumption_hca=1234, id=12345678,
        next_target_date=2024-12-31, status=OK, target_date=2023-12-31, target_hca=1000
"""

METERS = (
    (None, (0x00, 0x08), {
        "names": {
            "current_consumption_hca": ("consumption_hca", "current_consumption_hca"),
            "consumption_at_set_date_hca": ("target_hca", "consumption_at_set_date_hca"),
            "target_date_future": "next_target_date",
        },
    }),
)
