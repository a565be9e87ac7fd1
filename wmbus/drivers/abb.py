"""ABB: B23 and B24 electricity meters. Makers' VIFs from ABB's M-Bus manual; VIFE 00 "no error" is the standard's."""

METERS = (
    (None, (0x02,), {
        "names": {
            "mfct_ffa015": "ct_numerator_factor",
            "mfct_ffa115": "vt_numerator_factor",
            "mfct_ffa215": "ct_denominator_factor",
            "mfct_ffa315": "vt_denominator_factor",
            "mfct_ffaa00": "product_no",
        },
        "bits": {"mfct_ffa600": (), "mfct_ffa700": (), "mfct_ffa900": ()},
    }),
)
