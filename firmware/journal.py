"""Writes the records of a running gateway into its rings: starts, clock, events, counters, hours."""

from .wire import records


class Journal:
    """The records of a gateway, all but those of telegrams."""

    def __init__(self, gateway):
        self._gateway = gateway
        self.day = None  # the Unix day in which meters are heard; None until the time is known
        gateway.clock.on_step = self._stepped

    def started(self, cause):
        """Write the boot records: the first thing in both rings."""
        g = self._gateway
        for ring in (g.values, g.telegrams):
            time = g.clock.now() or 0
            ring.append(lambda seq, time=time: records.boot(seq, time, g.state["boot"], cause))

    def _stepped(self, uptime, unix, quality):
        for ring in (self._gateway.values, self._gateway.telegrams):
            ring.append(lambda seq: records.clock(seq, uptime, unix, quality))

    def renewed(self, ring):
        """A ring began a new epoch: it needs its own boot and clock records, and somebody should know."""
        g = self._gateway
        # Its boot is this boot, so its times count from the start of this boot too.
        ring.append(lambda seq: records.boot(seq, 0, g.state["boot"], "epoch"))
        now = g.clock.now()
        if now is not None:
            uptime, quality = g.clock.uptime(), g.clock.quality
            ring.append(lambda seq: records.clock(seq, uptime, now, quality))
        self.event("epoch", "values" if ring is g.values else "telegrams")

    def event(self, name, detail, urgent=False):
        """Write an event record; an urgent one is sent at once. Raises OSError where the ring takes no more."""
        g = self._gateway
        time, detail = g.clock.record_time(), detail[:200]
        g.values.append(lambda seq: records.event(seq, time, name, detail))
        if urgent:
            g.uplink.kick()

    def event_if_room(self, name, detail):
        """Write an event record, or count that it could not be: a full disk must not end the task that says so."""
        try:
            self.event(name, detail)
        except OSError:
            self._gateway.count("errors")

    def heard(self, meter, count, best, median):
        """Write how a meter (its 8 address bytes) was heard: how often, best and median RSSI in dBm."""
        g = self._gateway
        day = self.day if self.day is not None else g.clock.best() // 86400
        time = g.clock.record_time()
        g.telegrams.append(lambda seq: records.heard(seq, time, meter, day, count, best, median))

    def status(self):
        """Write the counters since boot."""
        g = self._gateway
        time = g.clock.record_time()
        counters = [[name, g.counters[name]] for name in sorted(g.counters)]
        g.values.append(lambda seq: records.status(seq, time, counters))

    def electricity_hour(self, hour, import_wh, export_wh, estimated, meter):
        """A finished hour of the household's electricity: kept here, sent only with the owner's opt-in."""
        g = self._gateway
        g.history.add(hour, "el", meter, (import_wh, export_wh, "e" if estimated else ""))
        if g.config["han"]["send"]:
            time = g.clock.record_time()
            g.values.append(lambda seq: records.han_hour(seq, time, hour, import_wh, export_wh, estimated))

    def water_hour(self, hour, meter, litres):
        """The register of an own meter at the end of an hour: kept here."""
        self._gateway.history.add(hour, "water", meter, (litres,))
