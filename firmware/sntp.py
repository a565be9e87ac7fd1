"""The time from the network (SNTP, RFC 4330): one question, one answer, strictly checked.

The question carries 8 random bytes that the answer must repeat, so that only who saw it can answer. An answer is still
not authenticated: the clock takes it as less than a meter's word and never below its floor.
"""

from .wire.records import CLOCK_SNTP

SIZE = 48
EVERY_S, AGAIN_S = 4 * 3600, 300
_TO_UNIX = 2208988800  # seconds from 1900 to 1970
_ERA = 1 << 32


def question(nonce):
    """The request with 8 random bytes in place of our time."""
    return b"\x23" + bytes(39) + nonce


def answered(data, nonce, floor):
    """The Unix milliseconds in an answer, or None. `floor` (Unix seconds) tells the 136-year era."""
    if len(data) < SIZE or data[24:32] != nonce:
        return None
    leap, mode, stratum = data[0] >> 6, data[0] & 7, data[1]
    seconds = int.from_bytes(data[40:44], "big")
    # Leap 3: the server has no time itself. Stratum 0: it asks us to stay away.
    if mode != 4 or leap == 3 or not 1 <= stratum <= 15 or not seconds:
        return None
    unix = seconds - _TO_UNIX
    while unix < floor - 60:
        unix += _ERA
    return unix * 1000 + (int.from_bytes(data[44:48], "big") * 1000 >> 32)


async def ask(port, host, number, floor, timeout=5):
    """Ask a server; returns (Unix milliseconds when the answer came, real milliseconds it took), or None."""
    nonce = port.random_bytes(8)
    began = port.real_ms()
    data = await port.datagram(host, number, question(nonce), SIZE, timeout)
    if data is None:
        return None
    unix_ms = answered(data, nonce, floor)
    took = port.real_ms() - began
    return None if unix_ms is None else (unix_ms + took // 2, took)


async def keep(g):
    """Ask a gateway's configured time server now and then, for ever."""
    host, number = g.config["sntp"]
    while True:
        got = await ask(g.hal, host, number, g.clock.floor)
        refused = g.clock.refused
        if got is not None:
            g.clock.offer(got[0], CLOCK_SNTP)
        g.count("sntp" if got else "sntp_errors")
        await g.hal.sleep(EVERY_S if got and g.clock.refused == refused else AGAIN_S)
