"""The lives of devices that are updated and lose their power at any byte: what tests and bench/powercut_update.py run.

A device starts by boot.choose, runs what its slot holds, is confirmed or not, is offered releases (newer, the same,
older ones that were validly signed once; one of every three does not work), and is cut off anywhere. The signature is
not checked here, only what happens to the files. Known-bad variants of the firmware are here too.

Counted are `unbootable`: starts of a slot that does not hold exactly one signed release, and devices that do not come
back to a working one; `downgrades`: a version running below one that was confirmed; `stuck`: devices that no longer
take a newer release.
"""

import hashlib

from firmware import boot
from firmware.update import install
from firmware.update.slots import SlotError, Slots
from firmware.wire import cbor
from firmware.wire.release import version_number

FOLDER = "/slots"
MANY = 1 << 30


class Random:
    """The same numbers on both runtimes (xorshift32)."""

    def __init__(self, seed):
        self._n = (seed * 2654435761 + 88172645463325252) & 0xFFFFFFFF or 1

    def below(self, n):
        """A number from 0 to n - 1."""
        x = self._n
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._n = x
        return (x >> 3) % n

    def data(self, n):
        """Some bytes."""
        return bytes([self.below(256) for _ in range(n)])


class Cut(BaseException):
    """The power is gone. Not an Exception: nobody handles it."""


class Flash:
    """Files in memory with the functions of `port.files`. `budget` is how many more bytes may be written; the write in
    progress is torn there, and what was not made durable is left as a beginning, or in its full length with rubbish."""

    def __init__(self, random):
        self.random = random
        self.files = {}
        self.folders = {FOLDER}
        self.loose = set()  # files with bytes that are not durable
        self.budget = MANY

    def power_up(self, budget):
        """After a cut: what is there now, and how far the power will last."""
        self.budget = budget
        self.loose = set()

    def _spend(self, n):
        if n <= self.budget:
            self.budget -= n
            return n
        left = self.budget
        self.budget = 0
        return left

    def _cut(self):
        self.budget = 0
        for path in sorted(self.loose):
            data = self.files[path]
            at = self.random.below(len(data) + 1)
            rest = self.random.data(len(data) - at) if self.random.below(2) else b""
            self.files[path] = bytearray(bytes(data[:at]) + rest)
        raise Cut()

    def add(self, path, data):
        n = self._spend(len(data))
        self.files[path].extend(data[:n])
        if n < len(data):
            self._cut()

    def durable(self, path):
        if not self._spend(1):
            self._cut()
        self.loose.discard(path)

    # --- as in port ---

    def reader(self, path):
        return _Reader(bytes(self.files[path]))

    def appender(self, path):
        self.durable("")
        assert path not in self.folders and path.rsplit("/", 1)[0] in self.folders, path
        if path not in self.files:
            self.files[path] = bytearray()
        self.loose.add(path)
        return _Appender(self, path)

    def read_whole(self, path):
        data = self.files.get(path)
        return None if data is None else bytes(data)

    def write_here(self, path, data):
        self.files[path] = bytearray()
        self.loose.add(path)
        self.add(path, data)
        self.durable(path)

    def names(self, folder):
        names = [p[len(folder) + 1:] for p in self.files if p.startswith(folder + "/")]
        names += [p[len(folder) + 1:] for p in self.folders if p.startswith(folder + "/")]
        return sorted([name for name in names if "/" not in name])

    def is_folder(self, path):
        return path in self.folders

    def remove(self, path):
        if path in self.files:
            self.durable(path)
            del self.files[path]

    def remove_folder(self, path):
        if path in self.folders and not self.names(path):
            self.durable("")
            self.folders.discard(path)

    def make_folder(self, path):
        at = ""
        for part in path.split("/")[1:]:
            at += "/" + part
            if at not in self.folders:
                self.durable("")
                assert at not in self.files, at
                self.folders.add(at)


class _Reader:
    def __init__(self, data):
        self._data = data

    def read(self, n):
        piece, self._data = self._data[:n], self._data[n:]
        return piece

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class _Appender:
    def __init__(self, flash, path):
        self._flash = flash
        self._path = path

    def write(self, data):
        self._flash.add(self._path, data)

    def sync(self):
        self._flash.durable(self._path)

    def close(self):
        pass


# --- releases -------------------------------------------------------------------------------------------------------

class Release:
    """Release number n: some files stay from one to the next, some change, a module becomes a package and back."""

    def __init__(self, n):
        self.number = n
        self.version = "0.%d.%d" % (n // 10, n % 10)
        self.works = n % 3 != 2
        r = Random(n)
        self.files = {"firmware/main.mpy": r.data(60 + r.below(90)), "firmware/__init__.mpy": b"the same in all",
                      "wmbus/kept.mpy": Random(n // 4).data(100), "wmbus/r%d.mpy" % (n % 5): r.data(40)}
        self.files["wmbus/x.mpy" if n & 1 else "wmbus/x/y.mpy"] = r.data(30)

    def manifest(self):
        """Its manifest without the envelope."""
        rows = [cbor.encode([path, len(self.files[path]), hashlib.sha256(self.files[path]).digest(), ""])
                for path in sorted(self.files)]
        return cbor.encode([self.version, 0, 6, len(rows)]) + b"".join(rows)


class Source:
    """The receiver: it hangs up now and then, and now and then a byte arrives changed."""

    def __init__(self, release, random):
        self._release = release
        self._random = random
        self._blobs = {hashlib.sha256(release.files[p]).digest().hex(): release.files[p] for p in release.files}

    def below(self, _url):
        return self

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    async def whole(self, _name, _most):
        return self._release.manifest()

    async def stream(self, name, _size, take):
        data = bytearray(self._blobs[name])
        chance = self._random.below(40)
        if chance == 0:
            data[self._random.below(len(data))] ^= 1 << self._random.below(8)
        half = len(data) // 2
        take(bytes(data[:half]))
        if chance == 1:
            raise OSError("hung up")
        take(bytes(data[half:]))


class Hal:
    """What Update needs of `port`."""

    async def sleep(self, _seconds):
        pass

    def mpy(self):
        return 6, ""


def _unsigned(_data, _keys):
    return 0
    yield


def finish(coroutine):
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as e:
        return e.value
    raise AssertionError("it waited")


# --- known-bad firmware ---------------------------------------------------------------------------------------------

class BlindSlots(Slots):
    """Believes a file that has the right length."""

    def holds(self, path, size, _digest):
        try:
            with self._files.reader(path) as f:
                return len(f.read(size + 1)) == size
        except (OSError, KeyError):
            return False
        yield


class ForgetfulSlots(Slots):
    """Knows no minimum version."""

    def allow(self, version):
        if self._state.probation:
            raise SlotError("on probation")


class HastyUpdate(install.Update):
    """Changes over before it writes."""

    async def install(self, version, url):
        slots = self._slots
        slots.allow(version)
        state = slots._state
        slots._save(boot.changed(state, active=1 - state.active, probation=True, tries=0,
                                   versions=slots._versions(1 - state.active, version_number(version))))
        slots._state = state
        allow, slots.allow = slots.allow, lambda _version: None
        try:
            await super().install(version, url)
        finally:
            slots.allow = allow


def uncounted(files, folder):
    """A boot.choose that does not count its starts."""
    return boot.SLOTS[boot.read_state(files, folder).active]


def one_record(files, folder, state):
    """A boot.write_state that has one place only."""
    state = boot.changed(state, generation=state.generation + 1)
    files.write_here(folder + "/state.0", boot.pack(state))
    return state


def unchecked(data):
    """A boot.unpack that believes any CRC."""
    if data is None or len(data) < boot._SIZE:
        return None
    import struct
    data = data[:boot._SIZE]
    return boot_unpack(data + struct.pack("<I", boot.binascii.crc32(data)))


boot_unpack, boot_write, boot_choose = boot.unpack, boot.write_state, boot.choose
MUTANTS = ("flip before write", "no read-back", "no minimum version", "starts not counted", "one record",
           "record without CRC")


class Lives:
    """One device after the other; `flash(random)` makes the next one's flash."""

    def __init__(self, seed, flash=Flash, mutant=None):
        self.random = Random(seed)
        self._flash = flash
        self._mutant = mutant
        self.counts = {"devices": 0, "cuts": 0, "starts": 0, "installed": 0, "confirmed": 0, "rolled_back": 0,
                       "unbootable": 0, "downgrades": 0, "refused": 0, "stuck": 0}
        self.releases = [Release(n) for n in range(40)]

    def _count(self, name):
        self.counts[name] += 1

    def run(self, cuts, stop_at_first=False):
        """Live until that many cuts; returns the counts."""
        boot.write_state = one_record if self._mutant == "one record" else boot_write
        boot.unpack = unchecked if self._mutant == "record without CRC" else boot_unpack
        boot.choose = uncounted if self._mutant == "starts not counted" else boot_choose
        verify, install.verify_steps = install.verify_steps, _unsigned
        try:
            while self.counts["cuts"] < cuts:
                self._device(cuts)
                if stop_at_first and self.bad():
                    break
        finally:
            boot.write_state, boot.unpack, boot.choose = boot_write, boot_unpack, boot_choose
            install.verify_steps = verify
        return self.counts

    def bad(self):
        """Whether anything happened that must not."""
        return self.counts["unbootable"] + self.counts["downgrades"] + self.counts["stuck"] > 0

    def _device(self, cuts):
        self._count("devices")
        flash = self._flash(self.random)
        for path in self.releases[0].files:
            whole = FOLDER + "/a/" + path
            flash.make_folder(whole.rsplit("/", 1)[0])
            flash.write_here(whole, self.releases[0].files[path])
        self._confirmed = self._failing = 0
        for _ in range(25):
            # Short lives see every step of an update, long ones several updates.
            flash.power_up(1 + self.random.below((60, 400, 2500)[self.random.below(3)]))
            try:
                for _ in range(12):
                    if not self._start(flash):
                        return
            except Cut:
                self._count("cuts")
            if self.counts["cuts"] >= cuts:
                break
        # With the power on for good it must come to rest on a release that works.
        flash.power_up(MANY)
        for _ in range(6):
            if not self._start(flash, False):
                return
        # And take the next one.
        now = self._holds(flash, FOLDER + "/" + boot.choose(flash, FOLDER))
        slots = self._slots(flash, now)
        slots.healthy()
        following = self.releases[now.number + 1] if now.number + 1 < len(self.releases) else None
        for _ in range(20 if following else 0):
            try:
                self._install(slots, now, following)
                return
            except SlotError:
                break
            except (OSError, ValueError):
                pass
        if following:
            self._count("stuck")

    def _slots(self, flash, release):
        kind = {"no read-back": BlindSlots, "no minimum version": ForgetfulSlots}.get(self._mutant, Slots)
        return kind(flash, FOLDER, release.version)

    def _install(self, slots, release, offered):
        kind = HastyUpdate if self._mutant == "flip before write" else install.Update
        installer = kind(Hal(), slots, Source(offered, self.random), (), release.version, None)
        finish(installer.install(offered.version, ""))

    def _start(self, flash, offers=True):
        # One start of the device; False if it is lost.
        self._count("starts")
        before = boot.read_state(flash, FOLDER)
        slot = FOLDER + "/" + boot.choose(flash, FOLDER)
        if before.probation and slot != FOLDER + "/" + boot.SLOTS[before.active]:
            self._count("rolled_back")
        release = self._holds(flash, slot)
        if release is None:
            self._count("unbootable")
            return False
        if release.number < self._confirmed:
            self._count("downgrades")
            return False
        if not release.works:
            self._failing += 1
            # Three counted starts and the one that goes back; starts that were cut off do not get here.
            if self._failing > 4:
                self._count("unbootable")
                return False
            return True
        self._failing = 0
        slots = self._slots(flash, release)
        if slots.rolled_back():
            slots.clear_rollback_note()
        if self.random.below(4):
            was = slots.probation
            slots.healthy()
            self._confirmed = max(self._confirmed, release.number)
            if was:
                self._count("confirmed")
        if offers:
            self._offer(slots, release)
        return True

    def _offer(self, slots, release):
        n = release.number + (1, 1, 2, 3, 0, -1, -2)[self.random.below(7)]
        offered = self.releases[min(max(n, 0), len(self.releases) - 1)]
        try:
            self._install(slots, release, offered)
            self._count("installed")
        except SlotError:
            self._count("refused")
        except (OSError, ValueError):
            pass

    def _holds(self, flash, slot):
        # The release that a slot holds, exactly; None if it is none.
        held = {}
        todo = [slot]
        while todo:
            folder = todo.pop()
            for name in flash.names(folder):
                path = folder + "/" + name
                if flash.is_folder(path):
                    todo.append(path)
                else:
                    held[path[len(slot) + 1:]] = flash.read_whole(path)
        for release in self.releases:
            if release.files == held:
                return release
        return None
