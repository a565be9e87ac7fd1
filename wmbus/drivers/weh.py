"""E. Wehrle: Modularis water meters.

telegram 2544a85c7856341203077a2a000000041339300000441310270000426cff2c84011328230000
reading id=12345678, status=OK, target_1_date=2023-12-31, target_1_m3=10.0, target_2_m3=9.0, target_date=2023-12-31,
        target_m3=10.0, total_m3=12.345
"""

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
