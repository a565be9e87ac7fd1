"""Zenner: Minomess and UIWS water meters, C5-ISF heat meters, Caltos E heat cost allocators.

Storage 8 is the month just ended; a load profile leads back from it. Storage 32 and up of C5 are month ends.

telegram 3444496a7856341201167a2a0000000413b430000082046c4c32840413ad4100008d0493130a34fe102700007017000002fd17a000
reading alarms=burst leak, id=12345678, status=BURSTING LEAKING, target_1_date=2026-01-12, target_1_m3=10.0,
        target_2_date=2025-12-12, target_2_m3=6.0, target_date=2026-02-12, target_m3=16.813, total_m3=12.468
telegram 2744496a7856341288047a2a0000000406de04000084800106bc0500008280016c4d3302fd172400
reading alarms=dry, id=12345678, prev_1_month_date=2026-03-13, prev_1_month_kwh=1468, status=DRY
        RETURN_SENSOR_INTERRUPTED, total_energy_consumption_kwh=1246,
        total_energy_consumption_last_month_kwh=1468
"""

from . import DIGITS

WATER_BITS = (
    (0x0001, "OVERSIZED", None), (0x0002, "UNDERSIZED", None), (0x0004, "WAS_BLOCKED", None),
    (0x0008, "BACKFLOWING", "reverse"), (0x0010, "WAS_BACKFLOWING", None), (0x0020, "LEAKING", "leak"),
    (0x0040, "REMOVED", "tamper"), (0x0080, "BURSTING", "burst"), (0x0200, "ABNORMAL_ERROR", None),
    (0x0400, "BATTERY_EOL", "low_battery"), (0x0800, "PERMANENT_ERROR", None), (0x1000, "TEMPORARY_ERROR", None),
    (0x2000, "WAS_LEAKING", None), (0x4000, "WAS_TAMPERED", None), (0x8000, "WAS_REMOVED", None),
)
# The heat meter's error number, digit by digit.
C5_DIGITS = (
    DIGITS,
    {1: ("TEMP_BELOW_RANGE", None), 2: ("TEMP_ABOVE_RANGE", None), 3: ("SHORT_CIRCUIT_RETURN_SENSOR", None),
     4: ("RETURN_SENSOR_INTERRUPTED", None), 5: ("SHORT_CIRCUIT_SUPPLY_SENSOR", None),
     6: ("SUPPLY_SENSOR_INTERRUPTED", None), 7: ("LOW_BATTERY", "low_battery"), 8: ("HARDWARE_ERROR1", None),
     9: ("HARDWARE_ERROR2", None)},
    {1: ("ERROR_MEASURING", None), 2: ("DRY", "dry"), 3: ("REVERSE_FLOW", "reverse"), 4: ("AIR_INSIDE", "air"),
     5: ("VALUE_OVERLOAD", "over_range")},
    {1: ("HARDWARE_ERROR3", None), 8: ("WIRELESS_ERROR", "comms")},
    {1: ("BATTERY_EXPIRED", "low_battery"), 2: ("VERIFICATION_EXPIRED", None)},
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
        "bits": {"error_flags": C5_DIGITS},
    }),
    (None, (0x08,), {
        "names": {
            "current_consumption_hca": "consumption_hca",
            "consumption_at_set_date_hca": "target_hca",
            "history_8_date": "base_date",
            "consumption_at_set_date_8_hca": "base_hca",
            "consumption_at_set_date_#_hca": "consumption_#_hca",
        },
        "status": ((0x40, "MODE_2F", None),),
    }),
)
