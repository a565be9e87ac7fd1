"""Calm moments: what holds up everything waits until no frame is coming in.

A radio chip's memory lasts a few milliseconds. Its interrupt takes what is there between any two steps of Python,
however long they go on; but a collection of garbage and an erase or program of the flash are single steps. Each waits
here for the end of the frame that comes in, `LONGEST_MS` at most. What takes longer than the chip's memory lasts finds
it deaf: what begins then is not heard, and nothing is left half in its memory. Garbage is collected by hand, after so
much work that the heap is not full by itself in the middle of a frame.

A gateway without such a chip does not load this.
"""

import asyncio

LONGEST_MS = 40  # the longest frame takes 35
# What is allocated by a telegram, from the chip to the spool, and by a step of a signature, and what may be between two
# collections: in 100 bytes of a heap of 64 bits, twice a chip's (bench/radios.py measures them).
TELEGRAM, STEP, FULL = 14, 28, 800
FIGURES_MS = 60000  # how often the heap is measured, which takes longer than to collect
LATEST_MS = 20000  # between two collections, for what else is allocated


class Calm:
    """`radios` are the chips. `collect()` collects garbage, `memory()` does too and measures the heap (None where it
    has no bound), `now()` tells real milliseconds."""

    def __init__(self, collect, memory, now):
        self._collect = collect
        self._memory = memory
        self._now = now
        self._figures = memory()
        self._measured = self._collected = now()
        self._done = 0
        self.radios = []

    def receiving(self):
        """Whether a frame is coming in."""
        return any(radio.receiving() for radio in self.radios)

    def wait(self):
        """Wait until no frame is coming in."""
        began = self._now()
        while self.receiving() and self._now() - began < LONGEST_MS:
            for radio in self.radios:
                radio.wait()

    def __call__(self, work, *arguments):
        """Do at a calm moment what holds up everything for longer than a chip's memory lasts; returns what it
        returns."""
        self.wait()
        for radio in self.radios:
            radio.deafen()
        try:
            return work(*arguments)
        finally:
            for radio in self.radios:
                radio.listen()

    def memory(self):
        """The figures of the heap as they were measured last; collect garbage if that is due."""
        now = self._now()
        if now - self._collected >= LATEST_MS or now - self._measured >= FIGURES_MS:
            self.collect()
        return self._figures

    def collect(self):
        """Collect garbage."""
        if self._figures is None:
            return
        self._done = 0
        now = self._collected = self._now()
        if now - self._measured >= FIGURES_MS:
            self._measured = now
            self._figures = self(self._memory)
        else:
            self(self._collect)

    def worked(self, much):
        """So much was done: collect if it is time, rather now than in the middle of the next frame."""
        self._done += much
        if self._done >= FULL and (self._done >= 2 * FULL or not self.receiving()):
            self.collect()

    async def rest(self, _seconds=0):
        """Let others run between two steps of a signature."""
        self.worked(STEP)
        await asyncio.sleep(0)

    def flash(self, device):
        """A device of spool/nor.py that is erased and programmed at calm moments."""
        return Flash(device, self)


class Flash:
    """A flash whose slow work waits for calm moments."""

    def __init__(self, device, calm):
        self._device = device
        self._calm = calm
        self.readblocks = device.readblocks

    def writeblocks(self, *arguments):
        """Program: a block's worth takes less than a chip's memory lasts."""
        self._calm.wait()
        return self._device.writeblocks(*arguments)

    def ioctl(self, op, arg):
        """Erase, or tell of the flash."""
        return self._calm(self._device.ioctl, op, arg) if op == 6 else self._device.ioctl(op, arg)
