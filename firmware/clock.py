"""What time it is, how well that is known, and from whom.

A gateway wakes up without a clock. It learns the time from the meter's HAN list, from the network (SNTP) or from the
receiver's answer, best first; before that it has only a floor: the later of the firmware's build time and the last
good time. Records made before the time is known carry seconds since boot; each setting and each step of over 2 s is
reported, so that the receiver can put them right.

The floor rises only by answers, which come over verified TLS: a meter or a time server that says 2040 must not lock
the true time out for ever. An answer also overrules a better source that is off by more than a minute.

Anything but an answer is one witness (DESIGN.md, "A telegram is a claim"): no single message moves the clock far. It
takes a second one some seconds later that agrees with it, and none will do against what an answer has confirmed.
"""

from .wire.records import CLOCK_ANSWER, CLOCK_FLOOR, CLOCK_HAN, CLOCK_NONE, CLOCK_SNTP

STEP_MS = 2000
STALE_MS = 6 * 3600000  # a better source that has been silent for so long no longer keeps a lesser one out
OVERRULE_MS = 60000
FAR_S = 20 * 366 * 86400  # no clock is believed that is this far past the floor
UNKNOWN_S = 2 * 366 * 86400  # while no time is known, this far past the floor is far: as old as firmware in a shop
APART_MS = 5000  # between two messages that vouch for each other


class Clock:
    """The gateway's clock. `uptime_ms` is a function; `floor` in Unix seconds; `slack_ms` widens the step for a
    simulation, where a real millisecond of delay is many."""

    def __init__(self, uptime_ms, floor, slack_ms=0):
        self._uptime_ms = uptime_ms
        self._offset_ms = self._offset_s = None  # Unix time at boot
        self._heard_ms = 0
        self._step_ms = STEP_MS + slack_ms
        self._overrule_ms = OVERRULE_MS + 10 * slack_ms
        self._distrusted = []
        self._witness = None  # (quality, offset, when) of a message that said a time far off
        self.floor = floor
        self.quality = CLOCK_FLOOR if floor else CLOCK_NONE
        self.confirmed = False  # by an answer, and no other source has moved it far since
        self.refused = 0
        self.steps = 0
        self.on_step = None  # called with (uptime, unix, quality)

    def uptime(self):
        """Whole seconds since boot."""
        return self._uptime_ms() // 1000

    def now(self):
        """Unix seconds, or None while the time is not known."""
        return None if self._offset_ms is None else (self._offset_ms + self._uptime_ms()) // 1000

    def moment(self):
        """(seconds since boot, Unix seconds or None while the time is not known), both of this moment. The former are
        counted so that the two go up at once: their difference is the same for all moments between two settings."""
        ms = self._uptime_ms()
        offset = self._offset_ms
        if offset is None:
            return ms // 1000, None
        unix = (offset + ms) // 1000
        return unix - self._offset_s, unix

    def best(self):
        """Unix seconds as well as they are known: the time, else the floor plus the time since boot."""
        now = self.now()
        return self.floor + self.uptime() if now is None else now

    def record_time(self):
        """The time of a record made now: Unix seconds if known, else seconds since boot."""
        now = self.now()
        return self.uptime() if now is None else now

    def good(self):
        """Whether the time is known well enough to act on."""
        return self._offset_ms is not None

    def offer(self, unix_ms, quality):
        """A source says what time it is now, in Unix milliseconds; returns whether it was believed."""
        at = self._uptime_ms()
        unix = unix_ms // 1000
        if quality in self._distrusted or not self.floor - 60 <= unix < self.floor + FAR_S:
            self.refused += 1
            return False
        offset = unix_ms - at
        had = self._offset_ms is not None
        step = abs(offset - self._offset_ms) if had else 0
        if quality != CLOCK_ANSWER and (step > self._overrule_ms if had else unix > self.floor + UNKNOWN_S) \
                and not self._vouched(quality, offset, at):
            self.refused += 1
            return False
        if had and quality < self.quality and at - self._heard_ms < STALE_MS:
            if quality != CLOCK_ANSWER or step <= self._overrule_ms:
                if quality == CLOCK_ANSWER:
                    self._confirm(unix)
                return False
            self._distrusted.append(self.quality)
        better = not had or quality > self.quality
        self.quality = quality
        self._heard_ms = at
        if quality == CLOCK_ANSWER:
            self._confirm(unix)
        elif step > self._overrule_ms:
            self.confirmed = False
        if better or step > self._step_ms:
            self._offset_ms = offset
            self._offset_s = offset // 1000  # worked out once: each telegram asks
            if not had or step > STEP_MS:
                self.steps += 1
                if self.on_step:
                    self.on_step(at // 1000, unix, quality)
        return True

    def _vouched(self, quality, offset, at):
        # Whether a source that says a time far off is to be believed.
        if self.confirmed and at - self._heard_ms < STALE_MS:
            return False
        first = self._witness
        if first is None or first[0] != quality or abs(offset - first[1]) > self._step_ms:
            self._witness = (quality, offset, at)
            return False
        return at - first[2] >= APART_MS

    def _confirm(self, unix):
        self.confirmed = True
        if unix > self.floor:
            self.floor = unix

    def for_tls(self, attempt):
        """Unix seconds to judge certificates by: the confirmed time; else by turns the time as it is known and the
        floor, so that a meter or server that is years off cannot keep the gateway from who would put it right."""
        if self.confirmed or not attempt & 1:
            return self.best()
        return self.floor + self.uptime()


QUALITY_NAMES = {CLOCK_NONE: "none", CLOCK_FLOOR: "floor", CLOCK_ANSWER: "answer", CLOCK_SNTP: "sntp", CLOCK_HAN: "han"}
