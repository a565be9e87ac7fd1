"""The clock hour: its energy, its estimate so far, and the month's highest hours that set a capacity tariff. Pure.

- A Norwegian meter's hourly list (list 3, ten seconds past the hour) carries the registers as they stood at the hour:
  the difference of two is the hour's energy, to the meter's own resolution. A P1 meter sends its registers all the
  time: what it showed at the hour is interpolated between the readings on either side.
- Where a register is missing, the power of the other lists is integrated. Such an hour is marked, with the part of it
  that was heard; hours heard for less than MIN_HEARD stay unknown.
- Tariffs: a grid company bills by an average of the highest hours (NVE's capacity step since 1 July 2022). How many,
  how many a day and over how long is data, named as in the fri-nettleie files.

Times are UTC seconds; a "kW" of the tariff is the kWh of a clock hour.
"""

from .clock import civil, days, summer

HOUR = 3600
HOLD_S = 65  # a power holds so long at most: six 10-second lists may be lost
MARK_S = 300  # a register this soon after the hour, with none in the half hour before, is the register at the hour
MIN_HEARD = 0.9  # part of an hour that has to be heard for its integral to stand for it
GUARD_S = 180  # near the end of the hour the power still allowed is not divided by less
MAX_W = 700000  # a register that runs faster than this is no household's

METER = "meter"  # how an hour's energy was found: from the register
POWER = "power"  # ... from the power


def registers(reading):
    """(import, export) of a reading's energy registers in whole Wh, each None where the reading has none.

    Taken from the OBIS value where that is in Wh, which is a whole number: the flat name is a float, and a device's
    short floats tell 100,000 kWh from 100,000.008 kWh but not from less.
    """
    return _register(reading, "import", 1), _register(reading, "export", 2)


def _register(reading, way, group):
    obis = reading.get("obis") or {}
    for medium in ("1-0:%d.8.0", "1-1:%d.8.0"):
        entry = obis.get(medium % group)
        if entry and entry[1] == "Wh":
            return int(entry[0])
    kwh = reading.get(way + "_kwh")
    return None if kwh is None else int(kwh * 1000 + 0.5)


class Hours:
    """Turns a stream of readings into clock hours. `state` is a plain dict the caller may keep over a restart."""

    def __init__(self, state=None):
        self.state = state or {"hour": None, "mark": None, "last": None, "heard": 0, "wh": 0.0, "power": None,
                               "since": None, "pending": None, "doubt": None, "dropped": []}

    def feed(self, reading, now):
        """Take one reading at UTC second `now`. Returns the hours it finishes, oldest first.

        An hour is [start, import Wh, export Wh or None, METER or POWER, part heard]. It is finished by the register
        that follows it, or MARK_S after its end without one. What the gate drops is in state["dropped"], with the
        reason.
        """
        s = self.state
        done = []
        if s["hour"] is None:
            s["hour"] = now - now % HOUR
        taken, given = registers(reading)
        if taken is not None and s["last"] is not None and not self._plausible(taken, given, s["last"], now):
            taken = None
        while now >= s["hour"] + HOUR:
            self._integrate(s["hour"] + HOUR)
            if s["pending"]:
                done.append(self._settle())
            s["pending"] = [s["hour"], s["mark"], s["wh"], s["heard"]]
            s["hour"] += HOUR
            s["mark"] = None
            s["wh"] = 0.0
            s["heard"] = 0
        self._integrate(now)
        power = reading.get("import_w")
        if power is not None:
            s["power"] = power
            s["since"] = now
        if taken is not None:
            if s["mark"] is None:
                s["mark"] = self._mark(taken, given, now)
            s["last"] = [now, taken, given]
        if s["pending"] and (s["mark"] or now - s["hour"] > MARK_S):
            done.append(self._settle())
        return [hour for hour in done if hour]

    def _mark(self, taken, given, now):
        """[hour, import, export] as the registers stood at the present hour's beginning, or None."""
        s = self.state
        last = s["last"]
        start = s["hour"]
        if last is not None and last[0] < start and now - last[0] <= MARK_S:
            part = (start - last[0]) / (now - last[0])
            return [start, _between(last[1], taken, part), _between(last[2], given, part)]
        return [start, taken, given] if now - start <= MARK_S else None

    def _settle(self):
        """The hour that has ended, or None where it stays unknown."""
        s = self.state
        start, begun, wh, heard = s["pending"]
        s["pending"] = None
        mark = s["mark"]
        if begun and mark and mark[0] == start + HOUR:
            export = None if mark[2] is None or begun[2] is None else mark[2] - begun[2]
            return [start, mark[1] - begun[1], export, METER, 1.0]
        if heard >= MIN_HEARD * HOUR:
            return [start, int(wh * HOUR / heard + 0.5), None, POWER, heard / HOUR]
        return None

    def _plausible(self, taken, given, last, now):
        """Whether the registers may follow the last ones."""
        span = now - last[0]
        reason = None
        if taken < last[1]:
            reason = "the import register went back by %d Wh" % (last[1] - taken)
        elif (taken - last[1]) * HOUR > MAX_W * max(span, 60):
            reason = "the import register ran %d Wh in %d s" % (taken - last[1], span)
        elif given is not None and last[2] is not None and given < last[2]:
            reason = "the export register went back by %d Wh" % (last[2] - given)
        if reason is None:
            return True
        s = self.state
        s["dropped"] = (s["dropped"] + [[now, reason]])[-8:]
        # A meter that was changed counts from elsewhere: believe it when it stays there.
        if s["doubt"] and s["doubt"][0] <= taken <= s["doubt"][0] + MAX_W * max(now - s["doubt"][1], 60) // HOUR:
            s["last"] = s["mark"] = s["pending"] = s["doubt"] = None
            return True
        s["doubt"] = [taken, now]
        return False

    def _integrate(self, now):
        s = self.state
        if s["since"] is None:
            return
        span = min(now - s["since"], HOLD_S)
        if span > 0:
            s["wh"] += s["power"] * span / HOUR
            s["heard"] += span
        s["since"] = now if span == now - s["since"] else None

    def so_far(self, now):
        """(Wh of the present hour so far, its estimate for the whole hour, seconds left), or None where unknown."""
        s = self.state
        if s["hour"] is None or not s["hour"] <= now < s["hour"] + HOUR:
            return None
        used = None
        if s["mark"] is not None and s["last"] is not None and s["mark"][0] == s["hour"]:
            used = s["last"][1] - s["mark"][1]
            if s["power"] is not None:
                used += s["power"] * max(now - s["last"][0], 0) / HOUR if now - s["last"][0] < HOUR // 10 else 0
        integrated = s["wh"]
        if s["since"] is not None:
            integrated += s["power"] * min(now - s["since"], HOLD_S) / HOUR
        # The hourly list gives the mark only; from there on the power has to tell.
        used = integrated if used is None or used < integrated else used
        left = s["hour"] + HOUR - now
        if s["power"] is None:
            return used, None, left
        return used, used + s["power"] * left / HOUR, left


def _between(a, b, part):
    return b if a is None or b is None else int(a + (b - a) * part + 0.5)


def allowed_w(limit_wh, used_wh, left_s):
    """The power that keeps the present hour below a limit."""
    return max((limit_wh - used_wh) * HOUR / max(left_s, GUARD_S), 0)


# The highest hours

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
