"""Sappel, now Diehl Metering: IZAR modules. Number, version and type are the meter's number plate, see prios.py.

telegram 1944304c4e61bc21d401a201144013fd5b1feceed50a471e26bb
reading battery_y=10.0, id=21BC614E, last_month_measure_date=2023-12-31, last_month_total_m3=10.0,
        manufacture_y=2029, prefix=C29UA, remaining_battery_life_y=10.0, serial_number=122894, status=UNDERFLOW,
        target_date=2023-12-31, target_m3=10.0, total_m3=12.345, transmit_period_s=8
"""

from .. import prios


def _payload(layers, reading, words, alarms):
    prios.water(layers, reading, words, alarms)
    prios.number_plate(layers.data, reading)


METERS = ((None, None, {"payload": _payload}),)
