"""ista: storage 1 is the last due date, storage 2 the last month.

telegram 2a44742678563412a9047a2a0000000c0514980400426cff2c4c052061020082016c1f318c010558160400
reading id=12345678, last_year_date=2023-12-31, last_year_kwh=2612.0, status=OK, target_date=2024-01-31,
        target_kwh=4165.8, total_energy_consumption_kwh=4981.4, total_kwh=4981.4
"""

METERS = (
    (None, (0x04,), {
        "names": {
            "total_energy_consumption_kwh": ("total_kwh", "total_energy_consumption_kwh"),
            "target_energy_consumption_kwh": "last_year_kwh",
            "target_date": "last_year_date",
            "history_2_energy_consumption_kwh": "target_kwh",
            "history_2_date": "target_date",
            "history_2_volume_m3": "target_m3",
        },
    }),
    (None, (0x06, 0x07), {
        "names": {
            "target_m3": "last_year_m3",
            "target_date": "last_year_date",
            "history_2_m3": "target_m3",
            "history_2_date": "target_date",
        },
    }),
)
