"""Devices with Apator's electricity layout under the code DEV."""

METERS = ((None, (0x02,), {"names": {"meter_datetime": ("device_datetime", "meter_datetime")}}),)
