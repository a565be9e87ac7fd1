"""Lorenz: WaterstarM water meters. Storage 1 is the due date, storage 2 and up the month ends.

telegram 3144fa127856341202077a2a00000004133930000004933c05000000441310270000426cff2c8401132823000002fd174000
reading alarms=leak, consumption_at_history_1_m3=9.0, consumption_at_set_date_m3=10.0, id=12345678,
        set_date=2023-12-31, status=LEAKAGE_OR_NO_USAGE, target_date=2023-12-31, target_m3=10.0,
        total_backwards_m3=0.005, total_m3=12.345
"""

LAYOUT = {
    "names": {
        "total_backward_m3": "total_backwards_m3",
        "target_m3": ("consumption_at_set_date_m3", "target_m3"),
        "target_backward_m3": "total_backwards_at_set_date_m3",
        "target_date": ("set_date", "target_date"),
        "model_version": "meter_version",
        "history_*_m3": ("consumption_at_history_%d_m3", -1),
    },
    "bits": {"error_flags": (
        (0x01, "SW_ERROR", None), (0x02, "CRC_ERROR", None), (0x04, "SENSOR_ERROR", None),
        (0x08, "MEASUREMENT_ERROR", None), (0x10, "BATTERY_VOLTAGE_ERROR", "low_battery"),
        (0x20, "MANIPULATION", "tamper"), (0x40, "LEAKAGE_OR_NO_USAGE", "leak"), (0x80, "REVERSE_FLOW", "reverse"),
        (0x100, "OVERLOAD", "over_range"))},
}
METERS = ((None, (0x06, 0x07, 0x15, 0x16), LAYOUT),)
