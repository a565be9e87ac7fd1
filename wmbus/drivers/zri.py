"""Zenner: Minomess and UIWS water meters, C5-ISF heat meters, Caltos E heat cost allocators.

Storage 8 is the month just ended; a load profile leads back from it. Storage 32 and up of C5 are month ends.
"""

WATER_BITS = (
    (0x0001, "REMOVED", "tamper"), (0x0002, "TAMPERED", "tamper"), (0x0020, "WAS_LEAKING", None),
    (0x0040, "BACKFLOW", "reverse"), (0x2000, "LEAKING", "leak"), (0x8000, "BURSTING", "burst"),
)
MONTH = {"history_8_m3": "target_m3", "history_8_date": "target_date"}
METERS = (
    ((0x99,), (0x06, 0x07), {
        "names": {"target_m3": None, "history_30_m3": "target_m3", "history_30_date": "target_date"},
    }),
    (None, (0x06, 0x07, 0x15, 0x16), {"names": MONTH, "bits": {"error_flags": WATER_BITS}}),
    ((0x88, 0x92), (0x04, 0x0C, 0x0D), {
        "names": {
            "total_energy_consumption_tariff_1_kwh": "total_cooling_consumption_kwh",
            "history_8_energy_consumption_kwh": "due_energy_consumption_kwh",
            "history_8_date": "due_date",
            "history_32_energy_consumption_kwh": ("prev_1_month_kwh", "total_energy_consumption_last_month_kwh"),
            "history_32_max_power_per_month_kw": "max_power_last_month_kw",
            "history_*_energy_consumption_kwh": ("prev_%d_month_kwh", -31),
            "history_*_date": ("prev_%d_month_date", -31),
        },
        "bits": {"error_flags": ((0x04, "DRY", "dry"), (0x20, "RETURN_SENSOR_INTERRUPTED", None))},
    }),
    (None, (0x08,), {
        "names": {
            "current_consumption_hca": "consumption_hca",
            "consumption_at_set_date_hca": "target_hca",
            "history_8_date": "base_date",
            "consumption_at_history_8_hca": "base_hca",
            "consumption_at_set_date_#_hca": "consumption_#_hca",
        },
        "status": ((0x40, "MODE_2F", None),),
    }),
)
