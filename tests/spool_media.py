"""What a spool can lie on, for its one contract: a file system that loses what was not flushed, a NOR flash with the
ring on its bare blocks, and (where there is `vfs`) LittleFS on such a flash. The flash tears its programs and erases.
"""

import random

from disk import BLOCK, Cut, Disk
from flash_sim import Nor

from firmware.port import files
from firmware.spool import blocks, nor
from firmware.spool.files import Ring

try:
    import vfs
except ImportError:
    vfs = None


class Medium:
    """Opens rings with epochs from a seeded generator. `kind` is the class of the ring, or a known-bad one."""

    kills = False  # whether what `append` returned survives a kill
    grows = True  # whether a pinned ring grows rather than refuse
    kind = Ring

    def __init__(self, seed=0, capacity=1 << 16):
        random.seed(seed)
        self.capacity = capacity
        self.cuts = 0

    def close(self):
        """Nobody needs it any more."""

    def bytes(self, n):
        return bytes([random.getrandbits(8) for _ in range(n)])

    def life(self, live):
        """Live until `live()` returns or the power goes; whether it went."""
        try:
            live()
        except Cut:
            self.cuts += 1
            return True
        return False


class Files(Medium):
    """The ring in files on a disk in memory."""

    name = "file"
    kills = True

    def __init__(self, seed=0, capacity=1 << 16):
        Medium.__init__(self, seed, capacity)
        self.disk = Disk()

    def open(self):
        return self.kind(self.disk, "spool", self.capacity, self.bytes, lambda: 5)

    def inspect(self):
        return Ring(self.disk, "spool", 0, None, None).inspect()

    def set_budget(self):
        self.disk.budget = random.getrandbits(11)

    def crash(self, kill):
        self.disk = self.disk.crash(kill, 0 if kill else random.getrandbits(7))

    def within_capacity(self):
        return self.disk.size() <= self.capacity + 4096

    def segments(self):
        return len(self.disk.segments())

    def flip(self, path, at, bits):
        self.disk.files[path].blocks[at // BLOCK][at % BLOCK] ^= bits

    def damage_record(self, segment):
        self.flip(self.disk.segments()[segment], 500, 4)

    def damage_cursor(self):
        # acknowledged 2 becomes 7
        self.flip("spool/cursor", 19, 5)

    def break_continuity(self):
        """Take what proves that no seq is given out twice; how many records at the end go with it."""
        if random.getrandbits(1):
            self.disk.remove("spool/cursor")
        else:
            self.disk.write_whole("spool/cursor", b"x" * 48)
        return 0


class Bare(Medium):
    """The ring on bare flash, in small blocks so that there are many."""

    name = "flash"
    grows = False
    kind = blocks.FlashRing
    size = 1024

    def __init__(self, seed=0, capacity=1 << 16):
        Medium.__init__(self, seed, capacity)
        self.nor = Nor(capacity // self.size, self.size)

    def open(self):
        return self.kind(nor.Flash(self.nor), self.bytes, lambda: 5)

    def inspect(self):
        seen = blocks.FlashRing(nor.Flash(self.nor), None, None).inspect()
        assert seen is None or seen.pop("erases") == 1
        return seen

    def set_budget(self):
        self.nor.budget = random.getrandbits(4)

    def crash(self, kill):
        self.nor = self.nor.again()
        assert not self.nor.over, "programmed without an erase"

    def within_capacity(self):
        return True

    def segments(self):
        return len([c for c in self.nor.cells if c and c[:4] == b"NFR1"])

    def damage_record(self, segment):
        self.nor.flip(segment, 500, 4)

    def damage_cursor(self):
        # of the second cursor, which is the last: acknowledged 2 becomes 7
        self.nor.flip(0, self.size - 2 * 20 + 7, 5)

    def break_continuity(self):
        # The last record that was sent no longer reads.
        block = self.nor.cells[0]
        at = 60
        while block[at] != 255:
            last, at = at, at + 6 + (block[at] << 8 | block[at + 1])
        self.nor.flip(0, last + 3)
        return 1


class LittleFs(Medium):
    """The ring in files on LittleFS, on flash. The power goes behind C code, so the medium fails from then on."""

    name = "littlefs"

    def __init__(self, seed=0, capacity=1 << 16):
        Medium.__init__(self, seed, capacity)
        self.nor = Nor(capacity * 3 // 512, 512, True)
        vfs.VfsLfs2.mkfs(self.nor)
        self.ring = None
        self._mount()

    def _mount(self):
        try:
            vfs.umount("/netti")  # of a test that failed
        except OSError:
            pass
        vfs.mount(vfs.VfsLfs2(self.nor, progsize=16, readsize=16, lookahead=16), "/netti")

    def open(self):
        self._close_file()
        self.ring = self.kind(files, "/netti/spool", self.capacity, self.bytes, lambda: 5)
        return self.ring

    def inspect(self):
        return Ring(files, "/netti/spool", 0, None, None).inspect()

    def set_budget(self):
        self.nor.budget = random.getrandbits(7)

    def life(self, live):
        try:
            live()
        except OSError:
            if not self.nor.dead:
                raise
            self.cuts += 1
            return True
        return False

    def crash(self, kill):
        # A file left open would be closed by the next collection, in the middle of anything.
        self.close()
        self.nor = self.nor.again()
        self._mount()

    def close(self):
        self.nor.dead = True
        self._close_file()
        vfs.umount("/netti")

    def _close_file(self):
        if self.ring and self.ring._out:
            try:
                self.ring._out.close()
            except OSError:
                pass
        self.ring = None

    def within_capacity(self):
        folder = "/netti/spool/"
        return sum([len(files.read_whole(folder + n)) for n in files.names(folder)]) <= self.capacity + 4096

    def segments(self):
        return len([n for n in files.names("/netti/spool") if n.endswith(".seg")])

    def _change(self, path, at, bits):
        data = bytearray(files.read_whole(path))
        data[at] ^= bits
        files.write_here(path, data)

    def damage_record(self, segment):
        self._change("/netti/spool/" + files.names("/netti/spool")[segment], 500, 4)

    def damage_cursor(self):
        self._change("/netti/spool/cursor", 19, 5)

    def break_continuity(self):
        files.remove("/netti/spool/cursor")
        return 0


def media():
    """The kinds of media of this runtime."""
    return (Files, Bare) if vfs is None else (Files, Bare, LittleFs)
