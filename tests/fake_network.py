"""MicroPython's `network` on an ESP32, made up for tests: the driver's rules as ports/esp32/network_wlan.c has them,
and an access point. Time is what `now` (a function) says, in milliseconds. There is no hardware behind it.
"""

LOOK_MS, ASSOCIATE_MS = 120, 400  # for one channel; until there is an address
CHANNELS = 13
ASSOC_LEAVE = 8


class AccessPoint:
    """The home's: up or not, on a channel, with a password."""

    def __init__(self, channel=6, password="correct horse"):
        self.up = True
        self.channel = channel
        self.password = password


class Station:
    """A network.WLAN. `strict`: a channel it was told is the only one it looks at; `deaf`: it cannot be told one."""

    def __init__(self, now, ap, strict=False, deaf=False):
        self._now, self._ap, self._strict, self._deaf = now, ap, strict, deaf
        self._active = self._connected = self._asked = False
        self._configuration = None  # ssid, password, channel
        self._ends = None  # (ms, channels looked at, reason) of the attempt that goes on
        self._began = 0
        self._on = None  # since when the radio is on
        self._joined = 0  # the channel it is on
        self._reason = 0  # why it is not connected: of the last attempt that ended
        self._reconnects = -1
        self.looked = 0  # channels looked at, in all
        self.on_ms = 0  # how long the radio was on, in all
        self.attempts = 0

    def _turn(self):
        now = self._now()
        if self._ends is not None and now >= self._ends[0]:
            self.looked += self._ends[1]
            self._reason, self._ends = self._ends[2], None
            self._connected = not self._reason
            self._joined = self._ap.channel if self._connected else 0
        if self._connected and not (self._ap.up and self._ap.channel == self._joined):
            self._connected, self._reason = False, 200
            assert self._reconnects == 0, "it would try for ever by itself"

    def active(self, on):
        self._turn()
        if on and not self._active:
            self._on = self._now()
        elif not on and self._active:
            self.on_ms += self._now() - self._on
            self._ends, self._connected = None, False
        self._active = on

    def connect(self, *args):
        self._turn()
        assert self._active
        if args:
            self._configuration = [args[0], args[1], 0]
        _ssid, password, channel = self._configuration
        order = [(channel + i - 1) % CHANNELS + 1 for i in range(CHANNELS)] if channel else list(range(1, 14))
        if channel and self._strict:
            order = [channel]
        self._began, self._asked = self._now(), True
        self.attempts += 1
        if not self._ap.up or self._ap.channel not in order:
            self._ends = self._began + len(order) * LOOK_MS, len(order), 201
        else:
            n = order.index(self._ap.channel) + 1
            good = password == self._ap.password
            self._ends = self._began + n * LOOK_MS + ASSOCIATE_MS, n, 0 if good else 202

    def disconnect(self):
        self._turn()
        if self._ends is not None:
            self.looked += (self._now() - self._began) // LOOK_MS
            self._ends, self._reason = None, ASSOC_LEAVE
            self.attempts -= 1
        self._connected = self._asked = False

    def config(self, *names, **values):
        self._turn()
        if names:
            assert names == ("channel",)
            return self._joined
        if "channel" in values:
            if self._deaf:
                raise ValueError("unknown config param")
            if self._ends is not None:
                raise OSError("Wifi Internal State Error")
            self._configuration[2] = values["channel"]
        if "reconnects" in values:
            self._reconnects = values["reconnects"]
        return None

    def isconnected(self):
        self._turn()
        return self._connected

    def status(self):
        # What the last attempt ended with stays, until the next has ended.
        self._turn()
        if self._connected:
            return 1010
        if self._reason in (201, 202):
            return self._reason
        if self._reason == ASSOC_LEAVE:
            return 1000
        if self._asked and self._ends is not None:
            return 1001
        return self._reason or 1000

    def scan(self):
        raise AssertionError("a scan holds up the loop")


class Network:
    """The module; `station` is its only interface."""

    STA_IF = 0
    STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = 1000, 1001, 1010
    STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = 201, 202

    def __init__(self, station):
        self.station = station
        self.told = None

    def country(self, code):
        self.told = code

    def WLAN(self, interface):  # noqa: N802 - its name
        assert interface == self.STA_IF
        return self.station
