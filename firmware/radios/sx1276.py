"""Radio `sx1276`: Semtech's SX1276 on SPI. Refused, with the reason: there is no driver."""

WHY = ("sx1276: not supported: the boards do not wire up DIO1, where it tells that its FIFO"
       " of 64 bytes fills, and no driver asks for it often enough yet")


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
