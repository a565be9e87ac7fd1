"""The HAN port: the meter's serial bytes to readings, the readings to the household's hours and to the clock.

Electricity stays in the home: hours go to the local history, and into the values ring only with the owner's opt-in
(`han.send`). The list's own time is the best clock a gateway has. On a serial line whose setting the configuration does
not name, the setting is searched for. What has to outlive a restart is saved as one JSON object: the running hour, the
last frame counter of each system title, the setting that worked.
"""

import json

import han_reader
from han_reader import hour

from .. import port
from ..wire import records

IDLE_MS = 1500  # real: no message has a pause like this inside
SAVE_EVERY_S = 600  # how often the running hour and the frame counters are saved, beside each mark
POLL_S = 5  # real: how often a silent line is looked at while a setting is searched for
MAX_TITLES = 4  # system titles whose frame counter is remembered; a home has one meter


class HanPort:
    """Reads one HAN port. `save(bytes)` saves what `saved` gives back after a restart, `on_hour(hour, import_wh,
    export_wh, estimated, meter)` takes a finished hour."""

    def __init__(self, config, clock, saved, save, on_hour, count):
        self._config = config
        self._clock = clock
        self._save = save
        self._on_hour = on_hour
        self.count = count
        self.reader = han_reader.Reader(config["p1_without_crc"])
        self._aes = {}
        self._saved_at = 0
        self.meter = ""
        self.bytes = 0  # that the line gave since the start
        state = _state(saved)
        self.counters = state["counters"]
        self.hours = hour.Hours(state["hours"])
        self.setting = state["setting"]

    def _cipher(self, key):
        if key not in self._aes:
            self._aes[key] = port.aes(key)
        return self._aes[key]

    async def run(self):
        """Read until the port closes; the caller opens it again."""
        where = self._config["port"]
        if where == "board":
            from . import han_line
            await han_line.run(self, port, self._config["line"])
            return
        if where != "usb" and not where.startswith("/") or ":" in where:
            await self._listen(where, None)
            return
        from han_reader.ports import Search, upright
        search = Search(self.setting, upright())
        while True:
            baud, bits, parity, stop, _ = search.setting()
            # Seven bits and a parity are read as eight: the eighth is the parity.
            mode = "8N1" if bits == 7 else "%d%s%d" % (bits, parity, stop)
            if await self._listen("%s:%d:%s" % (where, baud, mode), search, 0x7F if bits == 7 else 0xFF):
                return

    async def _listen(self, where, search, mask=0xFF):
        # Read a stream until it closes (True) or the search wants another setting (False).
        stream, end = await port.open_stream(where)
        await port.sleep(0)  # or this frame's memory would keep that call, and the code it loaded
        try:
            self.reader.reset()
            last = port.real_ms()
            while True:
                data = await (stream.read(512) if search is None else _soon(stream))
                if data == b"":
                    return True
                now = port.real_ms()
                if now - last > IDLE_MS:
                    self.reader.reset()
                if data is not None:
                    last = now
                    if mask != 0xFF:
                        data = bytes([b & mask for b in data])
                if search is not None:
                    if search.heard(self.feed(data) if data else 0, port.uptime_ms() // 1000):
                        return False
                    self.keep(search)
                else:
                    self.feed(data)
        finally:
            await port.close(end)

    def feed(self, data, count=-1):
        """Take bytes of the line, all or the first `count`; returns how many checked messages they completed."""
        self.bytes += len(data) if count < 0 else count
        messages = self.reader.feed(data, count)
        for message in messages:
            try:
                reading = han_reader.decode(message, self._config["ek"], self._config["ak"], self._cipher,
                                            self.counters)
            except (ValueError, MemoryError):  # damaged, no key, or larger than a device can take
                self.count("han_errors")
                continue
            if len(self.counters) > MAX_TITLES:
                self.counters.clear()  # no home has so many meters
            self.count("han")
            self.use_reading(reading)
        return len(messages)

    def keep(self, search):
        """Save the setting that a search has settled on."""
        if search.settled and self.setting != search.setting():
            self.setting = search.setting()
            self.save()

    def rejected(self):
        """Messages that failed a check, since the start."""
        return sum(self.reader.rejects.values())

    def use_reading(self, reading):
        """Use one reading."""
        if reading.get("meter_id"):
            self.meter = str(reading["meter_id"])
        time = reading.get("time")
        if time is not None and not self._clock.offer(int(time) * 1000, records.CLOCK_HAN):
            time = None
        # A list without its own time (list 1 of most) is of now; nothing is used before the clock is known.
        if time is None:
            time = self._clock.now()
        if time is None:
            return
        before = self.hours.state["mark"]
        done = self.hours.feed(reading, int(time))
        for start, import_wh, export_wh, measured, _ in done:
            self._on_hour(start, import_wh, export_wh or 0, measured != hour.METER, self.meter)
        if done or self.hours.state["mark"] != before or self._clock.uptime() - self._saved_at >= SAVE_EVERY_S:
            self.save()

    def save(self):
        """Save what has to outlive a restart."""
        self._saved_at = self._clock.uptime()
        counters = [[title.hex(), self.counters[title]] for title in sorted(self.counters)]
        self._save(json.dumps({"hours": self.hours.state, "counters": counters, "setting": self.setting}).encode())


async def _soon(stream):
    # What the line gives within POLL_S: bytes, b"" at its end, None for nothing.
    try:
        return await port.within(POLL_S, stream.read(512))
    except OSError as e:
        if e.args != ("timed out",):
            raise
        return None


def _state(saved):
    # What was saved, part by part; a damaged part begins anew.
    state: "dict" = {"hours": None, "counters": {}, "setting": None}
    try:
        fields = json.loads(saved) if saved else {}
        hours = fields.get("hours")
        if isinstance(hours, dict) and sorted(hours) == sorted(hour.new_state()):
            state["hours"] = hours
        for title, counter in fields.get("counters") or []:
            state["counters"][bytes.fromhex(title)] = int(counter)
        if fields.get("setting"):
            state["setting"] = tuple(fields["setting"])
    except (ValueError, TypeError, AttributeError):
        pass
    return state
