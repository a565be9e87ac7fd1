"""Does the updates of a running gateway: loads what they need for each, and lets go of it."""

from .. import port, version
from ..port import files


class Updater:
    """The gateway's updates, whose code is in memory only while one is ordered or what runs is on probation."""

    def __init__(self, g, slots):
        self._g = g
        self._slots = slots
        self._update = None
        self._watching = True

    async def run(self):
        """Do what is to be done, for ever."""
        while True:
            if self._watching or self._g.state["update"] is not None:
                if self._update is None:
                    self._update = self._load()
                await self._update.step()
                self._watching = self._update.watching
            else:
                self._update = None
            await port.sleep(15)

    def _load(self):
        from ..uplink.fetch import Source
        from .install import Update
        from .release_keys import KEYS
        from .slots import Slots
        g = self._g
        made = Update(port, Slots(files, self._slots, version.VERSION),
                      Source(port, g.uplink.works, g.clock, g.uplink.line), KEYS, version.VERSION, g)
        made.watching = self._watching
        return made
