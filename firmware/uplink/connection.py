"""A TLS connection to the works' receiver, whose certificate is judged by the gateway's own clock."""


async def connect(hal, works, clock, attempt):
    """Connect to the receiver of an enrolment file; returns (reader, writer), for `hal.close(writer)`. `attempt`: how
    many have failed before, see `Clock.for_tls`. Raises OSError, on MicroPython ValueError too."""
    now = clock.for_tls(attempt)
    hal.set_system_time(now)
    context = hal.tls_context(works["anchors"])  # anew each time: it would take 3 KB between two rounds
    reader, writer = await hal.connect(works["host"], works["port"], context)
    if not hal.dates_hold(writer, now, clock.confirmed):
        await hal.close(writer)
        raise OSError("certificate is not valid at this time")
    return reader, writer
