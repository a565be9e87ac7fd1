"""Serial settings of HAN and P1 ports, and the order in which to try them. Data and arithmetic only.

Settings: EN 62056-21 mode D (P1: 115200 8N1 from DSMR 4 on, 9600 7E1 before), the vendors' HAN sheets (Aidon, Kaifa and
M-Bus ports 2400 8E1, Kamstrup 2400 8N1), Slovenia's 38400 and 115200. P1's data line is open collector: the signal is
inverted unless the hardware turns it back.
"""

# (baud rate, data bits, parity, stop bits, inverted), the likeliest first; meters that use it.
SETTINGS = (
    (2400, 8, "E", 1, False),  # Aidon, Kaifa, Landis+Gyr, M-Bus ports in Austria, Switzerland, Poland
    (2400, 8, "N", 1, False),  # Kamstrup
    (115200, 8, "N", 1, False),  # P1 behind an inverter, Slovenia
    (115200, 8, "N", 1, True),  # P1
    (9600, 7, "E", 1, True),  # P1 of DSMR 2 and 3
    (9600, 8, "N", 1, False),  # Kamstrup's inner connector
    (38400, 8, "N", 1, False),  # Slovenia
    (115200, 7, "E", 1, False),  # Slovenia, ISK9
)
# What can come through a front end: "mbus" is a slave chip, "p1" an open collector.
FRONTS = {
    "mbus": ((2400, 8, "E", 1), (2400, 8, "N", 1)),
    "p1": ((115200, 8, "N", 1), (9600, 7, "E", 1), (38400, 8, "N", 1), (115200, 7, "E", 1)),
}
DWELL_S = 25  # longer than two of the slowest intervals of a list (10 s) and a list's own length
GOOD = 2  # messages that settle it


def upright():
    """The settings for a port that can't invert the signal, where an inverter stands before those that need it."""
    out: "list" = []
    for setting in SETTINGS:
        plain = setting[:4] + (False,)
        if plain not in out:
            out.append(plain)
    return out


def behind(front, inverted, inverts):
    """The settings to try at a board's front end, of which it is known whether the signal comes `inverted`: one of
    FRONTS, "rs232" (a level converter), or "ttl", a mere pin, where nothing is known of the signal. `inverts`: whether
    the port can invert it."""
    if front == "ttl" and not inverted:
        return list(SETTINGS) if inverts else upright()
    if inverted and not inverts:
        return []
    return [s[:4] + (inverted,) for s in upright() if front not in FRONTS or s[:4] in FRONTS[front]]


class Search:
    """Which setting to use now. The caller tells it what the line gave; it owns neither port nor clock.

    Start it with the setting that worked last, so that a restart costs nothing.
    """

    def __init__(self, last=None, settings=SETTINGS):
        self.order = [last] if last in settings else []
        self.order += [s for s in settings if s != last]
        self.settled = False
        self._index = 0
        self._since = None
        self._good = 0

    def setting(self):
        """(baud rate, data bits, parity, stop bits, inverted) to listen with."""
        return self.order[self._index]

    def heard(self, messages, now):
        """Take the number of good messages since the last call; True when the setting has changed.

        `now` is any clock in seconds. A settled search stays until nothing has come for ten times as long.
        """
        if self._since is None:
            self._since = now
        if messages:
            self._good += messages
            self._since = now
            if self._good >= GOOD:
                self.settled = True
            return False
        if now - self._since < DWELL_S * (10 if self.settled else 1):
            return False
        self.settled = False
        self._good = 0
        self._since = now
        self._index = (self._index + 1) % len(self.order)
        return True
