"""ista: storage 1 is the last due date, storage 2 the last month.

telegram 2a44742678563412a9047a2a0000000c0568240100426c4c324c051368010082016c4e348c010557130100
reading id=12345678, last_year_date=2026-02-12, last_year_kwh=1681.3, status=OK, target_date=2026-04-14,
        target_kwh=1135.7, total_energy_consumption_kwh=1246.8, total_kwh=1246.8
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
