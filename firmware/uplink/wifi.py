"""Keeps a chip on its Wi-Fi: first on the channel of the last time, which saves seconds of looking on all of them, then
on any. Between attempts it pauses longer and longer, each gateway differently, with the radio off.

A driver may say that all is well while nothing gets through: where the uplink has had no answer for STALE_S, and fails,
the radio is switched off and the network joined anew.

Loaded only where config.json has `wifi`; what is used only to join is in port/wifi.py and dropped in between. Nothing
here tells the password to anyone but the driver.
"""

import json

from . import pauses

POLL_S = 2  # between two looks whether the connection still stands
FIRST_S, MOST_S = 5, 600  # pauses after the first and after many failures
STALE_S = 2 * 3600  # longer than the uplink's own pauses between its attempts
SIGN_S = 2 * MOST_S  # real: when this task has certainly gone on


def saved_channel(data):
    """The channel in what was saved, 0 for none."""
    try:
        channel = json.loads(data)["channel"]
    except (ValueError, TypeError, KeyError):
        return 0
    return channel if isinstance(channel, int) and 0 < channel < 200 else 0


class Wifi:
    """`station` is the interface (port.wlan), `settings` the checked `wifi`, `saved` the bytes that `save` was given
    last."""

    def __init__(self, gateway, station, settings, saved, save):
        self._gateway = gateway
        self._station = station
        self._settings = settings
        self._save = save
        self._channel = saved_channel(saved)
        self._stale = -1  # the last answer when it was last joined anew for want of another
        self.reason = ""  # why it is not connected, as last told

    async def run(self):
        """Join, and join again, for ever."""
        g = self._gateway
        while True:
            if not self._station.isconnected():
                await self._join()
                g.uplink.retry_now()
            since = g.clock.uptime()
            while self._station.isconnected():
                g.watch.sign("wifi", SIGN_S)
                await g.hal.sleep(POLL_S)
                if g.uplink.last_error and g.clock.uptime() - max(since, g.uplink.last_contact or 0) >= STALE_S:
                    self._station.active(False)
                    g.count("wifi_restarts")
                    if self._stale != g.uplink.last_contact:
                        self._stale = g.uplink.last_contact
                        g.journal.event_if_room("wifi", "joined anew, as nothing got through: " + g.uplink.last_error)
            g.count("wifi_lost")

    async def _join(self):
        g = self._gateway
        began, failures, channel = g.clock.uptime(), 0, self._channel
        while True:
            g.watch.sign("wifi", SIGN_S)
            reason = await g.hal.join(g.hal.sleep, self._station, self._settings, channel)
            if not reason:
                break
            if channel:
                channel = 0  # at once: it may only have moved
                continue
            failures += 1
            g.count("wifi_failed")
            if reason != self.reason:
                self.reason = reason
                g.hal.print_line("Wi-Fi: " + reason)
            await g.hal.sleep(pauses.after(g.identity.kid + b"wifi", failures, FIRST_S, MOST_S))
        self._remember(self._station.config("channel"))
        if failures:
            g.journal.event("wifi", "%s for %d s" % (self.reason, g.clock.uptime() - began))
        self.reason = ""

    def _remember(self, channel):
        if channel != self._channel:
            self._channel = channel
            self._save(json.dumps({"channel": channel}).encode())
