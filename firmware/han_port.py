"""The HAN port: the meter's serial bytes to readings, the readings to the household's hours and to the clock.

Electricity stays in the home: hours go to the local history, and into the values ring only with the owner's opt-in
(`han.send`). The list's own time is the best clock a gateway has.
"""

import json

import han_reader

from . import batch, hours, port

IDLE_MS = 1500  # real: no message has a pause like this inside
KEEP_EVERY_S = 600  # how often the running hour's power is kept, beside each mark


class HanPort:
    """Reads one HAN port. `keep(bytes)` keeps the running state, `on_hour(hour, import_wh, export_wh, estimated,
    meter)` takes a finished hour."""

    def __init__(self, config, clock, kept, keep, on_hour, count):
        self._config = config
        self._clock = clock
        self._keep = keep
        self._on_hour = on_hour
        self._count = count
        self._reader = han_reader.Reader()
        self._aes = {}
        self._kept_at = 0
        self.latest = {}
        self.meter = ""
        self._hours = hours.Hours(_state(kept))

    def _cipher(self, key):
        if key not in self._aes:
            self._aes[key] = port.aes(key)
        return self._aes[key]

    async def run(self):
        """Read until the port closes; the caller opens it again."""
        stream, end = await port.open_stream(self._config["port"])
        try:
            self._reader.reset()
            last = port.real_ms()
            while True:
                data = await stream.read(512)
                if not data:
                    return
                now = port.real_ms()
                if now - last > IDLE_MS:
                    self._reader.reset()
                last = now
                self.feed(data)
        finally:
            await port.close(end)

    def feed(self, data):
        """Take bytes of the line."""
        for message in self._reader.feed(data):
            try:
                reading = han_reader.decode(message, self._config["ek"], self._config["ak"], self._cipher)
            except ValueError:
                self._count("han_errors")
                continue
            self._count("han")
            self.take(reading)

    def rejected(self):
        """Messages that failed a check, since the start."""
        return sum(self._reader.rejects.values())

    def take(self, reading):
        """Use one reading."""
        for name in reading:
            if name != "obis":
                self.latest[name] = reading[name]
        if reading.get("meter_id"):
            self.meter = str(reading["meter_id"])
        time = reading.get("time")
        if time is not None and not self._clock.offer(int(time) * 1000, batch.CLOCK_HAN):
            time = None
        # A list without its own time (list 1 of most) is of now; registers without one are not used at all before
        # the clock is known.
        if time is None:
            time = self._clock.now()
        if time is None:
            return
        before = self._hours.state["hour"]
        done = self._hours.feed(int(time), reading.get("import_w"), _wh(reading.get("import_kwh")),
                                _wh(reading.get("export_kwh")))
        for hour, import_wh, export_wh, estimated in done:
            self._on_hour(hour, import_wh, export_wh, estimated, self.meter)
        if done or self._hours.state["hour"] != before or self._clock.uptime() - self._kept_at >= KEEP_EVERY_S:
            self.save()

    def save(self):
        """Keep the running hour."""
        self._kept_at = self._clock.uptime()
        self._keep(json.dumps(self._hours.state).encode())


def _wh(kwh):
    return None if kwh is None else int(kwh * 1000 + 0.5)


def _state(kept):
    try:
        state = json.loads(kept) if kept else None
    except ValueError:
        return None
    if not isinstance(state, dict) or sorted(state) != sorted(hours.new_state()):
        return None
    return state
