"""A HAN port at a chip's own UART, as the board's file has it: HAN = (uart, rx, tx or None, inverted, front end).

It is looked at now and then (port/uart.py), and what has come goes from one buffer into the reader's: nothing is
allocated until a message is whole. Seven bits and a parity are the UART's business. The setting is searched for among
those that can come through the front end; on Linux, where the UART is a /dev/..., han_port.py does all this.
"""

from han_reader.ports import Search, behind

IDLE_MS = 1500  # as in han_port.py


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
        try:
            await _listen(han, port, stream, search)
        finally:
            await port.close(end)


async def _listen(han, port, stream, search):
    # Until the search wants another setting.
    buffer = bytearray(256)
    resets = overruns = breaks = 0
    han.reader.reset()
    last = port.real_ms()
    while True:
        count = stream.take(buffer)
        now = port.real_ms()
        if count:
            if now - last > IDLE_MS:
                han.reader.reset()
            last = now
            messages = han.feed(buffer, count)
        else:
            messages = 0
        if search.heard(messages, port.uptime_ms() // 1000):
            return
        if messages:
            han.keep(search)
        if stream.resets != resets:
            # At a setting that is not the line's there are breaks all the time.
            if search.settled and stream.overruns != overruns:
                han.count("uart_overruns", stream.overruns - overruns)
            if search.settled and stream.breaks != breaks:
                han.count("uart_breaks", stream.breaks - breaks)
            resets, overruns, breaks = stream.resets, stream.overruns, stream.breaks
            han.reader.reset()
        await (port.sleep(0) if count else stream.rest())
