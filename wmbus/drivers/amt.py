"""Integra (Aquametro): Topas ESKR water meters. Storage 1 is the last year, storage 3 the last month."""

METERS = (
    (None, (0x06, 0x07), {
        "names": {
            "access_number_counter": "access_counter",
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
