"""Orders of the works: verified, counted before they are executed, answered with a result record (docs/wire.md).

An order is [gateway kid, counter, not-after, name, arguments] in an envelope of purpose `command`, signed by one of
the pinned command keys. Which there are, and the bounds of their arguments, stands in wire/orders.py; each has a method
`do_` here. The counter rises strictly and is kept durably, with the note that the order is being executed, before
anything happens: after any cut an order is executed at most once, and one that was cut off answers so.

The valve can only be closed from afar, only with the owner's consent stored here, within five minutes, and only by a
clock that was good before the answer that carried the order: an answer can bring an old order, but not with it the
time to make it look fresh.
"""

import asyncio

from .wire import WireError, cbor, records
from .wire import envelope as wire_envelope
from .wire import orders as table

KEPT = 8  # results remembered, to be told again


class Refused(ValueError):
    """An order that is not executed: `code` of its result, and why."""

    def __init__(self, code, text=""):
        super().__init__(text)
        self.code = code
        self.text = text


class Orders:
    """Takes the orders of answers. `works` has the works id and its `command_keys`; `state` is the small persistent
    state (`counter`, `key`, `executing`, `results`) and `save` keeps it durably; `gateway` is whom they are done to;
    `values` is the ring that results go to."""

    def __init__(self, kid, works, clock, state, save, values, gateway, told=None):
        self._kid = kid
        self.works = works
        self._clock = clock
        self._state = state
        self._save = save
        self._values = values
        self._gateway = gateway
        # counter -> seq of its result record in an epoch, since this start; kept by the caller
        self._told = {} if told is None else told

    def resume(self):
        """At the start: an order that was cut off says so."""
        if self._state["executing"]:
            self._finish(self._state["counter"], table.INTERRUPTED, "")

    async def execute_all(self, orders, before):
        """Execute an answer's orders, in rising counter; whether results wait to be sent. `before` is the Unix time as
        it was known before that answer, or None."""
        verified = []
        for data in orders[:table.MOST]:
            order = await self._opened(data)
            if order is None:
                self._gateway.count("commands_refused")
            else:
                verified.append(order)
        last = self._values.last
        for counter, signer, not_after, name, arguments in sorted(verified, key=lambda order: order[0]):
            if counter <= self._state["counter"]:
                self._tell_again(counter)
            elif self._retired(signer):
                self._gateway.count("commands_refused")
            else:
                self._run(counter, signer, not_after, name, arguments, before)
        return self._values.last > last

    async def _opened(self, data):
        # (counter, signer's kid in hex, not-after, name, arguments), or None for what is no order to this gateway.
        from .crypto import ed25519
        try:
            if len(data) > table.MAX_ORDER:
                return None
            envelope = wire_envelope.open_envelope(data, "command", self.works["works"])
            key = [k for k in self.works["command_keys"] if wire_envelope.kid(k) == envelope.kid]
            if envelope.content_type != table.CONTENT_TYPE or not key:
                return None
            steps = ed25519.verify_steps(key[0], envelope.to_verify, envelope.signature)
            while True:
                try:
                    next(steps)
                except StopIteration as e:
                    good = e.value
                    break
                await asyncio.sleep(0)
            content = cbor.decode_all(data[envelope.end:])
        except (ValueError, TypeError, MemoryError):
            return None
        if not good or not isinstance(content, list) or len(content) != 5 or content[0] != self._kid:
            return None
        _kid, counter, not_after, name, arguments = content
        for n in (counter, not_after):
            if isinstance(n, bool) or not isinstance(n, int) or not 0 < n < 1 << 62:
                return None
        return counter, envelope.kid.hex(), not_after, name, arguments

    def _retired(self, signer):
        # Whether a command key comes before one that has signed since: that one has taken over.
        kids = [wire_envelope.kid(key).hex() for key in self.works["command_keys"]]
        return self._state["key"] in kids and kids.index(signer) < kids.index(self._state["key"])

    def _run(self, counter, signer, not_after, name, arguments, before):
        self._state["counter"], self._state["executing"], self._state["key"] = counter, True, signer
        self._save(self._state)
        try:
            code, text = table.DONE, self._execute(not_after, name, arguments, before) or ""
        except Refused as e:
            code, text = e.code, e.text
        except (OSError, ValueError, MemoryError) as e:
            code, text = table.FAILED, str(e)
        self._finish(counter, code, text)

    def _finish(self, counter, code, text):
        self._write_result(counter, code, text[:100])
        self._state["executing"] = False
        self._state["results"] = (self._state["results"] + [[counter, code, text[:100]]])[-KEPT:]
        self._save(self._state)
        self._gateway.count("commands")

    def _write_result(self, counter, code, text):
        time = self._clock.record_time()
        seq = self._values.append(lambda seq: records.result(seq, time, counter, code, text))
        self._told[counter] = self._values.epoch, seq
        if len(self._told) > KEPT:
            self._told.pop(min(self._told))

    def _tell_again(self, counter):
        # The receiver has not seen the result: unless it is on its way, it is written once more.
        epoch, seq = self._told.get(counter, (None, 0))
        if epoch == self._values.epoch and seq > self._values.acknowledged:
            return
        for known, code, text in self._state["results"]:
            if known == counter:
                self._write_result(counter, code, text)

    def _execute(self, not_after, name, arguments, before):
        now = self._clock.now()
        if now is not None and now > not_after:
            raise Refused(table.TOO_LATE)
        order = table.named(name)
        if order is None:
            raise Refused(table.NOT_LISTED)
        try:
            table.check(order, arguments)
        except WireError as e:
            raise Refused(table.NOT_UNDERSTOOD, str(e))  # noqa: B904
        if order.guard is not None:
            self._guarded(order.guard, not_after, now, before)
        do = getattr(self, "do_" + name.replace("-", "_"))
        return do(*[arguments[field.name] for field in order.fields])

    def _guarded(self, guard, not_after, now, before):
        # What is not harmless when late.
        consent, ahead = guard
        if not self._gateway.config["consent"][consent]:
            raise Refused(table.NO_CONSENT)
        if now is None or before is None:
            raise Refused(table.NO_CLOCK)
        # The later of both clocks is the one that can do less harm.
        if max(now, before) > not_after:
            raise Refused(table.TOO_LATE)
        if not_after - min(now, before) > ahead:
            raise Refused(table.NOT_UNDERSTOOD, "valid for more than %d s" % ahead)

    def _keep(self, **settings):
        # Before it is followed: it goes before config.json also after a restart (config.apply_orders).
        g = self._gateway
        g.save_orders(dict(g.orders, **settings))
        g.orders.update(settings)

    # --- what they do: a method for each of the table, with its fields; returns a text for the result, or None ---

    def do_interval(self, seconds):
        """Send regularly after so many seconds."""
        self._keep(interval=seconds)
        self._gateway.config["interval"] = self._gateway.uplink.interval = seconds

    def do_relay(self, window, media, meters):
        """Relay by another filter."""
        relay = {"window": window, "media": media, "meters": meters}
        self._keep(relay=relay)
        self._gateway.config["relay"] = relay
        self._gateway.thinning.set_filter(relay)

    def do_own_meters(self, meters):
        """Decode these meters of the household, and no other."""
        g = self._gateway
        self._keep(own_meters=[{"meter": row["meter"], "key": None if row["key"] is None else row["key"].hex()}
                               for row in meters])
        pairs = [(row["meter"], row["key"]) for row in meters]
        if g.own is None:
            g.own = g.make_own(pairs) if pairs else None
        else:
            g.own.set_meters(pairs)
            g.own.save()

    def do_trust(self, url, anchors, command_keys):
        """Replace what the enrolment file says of the receiver and its keys."""
        g = self._gateway
        former = g.uplink.works()
        host, port = table.split_url(url)
        # As config.check_works makes it of the file, without loading that.
        works = dict(former, host=host, port=port, anchors=anchors, command_keys=command_keys)
        g.save_works({"works": former["works"], "gateway": former["gateway"], "window": former["window"],
                      "interval": former["interval"], "url": url, "anchors": anchors,
                      "command_keys": [key.hex() for key in command_keys]}, works)
        g.uplink.trust(works, former)
        self._state["key"] = ""  # this list is the works' last word, whoever is first in it

    def do_rewind(self, epoch, after):
        """Send again what a ring still holds behind a seq."""
        for ring in (self._gateway.values, self._gateway.telegrams):
            if ring.epoch == epoch:
                return "%d records" % ring.rewind(after)
        raise ValueError("this epoch is not held")

    def do_update(self, version, url):
        """Note that there is an update; it is fetched and checked by its own signature elsewhere (update/)."""
        if self._gateway.updater is None:
            raise ValueError("this gateway does not run from a slot")
        self._state["update"] = [version, url]

    def do_close_valve(self):
        """Close the main valve. There is no way to open it from here."""
        if self._gateway.valve is None:
            raise ValueError("no valve")
        self._gateway.valve()
        self._gateway.journal.event("valve", "closed by the works", True)
