"""NES electricity meters.

telegram 1c44b3387856341203027a2a000000046d1e0c1d320e03563412000000
reading device_datetime=2024-02-29 12:30, id=12345678, meter_datetime=2024-02-29 12:30, status=OK,
        total_energy_consumption_kwh=123.456
"""

METERS = ((None, (0x02,), {"names": {"meter_datetime": ("device_datetime", "meter_datetime")}}),)
