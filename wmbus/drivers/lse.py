"""Landis & Staefa: the same meters as Qundis'. FDB9 and the like are theirs.

telegram 1e4465327856341218077a2a0000000c13452301004c1300000100426cff2c
reading due_date=2023-12-31, due_m3=10.0, id=12345678, status=OK, target_date=2023-12-31, target_m3=10.0,
        total_m3=12.345
"""

from .qds import ALLOCATOR, HEAT_METER

METERS = (
    (None, (0x06, 0x07), {
        "names": {
            "meter_datetime": ("device_datetime", "meter_datetime"),
            "target_m3": ("due_m3", "target_m3"),
            "target_date": ("due_date", "target_date"),
        },
    }),
    (None, (0x04,), HEAT_METER),
    (None, (0x08,), ALLOCATOR),
)
