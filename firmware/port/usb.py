"""The PORT `usb`: the only USB serial adapter of an operating system, or a chip's own USB serial, its console."""

import asyncio
import os
import select
import sys


def found(spec):
    """The serial line that `usb[:BAUD[:MODE]]` stands for; "" on a chip. Raises OSError where it is not clear which."""
    try:
        names = os.listdir("/dev")
    except OSError:
        return ""
    adapters = sorted(["/dev/" + name for name in names if name[:6] in ("ttyUSB", "ttyACM")])
    if len(adapters) != 1:
        raise OSError("usb: " + ("name one: " + ", ".join(adapters) if adapters else "no serial adapter"))
    return adapters[0] + spec[3:]


class Console:
    """A chip's USB serial as a stream: while it is open no byte of it interrupts the program."""

    def __init__(self):
        from micropython import kbd_intr
        self._interrupts = kbd_intr
        kbd_intr(-1)
        self._file = sys.stdin.buffer
        self._one = asyncio.StreamReader(self._file)  # type: ignore[arg-type]
        self._more = select.poll()
        self._more.register(self._file, select.POLLIN)

    async def read(self, n):
        """The next byte, and those that have come with it: a longer read would wait until it is full."""
        data = bytearray(await self._one.read(1))
        while 0 < len(data) < n and self._more.poll(0):
            byte = self._file.read(1)
            if not byte:
                break
            data.extend(byte)
        return bytes(data)

    def write(self, data):
        """Send."""
        sys.stdout.buffer.write(data)

    async def drain(self):
        """Nothing to wait for."""

    def close(self):
        """A console again."""
        self._interrupts(3)

    async def wait_closed(self):
        """Nothing to wait for."""
