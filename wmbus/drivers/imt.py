"""Integra (IMT): Aquastream water meters. Tariff 1 counts backwards; the battery is given in days of 365 a year.

telegram 2044b4257856341201077a2a0000000413b43000008410130c00000002fd74bc05
reading battery_y=4.021918, id=12345678, status=OK, total_backwards_m3=0.012, total_m3=12.468
"""

METERS = (
    (None, (0x06, 0x07, 0x0E, 0x15, 0x16), {
        "names": {
            "total_tariff_1_m3": "total_backwards_m3",
            "remaining_battery_life_y": ("battery_y", 1, 365),
        },
    }),
)
