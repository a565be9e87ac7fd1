"""Aventies: water meters with monthly registers in storage 1 to 14, heat cost allocators of Innotas' make.

telegram 264421047856341225077a2a00000004133ae201004413a0860100840113905f010002fd171100
reading consumption_at_set_date_1_m3=100.0, consumption_at_set_date_2_m3=90.0, id=12345678, status=HF MEASUREMENT,
        target_m3=100.0, total_m3=123.45
telegram 204421047856341255087a2a000000026ef401426e110182016e110202fd170200
reading alarms=tamper, consumption_at_set_date_1_hca=273, consumption_at_set_date_2_hca=529,
        consumption_at_set_date_hca=273, current_consumption_hca=500, id=12345678, status=SABOTAGE
"""

from .ine import ALLOCATOR, ERRORS

METERS = (
    (None, (0x06, 0x07), {
        "names": {
            "target_m3": ("consumption_at_set_date_1_m3", "target_m3"),
            "history_*_m3": ("consumption_at_set_date_%d_m3", 0),
        },
        "bits": {"error_flags": ERRORS},
    }),
    (None, (0x08,), ALLOCATOR),
)
