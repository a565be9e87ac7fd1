"""Engelmann: SensoStar heat meters, FAW and WaterStar water meters, HCA e2 heat cost allocators.

telegram 3444c5147856341200047a2a0000000406d204000004142e1600004406e8030000025b2d00025f1e008401068403000002fd171000
reading flow_temperature_c=45, forward_c=45, id=12345678, return_c=30, return_temperature_c=30,
        status=ERROR_FLOW_MEASUREMENT_SYSTEM_ERROR, target_2_kwh=900, target_energy_consumption_kwh=1000,
        target_kwh=1000, total_energy_consumption_kwh=1234, total_kwh=1234, total_volume_m3=56.78,
        total_water_m3=56.78
telegram 1d44c5147856341231087a2a000000036ef20000436e750100c20f6e0700
reading consumption_at_set_date_1_hca=373, consumption_hca=242, current_consumption_hca=242,
        delta_1_half_months_ago_hca=7, id=12345678, status=OK, target_hca=373
"""

from .dwz import LAYOUT

FAW = {
    "names": {
        "target_m3": ("consumption_at_reporting_date_m3", "target_m3"),
        "target_date": ("reporting_date", "target_date"),
        "history_*_m3": ("consumption_%d_months_ago_m3", -1),
    },
    # Reporting date and its register, errors, fifteen month ends, clock, register.
    "formats": {
        0x052D: bytes.fromhex("426c441301fd17" "840113c40113" "840213c40213" "840313c40313" "840413c40413"
                              "840513c40513" "840613c40613" "840713c40713" "840813" "046d" "0413"),
    },
}
SENSOSTAR_NAMES = {
    "total_volume_m3": ("total_water_m3", "total_volume_m3"),
    "target_volume_m3": ("target_water_m3", "target_volume_m3"),
    "total_energy_consumption_kwh": ("total_kwh", "total_energy_consumption_kwh"),
    "target_energy_consumption_kwh": ("target_kwh", "target_energy_consumption_kwh"),
    "volume_flow_m3h": ("flow_water_m3h", "volume_flow_m3h"),
    "max_flow_m3h": "flow_water_max_m3h",
    "max_power_kw": "power_max_kw",
    "flow_temperature_c": ("forward_c", "flow_temperature_c"),
    "return_temperature_c": ("return_c", "return_temperature_c"),
    "temperature_difference_c": ("difference_c", "temperature_difference_c"),
    "history_*_energy_consumption_kwh": ("target_%d_kwh", 0),
}
for _i in (1, 2, 3):
    SENSOSTAR_NAMES["total_energy_consumption_tariff_%d_kwh" % _i] = "total_tariff%d_kwh" % _i
    SENSOSTAR_NAMES["target_energy_consumption_tariff_%d_kwh" % _i] = "target_tariff%d_kwh" % _i
    SENSOSTAR_NAMES["total_volume_subunit%d_m3" % _i] = "total_subunit%d_m3" % _i
    SENSOSTAR_NAMES["target_volume_subunit%d_m3" % _i] = "target_subunit%d_m3" % _i
HCA = {
    "names": {
        "current_consumption_hca": ("consumption_hca", "current_consumption_hca"),
        "consumption_at_set_date_hca": ("target_hca", "consumption_at_set_date_1_hca"),
        "history_2_date": "half_month_history_start_date",
        # Storage 31 is the half month just ended, 2 the oldest.
        "consumption_at_set_date_*_hca": ("delta_%d_half_months_ago_hca", -32),
    },
    "bits": {"mfct_7f": ((0x02, "OPEN_C", "tamper"), (0x08, "SENSOR_BREAK", None), (0x10, "UNEXPECTED_RST", None))},
}
METERS = (
    ((0x00,), (0x06, 0x07), FAW),
    (None, (0x06, 0x07, 0x15, 0x16), LAYOUT),
    (None, (0x08,), HCA),
    (None, (0x04, 0x0C, 0x0D), {
        "names": SENSOSTAR_NAMES,
        "bits": {"error_flags": ((0x10, "ERROR_FLOW_MEASUREMENT_SYSTEM_ERROR", None),)},
    }),
)
