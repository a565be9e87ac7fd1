"""Apator: 16-2, NA-1, Ultrimis and OP-041 water meters, Elf heat meters, E.ITN heat cost allocators, electricity.

The 16-2 sends registers of its own: a number and a value whose length the number gives. NA-1 encrypts 16 bytes with
AES-CBC whatever the security mode says, mostly with a key of zeros.

telegram 2d4401067856341205077a2a0000000f0102030405060743840110393000007101640000006500000011ffff1234
reading id=12345678, status=OK, total_m3=12.345
telegram 204401067856341201167a2a00000004133930000003fd17800800441310270000
reading alarms=leak, id=12345678, status=LEAK NO_FLOW_THIS_MONTH, target_m3=10.0, total_m3=12.345
telegram 384401067856341205077a2a0000002f2f0f010203040506077100000000008000000000000000000000a80000b60000001039300000ff
         1234
reading id=12345678, status=OK, total_m3=12.345
telegram 1c440106785634121407a02a814229fc58bfe4f27cd489174521e1187d
key 00000000000000000000000000000000
reading alarms=leak low_battery, current_status=BATTERY_LOW LEAK, frame_status=SERVICE_EVENT SUMMER_TIME,
        historic_age_h=744, historic_datetime=2024-01-30 12:30, historic_m3=122.99, historic_status=MAGNETIC_FIELD,
        id=12345678, meter_datetime=2024-03-01 12:30, status=BATTERY_LOW LEAK, total_m3=123.45
telegram 19440106785634120408a0a12e00fa005d301100613080154014
reading alarms=tamper, current_date=2024-03-01, current_hca=17, esb_date=2024-02-29, id=12345678, previous_hca=250,
        season_start_date=05-01, status=SEAL_BROKEN, temp_room_avg_c=20.25, temp_room_prev_avg_c=21.5
"""

from .. import blocks
from ..errors import DecodeError, WrongKey

# Length of the value after a register's number in the 16-2's data; 71 to 7C hold that many monthly values less 70.
LENGTHS = {0x00: 4, 0x01: 3, 0x10: 4, 0x11: 2, 0x40: 6, 0x41: 2, 0x42: 4, 0x43: 2, 0x44: 3, 0x85: 11, 0x88: 11,
           0x8F: 11, 0x8A: 9, 0x8B: 6, 0x8C: 6, 0x8E: 7, 0xA0: 4, 0xA1: 4, 0xA2: 1, 0xA3: 7, 0xA4: 4, 0xA5: 1, 0xA6: 3,
           0xA9: 1, 0xAF: 1, 0xB0: 5, 0xB1: 8, 0xB2: 16, 0xB3: 8, 0xB4: 2, 0xB5: 16, 0xF0: 4}


def _length(register):
    if 0x71 <= register <= 0x7C:
        return 1 + 4 * (register - 0x70)
    if 0x80 <= register <= 0x87:
        return LENGTHS.get(register, 10)
    if 0xA7 <= register <= 0xAD:
        return LENGTHS.get(register, 2)
    if 0xB6 <= register <= 0xC7 or register in (0xD0, 0xD3):
        return 3
    return LENGTHS.get(register)


def _registers(layers, reading, words, alarms):
    data = layers.data
    at = layers.at
    end = layers.end - 2  # a checksum closes the data
    while at < end and data[at] == 0x2F:
        at += 1
    at += 8  # DIF 0F (older modules: 80) and seven bytes of status
    while at < end and data[at] != 0xFF:
        register = data[at]
        size = _length(register)
        at += 1
        if size is None or at + size > end:
            break
        if register == 0x10:
            reading["total_m3"] = int.from_bytes(data[at:at + 4], "little") / 1000
        at += size
    if "total_m3" not in reading:
        raise DecodeError("no register 10 in the 16-2's data", at)


FRAME = ("SUMMER_TIME", "HISTORICAL_INDICATION", "MAX_SPEED_EXCEEDED", "DEVICE_ACCESS_ERROR", "TWO_WAY_COM_BLOCK",
         "INSTALL_FRAME", "WRONG_TEMPERATURE", "SERVICE_EVENT")
EVENTS = ("BATTERY_LOW", "MAGNETIC_FIELD", "DEVICE_DISCONNECTED", "LEAK", "MEASUREMENT_UNCHANGED", "REVERSE_FLOW",
          "MAXIMUM_FLOW", "MINIMUM_FLOW")
EVENT_ALARMS = ("low_battery", "tamper", "tamper", "leak", "no_flow", "reverse", "over_range", None)


def _words(value, table):
    return " ".join(sorted([table[i] for i in range(8) if value >> i & 1])) or "OK"


def _na1(layers, reading, words, alarms):
    data = layers.data
    at = layers.at
    if layers.end - at < 18:
        raise DecodeError("payload cut short", layers.end)
    blocks.need(layers.key, layers.aes)
    plain = blocks.cbc_decrypt(layers.aes(layers.key), layers.address + data[at:at + 1] * 8, data[at + 2:at + 18])
    packed = int.from_bytes(plain[1:5], "little")
    seconds = int.from_bytes(plain[5:9], "little")
    # The plain text has no check but its own sense: a clock between 2010 and 2063.
    if not 315532800 <= seconds < 2000000000:
        raise WrongKey("no sensible clock after decryption: wrong key, or a damaged telegram")
    layers.opened = True
    multiply = (1, 10, 100, 1000)[packed >> 4 & 3]
    total = (packed >> 8 << 4 | packed & 15) * multiply
    past = int.from_bytes(plain[11:14], "little") << 2 | plain[10] & 3
    age = plain[10] >> 2 << 8 | plain[9]
    reading["total_m3"] = total / 1000
    reading["historic_m3"] = (total - past * multiply) / 1000
    reading["historic_age_h"] = age
    reading["meter_datetime"] = _moment(seconds)
    reading["historic_datetime"] = _moment(seconds - 3600 * age)
    reading["frame_status"] = _words(data[at + 1], FRAME)
    reading["current_status"] = _words(plain[14], EVENTS)
    reading["historic_status"] = _words(plain[15], EVENTS)
    for i in range(8):
        if plain[14] >> i & 1:
            words.append(EVENTS[i])
            if EVENT_ALARMS[i] and EVENT_ALARMS[i] not in alarms:
                alarms.append(EVENT_ALARMS[i])


def _moment(seconds):
    """Seconds since 2000 as "2024-03-01 12:30"."""
    days, rest = divmod(seconds, 86400)
    year = 2000
    while days >= (366 if year % 4 == 0 else 365):
        days -= 366 if year % 4 == 0 else 365
        year += 1
    month = 0
    for length in (31, 29 if year % 4 == 0 else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31):
        if days < length:
            break
        days -= length
        month += 1
    return "%d-%02d-%02d %02d:%02d" % (year, month + 1, days + 1, rest // 3600, rest // 60 % 60)


def _allocator(layers, reading, words, alarms):
    data = layers.data
    at = layers.at
    if layers.end - at < 15:
        raise DecodeError("payload cut short", layers.end)

    def word(i):
        return data[at + i] | data[at + i + 1] << 8

    reading["season_start_date"] = "%02d-%02d" % (word(0) >> 5 & 15, word(0) & 31)
    reading["previous_hca"] = word(3)
    reading["current_hca"] = word(7)
    for name, i in (("esb_date", 5), ("current_date", 9)):
        if word(i):
            reading[name] = "%d-%02d-%02d" % (2000 + (word(i) >> 9), word(i) >> 5 & 15, word(i) & 31)
    reading["temp_room_prev_avg_c"] = word(11) / 256
    reading["temp_room_avg_c"] = word(13) / 256
    if word(5):  # the date the electronic seal was broken
        words.append("SEAL_BROKEN")
        alarms.append("tamper")


ULTRIMIS = (
    (0x000001, "TAMPER", "tamper"), (0x000002, "LOW_BATTERY", "low_battery"), (0x000004, "DRY", "dry"),
    (0x000008, "NO_FLOW", "no_flow"), (0x000010, "HIGH_TEMPERATURE", None), (0x000020, "BURST", "burst"),
    (0x000040, "REVERSE", "reverse"), (0x000080, "LEAK", "leak"),
) + tuple([(1 << (8 * group + bit), word + when, None)
           for group, when in ((1, "_THIS_MONTH"), (2, "_PREV_MONTH"))
           for bit, word in enumerate(("TAMPER", "LOW_BATTERY", "DRY", "NO_FLOW", "HIGH_TEMPERATURE", "BURST",
                                       "REVERSE", "LEAK"))])
NA1_WIRED = (
    (0x0001, "P_MAGNETIC_FIELD", None), (0x0002, "P_STRONG_LIGHT", None), (0x0004, "P_MBUS_DISCONNECTED", None),
    (0x0008, "P_DETECTION_WITHOUT_CHANGES", None),
    (0x0010, "P_MINIMUM_FLOW", None), (0x0020, "P_MAXIMUM_FLOW", None), (0x0040, "P_REVERSE_FLOW", None),
    (0x0100, "P_PROCESSOR_RESET", None), (0x0200, "P_CLOCK_HAND_ERROR", None),
    (0x0400, "BATTERY_LOW", "low_battery"), (0x0800, "P_LEAK", None),
    (0x010000, "MAGNETIC_FIELD", "tamper"), (0x020000, "STRONG_LIGHT", "tamper"),
    (0x040000, "MBUS_DISCONNECTED", "tamper"), (0x080000, "DETECTION_WITHOUT_CHANGES", None),
    (0x100000, "MINIMUM_FLOW", None), (0x200000, "MAXIMUM_FLOW", "over_range"), (0x400000, "REVERSE_FLOW", "reverse"),
    (0x800000, "PROCESSOR_RESET", None),
)


METERS = (
    ((0x05,), (0x06, 0x07), {"body": _registers}),
    ((0x14,), (0x07,), {"payload": _na1}),
    ((0x15,), (0x07,), {"bits": {"error_flags": NA1_WIRED}}),
    (None, (0x16,), {"bits": {"error_flags": ULTRIMIS}, "status": None}),
    ((0x04,), (0x08,), {"payload": _allocator}),
    (None, (0x02,), {"names": {"meter_datetime": ("device_datetime", "meter_datetime")}}),
    ((0x42,), (0x04, 0x0C, 0x0D), {
        "names": {
            "power_kw": ("current_power_kw", "power_kw"),
            "volume_flow_m3h": ("current_volume_flow_m3h", "volume_flow_m3h"),
            "flow_temperature_c": ("t1_temperature_c", "flow_temperature_c"),
            "return_temperature_c": ("t2_temperature_c", "return_temperature_c"),
            "total_energy_consumption_kwh": ("total_energy_kwh", "total_energy_consumption_kwh"),
            "total_energy_consumption_subunit1_kwh": "total_energy_cooling_kwh",
            "target_energy_consumption_kwh": "total_energy_period_kwh",
            "target_energy_consumption_subunit1_kwh": "total_energy_cooling_period_kwh",
            "total_volume_subunit1_m3": "total_volume_cooling_m3",
            "total_volume_tariff_1_m3": "input1_volume_m3",
            "total_volume_tariff_2_m3": "input2_volume_m3",
        },
    }),
    (None, (0x04, 0x0C, 0x0D), {
        "names": {
            "power_kw": ("current_power_consumption_kw", "power_kw"),
            "target_energy_consumption_kwh": "total_energy_consumption_at_date_kwh",
        },
        "bits": {"mfct_7f": ()},
    }),
)
