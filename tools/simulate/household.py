"""What a household uses: water by taps, showers and machines, electricity by appliances, with the day's two peaks.

Both are drawn once for the whole span as events, so that the register at any moment is exact and repeatable.
Volumes: about 140 l a person and day (Norsk Vann); a home with heating, hot water and a car about 20,000 kWh a year.
"""

import bisect
import datetime
import random

from .meters import NORMAL_TIME

# Relative use in each hour of the local day.
_WATER_DAY = (1, 0.5, 0.3, 0.3, 0.5, 2, 7, 10, 8, 5, 4, 4, 4, 3.5, 3.5, 4, 6, 8, 8, 7, 6, 5, 4, 2)
_POWER_DAY = (3, 2.5, 2.5, 2.5, 3, 4, 7, 9, 7, 5, 4.5, 4.5, 4.5, 4.5, 5, 7, 10, 11, 10, 9, 8, 7, 5, 4)
# Share of the events, litres from and to, litres an hour from and to.
_WATER_EVENTS = ((0.55, 1, 6, 240, 480), (0.27, 3, 9, 300, 540), (0.10, 30, 90, 420, 720), (0.08, 10, 50, 360, 600))
# Share of the events, watts from and to, minutes from and to.
_POWER_EVENTS = ((0.45, 900, 2200, 2, 12), (0.30, 1500, 2200, 10, 60), (0.20, 60, 500, 20, 180),
                 (0.05, 3600, 7200, 40, 160))


def hour_of_day(at: float) -> int:
    """The local hour of a simulated Unix time."""
    return datetime.datetime.fromtimestamp(at, NORMAL_TIME).hour


def _pick(rng: random.Random, rows):
    x = rng.random()
    for row in rows:
        x -= row[0]
        if x < 0:
            return row
    return rows[-1]


def _starts(rng: random.Random, start: float, end: float, per_day: float, day):
    """Moments of a Poisson process whose rate follows the hours of the day."""
    peak = max(day) / sum(day) * per_day / 3600  # events a second in the busiest hour
    at = start
    while True:
        at += rng.expovariate(peak)
        if at >= end:
            return
        if rng.random() < day[hour_of_day(at)] / max(day):
            yield at


class Steps:
    """A rate that changes in steps, and its integral."""

    def __init__(self, changes: "list[tuple[float, float]]", per: float):
        """`changes` are (moment, change of the rate); the rate is per `per` seconds."""
        self._moments, self._rates, self._sums = [float("-inf")], [0.0], [0.0]
        self._per = per
        rate, total, before = 0.0, 0.0, None
        for moment, change in sorted(changes):
            if before is not None:
                total += rate * (moment - before) / per
            rate, before = max(0.0, rate + change), moment
            self._moments.append(moment)
            self._rates.append(rate)
            self._sums.append(total)

    def rate(self, at: float) -> float:
        """The rate at a moment."""
        return self._rates[bisect.bisect_right(self._moments, at) - 1]

    def total(self, at: float) -> float:
        """What has come together until a moment."""
        i = bisect.bisect_right(self._moments, at) - 1
        return self._sums[i] + self._rates[i] * (at - self._moments[i]) / self._per if i else 0.0


def water_use(rng: random.Random, start: float, end: float, people: int, leak_lh: float = 0) -> Steps:
    """A household's water as litres an hour; `leak_lh` runs all the time."""
    changes = [(start, leak_lh)] if leak_lh else []
    for at in _starts(rng, start, end, 12 * people, _WATER_DAY):
        _, least, most, slow, fast = _pick(rng, _WATER_EVENTS)
        litres, rate = rng.uniform(least, most), rng.uniform(slow, fast)
        changes += [(at, rate), (at + litres / rate * 3600, -rate)]
    return Steps(changes, 3600)


def power_use(rng: random.Random, start: float, end: float, people: int) -> Steps:
    """A household's electricity as watts (so its total is in Wh)."""
    changes = [(start, rng.uniform(80, 250))]
    at, on = start, False
    while at < end:  # the refrigerator and the panel heaters' thermostats
        at += rng.uniform(300, 1500)
        changes.append((at, -700.0 if on else 700.0))
        on = not on
    for begin in _starts(rng, start, end, 14 + 7 * people, _POWER_DAY):
        _, least, most, short, long = _pick(rng, _POWER_EVENTS)
        watts = rng.uniform(least, most)
        changes += [(begin, watts), (begin + rng.uniform(short, long) * 60, -watts)]
    return Steps(changes, 3600)
