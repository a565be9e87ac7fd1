"""Which telegrams leave the home, and how often: the filter and the thinning that come before the spool.

Only water (media types 06, 07, 15, 16) and, once the works has sent its list, only the meters and makes on it. Per
(meter, CI, length) one telegram per relay window, and at once any whose plaintext status byte changed: CI and length
keep full and compact frames apart. Windows are those of the clock (window n starts at Unix second n * length), so
that all gateways agree on them. What is not relayed is counted and forgotten; what a relayed meter's further
telegrams leave is a count and a signal strength per day.

The tables are bounded. Where they overflow, the entry heard longest ago makes room: its next telegram is relayed once
more, which is harmless.
"""

MAX_METERS = 512
MAX_KEYS = 1024  # (meter, CI, length)
# While the clock is unknown the true window's edge is too: then more than one telegram is kept per window.
_UNKNOWN_PART = 4
_BUCKETS = 32  # signal strength in steps of 4 dB, from -128 dBm


def address(meter):
    """The 8 address bytes of a meter (manufacturer, id, version, type) as on the air: M(2 LE) ID(4 LE) version type."""
    code = 0
    for letter in meter.manufacturer:
        code = code << 5 | ord(letter) - 64
    number = int(meter.id, 16)
    return code.to_bytes(2, "little") + number.to_bytes(4, "little") + bytes((meter.version, meter.type))


class Heard:
    """How one meter was heard since `day` began."""

    __slots__ = ("best", "count", "levels", "seen")

    def __init__(self):
        self.count = 0
        self.best = -128
        self.levels = bytearray(_BUCKETS)
        self.seen = 0

    def add(self, rssi):
        """Count one telegram of this strength (dBm; 0 is unknown)."""
        self.count += 1
        if rssi:
            if rssi > self.best:
                self.best = rssi
            bucket = min(max((rssi + 128) >> 2, 0), _BUCKETS - 1)
            if self.levels[bucket] == 255:
                # Halving all keeps the median near enough and the memory fixed.
                for i in range(_BUCKETS):
                    self.levels[i] >>= 1
            self.levels[bucket] += 1

    def median(self):
        """The middle signal strength in dBm, to 2 dB; 0 if none was known."""
        total = sum(self.levels)
        if not total:
            return 0
        seen = 0
        for i in range(_BUCKETS):
            seen += self.levels[i]
            if 2 * seen >= total:
                return (i << 2) - 126
        return 0


class Thinning:
    """The relay filter and what it remembers. Times are milliseconds since boot; `unix_of(ms)` gives Unix seconds or
    None. `on_heard(meter bytes, Heard)` is called when a meter's statistics end."""

    def __init__(self, relay, unix_of, parse_meter, on_heard=None):
        self._unix_of = unix_of
        self._parse = parse_meter
        self._on_heard = on_heard
        self._relayed = {}  # meter + CI + length -> (uptime of the last relayed telegram, its status byte)
        self._heard = {}  # meter -> Heard
        self.set_filter(relay)

    def set_filter(self, relay):
        """Use a checked relay filter (config.relay_filter) from now on."""
        self.window = relay["window"]
        self._media = relay["media"]
        self._listed = relay["meters"] is not None
        self._makes, self._meters = set(), set()
        if self._listed:
            self._makes = {e[:3] for e in relay["meters"] if e.endswith("-*")}
            self._meters = {address(self._parse(e)) for e in relay["meters"] if not e.endswith("-*")}

    def wanted(self, meter):
        """Whether a meter's telegrams may be relayed at all."""
        if meter.type not in self._media:
            return False
        return not self._listed or meter.manufacturer in self._makes or address(meter) in self._meters

    def due(self, meter, ci, length, status, rssi, at_ms):
        """Count a wanted telegram; whether it is the one to relay now. `meter` is its 8 address bytes, `status` its
        plaintext status byte or None."""
        heard = self._heard.get(meter)
        if heard is None:
            if len(self._heard) >= MAX_METERS:
                self._drop(min(self._heard, key=lambda m: self._heard[m].seen))
            heard = self._heard[meter] = Heard()
        heard.add(rssi)
        heard.seen = at_ms
        key = meter + bytes((ci, length & 255))
        last = self._relayed.get(key)
        if last is not None and (status is None or last[1] == status) and not self._new_window(last[0], at_ms):
            return False
        if last is None and len(self._relayed) >= MAX_KEYS:
            del self._relayed[min(self._relayed, key=lambda k: self._relayed[k][0])]
        self._relayed[key] = (at_ms, status)
        return True

    def forget(self, meter, ci, length):
        """The telegram just found due could not be kept: the next one is due again."""
        self._relayed.pop(meter + bytes((ci, length & 255)), None)

    def _new_window(self, last_ms, at_ms):
        last, now = self._unix_of(last_ms), self._unix_of(at_ms)
        if now is None:
            return at_ms - last_ms >= self.window * 1000 // _UNKNOWN_PART
        return last // self.window != now // self.window

    def _drop(self, meter):
        heard = self._heard.pop(meter)
        if heard.count and self._on_heard:
            self._on_heard(meter, heard)

    def close_day(self):
        """End the statistics of all meters: the day is over, or the gateway stops."""
        for meter in list(self._heard):
            self._drop(meter)

    def meters(self):
        """How many meters are in the statistics."""
        return len(self._heard)
