"""Joins a Wi-Fi network by MicroPython's `network`; loaded for each use, dropped from memory in between.

As ports/esp32/network_wlan.c has it, read and not yet tried on a chip:
- connect() returns at once, the driver looks for the access point by itself: nothing here waits for it but by sleeping.
  scan() would hold up the loop for two seconds, so it is not used; what it alone tells, the BSSID, is not kept either.
- connect(ssid, key) makes the whole configuration new. Only after it can config(channel=) say where the driver is to
  begin, and only a connect() without arguments then goes by it. A firmware that refuses looks everywhere.
- status() says why the last attempt ended until the next one has ended too: only what is new in it counts.
"""

JOIN_S = 12  # from the start to an address
POLL_S = 0.2
SETTLE_S = 0.1  # what a disconnect takes
_GOING = ("STAT_IDLE", "STAT_CONNECTING", "STAT_GOT_IP")
_REASONS = (("STAT_WRONG_PASSWORD", "password refused"), ("STAT_NO_AP_FOUND", "no access point"))


def wlan(settings):
    """The station interface for the checked settings {ssid, password, country}, or None where there is none."""
    try:
        import network
    except ImportError:
        return None
    network.country(settings["country"])
    return network.WLAN(network.STA_IF)


async def join(sleep, station, settings, channel):
    """Try once to join, on a channel if it is not 0; returns why it did not succeed, "" if it did. Raises OSError.

    `sleep` is a coroutine function of seconds. An interface that did not join is off afterwards.
    """
    import network
    station.active(True)
    station.config(reconnects=0)  # it would go on for ever, without a pause
    before = station.status()
    station.connect(settings["ssid"], settings["password"])
    if channel:
        await _begin_at(sleep, station, channel)
    for _ in range(int(JOIN_S / POLL_S)):
        await sleep(POLL_S)
        if station.isconnected():
            return ""
        status = station.status()
        if status != before and status not in [getattr(network, name) for name in _GOING]:
            break
    station.active(False)
    for name, reason in _REASONS:
        if status == getattr(network, name):
            return reason
    return "no connection (%d)" % status


async def _begin_at(sleep, station, channel):
    station.disconnect()
    await sleep(SETTLE_S)
    try:
        station.config(channel=channel)
    except (OSError, ValueError):
        pass
    station.connect()
