"""ABB: B23 and B24 electricity meters. Makers' VIFs from ABB's M-Bus manual; VIFE 00 "no error" is the standard's.

telegram 3f4442047856341220027a2a0000000e840056341200000004ffa0150400000004ffa2150100000007ffa60000000000000000000df
         faa00073131312d333242
reading ct_denominator_factor=1, ct_numerator_factor=4, id=12345678, product_no=B23-111, status=OK,
        total_energy_consumption_kwh=1234.56
"""

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
