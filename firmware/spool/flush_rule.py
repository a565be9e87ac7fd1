"""When what waits in RAM has to go to flash: after a while, and at once while the supply sags.

Pure. The reading is the board's (millivolts behind the buffer capacitor, say); a gateway without one passes None.
"""

MOST_S = 10  # what a power cut may take is at most this old


class FlushRule:
    """`most_s` bounds the age of what is not yet flushed; below `low_mv` millivolts nothing waits."""

    def __init__(self, most_s=MOST_S, low_mv=None):
        self.most_s = most_s
        self.low_mv = low_mv

    def sags(self, millivolts):
        """Whether the supply is so low that it may be gone next."""
        return self.low_mv is not None and millivolts is not None and millivolts < self.low_mv

    def due(self, age_s, millivolts=None):
        """Whether to flush now, `age_s` seconds after the last time."""
        return age_s >= self.most_s or self.sags(millivolts)
