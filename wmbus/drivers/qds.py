"""Qundis and LSE (ista, Minol, Siemens brands too): water meters, heat meters, heat cost allocators.

Storage 1 is the last due date, storage 17 the last month. FF5F is Qundis' own block: the current register, the due
date's, the last month's with their dates, then the monthly steps back.

telegram 2a4493447856341216077a2a0000000c13452301004c1300000100426cff2ccc081300150100c2086c1d32
reading due_17_date=2024-02-29, due_17_date_m3=11.5, due_date=2023-12-31, due_date_m3=10.0, id=12345678, status=OK,
        target_date=2024-02-29, target_m3=11.5, target_year_date=2023-12-31, target_year_m3=10.0, total_m3=12.345
telegram 41449344785634121907780dff5f330082000000810007c113ffff45231200ff2c000010001d3200501100640065006600670068006
         900000000000000000000002f
reading due_17_date=2024-02-29, due_17_date_m3=115.0, due_date=2023-12-31, due_date_m3=100.0, id=12345678,
        status=OK, target_date=2024-02-29, target_m3=115.0, target_year_date=2023-12-31, target_year_m3=100.0,
        total_m3=122.345, volume_delta_10_m3=0.0, volume_delta_11_m3=0.0, volume_delta_12_m3=0.0,
        volume_delta_2_m3=0.1, volume_delta_3_m3=0.101, volume_delta_4_m3=0.102, volume_delta_5_m3=0.103,
        volume_delta_6_m3=0.104, volume_delta_7_m3=0.105, volume_delta_8_m3=0.0, volume_delta_9_m3=0.0
telegram 43449344785634121904780dff5f3533008200000081000783ffff45231200ff2c000010001d3200501100640065000080008000800080
         00800080008000800080008000
reading due_17_date=2024-02-29, due_17_date_kwh=115.0, due_date=2023-12-31, due_date_kwh=100.0, energy_delta_2_kwh=0.1,
        energy_delta_3_kwh=0.101, id=12345678, status=OK, target_date=2024-02-29, target_kwh=115.0,
        target_year_date=2023-12-31, target_year_kwh=100.0, total_kwh=122.345
telegram 49449344785634121907780c13452301000dff5f3533008200000081000713123445231200ff2c000010001d3200501100640065000080
         00800080008000800080008000800080008000
reading id=12345678, status=OK, total_m3=12.345
"""

from ..values import bcd, date

WATER = {
    "target_m3": ("target_year_m3", "due_date_m3", "target_m3"),
    "target_date": ("target_year_date", "due_date", "target_date"),
    "history_17_m3": ("target_m3", "due_17_date_m3"),
    "history_17_date": ("target_date", "due_17_date"),
    "volume_flow_lower_limit_duration_h": ("volume_flow_m3h", 1, 1000),
    "error_date": ("error_date", "device_error_date"),
    "mfct_ff5f": None,
}
HEAT = {
    "total_energy_consumption_kwh": ("total_kwh", "total_energy_consumption_kwh"),
    "target_energy_consumption_kwh": ("target_year_kwh", "last_year_energy_consumption_kwh", "target_kwh"),
    "target_date": ("target_year_date", "last_year_date", "target_date"),
    "history_17_energy_consumption_kwh": ("target_kwh", "last_month_energy_consumption_kwh"),
    "history_17_date": ("target_date", "last_month_date"),
    "meter_datetime": ("meter_datetime", "device_date_time"),
    "error_date": ("error_date", "device_error_date"),
    "mfct_ff5f": None,
}


def _last_wins(reading):
    """The month's register is the target where there is one, as these meters' users know it."""
    for name in ("target_m3", "target_date", "target_kwh"):
        if name + "_2" in reading:
            reading[name] = reading.pop(name + "_2")


def _block(raw, reading):
    """The block FF5F of 53 bytes; nothing where it is encrypted (no FFFF after the kind of value)."""
    if len(raw) < 28 or raw[10:12] != b"\xff\xff" or raw[9] & 0x78 not in (0x00, 0x10):
        return
    if raw[9] & 0x78 == 0x10:
        unit, head, divide = "m3", "volume_delta_%d_m3", 10 ** (6 - (raw[9] & 7))
    else:
        unit, head, divide = "kwh", "energy_delta_%d_kwh", 10 ** (6 - (raw[9] & 7))
    for at, day_at, names, days in ((12, 0, ("total",), ()),
                                    (18, 16, ("target_year", "due_date"), ("target_year", "due")),
                                    (24, 22, ("target", "due_17_date"), ("target", "due_17"))):
        value = bcd(int.from_bytes(raw[at:at + 4], "little"))
        if value is not None:
            for name in names:
                reading[name + "_" + unit] = value / divide
        day = date(raw[day_at] | raw[day_at + 1] << 8) if days else None
        for name in days if day else ():
            reading[name + "_date"] = day
    # Steps of the months before: the meter has no value for those before its installation (8000).
    number = 2
    for at in range(28, min(len(raw) - 1, 52), 2):
        value = raw[at] | raw[at + 1] << 8
        if value != 0x8000:
            reading[head % number] = value / divide
        number += 1


WATER_METER = {"names": WATER, "finish": _last_wins, "raw": {"mfct_ff5f": _block}}
HEAT_METER = {"names": HEAT, "finish": _last_wins, "raw": {"mfct_ff5f": _block}}
CONVERTER = {"names": dict(WATER, **HEAT), "finish": _last_wins, "raw": {"mfct_ff5f": _block}}
ALLOCATOR = {
    "names": {
        "consumption_at_set_date_hca": ("consumption_at_set_date_hca", "consumption_at_set_date_1_hca"),
        "target_date": ("set_date", "set_date_1"),
        "history_17_date": "set_date_17",
        "meter_datetime": ("device_datetime", "meter_datetime"),
        "mfct_ff5f": None,
    },
}
METERS = (
    (None, (0x06, 0x07, 0x15, 0x16), WATER_METER),
    (None, (0x04, 0x0C, 0x0D), HEAT_METER),
    (None, (0x08,), ALLOCATOR),
    (None, (0x37,), CONVERTER),
)
