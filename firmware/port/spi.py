"""The SPI bus and the lines of a radio chip: `machine` on a chip; on Linux see `spi_linux`.

A board's RADIO is (chip, spi, sck, mosi, miso, cs, line, ...); a line is the number of a pin, None where it is not
wired up. What a line is for, only the radio knows: it asks for it by its place.

A collection of garbage holds up everything, interrupts too: with such a chip it is made by hand (calm.py), and by
itself only where memory is full.
"""

import gc

from . import MICROPYTHON
from .ticks import Clock

HZ = 4000000  # a CC1101 takes 6.5 MHz at most in bursts, an SX1276 10, an SX1262 16; wires on a breadboard less


def spi_bus(radio, hz=HZ):
    """The bus to the radio chip of a board's RADIO. Raises OSError where there is no SPI."""
    try:
        from machine import SPI, Pin
    except ImportError:
        if MICROPYTHON:
            raise OSError("%s: there is no SPI here" % radio[0])  # noqa: B904 - MicroPython keeps no cause
        from . import spi_linux
        return spi_linux.Bus(radio, hz)
    if MICROPYTHON:
        gc.threshold(-1)  # type: ignore[attr-defined]
    return Bus(radio, hz, SPI, Pin)


class Bus(Clock):
    """The bus of a chip: `machine`'s SPI and Pin."""

    def __init__(self, radio, hz, spi, pin):
        number, sck, mosi, miso, cs = radio[1:6]
        self.name = "SPI %s, chip select %s" % (number, cs)
        self._pin = pin
        self._cs = pin(cs, pin.OUT, value=1)
        self._spi = spi(number, baudrate=hz, polarity=0, phase=0, sck=pin(sck), mosi=pin(mosi), miso=pin(miso))
        self._lines = [None if line is None else pin(line, pin.IN) for line in radio[6:]]

    def swap(self, out, into):
        """Send `out` and fill `into`, of the same length, with what comes back meanwhile."""
        select = self._cs.value
        select(0)
        self._spi.write_readinto(out, into)
        select(1)

    def level(self, line):
        """0 or 1; None where the line is not wired up."""
        pin = self._lines[line]
        return None if pin is None else pin.value()

    def drive(self, line, level):
        """Drive a line of the chip that is an input, such as its reset, where it is wired up."""
        pin = self._lines[line]
        if pin is not None:
            pin.init(self._pin.OUT, value=level)

    def on_rise(self, line, handler):
        """Call `handler(_)` when a line rises, between two steps of whatever runs; None: no more. Whether it can."""
        pin = self._lines[line]
        if pin is None:
            return False
        pin.irq(handler, self._pin.IRQ_RISING)
        return True

    def close(self):
        """Give everything back."""
        for line in range(len(self._lines)):
            self.on_rise(line, None)
        self._spi.deinit()
