"""IME: Conto and Nemo electricity meters. Subunit 1 is active, 2 reactive; tariff 1 positive, 2 negative or partial.

telegram 2544a525785634121d027a2a0000008e500456341200000085502b0000000005fd3a00000000
reading active_positive_3phase_kw=0.0, id=12345678, power_factor=0.0, status=OK,
        total_active_positive_3phase_kwh=1234.56
telegram 1e44a525785634121d027a2a0000008e500456341200000081b010ff8c2b01
reading id=12345678, power_factor_sector=INDUCTIVE, status=OK, total_active_positive_3phase_kwh=1234.56
"""

NAMES = {
    "total_energy_consumption_tariff_1_subunit1_kwh": "total_active_positive_3phase_kwh",
    "total_energy_consumption_tariff_1_subunit2_kwh": "total_reactive_positive_3phase_kwh",
    "total_energy_consumption_tariff_2_subunit1_kwh": "total_active_partial_3phase_kwh",
    "total_energy_consumption_tariff_2_subunit2_kwh": "total_reactive_partial_3phase_kwh",
    "current_power_consumption_tariff_1_subunit1_kw": "active_positive_3phase_kw",
    "current_power_consumption_tariff_1_subunit2_kw": "reactive_positive_3phase_kw",
    "current_power_consumption_tariff_2_subunit1_kw": "active_negative_3phase_kw",
    "current_power_consumption_tariff_2_subunit2_kw": "reactive_negative_3phase_kw",
    "value_counter": "power_factor",
    "mfct_ff8748_tariff_8": ("voltage_1_n_v", 1, 10),
    "mfct_ff8748_tariff_9": ("voltage_2_n_v", 1, 10),
    "mfct_ff8748_tariff_10": ("voltage_3_n_v", 1, 10),
    "mfct_ff8848_tariff_8": ("voltage_1_2_v", 1, 10),
    "mfct_ff8848_tariff_9": ("voltage_2_3_v", 1, 10),
    "mfct_ff8848_tariff_10": ("voltage_3_1_v", 1, 10),
    "mfct_ff8959_tariff_8": ("current_l1_a", 1, 1000),
    "mfct_ff8959_tariff_9": ("current_l2_a", 1, 1000),
    "mfct_ff8959_tariff_10": ("current_l3_a", 1, 1000),
    "mfct_ff8a48": ("frequency_hz", 1, 10),
    "mfct_ff8b28_tariff_7": ("three_phase_power_factor", 1, 1000),
    "mfct_ff8d2b_tariff_1": ("total_active_power_requirement_kw", 1, 1000),
    "mfct_ff8e2b_tariff_1": ("max_total_active_power_tariff1_kw", 1, 1000),
    "mfct_ff8e2b_tariff_2": ("max_total_active_power_tariff2_kw", 1, 1000),
    "mfct_ff8f21_tariff_7": ("run_meter_total_h", 1, 60),
    "mfct_ff8f21_tariff_1": ("run_meter_tariff1_h", 1, 60),
    "mfct_ff8f21_tariff_2": ("run_meter_tariff2_h", 1, 60),
}


def _sector(value, reading):
    reading["power_factor_sector"] = "INDUCTIVE" if value == 1 else "CAPACITIVE"


METERS = ((None, (0x02,), {"names": NAMES, "seen": {"mfct_ff8c2b_tariff_7": _sector}}),)
