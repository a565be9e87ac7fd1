"""What a reading passes at the end: the totals of its tariffs, and the note of what no meter can mean.

What of this is a table stands in obis.py, which a device drops once the plan of a list is made.
"""

EARLIEST = 1420070400  # 2015: a clock that says less has not been set


def add_totals(reading, sums):
    """Add what `totals` found, where every tariff is there. Sums of registers of three decimals keep three."""
    for name, parts in sums:
        if all(part in reading for part in parts):
            reading[name] = round(sum([reading[part] for part in parts]), 3)


def drop(reading, name, value, low):
    """Note in the reading what the plausibility gate kept out, and why."""
    reading.pop(name, None)
    if "dropped" not in reading:
        reading["dropped"] = []
    reading["dropped"].append([name, "%s is %s what a meter can mean" % (value, "below" if value < low else "above")])
