"""Lansen: pulse counters, smoke detectors, temperature and humidity sensors, repeaters."""

STATUS = ((0x40, "SABOTAGE_ENCLOSURE", "tamper"),)
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def _listening(value, reading):
    reading["is_repeater_listening"] = "YES" if value else "NO"


def _weekdays(value, reading):
    reading["repeater_listening_on_weekdays"] = " ".join(sorted([DAYS[i] for i in range(7) if value >> i & 1]))


METERS = (
    (None, (0x1A,), {
        "names": {
            "access_number_counter": "async_msg_id_counter",
            "value_counter": "minutes_since_last_manual_test_counter",
        },
        "bits": {"error_flags_standard": ((0x04, "SMOKE", "smoke"),)},
        "status": STATUS,
    }),
    (None, (0x1B,), {
        "names": {
            "temperature_c": "current_temperature_c",
            "target_temperature_c": "average_temperature_1h_c",
            "history_2_temperature_c": "average_temperature_24h_c",
            "relative_humidity_rh": "current_relative_humidity_rh",
            "target_relative_humidity_rh": "average_relative_humidity_1h_rh",
            "history_2_relative_humidity_rh": "average_relative_humidity_24h_rh",
        },
        "status": STATUS,
    }),
    (None, (0x32, 0x33), {
        "names": {
            "voltage_v": "battery_v",
            "value_counter": "total_routed_messages_counter",
            "value_subunit1_counter": "used_router_slots_counter",
            "value_subunit3_counter": "seconds_to_mode_change_counter",
            "target_value_counter": "listen_timer_value_counter",
            "history_2_value_counter": "pause_timer_value_counter",
            "history_4_value_counter": "start_time_value_counter",
        },
        "seen": {"value_subunit2_counter": _listening, "history_3_value_counter": _weekdays},
    }),
    (None, None, {
        "names": {"value_counter": "a_counter", "value_subunit1_counter": "b_counter"},
        "status": STATUS,
    }),
)
