"""EasyMeter electricity meters (also sold with the code ESY)."""

METERS = ((None, (0x02,), {"names": {"medium": "firmware_id"}}),)
