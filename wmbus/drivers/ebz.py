"""eBZ electricity meters."""

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
