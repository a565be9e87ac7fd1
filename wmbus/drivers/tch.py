"""Techem: MK Radio 3 and 4 water meters, compact V heat meters, FHKV data HCA, TSD 2 smoke detectors.

The radio frames of the CI A0 to A2 are Techem's own: a status byte, the date and register of the last due date, and the
date and consumption since.

telegram 14446850785634127462a2069f2f640010087b0000
reading current_date=2024-04-01, id=12345678, prev_date=2023-12-31, status=OK, target_date=2023-12-31,
        target_m3=10.0, total_m3=22.3
telegram 14446850785634124543a1009f2f640000007b0000
reading current_kwh=123, id=12345678, previous_kwh=100, status=OK, target_date=2023-12-31, total_kwh=223
telegram 1b446850785634125072a200005c2ed20400001e23001419000b0c00
reading id=12345678, last_dec_m3=2.3, last_feb_m3=6.5, last_jan_m3=4.5, status=OK, target_date=2023-02-28,
        target_m3=6.5, total_m3=123.4
telegram 13446850785634122704a2009f2f680100002400
reading current_kwh=10.0, id=12345678, previous_kwh=100.0, status=OK, total_kwh=110.0
telegram 17446850785634126980a0119f2ffa00000011006608c50d
reading consumption_at_set_date_hca=250, current_consumption_hca=17, current_hca=17, id=12345678,
        previous_date=2023-12-31, previous_hca=250, status=OK, temp_radiator_c=35.25, temp_room_c=21.5
telegram 0d4468507856341276f0a0019f2f
reading alarms=smoke, id=12345678, prev_date=2023-12-31, status=SMOKE
"""

from ..errors import DecodeError

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def _need(layers, count):
    if layers.end - layers.at < count:
        raise DecodeError("payload cut short", layers.end)


def _word(data, at):
    return data[at] | data[at + 1] << 8


def _due(value):
    """Day, month and year of a due date: five, four and seven bits, no century."""
    return "%d-%02d-%02d" % (2000 + (value >> 9), value >> 5 & 15, value & 31)


def _water(layers, reading, words, alarms):
    _need(layers, 9)
    data = layers.data
    at = layers.at
    due = _word(data, at + 1)
    reading["prev_date"] = reading["target_date"] = _due(due)
    reading["target_m3"] = _word(data, at + 3) / 10
    now = _word(data, at + 5)
    day = now >> 4 & 31
    month = now >> 9 & 15
    # The frame holds no year: the first such day after the due date.
    year = 2000 + (due >> 9) + (1 if (month, day) <= (due >> 5 & 15, due & 31) else 0)
    reading["current_date"] = "%d-%02d-%02d" % (year, month, day)
    reading["total_m3"] = (_word(data, at + 3) + _word(data, at + 7)) / 10


def _water_half_months(layers, reading, words, alarms):
    _need(layers, 8)
    data = layers.data
    at = layers.at
    value = _word(data, at + 2)
    reading["target_date"] = _due(value)
    month = value >> 5 & 15
    reading["total_m3"] = int.from_bytes(data[at + 4:at + 8], "little") / 10
    at += 8
    # Two half months and a filler for each month, back from the one of the due date.
    for i in range(12):
        if at + 2 > layers.end or not 0 < month < 13:
            break
        used = (data[at] + data[at + 1]) / 10
        if i == 0:
            reading["target_m3"] = used
        reading["last_" + MONTHS[month - 1] + "_m3"] = used
        month = month - 1 or 12
        at += 3


def _heat(layers, reading, words, alarms):
    _need(layers, 10)
    data = layers.data
    at = layers.at
    reading["target_date"] = _due(_word(data, at + 1))
    previous = int.from_bytes(data[at + 3:at + 6], "little")
    current = int.from_bytes(data[at + 7:at + 10], "little")
    reading["previous_kwh"] = previous
    reading["current_kwh"] = current
    reading["total_kwh"] = previous + current


def _heat_27(layers, reading, words, alarms):
    """Vario 4 of the first make counts megajoules in two bytes."""
    _need(layers, 9)
    data = layers.data
    at = layers.at
    previous = _word(data, at + 3) / 3.6
    current = _word(data, at + 7) / 3.6
    reading["previous_kwh"] = previous
    reading["current_kwh"] = current
    reading["total_kwh"] = previous + current


def _allocator(layers, reading, words, alarms):
    _need(layers, 9)
    data = layers.data
    at = layers.at
    reading["previous_date"] = _due(_word(data, at + 1))
    reading["previous_hca"] = reading["consumption_at_set_date_hca"] = _word(data, at + 3)
    reading["current_hca"] = reading["current_consumption_hca"] = _word(data, at + 7)
    if layers.end - at >= 13:
        reading["temp_room_c"] = _word(data, at + 9) / 100
        reading["temp_radiator_c"] = _word(data, at + 11) / 100


def _smoke(layers, reading, words, alarms):
    _need(layers, 3)
    data = layers.data
    at = layers.at
    if data[at] & 1:
        words.append("SMOKE")
        alarms.append("smoke")
    reading["prev_date"] = _due(_word(data, at + 1))


HCA = {
    "names": {"target_date": ("set_date", "target_date"), "history_8_date": "set_date_8"},
}
METERS = (
    ((0x50,), (0x62,), {"payload": _water_half_months, "media": "warm water"}),
    ((0x50,), (0x72,), {"payload": _water_half_months, "media": "cold water"}),
    (None, (0x62,), {"payload": _water, "media": "warm water"}),
    (None, (0x72,), {"payload": _water, "media": "cold water"}),
    ((0x27,), (0x04, 0xC3), {"payload": _heat_27, "media": "heat"}),
    (None, (0x43, 0xC3, 0x45), {"payload": _heat, "media": "heat"}),
    (None, (0x80,), {"payload": _allocator, "media": "heat cost allocation"}),
    ((0x69, 0x94), (0x08,), dict(HCA, payload=_allocator)),
    (None, (0x08,), dict(HCA, payload=_allocator)),
    (None, (0xF0, 0x1A), {"payload": _smoke, "media": "smoke detector"}),
    (None, (0x04,), {"names": {"target_energy_consumption_kwh": ("target_kwh", "target_energy_consumption_kwh")},
                     "payload": _heat}),
)
