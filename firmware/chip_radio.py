"""The task of a radio chip on the board's own pins; loaded only where there is one.

The chip is a class Radio(bus) of firmware/radios/: `await run(heard, hal)` receives for ever, `rejected` counts. Each
start begins with a new bus and a new Radio, so that a chip that hangs is set up from nothing.
"""


class ChipRadio:
    """`kind` is the class, `pins` the RADIO of the board's file."""

    def __init__(self, gateway, name, kind, pins):
        self._gateway = gateway
        self._name = name
        self._kind = kind
        self._pins = pins
        self.radio = None  # while it runs

    @property
    def found(self):
        """What answered, "" for nothing."""
        return self.radio.found if self.radio is not None else ""

    async def run(self):
        """Receive until the chip gives no answer (OSError); the caller starts it again."""
        g = self._gateway
        try:
            bus = g.hal.spi_bus(self._pins)
        except (ValueError, ImportError) as e:  # a pin that there is not
            raise OSError("%s: %s" % (self._name, e))  # noqa: B904 - MicroPython keeps no cause
        try:
            self.radio = self._kind(bus)
            await self.radio.run(self._heard, g.hal)
        finally:
            self._count()
            self.radio = None
            bus.close()

    def _heard(self, telegram, rssi):
        if not -128 <= rssi <= 0:  # a record has no room for it (docs/wire.md)
            rssi = -128 if rssi < 0 else 0
        self._gateway.telegram(telegram, rssi)

    def _count(self):
        if self.radio is not None:
            self._gateway.count("rejected", self.radio.rejected)
