"""Apator Metrix: UniSmart gas meters. The register counts uncorrected volume and is the one billed.

telegram 1f44b8057856341201037a2a0000000c943a503412004c943a00001000017f14
reading id=12345678, other=OTHER_FLAGS_14, status=OK, target_m3=1000.0, total_m3=1234.5
"""


def _flags(value, reading):
    reading["other"] = "OTHER_FLAGS_%X" % value


METERS = (
    (None, (0x03,), {
        "names": {"total_uncorrected_m3": "total_m3", "target_uncorrected_m3": "target_m3",
                  "meter_datetime": ("meter_datetime", "total_datetime")},
        "seen": {"mfct_7f": _flags},
    }),
)
