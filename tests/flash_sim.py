"""A NOR flash for tests: programming only clears bits, erasing sets a block, and the power goes at any of these steps.

It follows MicroPython's block protocol, so that a file system mounts on it too. `budget` is how many more program and
erase steps go well; the one after is torn: a part of its bits change. Bits that a torn program cleared are weak: they
read 0 after the first start, and may read 1 after a later one unless they were programmed again. `quiet` is for a
device behind C code: it answers with an error from then on instead of raising `Cut`, and has no weak bits, which
LittleFS does not claim to stand.
"""

import random

from disk import Cut


class Nor:
    """`blocks` blocks of `size` bytes."""

    def __init__(self, blocks, size, quiet=False):
        self.size = size
        self.cells = [None] * blocks  # a bytearray; None where all is erased
        self.quiet = quiet
        self.budget = None
        self.dead = False
        self.steps = self.erases = self.programmed = 0
        self.over = 0  # programs that were to set bits without an erase
        self._weak = [{}, {}]  # (block, offset): byte before; weak before and since the last start

    def _cells(self, block):
        if self.cells[block] is None:
            self.cells[block] = bytearray(b"\xff" * self.size)
        return self.cells[block]

    def _step(self):
        # Whether this step is the one that is torn.
        self.steps += 1
        if self.budget is None:
            return False
        self.budget -= 1
        return self.budget < 0

    def _die(self):
        self.dead = True
        if not self.quiet:
            raise Cut()
        return -5

    def readblocks(self, block, buf, offset=0):
        if self.dead:
            return -5
        cells = self.cells[block]
        buf[:] = b"\xff" * len(buf) if cells is None else memoryview(cells)[offset:offset + len(buf)]
        return 0

    def writeblocks(self, block, buf, offset=0):
        if self.dead:
            return -5
        cells, n = self._cells(block), len(buf)
        self.programmed += n
        if self._step():
            self._tear(block, buf, offset)
            return self._die()
        before, want = int.from_bytes(cells[offset:offset + n], "big"), int.from_bytes(buf, "big")
        after = before & want
        if after != want:
            self.over += 1
        cells[offset:offset + n] = after.to_bytes(n, "big")
        for weak in self._weak:
            for at in range(offset, offset + n) if weak else ():
                weak.pop((block, at), None)
        return 0

    def _tear(self, block, buf, offset):
        # 0 nothing, 1 the beginning, 2 bits here and there, 3 all
        cells, kind = self._cells(block), random.getrandbits(2)
        reach = random.getrandbits(16) % (len(buf) + 1) if kind == 1 else len(buf)
        for i in range(reach if kind else 0):
            before = cells[offset + i]
            after = before & (buf[i] | (random.getrandbits(8) if kind == 2 else 0))
            if after != before:
                cells[offset + i] = after
                if not self.quiet:
                    self._weak[1][(block, offset + i)] = before

    def ioctl(self, op, arg):
        if op == 4:
            return len(self.cells)
        if op == 5:
            return self.size
        if op != 6:
            return 0
        if self.dead:
            return -5
        torn = self._step()
        kind = random.getrandbits(2) if torn else 3
        cells = self._cells(arg) if kind in (1, 2) else b""
        if kind == 3:
            self.cells[arg] = None
        elif kind == 2:
            for i in range(self.size):
                cells[i] |= random.getrandbits(8)
        elif kind == 1:
            half = random.getrandbits(16) % self.size
            cells[half:] = b"\xff" * (self.size - half)
        for weak in self._weak:
            for key in [k for k in weak if k[0] == arg]:
                weak.pop(key)
        self.erases += 1
        return self._die() if torn else 0

    def again(self):
        """The flash when the power is back, as another device: whoever still holds this one finds it dead."""
        after = Nor(0, self.size, self.quiet)
        after.cells, after._weak, after.over = self.cells, self._weak, self.over
        after.steps, after.erases, after.programmed = self.steps, self.erases, self.programmed
        self.dead = True
        after.start()
        return after

    def start(self):
        """The power is back. What has been weak for a whole start settles at random."""
        for (block, offset), before in self._weak[0].items():
            self._cells(block)[offset] |= before & random.getrandbits(8)
        self._weak = [self._weak[1], {}]
        self.dead, self.budget = False, None

    def flip(self, block, offset, bits=1):
        """Damage some bits of a byte."""
        self._cells(block)[offset] ^= bits
