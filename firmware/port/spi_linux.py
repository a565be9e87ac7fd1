"""The SPI bus and the lines of a radio chip under Linux, by the libraries `spidev` and `gpiod` (2), both optional.

In a board's RADIO the SPI is (bus, device) and the kernel has its pins and the chip select (None); lines are GPIO
numbers of the first chip of lines. A process is not interrupted by a line here: the radio asks often instead.
"""

from .ticks import Clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LINES = "/dev/gpiochip0"


class Bus(Clock):
    """The bus of a single-board computer."""

    def __init__(self, radio, hz):
        try:
            import spidev
        except ImportError:
            raise OSError("%s: the Python library spidev is not installed" % radio[0]) from None
        number, device = radio[1]
        self.name = "SPI %d.%d" % (number, device)
        self._spi = spidev.SpiDev()
        self._spi.open(number, device)
        self._spi.max_speed_hz = hz
        self._spi.mode = 0
        self._lines = radio[6:]
        self._request: "Any" = None
        wired = [line for line in self._lines if line is not None]
        if wired:
            try:
                import gpiod
            except ImportError:
                raise OSError("%s: the Python library gpiod is not installed" % radio[0]) from None
            self._gpiod = gpiod
            self._request = gpiod.request_lines(LINES, consumer="netti",
                                                config={tuple(wired): gpiod.LineSettings()})

    def swap(self, out, into):
        """Send `out` and fill `into`, of the same length, with what comes back meanwhile."""
        into[:] = bytes(self._spi.xfer2(list(out)))

    def level(self, line):
        """0 or 1; None where the line is not wired up."""
        number = self._lines[line]
        if number is None:
            return None
        return int(self._request.get_value(number) == self._gpiod.line.Value.ACTIVE)

    def drive(self, line, level):
        """Drive a line of the chip that is an input, such as its reset, where it is wired up."""
        number = self._lines[line]
        if number is not None:
            value = self._gpiod.line.Value.ACTIVE if level else self._gpiod.line.Value.INACTIVE
            settings = {line: self._gpiod.LineSettings() for line in self._lines if line is not None}
            settings[number] = self._gpiod.LineSettings(direction=self._gpiod.line.Direction.OUTPUT,
                                                        output_value=value)
            self._request.reconfigure_lines(settings)

    def on_rise(self, line, handler):
        """Whether `handler` is called when the line rises: it is not."""
        return False

    def close(self):
        """Give everything back."""
        self._spi.close()
        if self._request is not None:
            self._request.release()
