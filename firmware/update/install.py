"""Updates of a device's firmware: a signed list of files, fetched into the slot that does not run (docs/wire.md).

    the works orders version and url -> manifest, verified -> files, read back -> change over -> probation -> confirmed

The works says when; what is Netti's says the signature of the release key, whose public half and pinned successor are
part of each release. A file that the running release has too is taken from there, one that a former attempt has
fetched is kept, and the others come in pieces of a KiB. Confirmed is a release by its first acknowledged batch. One
that has none for PROBATION_S restarts, and after three starts boot.py goes back to the release before.
"""

from ..crypto import ed25519
from ..uplink.http import HttpError
from ..wire import envelope, release
from ..wire.release import ReleaseError
from .slots import Damaged

TICK_S = 15
PROBATION_S = 8 * 3600
FIRST_WAIT_S, MAX_WAIT_S = 60, 6 * 3600
ATTEMPTS = 24  # failed ones in a row until an order is given up: some days


def verify_steps(data, keys):
    """Generator: returns where the content of a manifest begins, if one of the 32-byte public `keys` has signed it.
    Raises ReleaseError."""
    opened = release.open_manifest(data)
    key = [k for k in keys if envelope.kid(k) == opened.kid]
    if not key:
        raise ReleaseError("manifest: not signed by a release key of this firmware")
    if not (yield from ed25519.verify_steps(key[0], opened.to_verify, opened.signature)):
        raise ReleaseError("manifest: the signature is wrong")
    return opened.end


class Update:
    """Follows the works' order to update, and watches over what was installed.

    `hal` has `sleep` and `mpy`; `source` fetches (uplink/fetch.py); `keys` are the release keys of this firmware;
    `gateway` has `state` (with `update`: [version, url] or None), `save_state`, `counters`, `clock`, `journal`, `tasks`
    and `forget_layouts`.
    """

    def __init__(self, hal, slots, source, keys, running, gateway):
        self._hal = hal
        self._slots = slots
        self._source = source
        self._keys = keys
        self._running = running
        self._gateway = gateway
        self._failures = 0
        self._not_before = 0
        self.watching = True  # until what runs is confirmed

    async def run(self):
        """Do what is to be done, for ever."""
        while True:
            await self.step()
            await self._hal.sleep(TICK_S)

    async def step(self):
        """One round."""
        if self.watching:
            self._watch()
        order = self._gateway.state["update"]
        if order is None or self._slots.probation or self._gateway.clock.uptime() < self._not_before:
            return
        version, url = order
        if version == self._running:
            # Cut off between the change over and this.
            self._done()
            return
        self._gateway.forget_layouts()  # a connection and a manifest take more than is free beside all else
        try:
            await self.install(version, url)
        except ReleaseError as e:
            self._gateway.journal.event("update", "%s refused: %s" % (version, e))
            self._done()
        except (OSError, Damaged, HttpError, EOFError, ValueError, MemoryError) as e:
            self._failures += 1
            self._not_before = self._gateway.clock.uptime() + min(FIRST_WAIT_S << self._failures - 1, MAX_WAIT_S)
            if self._failures == ATTEMPTS:
                self._gateway.journal.event("update", "%s given up: %s" % (version, e))
                self._done()
        else:
            self._gateway.journal.event("update", version + " installed")
            self._done()
            self._gateway.tasks.restart()

    def _done(self):
        self._failures = self._not_before = 0
        self._gateway.state["update"] = None
        self._gateway.save_state(self._gateway.state)

    def _watch(self):
        failed = self._slots.rolled_back()
        if failed is not None:
            order = self._gateway.state["update"]
            if order is not None and order[0] == failed[0]:
                self._done()
            self._gateway.journal.event("update", "%s rolled back %s" % failed)
            self._slots.clear_rollback_note()
        if self._gateway.counters["acknowledged"]:
            if self._slots.probation:
                self._gateway.journal.event("update", self._running + " confirmed")
            self._slots.healthy()
            self.watching = False
        elif self._slots.probation and self._gateway.clock.uptime() > PROBATION_S:
            self._gateway.tasks.restart()

    async def install(self, version, url):
        """Bring a version into the other slot and change over. Raises ReleaseError where it may not be, OSError,
        HttpError or Damaged where another attempt may do."""
        slots = self._slots
        slots.allow(version)
        async with self._source.below(url) as source:
            data = await source.whole("manifest", release.MAX_MANIFEST)
            at = await self._steps(verify_steps(data, self._keys))
            head, _ = release.read_head(data, at)
            mpy, architecture = self._hal.mpy()
            if head[0] != version:
                raise ReleaseError("manifest: of version " + head[0])
            if head[2] != mpy:
                raise ReleaseError("its .mpy files are of version %d, this MicroPython loads %d" % (head[2], mpy))
            await self._steps(slots.clear({path for path, _, _ in release.files(data, at, architecture)}))
            for path, size, digest in release.files(data, at, architecture):
                await self._bring(source, path, size, digest)
        await self._steps(slots.change_over(version, release.files(data, at, architecture)))

    async def _bring(self, source, path, size, digest):
        slots = self._slots
        if await self._steps(slots.holds(slots.other + "/" + path, size, digest)):
            return
        if await self._steps(slots.holds(slots.current + "/" + path, size, digest)):
            await self._steps(slots.copy(path))
            return
        with slots.create(path) as out:
            await source.stream(digest.hex(), size, out.write)
        if not await self._steps(slots.holds(slots.other + "/" + path, size, digest)):
            raise Damaged(path + " did not arrive as it was signed")

    async def _steps(self, generator):
        while True:
            try:
                next(generator)
            except StopIteration as e:
                return e.value
            await self._hal.sleep(0)
