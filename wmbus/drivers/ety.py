"""EasyMeter electricity meters (also sold with the code ESY).

telegram 144499167856341211027a2a000000040387d61200
reading id=12345678, status=OK, total_energy_consumption_kwh=1234.567
"""

METERS = ((None, (0x02,), {"names": {"medium": "firmware_id"}}),)
