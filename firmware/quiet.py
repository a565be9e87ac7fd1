"""The quiet mode of a gateway whose power fails again and again: it only reads and stores, and tries the rest later.

Starts that follow a loss of power are counted across boots (state.json, `starts`) until one has lived for half an hour
(tasks.STEADY_S). What usually takes a weak supply down is the Wi-Fi's first second, so from MOST starts in a row on
Wi-Fi, uplink and what else sends wait: for a pause that doubles with each further start, or until the board measures
that its supply has been good for a minute, or until somebody presses the button.
"""

import asyncio

MOST = 6
FIRST_S, LONGEST_S = 120, 4 * 3600
GOOD_S = 60
MARGIN_MV = 100  # above the limit from where nothing waits in RAM
LOOK_S = 1
POWER = (1, 3)  # reset causes: power, and the watchdog's number, under which some firmwares file a brown-out
NEVER = 1 << 40


def counted(starts, cause, noted):
    """Starts in a row after a loss of power, with this one; `noted`: a crash was noted, so it was none."""
    return starts + 1 if cause in POWER and not noted else 0


def pause(starts):
    """Seconds to be quiet after so many starts in a row, 0 for none."""
    return 0 if starts < MOST else min(FIRST_S << min(starts - MOST, 16), LONGEST_S)


class Quiet:
    """`pressed` says whether the button is pressed, `on_over` is called at the end of the quiet mode."""

    def __init__(self, gateway, starts, pressed=None):
        self._gateway = gateway
        self._starts = starts
        self._pressed = pressed
        self._over = asyncio.Event()
        self.on_over = lambda: None

    def held(self, work):
        """A task's coroutine function that begins only when the quiet mode is over."""
        async def later():
            await self._over.wait()
            await work()
        return later

    async def run(self):
        """Be quiet, tell so, and let the others begin."""
        g = self._gateway
        if not self._over.is_set():
            due_at, g.uplink.due_at = g.uplink.due_at, NEVER
            seconds = pause(self._starts)
            text = "power failed %d times in a row: reads and stores only, %d s at most" % (self._starts, seconds)
            g.hal.print_line("netti: " + text)
            g.count("quiet")
            if not self._starts & self._starts - 1 or self._starts == MOST:  # the ring is for more than this
                g.journal.event_if_room("quiet", text)
                g.values.flush()
            await self._wait(seconds)
            g.uplink.due_at = g.clock.uptime() + due_at
            self.on_over()
            self._over.set()
        while True:
            await asyncio.sleep(3600)

    async def _wait(self, seconds):
        g = self._gateway
        until = g.clock.uptime() + seconds
        good_since = g.clock.uptime()
        while g.clock.uptime() < until:
            await g.hal.sleep(LOOK_S)
            now = g.clock.uptime()
            if self._pressed is not None and self._pressed():
                return
            if g.supply is None or g.supply() < (g.flush_rule.low_mv or 0) + MARGIN_MV:
                good_since = now
            elif now - good_since >= GOOD_S:
                return
