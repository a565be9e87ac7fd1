"""GWF: water and gas modules (RCM), Enercal heat meters.

telegram 2244e61e785634123c077a2a000000041309e7010044137d3d0200426c4d330f0000a3
reading battery_y=10, id=12345678, power_mode=SAVING, status=OK, target_date=2026-03-13, target_m3=146.813,
        total_m3=124.681
telegram 1844e61e785634123c077a2a000000041309e701000f0200a3
reading id=12345678, status=UNKNOWN_MFCT_STATUS_2, total_m3=124.681
"""


def _rest(rest, reading, words, alarms):
    """Status, then the battery: years left in the upper bits, power mode in the low two, 00 or more at the end."""
    if len(rest) < 3:
        return
    if rest[0] > 1:
        words.append("UNKNOWN_MFCT_STATUS_%X" % rest[0])
        return
    reading["power_mode"] = "SAVING" if rest[2] & 3 == 3 else "NORMAL"
    reading["battery_y"] = (rest[2] & 0xF8) >> 4


METERS = (
    (None, (0x06, 0x07, 0x0E, 0x15, 0x16), {"rest": _rest}),
    (None, (0x04,), {
        "names": {
            "total_volume_m3": ("total_m3", "total_volume_m3"),
            "target_volume_m3": ("target_m3", "target_volume_m3"),
            "total_energy_consumption_kwh": ("total_kwh", "total_energy_consumption_kwh"),
            "target_energy_consumption_kwh": ("target_kwh", "target_energy_consumption_kwh"),
            "volume_flow_m3h": ("flow_m3h", "volume_flow_m3h"),
            "flow_temperature_c": ("forward_c", "flow_temperature_c"),
            "return_temperature_c": ("return_c", "return_temperature_c"),
            "temperature_difference_c": ("difference_c", "temperature_difference_c"),
            "total_volume_subunit1_m3": "subunit1_m3",
            "target_volume_subunit1_m3": "subunit1_target_m3",
            "current_consumption_subunit1_hca": "subunit1_hca",
            "current_consumption_subunit2_hca": "subunit2_hca",
            "consumption_at_set_date_subunit1_hca": "subunit1_target_hca",
            "consumption_at_set_date_subunit2_hca": "subunit2_target_hca",
        },
    }),
)
