"""Sontex: 868 heat cost allocators, Supercom 587 water modules."""

METERS = (
    (None, (0x08,), {
        "names": {
            "meter_datetime": ("device_datetime", "meter_datetime"),
            "target_date": ("set_date", "target_date"),
            "flow_temperature_c": "current_temp_c",
            "external_temperature_c": "current_room_temp_c",
            "max_flow_temperature_c": "max_temp_c",
            "target_max_flow_temperature_c": "max_temp_previous_period_c",
        },
    }),
)
