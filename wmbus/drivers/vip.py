"""Kaden and Vipa: water meters that report a second register, heat cost allocators.

telegram 2a4430597856341201077a2a63000004123ae20100041258000000123b5b03047400000000047405000000
reading actuality_duration_s=0, alarms=leak, duration_b_s=5, id=12345678, max_flow_m3h=0.859,
        status=ALARM LEAK_FLOW_HIGH LEAK_FLOW_LOW, total_m3=12.345, volume_b_m3=0.0088
telegram 254430597856341201087a2a000000036e0700000474102700000474080700004474201c0000
reading consumption_hca=7, current_consumption_hca=7, id=12345678, no_measurement_duration_h=2.777778,
        no_measurement_duration_last_year_h=2.0, status=OK, tampering_duration_h=0.5
"""

from . import number

# The flow during a leak: below and above 100 l/h.
LEAK = ((0x20, "LEAK_FLOW_LOW", "leak"), (0x40, "LEAK_FLOW_HIGH", "leak"))


def _second(reading):
    for name, second in (("total_m3_2", "volume_b_m3"), ("actuality_duration_s_2", "duration_b_s")):
        if name in reading:
            reading[second] = reading.pop(name)


def _durations(reading):
    for name, new in (("actuality_duration_s_2", "tampering_duration_h"),
                      ("actuality_duration_s", "no_measurement_duration_h"),
                      ("target_actuality_duration_s", "no_measurement_duration_last_year_h")):
        value = number(reading, name)
        if value is not None:
            reading[new] = value / 3600
            del reading[name]


METERS = (
    (None, (0x06, 0x07, 0x15, 0x16), {
        "status": LEAK,
        "finish": _second,
    }),
    (None, (0x08,), {
        "names": {
            "current_consumption_hca": ("consumption_hca", "current_consumption_hca"),
            "consumption_at_set_date_hca": ("target_hca", "consumption_at_set_date_hca"),
        },
        "bits": {"error_flags": ((0x08, "TAMPERING", "tamper"),)},
        "finish": _durations,
    }),
)
