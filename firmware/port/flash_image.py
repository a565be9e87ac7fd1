"""The spool's flash: a partition of the chip, or, where there is no chip, a file that keeps the rules of NOR.

What was written to the file is with the operating system: the end of the process is this flash's power cut.
"""

from . import files

BLOCK = 4096


class Image:
    """The file at `path`, made with `blocks` erased blocks if there is none; follows the block protocol of `nor`."""

    def __init__(self, path, blocks=512):
        try:
            self._file = open(path, "r+b", 0)  # noqa: SIM115 - stays open
        except OSError:
            with open(path, "wb") as f:
                for _ in range(blocks):
                    f.write(b"\xff" * BLOCK)
            self._file = open(path, "r+b", 0)  # noqa: SIM115
        self._blocks = self._file.seek(0, 2) // BLOCK

    def readblocks(self, block, buf, offset=0):
        """Fill `buf`."""
        self._file.seek(block * BLOCK + offset)
        self._file.readinto(buf)

    def writeblocks(self, block, buf, offset=0):
        """Program: bits can only be cleared."""
        before = bytearray(len(buf))
        self.readblocks(block, before, offset)
        after = int.from_bytes(before, "big") & int.from_bytes(buf, "big")
        self._file.seek(block * BLOCK + offset)
        self._file.write(after.to_bytes(len(buf), "big"))

    def ioctl(self, op, arg):
        """4: blocks, 5: bytes of one, 6: erase one."""
        if op == 4:
            return self._blocks
        if op == 5:
            return BLOCK
        if op == 6:
            self._file.seek(arg * BLOCK)
            self._file.write(b"\xff" * BLOCK)
        return 0


def flash(folder, make=False):
    """The spool's flash, which follows the block protocol of `spool.nor`, or None where there is none: on a chip the
    data partition labelled "netti", elsewhere the image spool.flash in the gateway's folder, made if `make`."""
    try:
        from esp32 import Partition
    except ImportError:
        path = folder + "/spool.flash"
        if make or "spool.flash" in files.names(folder):
            return Image(path)
        return None
    partitions = Partition.find(Partition.TYPE_DATA, label="netti")
    return partitions[0] if partitions else None
