"""NZR electricity meters: storage 2, 4 and 6 are the phases.

telegram 2c44523b7856341200027a2a0000008e100300000000000004035d061300840129593900008401fd5991060000
reading current_at_phase_1_a=1.681, current_power_consumption_1_kw=0.14681, id=12345678, status=OK,
        total_energy_consumption_kwh=1246.813, total_energy_consumption_tariff_1_kwh=0.0
telegram 1744523b7856341200027a2a0000008e1003563412000000
reading id=12345678, status=OK, total_energy_consumption_kwh=123.456, total_energy_consumption_tariff_1_kwh=123.456
"""

NAMES = {}
for _i in (1, 2, 3):
    NAMES["history_%d_current_power_consumption_kw" % (2 * _i)] = "current_power_consumption_%d_kw" % _i
    NAMES["history_%d_current_a" % (2 * _i)] = "current_at_phase_%d_a" % _i
    NAMES["history_%d_voltage_v" % (2 * _i)] = "voltage_at_phase_%d_v" % _i


def _total(reading):
    if "total_energy_consumption_kwh" not in reading and "total_energy_consumption_tariff_1_kwh" in reading:
        reading["total_energy_consumption_kwh"] = reading["total_energy_consumption_tariff_1_kwh"]


METERS = ((None, (0x02,), {"names": NAMES, "finish": _total}),)
