"""A stretch of NOR flash: reading is free, programming only clears bits, erasing sets a whole block.

The device under it follows MicroPython's extended block protocol (as `esp32.Partition` does): `readblocks(block, buf,
offset)`, `writeblocks(block, buf, offset)` which programs without erasing, `ioctl(4)` blocks, `ioctl(5)` bytes of a
block, `ioctl(6, block)` erase. It reports a failure by raising OSError or by a negative number.
"""

from ..errors import ConfigError

VALUES_SHARE = 16  # the values ring gets one block in so many, the telegrams the rest
_LEAST = 8  # blocks a ring needs to be worth it
_COUNT, _SIZE, _ERASE = 4, 5, 6
# Called before each erase where something must not be missed meanwhile: a chip's interrupts are off for 45 to 400 ms.
before_erase: "list" = []


def _good(result):
    if isinstance(result, int) and result < 0:
        raise OSError(-result)


class Flash:
    """`count` blocks of a device from its block `first` on; all of them by default. Raises OSError."""

    def __init__(self, device, first=0, count=None):
        self.device = device
        self._first = first
        self.blocks = device.ioctl(_COUNT, 0) - first if count is None else count
        self.block_size = device.ioctl(_SIZE, 0)

    def read(self, block, offset, n):
        """`n` bytes of a block."""
        data = bytearray(n)
        _good(self.device.readblocks(self._first + block, data, offset))
        return data

    def program(self, block, offset, data):
        """Clear the bits that are 0 in `data`."""
        _good(self.device.writeblocks(self._first + block, data, offset))

    def erase(self, block):
        """Set all bits of a block."""
        for wait in before_erase:
            wait()
        _good(self.device.ioctl(_ERASE, self._first + block))


def shares(device):
    """The two rings' parts of a device: (values, telegrams). Raises ConfigError."""
    blocks = device.ioctl(_COUNT, 0)
    values = max(blocks // VALUES_SHARE, _LEAST)
    if blocks - values < _LEAST:
        raise ConfigError("spool: a flash partition of %d blocks is too small" % blocks)
    return Flash(device, 0, values), Flash(device, values)


def wipe(flash):
    """Erase all blocks: nothing of their content can be read after that."""
    for block in range(flash.blocks):
        flash.erase(block)
