"""Integra (Aquametro): Topas ESKR water meters. Storage 1 is the last year, storage 3 the last month.

telegram 3044b40578563412f1077a2a00000004133ae201004413a0860100426cff2c0259ba04c40113b0ad0100c4016d3b171d32
reading id=12345678, meter_month_period_end_datetime=2024-02-29 23:59, meter_year_period_end_date=2023-12-31,
        status=OK, target_date=2023-12-31, target_m3=100.0, temperature_c=12.1, total_m3=123.45,
        volume_month_period_m3=110.0, volume_year_period_m3=100.0
"""

METERS = (
    (None, (0x06, 0x07), {
        "names": {
            "remaining_battery_life_y": "battery_y",
            "volume_flow_m3h": ("current_flow_m3h", "volume_flow_m3h"),
            "flow_temperature_c": "temperature_c",
            "target_m3": ("volume_year_period_m3", "target_m3"),
            "target_tariff_1_m3": "reverse_volume_year_period_m3",
            "target_date": ("meter_year_period_end_date", "target_date"),
            "history_3_m3": "volume_month_period_m3",
            "history_3_datetime": "meter_month_period_end_datetime",
        },
    }),
)
