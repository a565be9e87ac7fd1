"""eBZ electricity meters."""


def _total(reading):
    names = ["current_power_consumption_phase%d_kw" % i for i in (1, 2, 3)]
    if "current_power_consumption_kw" not in reading and all(n in reading for n in names):
        reading["current_power_consumption_kw"] = sum([reading[n] for n in names])


METERS = (
    (None, (0x02,), {
        "names": {"current_power_consumption_mfct_0%d_kw" % i: "current_power_consumption_phase%d_kw" % i
                  for i in (1, 2, 3)},
        "finish": _total,
    }),
)
