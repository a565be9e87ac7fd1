"""Apator Metrix: UniSmart gas meters. The register counts uncorrected volume and is the one billed."""


def _flags(reading):
    if "mfct_7f" in reading:
        reading["other"] = "OTHER_FLAGS_%X" % reading.pop("mfct_7f")


METERS = (
    (None, (0x03,), {
        "names": {"total_uncorrected_m3": "total_m3", "target_uncorrected_m3": "target_m3",
                  "meter_datetime": ("meter_datetime", "total_datetime")},
        "finish": _flags,
    }),
)
