"""When what happens in a demo, in simulated seconds after its start, and how long it takes.

The run covers whole clock hours of the HAN port: it starts minutes before an hour and ends minutes after one. Nothing
is killed near an hour, so that every hour between can be judged.
"""

import time
from collections import namedtuple

Plan = namedtuple("Plan", (
    "start", "end", "scale", "hours", "window", "interval",
    "first_kill", "gateway_kill", "power_cuts", "update", "second_kill", "late_keys", "scans"))

LEAD_S = 11 * 60  # before the first hour
TAIL_S = 6 * 60  # after the last: the hourly list, and a last window
DOWN_S = 1.0  # real seconds between the end of a killed process and its next start


def plan(quick: bool = False, now: "float | None" = None) -> Plan:
    """The plan of a run whose simulated end is at most an hour before now."""
    hours, scale = (1, 110) if quick else (2, 90)
    now = time.time() if now is None else now
    end = int(now - TAIL_S) // 3600 * 3600 + TAIL_S
    start = end - TAIL_S - hours * 3600 - LEAD_S
    whole = end - start
    return Plan(start, end, scale, hours, 900, 300,
                first_kill=LEAD_S + 9 * 60, gateway_kill=LEAD_S + 28 * 60,
                power_cuts=(LEAD_S + 20 * 60, LEAD_S + 33 * 60 + (hours - 1) * 3600),
                update=LEAD_S + 24 * 60,
                second_kill=LEAD_S + 40 * 60 + (hours - 1) * 1800, late_keys=int(whole * 0.78),
                scans=(LEAD_S + 14 * 60, LEAD_S + 45 * 60) if quick else
                (LEAD_S + 14 * 60, LEAD_S + 52 * 60, LEAD_S + 95 * 60))
