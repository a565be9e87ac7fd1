"""Apator Powogaz 08 and 17-2 modules (code APT): the register counts thirds of a unit.

telegram 12441406785634120411a03930000000000000
reading id=12345678, status=OK, total_m3=4115.0
"""

from ..errors import DecodeError


def _thirds(divide):
    def payload(layers, reading, words, alarms):
        if layers.end - layers.at < 4:
            raise DecodeError("payload cut short", layers.end)
        reading["total_m3"] = int.from_bytes(layers.data[layers.at:layers.at + 4], "little") / (3 * divide)
    return payload


METERS = (
    ((0x04,), None, {"payload": _thirds(1), "media": "water"}),
    (None, (0x03, 0x0F), {"payload": _thirds(1000)}),
)
