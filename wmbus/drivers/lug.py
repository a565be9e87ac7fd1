"""Landis+Gyr: Ultraheat and T550 heat meters; storage 1 is the due date, 2 and up the month ends.

telegram 3244a7327856341207047a2a0000000406b4300000446d100a4c324406ad410000840106d74600000422040000000374040000
reading actuality_duration_h=0.001111, actuality_duration_s=4, id=12345678, key_datetime=2026-02-12 10:16,
        key_datetime_kwh=16813, on_time_h=4, prev_1_month_kwh=18135, status=OK, target_datetime=2026-02-12
        10:16, target_energy_consumption_kwh=16813, total_energy_consumption_kwh=12468
"""

from . import number


def _hours(reading):
    value = number(reading, "actuality_duration_s")
    if value is not None:
        reading["actuality_duration_h"] = value / 3600


METERS = (
    (None, (0x04, 0x0C, 0x0D), {
        "names": {
            "meter_datetime": ("device_datetime", "meter_datetime"),
            "target_datetime": ("key_datetime", "target_datetime"),
            "target_energy_consumption_kwh": ("key_datetime_kwh", "target_energy_consumption_kwh"),
            "history_2_datetime": "prev_month_datetime",
            "history_*_energy_consumption_kwh": ("prev_%d_month_kwh", -1),
            "on_time_at_error_h": "time_without_measurement_h",
        },
        "finish": _hours,
    }),
)
