"""For update_lives.py on MicroPython: its own LittleFS on a NOR flash in RAM that can be cut off at any byte.

Programming clears bits only, erasing sets a block's; either can be torn. From the cut on every operation fails, as
those of a chip without power would.
"""

import gc

import vfs
from update_lives import MANY, Cut

from firmware.port import files

BLOCK = 512
BLOCKS = 112
EIO = -5
WEAR = 6  # bytes LittleFS programs for each of ours, about: so that lives last as long as on other flashes


class Nor:
    """The block device."""

    def __init__(self, random):
        self.random = random
        self.blocks = [bytearray(b"\xff" * BLOCK) for _ in range(BLOCKS)]
        self.over = 0  # bytes that were programmed without having been erased
        self.new(random)

    def new(self, random):
        """As if it were another, erased chip."""
        self.random = random
        for block in self.blocks:
            for i in range(0, BLOCK, 64):
                block[i:i + 64] = b"\xff" * 64
        self.dead = False
        self.budget = MANY

    def readblocks(self, n, buf, off=0):
        if self.dead:
            return EIO
        buf[:] = self.blocks[n][off:off + len(buf)]
        return 0

    def writeblocks(self, n, buf, off=None):
        if off is None:
            return EIO
        if self.dead:
            return EIO
        block = self.blocks[n]
        size = len(buf)
        if size > self.budget:
            size, self.dead = self.budget, True
        self.budget -= size
        for i in range(size):
            if block[off + i] != 255 and block[off + i] & buf[i] != buf[i]:
                self.over += 1
            block[off + i] &= buf[i]
        if self.dead:
            # The byte in progress: some of its bits.
            block[off + size] &= buf[size] | self.random.below(256)
            return EIO
        return 0

    def ioctl(self, op, n):
        if op == 4:
            return BLOCKS
        if op == 5:
            return BLOCK
        if op == 6:
            if self.dead:
                return EIO
            block = self.blocks[n]
            if self.budget < 16:
                # Torn: erased up to somewhere, and behind it weakly.
                self.dead = True
                to = self.random.below(BLOCK)
                for i in range(BLOCK):
                    block[i] |= 255 if i < to else self.random.below(256)
                return EIO
            self.budget -= 16
            for i in range(0, BLOCK, 64):
                block[i:i + 64] = b"\xff" * 64
        return 0


class LfsFlash:
    """As update_lives.Flash, on LittleFS through the functions of `port.files`."""

    nor = None

    def __init__(self, random):
        self._unmount()
        if LfsFlash.nor is None:
            LfsFlash.nor = Nor(random)
        self.nor = LfsFlash.nor
        self.nor.new(random)
        gc.collect()
        vfs.VfsLfs2.mkfs(self.nor, readsize=32, progsize=32, lookahead=32)
        self._mount()
        files.make_folder("/lfs/slots")

    def _mount(self):
        vfs.mount(vfs.VfsLfs2(self.nor, readsize=32, progsize=32, lookahead=32), "/lfs")

    def _unmount(self):
        gc.collect()
        try:
            vfs.umount("/lfs")
        except OSError:
            pass

    def power_up(self, budget):
        self._unmount()
        self.nor.dead = False
        self.nor.budget = budget * WEAR if budget < MANY else MANY
        self._mount()

    def _do(self, what, *arguments):
        if self.nor.dead:
            raise Cut()
        try:
            result = what(*arguments)
        except OSError:
            if self.nor.dead:
                raise Cut()  # noqa: B904 - MicroPython keeps no cause
            raise
        if self.nor.dead:
            raise Cut()
        return result

    def reader(self, path):
        return self._do(files.reader, "/lfs" + path)

    def appender(self, path):
        return _Appender(self, self._do(files.appender, "/lfs" + path))

    def read_whole(self, path):
        return self._do(files.read_whole, "/lfs" + path)

    def write_here(self, path, data):
        self._do(files.write_here, "/lfs" + path, data)

    def names(self, folder):
        return self._do(files.names, "/lfs" + folder)

    def is_folder(self, path):
        return self._do(files.is_folder, "/lfs" + path)

    def remove(self, path):
        self._do(files.remove, "/lfs" + path)

    def remove_folder(self, path):
        self._do(files.remove_folder, "/lfs" + path)

    def make_folder(self, path):
        self._do(files.make_folder, "/lfs" + path)


class _Appender:
    def __init__(self, flash, file):
        self._flash = flash
        self._file = file

    def write(self, data):
        self._flash._do(self._file.write, data)

    def sync(self):
        self._flash._do(self._file.sync)

    def close(self):
        try:
            self._file.close()
        except OSError:
            if not self._flash.nor.dead:
                raise
        if self._flash.nor.dead:
            raise Cut()
