"""eBZ electricity meters.

telegram 2c445a147856341201027a2a00000004035d06130004a9ff01bc05000004a9ff02ad41000004a9ff0315070000
reading current_power_consumption_kw=0.20094, current_power_consumption_phase1_kw=0.01468,
        current_power_consumption_phase2_kw=0.16813, current_power_consumption_phase3_kw=0.01813, id=12345678,
        status=OK, total_energy_consumption_kwh=1246.813
"""

from . import number


def _total(reading):
    names = ["current_power_consumption_phase%d_kw" % i for i in (1, 2, 3)]
    values = [number(reading, name) for name in names]
    if "current_power_consumption_kw" not in reading and None not in values:
        reading["current_power_consumption_kw"] = sum(values)


METERS = (
    (None, (0x02,), {
        "names": {"current_power_consumption_mfct_0%d_kw" % i: "current_power_consumption_phase%d_kw" % i
                  for i in (1, 2, 3)},
        "finish": _total,
    }),
)
