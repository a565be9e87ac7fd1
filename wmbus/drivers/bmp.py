"""BMeters Hydroclima heat cost allocators: temperatures and history in the maker's data, kind 10 or 11.

telegram 2e44b0097856341253087a2a000000036e0700000f10000000000000d007b80b00000000d007d00764006400000000
reading average_ambient_temperature_c=20.0, average_ambient_temperature_last_month_c=20.0,
        average_heater_temperature_last_month_c=20.0, consumption_hca=7, current_consumption_hca=7, id=12345678,
        max_ambient_temperature_c=30.0, status=OK, total_consumption_hca=100
telegram 4244b0097856341253087a2a000000036e0700000f110400000000000000dd0966083b0b00006009020828001e0014000a006c07008008
         070000000000000000008c00
reading ambient_temperature_at_set_date_1_c=19.0, ambient_temperature_at_set_date_3_c=18.0,
        average_ambient_temperature_c=21.5, average_ambient_temperature_last_month_c=20.5,
        average_heater_temperature_c=25.25, average_heater_temperature_last_month_c=24.0,
        consumption_at_set_date_1_hca=40, consumption_at_set_date_2_hca=30, consumption_at_set_date_3_hca=20,
        consumption_at_set_date_4_hca=10, consumption_hca=7, current_consumption_hca=7, id=12345678,
        max_ambient_temperature_c=28.75, status=ERROR_FLAGS_4, total_consumption_hca=140
"""

INVALID = 0x8000


def _word(rest, at):
    return rest[at] | rest[at + 1] << 8


def _rest(rest, reading, words, alarms):
    if len(rest) < 3:
        return
    flags = _word(rest, 1)
    if flags:
        words.append("ERROR_FLAGS_%X" % flags)
    if rest[0] == 0x10 and len(rest) >= 22:
        temperatures: tuple = (("average_ambient_temperature_c", 7), ("max_ambient_temperature_c", 9),
                        ("average_ambient_temperature_last_month_c", 15),
                        ("average_heater_temperature_last_month_c", 17))
        reading["total_consumption_hca"] = _word(rest, 19)
    elif rest[0] == 0x11 and len(rest) >= 46:
        temperatures = (("average_heater_temperature_c", 9), ("average_ambient_temperature_c", 11),
                        ("max_ambient_temperature_c", 13), ("average_heater_temperature_last_month_c", 17),
                        ("average_ambient_temperature_last_month_c", 19),
                        ("ambient_temperature_at_set_date_1_c", 29), ("ambient_temperature_at_set_date_2_c", 31),
                        ("ambient_temperature_at_set_date_3_c", 33))
        for i in range(4):
            reading["consumption_at_set_date_%d_hca" % (i + 1)] = _word(rest, 21 + 2 * i)
        reading["total_consumption_hca"] = _word(rest, 44)
    else:
        return
    for name, at in temperatures:
        value = _word(rest, at)
        if value != INVALID:
            reading[name] = value / 100


METERS = (
    (None, (0x08,), {
        "names": {"current_consumption_hca": ("consumption_hca", "current_consumption_hca"),
                  "consumption_at_set_date_hca": ("target_hca", "consumption_at_set_date_hca")},
        "rest": _rest,
    }),
)
