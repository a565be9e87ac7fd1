"""The task of a radio chip on the board's own pins; loaded only where there is one.

The chip is a class Radio(bus) of firmware/radios/: `await run(heard, hal)` receives for ever, `rejected` counts. Each
start begins with a new bus and a new Radio, so that a chip that hangs is set up from nothing. What would hold up its
interrupt goes by calm.py from here on: collections, the flash, the steps of a signature.
"""

import gc

from . import calm


class ChipRadio:
    """`kind` is the class, `pins` the RADIO of the board's file."""

    def __init__(self, gateway, name, kind, pins):
        self._gateway = gateway
        self._name = name
        self._kind = kind
        self._pins = pins
        self.radio = None  # while it runs
        self.calm = calm.Calm(gc.collect, gateway.hal.memory, gateway.hal.real_ms)
        gateway.tasks.collect = self.calm.memory
        for ring in (gateway.values, gateway.telegrams):
            if hasattr(ring, "through"):
                ring.through(self.calm.flash)

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
            self.radio = radio = self._kind(bus)
            radio.count = g.count
            g.uplink.rest = self.calm.rest
            self.calm.radios.append(radio)
            await radio.run(self._heard, g.hal)
        finally:
            self.calm.radios.clear()
            self.radio = None
            bus.close()

    def _heard(self, telegram, rssi):
        if not -128 <= rssi <= 0:  # a record has no room for it (docs/wire.md)
            rssi = -128 if rssi < 0 else 0
        self._gateway.telegram(telegram, rssi)
        self.calm.worked(calm.TELEGRAM)
