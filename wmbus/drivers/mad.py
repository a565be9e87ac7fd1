"""Maddalena: Evo 868 and ArrowEvo water meters, Microclima heat meters.

Storage 1 and 2 are the due dates, 3 the largest flow, 8 and up the month ends back from the last due date.

telegram 2c4424347856341250077a2a000000041339300000441310270000426cff2c8404131c250000c4041328230000
reading consumption_at_history_1_m3=9.5, consumption_at_history_2_m3=9.0, consumption_at_set_date_m3=10.0,
        current_status=OK, id=12345678, set_date=2023-12-31, status=OK, target_date=2023-12-31, target_m3=10.0,
        total_m3=12.345
telegram 194424347856341250077a2a00000004133930000082046cff2c
reading current_status=OK, history_reference_date=2023-12-31, id=12345678, status=OK, total_m3=12.345
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
