"""Watches over the running gateway: its tasks, the hardware watchdog, and what goes when memory is short.

Every task gives a sign of life (`sign`) and says by when it gives the next one; the uplink says so itself, in its own
time. One that does not, or that is gone, is told to end and started again alone, counted (`hung`) and told. Where that
has been in vain, or it does not end, a note of it is saved and the feeding of the watchdog stops: the chip resets. A
line that is silent is opened again for as long as it takes, and is no reason for a reset.

When little of the heap is free after a collection, load is shed in this order, one step a round:
1. layouts of telegrams and lists: read anew, as at first sight       2. statistics of the meters heard: told and ended
3. the gateway itself: it puts everything in order and starts again
"""

import json

WATCHDOG_S = 60  # the chip resets after so long without being fed
FEED_S = 5
ROUND_S = 120  # real: the longest the housekeeping may be away
GRACE_S = 600  # real: by when a task that was started again has given a sign
ALONE = 3  # times that a task is started again without a sign of it in between
LINES = ("han", "radio")  # how the names of those begin that wait for what others send
SHED = (10, 14, 20)  # step n when less than one part in so many is free
TRACE = 150  # characters of its end: with the figures they fill an event's detail


class Watch:
    """`dog` feeds the hardware (None: there is none), `save(bytes or None)` saves the note of a crash."""

    def __init__(self, gateway, dog=None, save=None):
        self._gateway = gateway
        self._dog = dog
        self.save = save or (lambda data: None)
        self.running = {}  # name -> asyncio task
        self.due = {}  # name -> real ms by which it gives a sign of life
        self.restart = None  # starts the task of a name again
        self._tries = {}  # name -> times started again since its last sign
        self._ending = ""  # which one was told to end
        self.shed = 0  # steps taken so far, while memory is short

    def sign(self, name, seconds):
        """A task lives, and gives its next sign within so many real seconds."""
        self.due[name] = self._gateway.hal.real_ms() + seconds * 1000
        if name in self._tries:
            del self._tries[name]

    def stuck(self):
        """The name of a task that makes no progress, or ""."""
        g = self._gateway
        for name in self.running:
            if self.running[name].done():
                return name
        now = g.hal.real_ms()
        for name in self.due:
            if now > self.due[name]:
                return name
        if g.uplink is not None and g.clock.uptime() > g.uplink.due_at:
            return "uplink"
        return ""

    def feed_if_healthy(self):
        """Feed the watchdog, if all is well or can be mended; whether it is so. One step of mending at each call."""
        name = self.stuck()
        if name and not self._mend(name):
            self.note("no progress: " + name)
            return False
        if self._dog is not None:
            self._dog()
        return True

    def _mend(self, name):
        # Tell a task to end; when it has, start it again. False: that is in vain.
        g = self._gateway
        task = self.running.get(name)
        if task is None or self.restart is None:
            return False
        if self._ending != name:
            tries = self._tries[name] = self._tries.get(name, 0) + 1
            if tries > ALONE and not name.startswith(LINES):
                return False
            g.count("hung")
            if tries == 1:
                g.journal.event_if_room("hung", name)
            self._ending = name
            task.cancel()
        elif not task.done():
            return False
        if task.done():
            self._ending = ""
            if name in self.due:
                self.due[name] = g.hal.real_ms() + GRACE_S * 1000
            self.restart(name)
        return True

    def note(self, trace):
        """Save what is known of an end that was not meant: it is told after the next start."""
        g = self._gateway
        free, used = (g.memory or (0, 0))[:2]
        self.save(json.dumps({"trace": trace[-TRACE:], "uptime": g.clock.uptime(), "free": free,
                               "used": used}).encode())

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
