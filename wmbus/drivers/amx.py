"""Apator Metrix: UniSmart gas meters. The register counts uncorrected volume and is the one billed."""


def _flags(value, reading):
    reading["other"] = "OTHER_FLAGS_%X" % value


METERS = (
    (None, (0x03,), {
        "names": {"total_uncorrected_m3": "total_m3", "target_uncorrected_m3": "target_m3",
                  "meter_datetime": ("meter_datetime", "total_datetime")},
        "seen": {"mfct_7f": _flags},
    }),
)
