"""Elster, now Honeywell: gas meters and the modules of its water meters.

Their records and status bits are the standard's; the time beside a gas register is the age of its value, in seconds.

telegram 1f4493157856341233037a2a0c00000c145634120004744000000002fd170000
reading actuality_duration_s=64, alarms=low_battery, id=12345678, status=PERMANENT_ERROR POWER_LOW, total_m3=1234.56
telegram 194493157856341216077a2a00000004133930000002fd170100
reading id=12345678, status=ERROR_FLAGS_1, total_m3=12.345
"""

METERS: tuple = ((None, None, {}),)
