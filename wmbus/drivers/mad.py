"""Maddalena: Evo 868 and ArrowEvo water meters, Microclima heat meters.

Storage 1 and 2 are the due dates, 3 the largest flow, 8 and up the month ends back from the last due date.
"""


def _dates(reading):
    day = reading.pop("history_8_date", None)
    if day is not None:
        reading["history_reference_date"] = day
    if "status" in reading:
        reading["current_status"] = reading["status"]


METERS = (
    ((0x50,), (0x06, 0x07), {
        "names": {
            "target_m3": ("consumption_at_set_date_m3", "target_m3"),
            "target_date": ("set_date", "target_date"),
            "history_2_m3": "consumption_at_set_date_2_m3",
            "history_2_date": "set_date_2",
            "history_3_max_volume_flow_m3h": "max_flow_since_datetime_m3h",
            "history_3_datetime": "max_flow_datetime",
            "meter_datetime": ("device_datetime", "meter_datetime"),
            "history_*_m3": ("consumption_at_history_%d_m3", -7),
        },
        "finish": _dates,
    }),
)
