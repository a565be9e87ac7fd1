"""A HAN port at a chip's own UART, as the board's file has it: HAN = (uart, rx, tx or None, inverted, front end).

It is looked at now and then (port/uart.py), and what has come goes from one buffer into the reader's: nothing is
allocated until a message is whole. Seven bits and a parity are the UART's business. The setting is searched for among
those that can come through the front end.

While a block of flash is erased no interrupt is served, and the UART's own 128 bytes are full after 11 ms at 115200
baud. So there an erase waits, holding the core, until a telegram has gone by, where the next one is near.
"""

from han_reader.ports import Search, behind

from ..spool import nor

IDLE_MS = 1500  # as in han_port.py
SLOW = 2400  # baud: 128 bytes last half a second, longer than any erase
NEAR_MS = 700  # the longest telegram lasts 0.13 s, the longest erase 0.4 s
EVERY_MS = 1300  # a P1 meter sends once a second, or more seldom
LATE_MS = 3000  # a telegram is seen to have ended so much later, at most (AWAY_MS of port/uart.py)
GAPS = 5


async def run(han, port, line):
    """Read for ever, for a HanPort. Raises OSError."""
    uart, rx, tx, inverted, front = line
    settings = behind(front, inverted, port.inverts())
    if not settings:
        raise OSError("uart %s takes no inverted line" % uart)
    search = Search(han.setting, settings)
    while True:
        baud, bits, parity, stop, turned = search.setting()
        stream, end = await port.open_stream("uart:%d:%d:%s:%d:%d%s%d%s" % (
            uart, rx, "-" if tx is None else tx, baud, bits, parity, stop, ":inverted" if turned else ""))
        await port.sleep(0)  # or this frame's memory would keep that call, and the code it loaded
        rhythm = Rhythm(stream, port.real_ms)
        waits = [nor.before_erase, port.files.before_erase] if baud > SLOW else []
        wait = rhythm.let_pass
        try:
            for before in waits:
                before.append(wait)
            await _listen(han, port, stream, search, rhythm)
        finally:
            for before in waits:
                before.remove(wait)
            await port.close(end)


async def _listen(han, port, stream, search, rhythm):
    # Until the search wants another setting.
    buffer = bytearray(256)
    resets = overruns = breaks = 0
    han.reader.reset()
    last = before = port.real_ms()
    while True:
        count = stream.take(buffer)
        now = port.real_ms()
        messages = 0
        if count:
            if before - last > IDLE_MS:  # nothing came up to the last look: since then nobody may have looked
                han.reader.reset()
            last = now
            messages = han.feed(buffer, count)
        settled = search.settled
        if search.heard(messages, port.uptime_ms() // 1000):
            if settled:
                han.count("uart_silent")
            return
        if messages:
            rhythm.ended(before)
            han.keep(search)
        before = now
        if stream.resets != resets:
            # At a setting that is not the line's there are breaks all the time.
            if search.settled and stream.overruns != overruns:
                han.count("uart_overruns", stream.overruns - overruns)
            if search.settled and stream.breaks != breaks:
                han.count("uart_breaks", stream.breaks - breaks)
            resets, overruns, breaks = stream.resets, stream.overruns, stream.breaks
            han.reader.reset()
        await (port.sleep(0) if count else stream.rest())


class Rhythm:
    """When the meter's telegrams end, as far as is known."""

    def __init__(self, stream, now_ms):
        self._stream = stream
        self._now_ms = now_ms
        self._last = None
        self._gaps = []  # the last of them, milliseconds

    def ended(self, at):
        """One has ended, not before then."""
        if self._last is not None:
            self._gaps = self._gaps[1 - GAPS:] + [at - self._last]
        self._last = at

    def let_pass(self):
        """Wait until a telegram has gone by, where the next one is near."""
        left = 0  # milliseconds until the next one ends; it may come at once where nothing is known
        if self._gaps:
            left = sorted(self._gaps)[len(self._gaps) // 2] - (self._now_ms() - self._last)
        if -LATE_MS < left < NEAR_MS:
            self._stream.let_pass(NEAR_MS + LATE_MS if self._gaps else EVERY_MS)
