"""Integra (IMT): Aquastream water meters. Tariff 1 counts backwards; the battery is given in days of 365 a year."""

METERS = (
    (None, (0x06, 0x07, 0x0E, 0x15, 0x16), {
        "names": {
            "total_tariff_1_m3": "total_backwards_m3",
            "remaining_battery_life_y": ("battery_y", 1, 365),
        },
    }),
)
