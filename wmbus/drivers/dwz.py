"""Lorenz: WaterstarM water meters. Storage 1 is the due date, storage 2 and up the month ends."""

LAYOUT = {
    "names": {
        "total_backward_m3": "total_backwards_m3",
        "target_m3": ("consumption_at_set_date_m3", "target_m3"),
        "target_backward_m3": "total_backwards_at_set_date_m3",
        "target_date": ("set_date", "target_date"),
        "voltage_v": "battery_v",
        "model_version": "meter_version",
        "history_*_m3": ("consumption_at_history_%d_m3", -1),
    },
    "bits": {"error_flags": ((0x40, "LEAKAGE_OR_NO_USAGE", "leak"),)},
}
METERS = ((None, (0x06, 0x07, 0x15, 0x16), LAYOUT),)
