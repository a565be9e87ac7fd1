"""Watches over the running gateway: the hardware watchdog, what is told of a crash, and what goes when memory is short.

The watchdog is fed only while every task makes progress: each is still there, the housekeeping has had its round, the
uplink began or ended one when it had to. If one does not, a note of it is saved and the feeding ends; the chip resets.

When little of the heap is free after a collection, load is shed in this order, one step a round:
1. layouts of telegrams and lists: read anew, as at first sight       2. statistics of the meters heard: told and ended
3. the gateway itself: it puts everything in order and starts again
"""

import json

from .wire import records

WATCHDOG_S = 60  # the chip resets after so long without being fed
FEED_S = 5
ROUND_S = 120  # real: the longest the housekeeping may be away
SHED = (10, 14, 20)  # step n when less than one part in so many is free
TRACE = 150  # characters of its end: with the figures they fill an event's detail
WATCHDOG_RESET = 3  # machine.WDT_RESET of an ESP32


class Watch:
    """`dog` feeds the hardware (None: there is none), `save(bytes or None)` saves the note of a crash."""

    def __init__(self, gateway, dog=None, save=None):
        self._gateway = gateway
        self._dog = dog
        self._save = save or (lambda data: None)
        self.running = {}  # name -> asyncio task
        self.round_at = gateway.hal.real_ms()
        self.shed = 0  # steps taken so far, while memory is short

    def stuck(self):
        """The name of a task that makes no progress, or ""."""
        g = self._gateway
        for name in self.running:
            if self.running[name].done():
                return name
        if g.hal.real_ms() - self.round_at > ROUND_S * 1000:
            return "housekeeping"
        if g.uplink is not None and g.clock.uptime() > g.uplink.due_at:
            return "uplink"
        return ""

    def feed_if_healthy(self):
        """Feed the watchdog, if all is well; whether it is."""
        name = self.stuck()
        if name:
            self.note("no progress: " + name)
        elif self._dog is not None:
            self._dog()
        return not name

    def note(self, trace):
        """Save what is known of an end that was not meant: it is told after the next start."""
        g = self._gateway
        free, used = (g.memory or (0, 0))[:2]
        self._save(json.dumps({"trace": trace[-TRACE:], "uptime": g.clock.uptime(), "free": free,
                               "used": used}).encode())

    def tell(self, saved, cause):
        """After a start: put the note that was saved into the values ring, as an event and a status record; `cause` is
        the chip's number for what reset it. The event tells it all, for a later status record takes the place of this
        one. A chip that its watchdog reset tells so without a note too."""
        try:
            note = json.loads(saved) if saved else None
            note = note if isinstance(note, dict) and note else None
            numbers = [(name, int(note[name])) for name in ("free", "uptime", "used")] if note else []
            trace = str(note["trace"]) if note else ""
        except (ValueError, TypeError, KeyError):
            note, numbers, trace = None, [], ""
        if note is None:
            if cause != WATCHDOG_RESET:
                return
            trace = "hung, without a note"
        g = self._gateway
        g.journal.event("crash", " ".join(["%s=%d" % n for n in numbers + [("reset", cause)]]) + " " + trace[-TRACE:])
        time = g.clock.record_time()
        counters = [["crash_" + name, n] for name, n in numbers] + [["reset_cause", cause]]
        g.values.append(lambda seq: records.status(seq, time, counters))
        g.values.flush()
        self._save(None)

    def relieve(self, memory):
        """Shed load if little of (free, used, ...) bytes after a collection is free; None: memory has no bound."""
        if memory is None:
            return
        total = memory[0] + memory[1]
        if memory[0] * SHED[0] >= total:
            self.shed = 0
            return
        if self.shed < len(SHED) and memory[0] * SHED[self.shed] < total:
            self.shed += 1
            self._gateway.count("shed")
            self._step(self.shed)

    def _step(self, step):
        g = self._gateway
        if step == 1:
            g.forget_layouts()
        elif step == 2:
            g.thinning.close_day()
        else:
            self.note("out of memory")
            g.tasks.restart()
