"""Axioma Metering: Qalcosonic W1 (Q400) water meters and Qalcosonic E heat meters.

The TPL status byte of the W1 names its alarms by value, not by bit: 30 leak, 70 reverse flow, 10 empty pipe, 90 low
temperature, B0 burst, D0 manipulation. FD74 holds percent of the battery left, not days.

telegram 324409077856341210077a2a3000000413b430000004933b5939000004933c370000004413ad410000446d120a4e3401fd7461
reading alarms=leak, battery_pct=97, consumption_at_set_date_m3=16.813, id=12345678, set_datetime=2026-04-14
        10:18, status=TEMPORARY_ERROR UNKNOWN_20, target_datetime=2026-04-14 10:18, target_m3=16.813,
        total_backward_m3=0.055, total_forward_m3=14.681, total_m3=12.468
telegram 25440907785634120b0d7a2a0000000406de04000004863c3800000004135939000002619106
reading flow_return_temperature_difference_c=16.81, id=12345678, status=OK, total_cooling_energy_kwh=56,
        total_energy_consumption_kwh=1246, total_heat_energy_kwh=1246, total_m3=14.681, total_volume_m3=14.681
telegram 1b4409077856341210077a2a0000000413b430000034fd1705000000
reading error_code_counter=5, id=12345678, status=ERROR_FLAGS_5, total_m3=12.468
"""

WATER = {
    "names": {
        "remaining_battery_life_y": ("battery_pct", 1, 1),
        "target_m3": ("consumption_at_set_date_m3", "target_m3"),
        "target_forward_m3": "forward_at_set_date_m3",
        "target_backward_m3": "backward_at_set_date_m3",
        "target_datetime": ("set_datetime", "target_datetime"),
        "operating_time_h": ("error_free_time_h", "operating_time_h"),
    },
    "bits": {"error_flags_at_error": (), "error_flags": ()},
    "values": {0x30: "leak", 0x70: "reverse", 0x10: "dry", 0x90: "freeze", 0xB0: "burst", 0xD0: "tamper"},
}
HEAT = {
    "names": {
        "total_volume_m3": ("total_m3", "total_volume_m3"),
        "temperature_difference_c": "flow_return_temperature_difference_c",
        "total_energy_consumption_kwh": ("total_heat_energy_kwh", "total_energy_consumption_kwh"),
        "total_energy_production_kwh": "total_cooling_energy_kwh",
        "history_16_energy_consumption_kwh": "target_heat_energy_kwh",
        "history_16_energy_production_kwh": "target_cooling_energy_kwh",
        "history_16_datetime": "target_datetime",
    },
}


def _count(value, reading):
    reading["error_code_counter"] = value


WATER["seen"] = {"error_flags_at_error": _count}
METERS = (
    (None, (0x06, 0x07, 0x15, 0x16), WATER),
    (None, (0x04, 0x0C, 0x0D), HEAT),
)
