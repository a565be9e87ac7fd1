"""Updates of a device's firmware: a signed list of files, fetched into the slot that does not run (docs/wire.md).

    the works orders version and url -> manifest, verified -> files, read back -> change over -> probation -> confirmed

The works says when; what is Netti's says the signature of the release key, whose public half and pinned successor are
part of each release. A file that the running release has too is taken from there, one that a former attempt has
fetched is kept, and the others come in pieces of a KiB. Confirmed is a release by its first acknowledged batch. One
that has none for PROBATION_S restarts, and after three starts boot.py goes back to the release before.
"""

from ..crypto import ed25519
from ..uplink.http import HttpError
from ..wire import WireError, cbor
from ..wire import envelope as wire_envelope
from ..wire.cbor import CborError
from .slots import Damaged, SlotError, version_number

WORKS = "netti"  # in the signature: a release is no water works'
CONTENT_TYPE = "application/cbor-seq"
MAX_MANIFEST = 24 * 1024
MAX_FILES = 250
MAX_FILE = 64 * 1024
TICK_S = 15
PROBATION_S = 8 * 3600
FIRST_WAIT_S, MAX_WAIT_S = 60, 6 * 3600
ATTEMPTS = 24  # failed ones in a row until an order is given up: some days


def good_path(path):
    """Whether a path may stand in a manifest: packages of lower case names, and a compiled module."""
    parts = path.split("/") if isinstance(path, str) and path.endswith(".mpy") and len(path) <= 64 else []
    if not 2 <= len(parts) <= 3:
        return False
    parts[-1] = parts[-1][:-4]
    for part in parts:
        if not part or any(not ("a" <= c <= "z" or c == "_" or "0" <= c <= "9") for c in part):
            return False
    return True


def verify_steps(data, keys):
    """Generator: returns where the content of a manifest begins, if one of the 32-byte public `keys` has signed it.
    Raises SlotError."""
    try:
        envelope = wire_envelope.open_envelope(data, "release", WORKS)
    except WireError as e:
        raise SlotError("manifest: %s" % e)  # noqa: B904 - MicroPython keeps no cause
    key = [k for k in keys if wire_envelope.kid(k) == envelope.kid]
    if envelope.content_type != CONTENT_TYPE or not key:
        raise SlotError("manifest: not signed by a release key of this firmware")
    if not (yield from ed25519.verify_steps(key[0], envelope.to_verify, envelope.signature)):
        raise SlotError("manifest: the signature is wrong")
    return envelope.end


def read_head(data, at):
    """The head of a manifest, (version, built, mpy, number of files), and where its files begin. Raises SlotError."""
    try:
        head, at = cbor.decode(data, at)
    except CborError as e:
        raise SlotError("manifest: " + e.reason)  # noqa: B904
    if not isinstance(head, list) or len(head) != 4:
        raise SlotError("manifest: not four items")
    version_number(head[0])
    for n in head[1:]:
        if isinstance(n, bool) or not isinstance(n, int) or n < 0:
            raise SlotError("manifest: not a count")
    if not 0 < head[3] <= MAX_FILES:
        raise SlotError("manifest: too many files")
    return head, at


def files(data, at, architecture):
    """Yield (path, size, SHA-256) of a manifest's files for an architecture; those of others are left out. Raises
    SlotError."""
    head, at = read_head(data, at)
    seen = set()
    for _ in range(head[3]):
        try:
            entry, at = cbor.decode(data, at)
        except CborError as e:
            raise SlotError("manifest: " + e.reason)  # noqa: B904
        if (not isinstance(entry, list) or len(entry) != 4 or not good_path(entry[0]) or not isinstance(entry[1], int)
                or isinstance(entry[1], bool) or not 0 < entry[1] <= MAX_FILE or not isinstance(entry[2], bytes)
                or len(entry[2]) != 32 or not isinstance(entry[3], str)):
            raise SlotError("manifest: a file is not described as it should be")
        if entry[3] and entry[3] != architecture:
            continue
        if entry[0] in seen:
            raise SlotError("manifest: a file twice")
        seen.add(entry[0])
        yield entry[0], entry[1], entry[2]
    if at != len(data):
        raise SlotError("manifest: bytes behind its end")


class Update:
    """Follows the works' order to update, and watches over what was installed.

    `hal` has `sleep` and `mpy`; `source` fetches (uplink/fetch.py); `keys` are the release keys of this firmware;
    `gateway` has `state` (with `update`: [version, url] or None), `save_state`, `counters`, `clock`, `event` and
    `restart`.
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
        try:
            await self.install(version, url)
        except SlotError as e:
            self._gateway.event("update", "%s refused: %s" % (version, e))
            self._done()
        except (OSError, Damaged, HttpError, EOFError, ValueError, MemoryError) as e:
            self._failures += 1
            self._not_before = self._gateway.clock.uptime() + min(FIRST_WAIT_S << self._failures - 1, MAX_WAIT_S)
            if self._failures == ATTEMPTS:
                self._gateway.event("update", "%s given up: %s" % (version, e))
                self._done()
        else:
            self._gateway.event("update", version + " installed")
            self._done()
            self._gateway.restart()

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
            self._gateway.event("update", "%s rolled back %s" % failed)
            self._slots.told()
        if self._gateway.counters["acknowledged"]:
            if self._slots.probation:
                self._gateway.event("update", self._running + " confirmed")
            self._slots.healthy()
            self.watching = False
        elif self._slots.probation and self._gateway.clock.uptime() > PROBATION_S:
            self._gateway.restart()

    async def install(self, version, url):
        """Bring a version into the other slot and change over. Raises SlotError where it may not be, OSError,
        HttpError or Damaged where another attempt may do."""
        slots = self._slots
        slots.allow(version)
        async with self._source.opened(url) as source:
            data = await source.whole("manifest", MAX_MANIFEST)
            at = await self._steps(verify_steps(data, self._keys))
            head, _ = read_head(data, at)
            mpy, architecture = self._hal.mpy()
            if head[0] != version:
                raise SlotError("manifest: of version " + head[0])
            if head[2] != mpy:
                raise SlotError("its .mpy files are of version %d, this MicroPython loads %d" % (head[2], mpy))
            await self._steps(slots.clear({path for path, _, _ in files(data, at, architecture)}))
            for path, size, digest in files(data, at, architecture):
                await self._bring(source, path, size, digest)
        await self._steps(slots.change_over(version, list(files(data, at, architecture))))

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
