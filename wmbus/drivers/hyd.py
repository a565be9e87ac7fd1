"""Hydrometer, now Diehl Metering: the same meters as under DME.

telegram 19442423850778563412a20101801307e49b068ec87c2dfc40ac
reading alarms=reverse, battery_y=0.5, id=12345678, last_month_measure_date=2023-12-31, last_month_total_m3=10.0,
        remaining_battery_life_y=0.5, status=BACK_FLOW, target_date=2023-12-31, target_m3=10.0, total_m3=12.345,
        transmit_period_s=8
telegram 194424237007785634127a2a0000ffae51db88c1d0a666f80e0f
reading flow_m3h=0.12, id=12345678, status=OK, total_m3=12.345, volume_flow_m3h=0.12
"""

from .dme import METERS  # noqa: F401
