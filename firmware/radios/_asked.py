"""What the radios share that are spoken to: one request at a time, each repeated until it is answered.

Sans I/O as all radios are: `Spoken`, which does the speaking, is given its streams. A radio that only listens loads
none of this.
"""

POLL_S = 0.25  # real: the longest a radio waits for its next turn


def signed(byte):
    """A byte as -128 to 127."""
    return byte - 256 if byte > 127 else byte


def whole(telegram):
    """Whether the first byte counts those behind it (EN 13757-4 L-field) and there is an address in it."""
    return len(telegram) > 10 and telegram[0] == len(telegram) - 1


class Asked:
    """A radio whose module is asked and configured; a subclass says NAME, `_request`, `_scan` and the step CHECK.

    `_request(step)` gives the bytes of a step, from 0 on. `_scan` takes what is whole out of `_buffer`, calls
    `_answered` where it is the answer to the step, and returns the telegrams.
    """

    NAME = ""
    CHECK = 0  # where the conversation begins again, to look after the module
    WAIT_MS = 1000  # for an answer, which comes behind the telegrams that the module has waiting
    TRIES = 5
    CHECK_MS = 30000  # between two looks whether the module is there and still configured: it may have been reset
    STALE_MS = 500  # no frame has a pause like this inside

    _until: "int | None"

    def __init__(self):
        self.rejected = 0
        self.found = ""
        self.reset()

    def reset(self):
        """The stream was broken: whatever module is there now is asked and configured from the beginning."""
        self._buffer = b""
        self._late: "list" = []  # telegrams that were found behind a false start
        self._fed = True
        self._fed_at = 0
        self._answered(0)

    def feed(self, data):
        """Take stream bytes; returns [(telegram, RSSI in dBm, 0: unknown)]. Raises ValueError when the module refuses
        what it is told."""
        self._fed = True
        self._buffer += data
        heard = self._scan()
        if self._late:
            heard, self._late = self._late + heard, []
        return heard

    def poll(self, now_ms):
        """What to send now, b"" mostly. Raises ValueError when the module does not answer."""
        if self._fed or not self._buffer:
            self._fed = False
            self._fed_at = now_ms
        elif now_ms - self._fed_at >= self.STALE_MS:
            self._fed_at = now_ms
            self._stale()
        if self._until is not None and now_ms < self._until:
            return b""
        if self._step is None:
            if self._until is None:
                self._until = now_ms + self.CHECK_MS
                return b""
            self._answered(self.CHECK)
        if self._tries == self.TRIES:
            raise ValueError("%s: the module does not answer" % self.NAME)
        self._tries += 1
        self._until = now_ms + self.WAIT_MS
        return self._request(self._step)

    def _request(self, step):
        return b""

    def _scan(self):
        return []

    def _answered(self, step):
        # The present step is done: `step` is the next one, None if all is said.
        self._step = step
        self._tries = 0
        self._until = None

    def _refused(self, what):
        raise ValueError("%s: the module refuses %s" % (self.NAME, what))

    def _stale(self):
        # What stands at the beginning of the buffer is no frame: look for one behind it.
        self.rejected += 1
        self._buffer = self._buffer[1:]
        self._late.extend(self._scan())


class Spoken:
    """A stream whose reader speaks in between: what `poll` of the radio gives goes to the writer."""

    def __init__(self, hal, radio, stream, writer):
        self._hal = hal
        self._radio = radio
        self._stream = stream
        self._writer = writer

    async def read(self, n):
        """The next bytes of the stream, b"" at its end."""
        while True:
            out = self._radio.poll(self._hal.real_ms())
            if out:
                self._writer.write(out)
                await self._hal.within(POLL_S * 4, self._writer.drain())
            try:
                return await self._hal.within(POLL_S, self._stream.read(n))
            except OSError as e:
                if e.args != ("timed out",):
                    raise
