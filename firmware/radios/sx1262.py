"""Radio `sx1262`: Semtech's SX1262 on SPI. Refused, with the reason: there is no driver."""

WHY = ("sx1262: not supported: its buffer of 256 bytes is shorter than a T1 frame can be (4"
       "35), and no driver reads it in the middle of one yet")


class Radio:
    """One chip, refused."""

    rejected = 0
    found = ""

    def __init__(self, bus):
        self.count = lambda name, n=1: None

    def receiving(self):
        """Whether a frame comes in."""
        return False

    def deafen(self):
        """It hears nothing."""

    listen = wait = deafen

    async def run(self, heard, hal):
        """Raises OSError with the reason."""
        raise OSError(WHY)
