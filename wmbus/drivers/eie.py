"""Ei Electronics: Ei6500 smoke detectors. Tariff 1 counts alarms, 2 removals, 3 uses of the test button.

telegram 2e442515785634120c1a7a2a000000046d0f0a4b318440ff2ce76616008250fd61010082506c4d338360fd311e0000
reading alarm_counter=1, alarms=tamper, battery_level=2.10V, duration_removed_h=0.5, dust_level=DUST_7,
        dust_level_counter=7, id=12345678, last_alarm_date=2026-03-13, message_datetime=2026-01-11 10:15,
        meter_datetime=2026-01-11 10:15, status=TAMPER_WHILE_REMOVED
"""

def _head(value, reading):
    reading["dust_level_counter"] = value & 15
    reading["dust_level"] = "DUST_%X" % (value & 15)
    # Battery in bits 8-12 as steps of 0.1 V above 1.5 V.
    reading["battery_level"] = "%d.%d0V" % divmod(15 + (value >> 8 & 31), 10)


METERS = (
    (None, (0x1A,), {
        "names": {
            "meter_datetime": ("message_datetime", "meter_datetime"),
            "meter_date_tariff_2": "installation_date",
            "target_date": "last_sound_check_date",
            "cumulation_tariff_1_subunit1_counter": "alarm_counter",
            "meter_date_tariff_1_subunit1": "last_alarm_date",
            "cumulation_tariff_2_subunit1_counter": "removed_counter",
            "tariff_duration_tariff_2_subunit1_min": ("duration_removed_h", 1, 60),
            "meter_date_tariff_2_subunit1": "last_remove_date",
            "cumulation_tariff_3_subunit1_counter": "test_button_counter",
            "meter_date_tariff_3_subunit1": "test_button_last_date",
        },
        "bits": {"mfct_ff2c_subunit1": ((0x40, "TAMPER_WHILE_REMOVED", "tamper"), (0xFFFFFFBF, "", None))},
        "seen": {"mfct_ff2c_subunit1": _head},
    }),
)
