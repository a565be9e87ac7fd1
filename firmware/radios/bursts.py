"""Radio `bursts`: a bridge beside a radio chip sends each burst it received, raw as on the air.

    length u16 big-endian (of what follows) | RSSI int8 dBm | bytes from the sync word on

A burst is whole or noise; nothing of it carries over to the next. The mode (T1, C1 format A or B) is told by the sync
and what follows it, by the wM-Bus reader.

PROVEN: own format: its far ends here are `netti demo` and `netti replay`.
"""

import wmbus

MAX_BURST = 1 + 4 + 512  # RSSI, sync, and the longest T1 frame in 3-of-6 (290 bytes become 435)


class Radio:
    """Turns the bridge's byte stream into telegrams."""

    def __init__(self):
        self._reader = wmbus.Reader()
        self._buffer = b""
        self.rejected = 0

    def feed(self, data):
        """Take stream bytes; returns [(telegram, RSSI in dBm)]. Raises ValueError when the stream makes no sense."""
        self._buffer += data
        heard = []
        while len(self._buffer) >= 2:
            n = self._buffer[0] << 8 | self._buffer[1]
            if not 1 <= n <= MAX_BURST:
                self._buffer = b""
                raise ValueError("bursts: length %d" % n)
            if len(self._buffer) < 2 + n:
                break
            rssi, burst = self._buffer[2], self._buffer[3:2 + n]
            self._buffer = self._buffer[2 + n:]
            self._reader.reset()
            telegrams = self._reader.feed(burst)
            if not telegrams:
                self.rejected += 1
            for telegram in telegrams:
                heard.append((telegram, rssi - 256 if rssi > 127 else rssi))
        return heard

    def reset(self):
        """The stream was broken: what is in the buffer is not a burst."""
        self._buffer = b""
        self._reader.reset()
