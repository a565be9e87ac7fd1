"""Landis & Staefa: the same meters as Qundis'. FDB9 and the like are theirs."""

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
