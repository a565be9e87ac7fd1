"""Sontex: 868 heat cost allocators, Supercom 587 water modules.

telegram 2044ee4d7856341216087a2a000000036e770000436e6600000259de040265bc05
reading consumption_at_set_date_hca=102, current_consumption_hca=119, current_room_temp_c=14.68,
        current_temp_c=12.46, id=12345678, status=OK
"""

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
