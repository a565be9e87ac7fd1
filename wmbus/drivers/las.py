"""Lansen: pulse counters, smoke detectors, temperature and humidity sensors, repeaters.

telegram 1a44333078563412071b7a2a4000000265de044265bc0501fb1b2b
reading alarms=tamper, average_temperature_1h_c=14.68, current_relative_humidity_rh=43,
        current_temperature_c=12.46, id=12345678, status=SABOTAGE_ENCLOSURE
telegram 1b44333078563412031a7a2a00000002fd971d040004fd3ab4300000
reading alarms=smoke, id=12345678, minutes_since_last_manual_test_counter=12468, status=SMOKE
telegram 194433307856341214337a2a000000818040fd3a01c101fd3a15
reading id=12345678, is_repeater_listening=YES, repeater_listening_on_weekdays=FR MO WE, status=OK
"""

STATUS = ((0x40, "SABOTAGE_ENCLOSURE", "tamper"),)
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def _listening(value, reading):
    reading["is_repeater_listening"] = "YES" if value else "NO"


def _weekdays(value, reading):
    reading["repeater_listening_on_weekdays"] = " ".join(sorted([DAYS[i] for i in range(7) if value >> i & 1]))


METERS = (
    (None, (0x1A,), {
        "names": {
            "access_counter": "async_msg_id_counter",
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
