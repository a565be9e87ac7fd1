"""The month's highest hours, by which a grid company bills (NVE's capacity step since 1 July 2022). Pure.

How many hours are averaged, how many of a day count and over how long is data, named as in the fri-nettleie files.
Times are UTC seconds, days are those of the home's clock; a "kW" of the tariff is the kWh of a clock hour.
"""

from .clock import civil, days, summer

HOUR = 3600

# name -> (hours averaged, at most one of each "day" or "week" or "month", over how many months)
METHODS = {
    "TRE_DØGNMAX_MND": (3, "day", 1),
    "FEM_VEKTET_ÅR": (5, "week", 12),
    "MND_MAX": (1, "month", 1),
}


def local_hour(start):
    """(year, month, day, hour) of central European local time at a UTC second."""
    local = start + (7200 if summer(start) else 3600)
    year, month, day = civil(local // 86400)
    return year, month, day, local % 86400 // HOUR


class Peaks:
    """The highest hours of a tariff method, by local day. `state` is a plain list the caller may keep: [[year, month,
    day, hour, Wh], ...], the highest of each day, of as many months as the method looks back.

    `weights`: twelve factors by month for a method that weighs, such as FEM_VEKTET_ÅR; the grid company states them.
    """

    def __init__(self, method="TRE_DØGNMAX_MND", state=None, weights=None):
        self.count, self.unit, self.months = METHODS[method]
        self.weights = weights
        self.state = state if state is not None else []

    def feed(self, start, wh):
        """Take a finished clock hour by its UTC start; hours that don't raise their day's highest change nothing."""
        year, month, day, hour = local_hour(start)
        for row in self.state:
            if row[:3] == [year, month, day]:
                if wh > row[4]:
                    row[3] = hour
                    row[4] = wh
                return
        first = year * 12 + month - self.months
        self.state[:] = [row for row in self.state if row[0] * 12 + row[1] > first]
        self.state.append([year, month, day, hour, wh])

    def highest(self, year, month):
        """The hours that count for a month: [[year, month, day, hour, Wh], ...], highest first."""
        first = year * 12 + month - self.months
        rows = [row for row in self.state if first < row[0] * 12 + row[1] <= year * 12 + month]
        rows.sort(key=lambda row: -self._weighed(row))
        out: "list" = []
        seen = []
        for row in rows:
            unit = self._unit(row)
            if unit not in seen:
                seen.append(unit)
                out.append(row)
                if len(out) == self.count:
                    break
        return out

    def mean(self, year, month):
        """(mean of the hours that count in Wh, whether it is provisional), or None before the first hour.

        Before there are as many days as the method averages, the mean is over those there are.
        """
        rows = self.highest(year, month)
        if not rows:
            return None
        return sum([self._weighed(row) for row in rows]) / len(rows), len(rows) < self.count

    def _weighed(self, row):
        return row[4] * self.weights[row[1] - 1] if self.weights else row[4]

    def _unit(self, row):
        if self.unit == "day":
            return row[:3]
        if self.unit == "week":
            return (days(row[0], row[1], row[2]) + 3) // 7  # weeks begin on Monday
        return row[:2]


def step(mean_wh, thresholds_kw, included=True):
    """The index of the capacity step of a mean: 0 below the first threshold.

    `included`: the threshold itself belongs to the step above it (65 of 68 Norwegian tariffs).
    """
    index = 0
    for threshold in thresholds_kw:
        if mean_wh < threshold * 1000 or mean_wh == threshold * 1000 and not included:
            break
        index += 1
    return index
