"""NES electricity meters."""

METERS = ((None, (0x02,), {"names": {"meter_datetime": ("device_datetime", "meter_datetime")}}),)
