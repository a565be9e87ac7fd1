"""The clock hour: its energy, and its estimate so far. Pure.

- A Norwegian meter's hourly list (list 3, ten seconds past the hour) carries the registers as they stood at the hour:
  the difference of two is the hour's energy, to the meter's own resolution. A P1 meter sends its registers all the
  time: what it showed at the hour is interpolated between the readings on either side.
- Where a register is missing, the power of the other lists is integrated. Such an hour is marked, with the part of it
  that was heard; hours heard for less than MIN_HEARD stay unknown.

Times are UTC seconds, energies whole Wh.
"""

HOUR = 3600
HOLD_S = 65  # a power holds so long at most: six 10-second lists may be lost
MARK_S = 300  # a register this soon after the hour, with none in the half hour before, is the register at the hour
MIN_HEARD = 0.9  # part of an hour that has to be heard for its integral to stand for it
GUARD_S = 180  # near the end of the hour the power still allowed is not divided by less
MAX_W = 700000  # a register that runs faster than this is no household's
MAX_GAP_S = 31 * 24 * HOUR  # after so long nothing of before is used

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


def new_state():
    """A state without history."""
    return {"hour": None, "mark": None, "last": None, "heard": 0, "wh": 0.0, "out": None, "power": None, "given": None,
            "since": None, "pending": None, "doubt": None, "dropped": []}


class Hours:
    """Turns a stream of readings into clock hours. `state` is what `new_state` made or an earlier one kept."""

    def __init__(self, state=None):
        self.state = state or new_state()

    def feed(self, reading, now):
        """Take one reading at UTC second `now`. Returns the hours it finishes, oldest first.

        An hour is [start, import Wh, export Wh or None, METER or POWER, part heard]. It is finished by the register
        that follows it, or MARK_S after its end without one. What the gate drops is in state["dropped"], with the
        reason.
        """
        s = self.state
        done = []
        if s["hour"] is not None and not -HOUR < now - s["hour"] < MAX_GAP_S:
            s.update(new_state())  # one of the clocks was wrong, and nobody knows which
        if s["hour"] is None:
            s["hour"] = now - now % HOUR
        imported, exported = registers(reading)
        if imported is not None and s["last"] is not None and not self._plausible(imported, exported, s["last"], now):
            imported = None
        while now >= s["hour"] + HOUR:
            self._integrate(s["hour"] + HOUR)
            if s["pending"]:
                done.append(self._settle())
            s["pending"] = [s["hour"], s["mark"], s["wh"], s["out"], s["heard"]]
            s["hour"] += HOUR
            s["mark"] = s["out"] = None
            s["wh"] = 0.0
            s["heard"] = 0
        self._integrate(now)
        power = reading.get("import_w")
        if power is not None:
            s["power"] = power
            s["given"] = reading.get("export_w")
            s["since"] = now
        if imported is not None:
            if s["mark"] is None:
                s["mark"] = self._mark(imported, exported, now)
            s["last"] = [now, imported, exported]
        if s["pending"] and (s["mark"] or now - s["hour"] > MARK_S):
            done.append(self._settle())
        return [hour for hour in done if hour]

    def _mark(self, imported, exported, now):
        """[hour, import, export] as the registers stood at the present hour's beginning, or None."""
        s = self.state
        last = s["last"]
        start = s["hour"]
        if last is not None and last[0] < start and now - last[0] <= MARK_S:
            part = (start - last[0]) / (now - last[0])
            return [start, _between(last[1], imported, part), _between(last[2], exported, part)]
        return [start, imported, exported] if 0 <= now - start <= MARK_S else None

    def _settle(self):
        """The hour that has ended, or None where it stays unknown."""
        s = self.state
        start, begun, wh, out, heard = s["pending"]
        s["pending"] = None
        mark = s["mark"]
        if begun and mark and mark[0] == start + HOUR:
            export = None if mark[2] is None or begun[2] is None else mark[2] - begun[2]
            return [start, mark[1] - begun[1], export, METER, 1.0]
        if heard >= MIN_HEARD * HOUR:
            export = None if out is None else int(out * HOUR / heard + 0.5)
            return [start, int(wh * HOUR / heard + 0.5), export, POWER, heard / HOUR]
        return None

    def _plausible(self, imported, exported, last, now):
        """Whether the registers may follow the last ones."""
        span = now - last[0]
        reason = None
        if imported < last[1]:
            reason = "the import register went back by %d Wh" % (last[1] - imported)
        elif (imported - last[1]) * HOUR > MAX_W * max(span, 60):
            reason = "the import register ran %d Wh in %d s" % (imported - last[1], span)
        elif exported is not None and last[2] is not None and exported < last[2]:
            reason = "the export register went back by %d Wh" % (last[2] - exported)
        if reason is None:
            return True
        s = self.state
        s["dropped"] = (s["dropped"] + [[now, reason]])[-8:]
        # A meter that was changed counts from elsewhere: believe it when it stays there.
        if s["doubt"] and s["doubt"][0] <= imported <= s["doubt"][0] + MAX_W * max(now - s["doubt"][1], 60) // HOUR:
            s["last"] = s["mark"] = s["pending"] = s["doubt"] = None
            return True
        s["doubt"] = [imported, now]
        return False

    def _integrate(self, now):
        s = self.state
        if s["since"] is None:
            return
        span = min(now - s["since"], HOLD_S)
        if span > 0:
            s["wh"] += s["power"] * span / HOUR
            if s["given"] is not None:
                s["out"] = (s["out"] or 0) + s["given"] * span / HOUR
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
