"""The household's electricity by the clock hour, from the meter's own registers. Pure.

A meter's hourly list carries its energy registers as they stood at the hour; the energy of an hour is the difference
of two marks that follow each other. Where marks are missing (the gateway was off, the list was damaged) the known
difference is spread over the hours in proportion to the power seen in each, evenly where none was seen, and those
hours are called estimated. The state is a plain dict that the caller keeps, so that a restart loses nothing.
"""

MARK_WITHIN_S = 300  # a register read so soon after the hour counts as read at it
MAX_GAP_HOURS = 31 * 24  # beyond this nothing is spread: the hours stay unknown
MAX_WH = 700000  # in an hour: more is no household's, but damage that a 16-bit CRC let through
MAX_POWER_GAP_S = 120  # a power reading holds so long at most


def new_state():
    """A state without history."""
    return {"hour": None, "import_wh": 0, "export_wh": 0, "power_at": None, "power_w": 0, "seen": []}


class Hours:
    """Turns readings into hours. `state` is what `new_state` made or an earlier one kept."""

    def __init__(self, state=None):
        self.state = state or new_state()

    def feed(self, time, import_w, import_wh, export_wh):
        """Take one reading: Unix seconds, power in W or None, energy registers in Wh or None.

        Returns the hours it completes: [(start in Unix seconds, import Wh, export Wh, estimated)], oldest first.
        """
        s = self.state
        if s["power_at"] is not None and time > s["power_at"]:
            self._integrate(s["power_at"], min(time, s["power_at"] + MAX_POWER_GAP_S), s["power_w"])
        if import_w is not None and (s["power_at"] is None or time >= s["power_at"]):
            s["power_at"], s["power_w"] = time, import_w
        if import_wh is None:
            return []
        hour = time - time % 3600
        if time - hour > MARK_WITHIN_S or (s["hour"] is not None and hour <= s["hour"]):
            return []
        done = self._between(hour, import_wh, export_wh or 0)
        s["hour"], s["import_wh"], s["export_wh"] = hour, import_wh, export_wh or 0
        s["seen"] = [e for e in s["seen"] if e[0] >= hour]
        return done

    def _integrate(self, start, end, power):
        # Watt seconds per hour, as [hour, Ws]; whole numbers, so that a device's short floats lose nothing.
        seen = self.state["seen"]
        while start < end:
            hour = start - start % 3600
            stop = min(end, hour + 3600)
            if not seen or seen[-1][0] != hour:
                seen.append([hour, 0])
                if len(seen) > 48:
                    seen.pop(0)
            seen[-1][1] += int(power) * (stop - start)
            start = stop

    def _between(self, hour, import_wh, export_wh):
        s = self.state
        if s["hour"] is None:
            return []
        count = (hour - s["hour"]) // 3600
        imported, exported = import_wh - s["import_wh"], export_wh - s["export_wh"]
        # Registers that run backwards are another meter's: no hours from the difference of two meters.
        if not 1 <= count <= MAX_GAP_HOURS or min(imported, exported) < 0 or max(imported, exported) > MAX_WH * count:
            return []
        if count == 1:
            return [(s["hour"], imported, exported, False)]
        weights = []
        for i in range(count):
            at = s["hour"] + 3600 * i
            weights.append(sum([e[1] for e in s["seen"] if e[0] == at]))
        if not sum(weights):
            weights = [1] * count
        total, used, done, given, given_out = sum(weights), 0, [], 0, 0
        for i in range(count):
            used += weights[i]
            upto = imported * used // total
            upto_out = exported * (i + 1) // count
            done.append((s["hour"] + 3600 * i, upto - given, upto_out - given_out, True))
            given, given_out = upto, upto_out
        return done
