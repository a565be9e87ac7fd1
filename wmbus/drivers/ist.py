"""ista: storage 1 is the last due date, storage 2 the last month."""

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
