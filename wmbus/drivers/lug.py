"""Landis+Gyr: Ultraheat and T550 heat meters; storage 1 is the due date, 2 and up the month ends."""

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
