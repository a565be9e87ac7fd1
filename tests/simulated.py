"""One core in simulated time: coroutines that run one at a time on a chip's clock, each until it sleeps.

Whoever holds the core moves the clock (`chip.advance`, `chip.stall`), and the others are as late as that makes them.
Nothing of asyncio may be awaited here: a test puts `core.sleep` in its place.
"""


class _Until:
    def __init__(self, at):
        self.at = at

    def __iter__(self):
        yield self.at

    __await__ = __iter__


class Core:
    """Runs coroutines on `chip`'s clock."""

    def __init__(self, chip):
        self.chip = chip
        self._tasks = []  # [wakes at, number, coroutine]
        self._number = 0

    def start(self, coroutine):
        """Let a coroutine run from now on."""
        self._put(self.chip.us, coroutine)

    def _put(self, at, coroutine):
        self._number += 1
        self._tasks.append((at, self._number, coroutine))

    async def sleep(self, seconds):
        """Sleep for some seconds."""
        await _Until(self.chip.us + int(seconds * 1000000))

    async def sleep_us(self, us):
        """Sleep for some microseconds."""
        await _Until(self.chip.us + us)

    def run(self, until):
        """Run until a time, in microseconds."""
        while self._tasks:
            first = min(self._tasks, key=lambda task: task[:2])
            if first[0] > until:
                break
            self._tasks.remove(first)
            if first[0] > self.chip.us:
                self.chip.advance(first[0] - self.chip.us)
            try:
                at = first[2].send(None)
            except StopIteration:
                continue
            self._put(self.chip.us if at is None else at, first[2])
        if self.chip.us < until:
            self.chip.advance(until - self.chip.us)

    def close(self):
        """End what still runs."""
        for _, _, coroutine in self._tasks:
            coroutine.close()
        self._tasks = []
