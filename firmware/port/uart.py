"""A chip's UART, machine.UART, as a byte stream: `uart:UART:RX:TX:BAUD:MODE[:inverted]`, TX `-` for none.

The driver's interrupt puts what comes into its ring. That is looked at every LOOK_S, so that a slow line does not wake
the loop for each byte, and `take` allocates nothing.

The ring holds what comes while nobody looks, AWAY_MS at most: the handshake of TLS, in C, takes 1 to 3 s on an
ESP32-C3, a step of a signature and an erase of flash (0.4 s) far less. In that time a line of 2400 baud brings 720
bytes, as much as its longest list (Landis+Gyr, 722). One of 115200 brings a P1 telegram a second, of 1505 bytes at
most, and has to hold LISTS of them, as an erase that comes right behind waits for one to go by (home/han_line.py): 3 s,
1.1 s and 0.4 s. So 896 bytes at 2400 baud, 7,808 at 115200, of the system's memory, not of the heap.

What a full ring had no room for is gone without a word, and a break leaves the receiver in the middle of a byte: after
either the UART is made anew, and `resets` counts it.

A UART of an ESP32 always drives a TX pin; where none is given it is the default one, which is made an input again.
Something that must not be driven for a moment has to have another pin then (tests/board_rules.py).
"""

import asyncio
import time

AWAY_MS = 3000
LONGEST, LISTS = 1536, 5
LEAST = 768
DEFAULT_TX = {1: 10, 2: 17}  # MicroPython's ports/esp32
FIFO = 128  # the hardware's: the ring counts as full where it has no room for as much
LOOK_S = 0.05
CALM = 20  # looks between two resets for a break: a line read in another's setting is full of them
PASS_MS = 5  # no byte for so long is the end of a telegram
SIZE = 256  # what is taken at once


def ring(baud):
    """Bytes of the ring for a line of so many baud."""
    return max(LEAST, min(baud // 10 * AWAY_MS // 1000, LISTS * LONGEST)) + FIFO


def pause(ms):
    """Wait, holding the core."""
    time.sleep(ms / 1000)


def inverts():
    """Whether the chip's UART can take an inverted line; None where there is no UART."""
    try:
        from machine import UART
    except ImportError:
        return None
    return hasattr(UART, "INV_RX")


class Uart:
    """One UART, for reading and writing; both ends of `open_stream`. Raises OSError."""

    def __init__(self, spec):
        try:
            from machine import UART
        except ImportError:
            raise OSError("%s: there is no UART here" % spec)  # noqa: B904 - MicroPython keeps no cause
        parts = spec.split(":")
        try:
            self._id, rx, baud = int(parts[1]), int(parts[2]), int(parts[4])
            bits, parity, stop = int(parts[5][0]), {"N": None, "E": 0, "O": 1}[parts[5][1]], int(parts[5][2])
        except (ValueError, IndexError, KeyError):
            raise OSError("%s: not uart:UART:RX:TX:BAUD:MODE[:inverted]" % spec)  # noqa: B904
        self._size = ring(baud)
        self._settings: "dict" = {"baudrate": baud, "bits": bits, "parity": parity, "stop": stop, "rx": rx,
                          "rxbuf": self._size}
        if parts[3] != "-":
            self._settings["tx"] = int(parts[3])
        if parts[6:] == ["inverted"]:
            if not hasattr(UART, "INV_RX"):
                raise OSError("%s: this chip's UART takes no inverted line" % spec)
            self._settings["invert"] = UART.INV_RX
        self._class = UART
        self._buffer = bytearray(SIZE)
        self._spilt = self._broken = False
        self._looks = CALM
        self.resets = self.overruns = self.breaks = 0
        self._uart = self._opened()

    def _opened(self):
        try:
            made = self._class(self._id, **self._settings)
        except ValueError as e:
            raise OSError("uart %d: %s" % (self._id, e))  # noqa: B904
        if "tx" not in self._settings and self._id in DEFAULT_TX:
            from machine import Pin
            Pin(DEFAULT_TX[self._id], Pin.IN)
        if hasattr(self._class, "IRQ_BREAK"):
            made.irq(self._saw_break, self._class.IRQ_BREAK)
        return made

    def _saw_break(self, _uart):
        self._broken = True

    def take(self, buffer):
        """Put what has come into a buffer, as much as fits; returns how much. Allocates nothing."""
        if self._uart.any() > self._size - FIFO:
            self._spilt = True
        n = self._uart.readinto(buffer)
        if n:
            return n
        self._looks += 1
        if self._spilt or self._broken and self._looks > CALM:
            self._reset()
        return 0

    def _reset(self):
        self.overruns += self._spilt
        self.breaks += self._broken
        self.resets += 1
        self._spilt = self._broken = False
        self._looks = 0
        self._uart.deinit()
        self._uart = self._opened()

    def let_pass(self, most_ms):
        """Wait, holding the core, until something has come and come to an end, at most so long: then the line is free
        for what turns interrupts off."""
        before, moves = self._uart.any(), False
        for _ in range(most_ms // PASS_MS):
            pause(PASS_MS)
            count = self._uart.any()
            if count != before:
                before, moves = count, True
            elif moves:
                return

    async def rest(self):
        """Wait for the next look."""
        await asyncio.sleep(LOOK_S)

    async def read(self, n):
        """What has come, at most so much, once there is something."""
        while True:
            got = self.take(self._buffer)
            if got:
                return bytes(self._buffer[:got])
            await self.rest()

    def write(self, data):
        """Send."""
        self._uart.write(data)

    async def drain(self):
        """Nothing to wait for: the driver has it."""

    def close(self):
        """Let go of the UART and its pins."""
        self._uart.deinit()

    async def wait_closed(self):
        """Nothing to wait for."""
