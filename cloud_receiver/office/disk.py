"""Whether there is room on the disk of a receiver's directory: people are told before gateways are, and both before
the store runs into its end. A PostgreSQL store's disk is its server's to watch."""

import os
import shutil
import time

NEARLY_FULL = 0.05  # of the disk: not ready, and on the overview
FULL, FULL_BYTES = 0.02, 2 << 30  # of the disk, or so many bytes where those are less: gateways are told to come again
AGAIN_S = 600  # when
LOOK_S = 2.0  # how long a look holds


class Disk:
    """The disk of a path; asking costs a look now and then."""

    def __init__(self, path: "str | os.PathLike[str]", clock=time.monotonic):
        self._path, self._clock, self._looked = path, clock, -LOOK_S
        self._free = self._total = 0

    def nearly_full(self) -> bool:
        """Whether somebody should make room."""
        self._look()
        return self._free < NEARLY_FULL * self._total

    def full(self) -> bool:
        """Whether nothing more is to be stored."""
        self._look()
        return self._free < min(FULL * self._total, FULL_BYTES)

    def _look(self):
        if self._clock() - self._looked >= LOOK_S:
            usage = shutil.disk_usage(self._path)
            self._free, self._total, self._looked = usage.free, usage.total, self._clock()
