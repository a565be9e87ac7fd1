"""A frame of a replay has two times: when it goes out, which follows the pace, and the one it carries.

What carries a time (a receiver's records, lines of rtl_wmbus) keeps the capture's own distances, however fast it is
played.
"""

import datetime

from cloud_receiver.data.clock import iso

LONGEST_GAP_S = 3600.0  # a longer silence in a capture is cut down to this
CLOCK_S = 1 << 30  # a capture's times from here on are Unix seconds; lower ones count from its start
LATEST_S = 1 << 36  # in the year 4147: a later one is no time


class Pace:
    """When each frame is due, in seconds from the start: as captured, divided by `speed`; `interval` where the capture
    does not say."""

    def __init__(self, speed: float, interval: float):
        self.speed, self.interval = speed, interval
        self.at = 0.0
        self.cut = 0  # silences that were cut down
        self._mark: "tuple[float, float] | None" = None  # the last captured time, and when its frame was due
        self._begun = False

    def due(self, captured: "float | None") -> float:
        """Seconds from the start at which the next frame goes out."""
        if not self._begun:
            self._begun = True
        elif captured is None or self._mark is None or captured < self._mark[0]:
            self.at += self.interval / self.speed
        else:
            # Frames without a time of their own may have used up part of the gap, or all of it.
            gap = captured - self._mark[0]
            if gap > LONGEST_GAP_S:
                gap, self.cut = LONGEST_GAP_S, self.cut + 1
            self.at = max(self.at, self._mark[1] + gap / self.speed)
        if captured is not None:
            self._mark = captured, self.at
        return self.at


def filled_in(times: "list[float | None]", interval: float) -> "list[float]":
    """The times of a capture's frames with those it does not hold filled in: `interval` after the frame before, but
    not after the next it holds; before the first so much earlier each; from 0 where it holds none."""
    first = next((n for n, at in enumerate(times) if at is not None), None)
    if first is None:
        return [n * interval for n in range(len(times))]
    out: "list[float]" = []
    following: "list[float | None]" = [None]  # the next time it holds, from each frame on
    for at in reversed(times):
        following.append(following[-1] if at is None else at)
    following = following[:0:-1]
    for n, at in enumerate(times):
        limit = following[n]
        if at is None and n < first:
            at = (limit or 0.0) - (first - n) * interval
        elif at is None:
            at = out[-1] + interval
            if limit is not None and limit >= out[-1]:
                at = min(at, limit)
        out.append(at)
    return out


class Plan:
    """The times of a whole capture. `due`: when each frame goes out, in seconds from the start."""

    def __init__(self, captured: "list[float | None]", pace: Pace, mode: str, at_once: "frozenset[int]" = frozenset()):
        """`captured`: each frame's time; `mode`: shifted, captured or now; `at_once`: places of frames that follow the
        one before without a pause. ValueError where the capture does not hold the times it is to carry."""
        captured = [at if at is not None and at < LATEST_S else None for at in captured]
        self.mode = mode
        self.due = [pace.at if n in at_once else pace.due(at) for n, at in enumerate(captured)]
        self.cut = pace.cut
        known = [at for at in captured if at is not None]
        if mode == "captured" and (not known or min(known) < CLOCK_S):
            raise ValueError("this capture does not tell the time of day of its frames")
        self.first = known[0] if known else None
        self.times = filled_in(captured, pace.interval)
        self.interval = pace.interval
        self.shift = 0.0

    def begin(self, start: float) -> None:
        """The replay begins, at this time (Unix seconds) by the clock of whoever gets it: fixes what is added to
        the capture's times. No frame carries a later time than when it goes out, and one just that."""
        if self.mode == "shifted":
            self.shift = min(start + due - at for due, at in zip(self.due, self.times))

    def time(self, n: int, now: float) -> float:
        """The time that frame `n` carries; `now` by the same clock."""
        return now if self.mode == "now" else self.times[n] + self.shift

    def pace_text(self, what: str, pauses: bool) -> str:
        """How much of the capture is played how long."""
        span = _span(max(self.times) - min(self.times))
        text = f"{len(self.due)} {what}, {span} of the capture, "
        text += f"{_span(self.due[-1])} to play" if pauses else "without pauses"
        return text + (f"; {self.cut} silences cut to {_span(LONGEST_GAP_S)}" if self.cut else "")

    def times_text(self) -> str:
        """What becomes of the capture's times."""
        first = iso(int(self.times[0] + self.shift))
        if self.mode == "now":
            return "times: each as of when it goes out"
        if self.mode == "captured":
            return f"times: as captured, from {first}"
        if self.first is None:
            return f"times: the capture has none; {self.interval:g} s apart, from {first}"
        if self.first < CLOCK_S:
            return f"times: the capture's count from its start, which becomes {iso(int(self.shift))}"
        sign = "-" if self.shift < 0 else "+"
        return (f"times: the capture's, shifted by {sign}{_span(abs(self.shift))}: {iso(int(self.times[0]))} becomes "
                f"{first}")


def _span(seconds: float) -> str:
    return str(datetime.timedelta(seconds=round(seconds)))
