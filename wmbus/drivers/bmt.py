"""BMeters: Hydrodigit and IWM-TX5 water meters, RFM-TX1 modules, Hydrocal M4 heat meters, RFM-AMB room sensors.

telegram 1e44b4097856341213077a2a0000000413b43000000f850b24042507000000
reading backflow_m3=0.007, contents=BACKFLOW BATTERY_VOLTAGE LEAK_DATE, id=12345678, leak_date=2024-04-25,
        status=OK, total_m3=12.468, voltage_v=3.2
telegram 1444b4097856341217077a2a5300000413b4300000
reading alarms=burst leak reverse, id=12345678, status=ALARM REVERSE_FLOW TEMPORARY_ERROR, total_m3=12.468
telegram 2544b409785634121a0d7a2a0000000406de0400000413bc0500008410060900000002599106
reading flow_temperature_c=16.81, id=12345678, status=OK, supply_temperature_c=16.81, total_cooling_kwh=9,
        total_energy_consumption_kwh=1246, total_heating_kwh=1246, total_heating_m3=1.468, total_volume_m3=1.468
telegram 3e44b4097856341213077a2a0000000413b43000000f130b24a425e80300f20300fc03000604001004001a04002404002e040038040042
         04004c0400809698
reading April_total_m3=10.3, August_total_m3=10.7, December_total_m3=0, February_total_m3=10.1, January_total_m3=10.0,
        July_total_m3=10.6, June_total_m3=10.5, March_total_m3=10.2, May_total_m3=10.4, November_total_m3=11.0,
        October_total_m3=10.9, September_total_m3=10.8, alarms=tamper,
        contents=BATTERY_VOLTAGE FRAUD_DATE MONTHLY_DATA, fraud_date=2024-04-25,
        fraud_type=MAGNETIC_FRAUD_ATTEMPT MODULE_REMOVED, id=12345678, status=OK, total_m3=12.468, voltage_v=3.2
telegram 2144b4097856341205077a25000610000052a71d2b00000000000000053012010324
reading id=12345678, meter_datetime=2024-03-01 12:30:05, status=OK, total_m3=12.345
telegram 1644b40978563412101b7a2a08000002655f0801fb1b2b
reading alarms=tamper, current_relative_humidity_rh=43, current_temperature_c=21.43, id=12345678,
        status=MODULE_REMOVED
"""

from ..errors import DecodeError

# Hydrodigit's status byte (its manual): the standard's alarm is a leak, its temporary error a burst.
STATUS = ((0x20, "OVERFLOW", "over_range"), (0x40, "REVERSE_FLOW", "reverse"),
          (0x80, "REVERSE_INSTALLATION", "reverse"))
STANDARD = ((0x03, "leak"), (0x10, "burst"))
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")
# Battery voltage by the low nibble of the second byte.
VOLTS = (3.7, 1.9, 2.1, 2.2, 2.3, 2.4, 2.5, 2.65, 2.8, 2.9, 3.05, 3.2, 3.35, 3.5, 3.7, 3.7)
CONTENTS = ((0x01, "BATTERY_VOLTAGE"), (0x02, "FRAUD_DATE"), (0x04, "BACKFLOW"), (0x10, "MONTHLY_DATA"),
            (0x80, "LEAK_DATE"))


def _hydrodigit(rest, reading, words, alarms):
    """The first byte says which blocks follow: battery, fraud date, leak date, backflow, twelve month ends."""
    if not rest:
        return
    contents = rest[0]
    reading["contents"] = " ".join(sorted([word for bit, word in CONTENTS if contents & bit]))
    at = 1
    if contents & 0x01 and len(rest) > at:
        reading["voltage_v"] = VOLTS[rest[at] & 15]
        at += 1
    if contents & 0x02 and len(rest) >= at + 3:
        kind = rest[at + 1] >> 5
        reading["fraud_type"] = " ".join([w for b, w in ((4, "MAGNETIC_FRAUD_ATTEMPT"), (1, "MODULE_REMOVED"),
                                                         (2, "SENSOR_FRAUD_ATTEMPT")) if kind & b]) or "NO_TYPE_INFO"
        _date(rest, at, reading, "fraud_date")
        if kind:
            alarms.append("tamper")
        at += 3
    if contents & 0x80 and len(rest) >= at + 3:
        _date(rest, at, reading, "leak_date")
        at += 3
    if contents & 0x04 and len(rest) >= at + 4:
        reading["backflow_m3"] = int.from_bytes(rest[at:at + 4], "little") / 1000
        at += 4
    if contents & 0x10 and len(rest) >= at + 36:
        for month in MONTHS:
            value = int.from_bytes(rest[at:at + 3], "little")
            reading[month + "_total_m3"] = value / 100 if value < 10000000 else 0
            at += 3


def _date(rest, at, reading, name):
    """Year, month, day in BCD, where there was such an event; it stays in the telegram long after the event."""
    if rest[at] and rest[at + 2]:
        reading[name] = "20%02x-%02x-%02x" % (rest[at], rest[at + 1] & 0x1F, rest[at + 2])


# RFM-TX1 modules of the first make hide the register: bytes 15 to 20 are xored with the access number and a vector
# chosen by its low nibble. Vectors worked out from telegrams whose register was known, bytes 2 to 5.
VECTORS = {5: (0x32, 0xA1, 0x39, 0x0E)}


def _rfmtx1(layers, reading, words, alarms):
    data = layers.data
    if layers.configuration != 0x1006 or layers.end < 34 or layers.at != 15:
        raise DecodeError("unknown kind of RFM-TX1 frame", layers.at)
    access = data[11]
    vector = VECTORS.get(access & 15)
    if vector is None:
        raise DecodeError("register hidden with a vector not known (access number %02X)" % access, 15)
    total = 0
    for i in (3, 2, 1, 0):
        value = data[17 + i] ^ access ^ vector[i]
        total = total * 100 + (value >> 4) * 10 + (value & 15)
    reading["total_m3"] = total / 1000
    reading["meter_datetime"] = "20%02x-%02x-%02x %02x:%02x:%02x" % (data[33], data[32], data[31], data[30], data[29],
                                                                     data[28])


def _sensor(reading):
    if "PERMANENT_ERROR" in reading["status"]:
        reading["status"] = reading["status"].replace("PERMANENT_ERROR", "MODULE_REMOVED")
        reading["alarms"] = sorted(reading["alarms"] + ["tamper"])


METERS = (
    ((0x13, 0x15, 0x17), (0x06, 0x07), {"rest": _hydrodigit, "status": STATUS, "standard": STANDARD}),
    ((0x05,), (0x06, 0x07), {"body": _rfmtx1}),
    ((0x18,), (0x06, 0x07), {"status": ((0x40, "TAMPER", "tamper"),)}),
    ((0x1A, 0x0B), (0x04, 0x0C, 0x0D), {
        "names": {
            "meter_datetime": ("device_datetime", "meter_datetime"),
            "total_energy_consumption_kwh": ("total_heating_kwh", "total_energy_consumption_kwh"),
            "total_volume_m3": ("total_heating_m3", "total_volume_m3"),
            "total_energy_consumption_tariff_1_kwh": "total_cooling_kwh",
            "total_volume_tariff_1_m3": "total_cooling_m3",
            "total_volume_subunit1_m3": "c1_volume_m3",
            "total_volume_subunit2_m3": "c2_volume_m3",
            "flow_temperature_c": ("supply_temperature_c", "flow_temperature_c"),
        },
    }),
    ((0x10,), (0x1B,), {
        "names": {
            "meter_datetime": ("device_datetime", "meter_datetime"),
            "temperature_c": "current_temperature_c",
            "target_temperature_c": "average_temperature_1h_c",
            "history_2_temperature_c": "average_temperature_24h_c",
            "max_temperature_c": "maximum_temperature_1h_c",
            "target_max_temperature_c": "maximum_temperature_24h_c",
            "min_temperature_c": "minimum_temperature_1h_c",
            "target_min_temperature_c": "minimum_temperature_24h_c",
            "relative_humidity_rh": "current_relative_humidity_rh",
            "target_relative_humidity_rh": "average_relative_humidity_1h_rh",
            "history_2_relative_humidity_rh": "average_relative_humidity_24h_rh",
            "max_relative_humidity_rh": "maximum_relative_humidity_1h_rh",
            "target_max_relative_humidity_rh": "maximum_relative_humidity_24h_rh",
            "min_relative_humidity_rh": "minimum_relative_humidity_1h_rh",
            "target_min_relative_humidity_rh": "minimum_relative_humidity_24h_rh",
        },
        "finish": _sensor,
    }),
)
