"""Kamstrup: MULTICAL 21 and flowIQ water meters, OMNIPOWER, pressure sensors; heat meters are in kam_heat.py.

FF20 and FF23 are the info codes of the water meters (technical descriptions of the meters). Compact frames need their
layout; those in use are listed and found by their signature.

telegram 21442d2c785634121b167802ff207400041339300000441310270000615b0961670f
reading alarms=leak, current_status=LEAK, flow_temperature_c=9, id=12345678,
        min_external_temperature_last_month_c=15, status=LEAK, target_m3=10.0, time_bursting=, time_dry=22-31 days,
        time_leaking=, time_reversed=, total_m3=12.345
telegram 23442d2c785634121b168d2077214365272ca7d57f37e7e2d7992ab48a843c34ff4b8833
key 000102030405060708090a0b0c0d0e0f
reading current_status=, flow_temperature_c=9, id=12345678, min_external_temperature_last_month_c=15, status=OK,
        target_m3=10.0, time_bursting=, time_dry=, time_leaking=, time_reversed=, total_m3=12.345
"""

# Info code FF20: four events in the low bits, then for each how many hours it lasted, in steps.
EVENTS = ((0x01, "DRY", "dry"), (0x02, "REVERSED", "reverse"), (0x04, "LEAK", "leak"), (0x08, "BURST", "burst"),
          (0xFFF0, "", None))
HOURS = ("", "1-8 hours", "9-24 hours", "2-3 days", "4-7 days", "8-14 days", "15-21 days", "22-31 days")
INFO_32 = (
    (0x001, "DRY", "dry"), (0x002, "REVERSED", "reverse"), (0x004, "LEAK", "leak"), (0x008, "BURST", "burst"),
    (0x010, "TAMPER", "tamper"), (0x020, "LOW_BATTERY", "low_battery"), (0x040, "LOW_AMBIENT", "freeze"),
    (0x080, "FLOW_ABOVE_Q4", "over_range"), (0x200, "NO_CONSUMPTION", "no_flow"),
)
def formats(*texts):
    """{signature: layout} of compact frames from their DIF and VIF bytes in hex."""
    from ..accel import crc
    layouts = [bytes.fromhex(text) for text in texts]
    return {crc(layout): layout for layout in layouts}


def _words(value, reading):
    """FF20 of a water meter as its own fields besides the status."""
    reading["current_status"] = " ".join([w for bit, w, _ in EVENTS if w and value & bit])
    for name, shift in (("dry", 4), ("reversed", 7), ("leaking", 10), ("bursting", 13)):
        reading["time_" + name] = HOURS[value >> shift & 7]


WATER = {
    "names": {
        "volume_flow_m3h": ("flow_m3h", "volume_flow_m3h"),
        "target_min_flow_temperature_c": "flow_temperature_c",
        "target_max_flow_temperature_c": "max_flow_temperature_c",
        "target_min_external_temperature_c": "min_external_temperature_last_month_c",
        "target_max_external_temperature_c": "max_external_temperature_c",
        "target_max_volume_flow_m3h": "max_flow_month_m3h",
        "history_2_max_volume_flow_m3h": "max_flow_m3h",
        "history_2_min_volume_flow_m3h": "min_flow_m3h",
        "history_2_min_flow_temperature_c": ("min_flow_temperature_c", "flow_temperature_c"),
        "history_2_max_flow_temperature_c": "max_flow_temperature_c",
        "history_2_min_external_temperature_c": "min_external_temperature_last_day_c",
    },
    "bits": {"mfct_ff20": EVENTS, "mfct_ff23": INFO_32},
    "seen": {"mfct_ff20": _words},
    "formats": formats(
        "02ff2004134413615b6167", "02ff20041392013ba1015b8101e7ff0f", "02ff2004134413a1015b8101e7ff0f",
        "02ff2004134413615b5167", "02ff2004134413", "02ff200413523b",
        "04ff234413523b06ff1b426c61675167023b04138101e7ff0f",
        "02ff2004134413426c523b615b616751678101e7ff0f06ff1b",
        "04ff2304134413426c023b92013ba2013b06ff1ba1015b91015ba10167"),
}
METERS = (
    (None, (0x06, 0x07, 0x15, 0x16), WATER),
    ((0x33,), (0x02,), "gav"),
    (None, (0x02,), {"formats": formats("040404843c042b04ab3c")}),
    (None, (0x04, 0x0A, 0x0B, 0x0C, 0x0D), "kam_heat"),
    (None, (0x18,), {
        "names": {"mfct_ff09": "alfa_counter", "mfct_ff0a": "beta_counter"},
        "bits": {"mfct_ff20": ((0x01, "DROP", None), (0x02, "SURGE", None), (0x04, "HIGH", None), (0x08, "LOW", None),
                               (0x10, "TRANSIENT", None), (0x20, "COMM_ERROR", None))},
    }),
)
