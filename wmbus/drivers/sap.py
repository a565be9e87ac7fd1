"""Sappel, now Diehl Metering: IZAR modules. Number, version and type are the meter's number plate, see prios.py."""

from .. import prios


def _payload(layers, reading, words, alarms):
    prios.water(layers, reading, words, alarms)
    prios.number_plate(layers.data, reading)


METERS = ((None, None, {"payload": _payload}),)
