"""Gransystems electricity meters: storage 2 is the start of the day; a single phase reports without VIFE.

telegram 3044731e7856341201027a2a00000004037c00000084100392000000840103a800000004fd481507000004fd1700000201
reading id=12345678, info=SINGLE_PHASE_METER, status=OK, target_energy_consumption_kwh=0.168,
        total_energy_consumption_kwh=0.124, total_energy_consumption_tariff_1_kwh=0.146,
        voltage_at_phase_1_v=181.3
"""

INFO = 0x01020000


def _info(reading):
    reading["info"] = "SINGLE_PHASE_METER" if "voltage_at_phase_2_v" not in reading else "THREE_PHASE_METER"


METERS = (
    (None, (0x02,), {
        "names": {
            "meter_datetime": ("device_datetime", "meter_datetime"),
            "history_2_datetime": "target_datetime",
            "history_2_energy_consumption_kwh": "target_energy_consumption_kwh",
            "history_2_energy_consumption_tariff_1_kwh": "target_energy_consumption_tariff_1_kwh",
            "history_2_energy_consumption_tariff_2_kwh": "target_energy_consumption_tariff_2_kwh",
            "history_2_energy_consumption_tariff_3_kwh": "target_energy_consumption_tariff_3_kwh",
            "history_2_energy_consumption_tariff_4_kwh": "target_energy_consumption_tariff_4_kwh",
            "voltage_v": "voltage_at_phase_1_v",
            "current_a": "current_at_phase_1_a",
        },
        # The two high bytes say what kind of meter it is, not that something is wrong.
        "bits": {"error_flags": ((0x01020000, "", None), (0x01030000, "", None))},
        "finish": _info,
    }),
)
