"""Itron: Cyble and other radio modules on water and gas meters (ITW; behind a radio converter of ITU's).

Itron publishes no bits of its own: what is wrong shows in the standard's bits of the status byte. Its error flags come
with a VIFE 1C, and two values under VIF 7F are Itron's own.

telegram 304497267856341203077a2a040000041339300000441310270000046d1e0c1d32426cff2c02fd971c0100047f0000060c
reading alarms=low_battery, id=12345678, meter_datetime=2024-02-29 12:30, status=ERROR_FLAGS_1 POWER_LOW,
        target_date=2023-12-31, target_m3=10.0, total_m3=12.345
"""

METERS: tuple = ((None, None, {}),)
