"""Orders of the works: verified, counted before they are executed, answered with a result record (docs/wire.md).

A command is [gateway kid, counter, not-after, name, arguments] in an envelope of purpose `command`, signed by one of
the pinned command keys. The list is closed. The counter rises strictly and is kept durably, with the note that the
command is being executed, before anything happens: after any cut a command is executed at most once, and one that was
cut off answers so.

The valve can only be closed from afar, only with the owner's consent stored here, within five minutes, and only by a
clock that was good before the answer that carried the command: an answer can bring an old command, but not with it the
time to make it look fresh.
"""

import asyncio

from .errors import ConfigError
from .wire import WireError, cbor, records
from .wire import envelope as wire_envelope
from .wire.cbor import CborError

CONTENT_TYPE = "application/cbor"
MAX_COMMAND = 40 * 1024  # bytes of one, with its envelope
MOST = 8  # commands taken from one answer: each costs a signature check
KEPT = 8  # results remembered, to be told again
VALVE_S = 300

DONE, NO_CONSENT, TOO_LATE, NOT_LISTED, NOT_UNDERSTOOD, NO_CLOCK, FAILED, INTERRUPTED = range(8)


class Refused(ValueError):
    """A command that is not executed: `code` of its result, and why."""

    def __init__(self, code, text=""):
        super().__init__(text)
        self.code = code
        self.text = text


def whole(value, low, high):
    """The value if it is an integer within bounds; else the command is not understood."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Refused(NOT_UNDERSTOOD, "a number is out of range")
    return value


def fields(arguments, names):
    """The values of a map that has exactly these names; else the command is not understood."""
    if not isinstance(arguments, dict) or sorted(arguments) != sorted(names):
        raise Refused(NOT_UNDERSTOOD, "arguments are not " + (", ".join(names) or "empty"))
    return [arguments[name] for name in names]


class Orders:
    """Takes the commands of answers. `works` has the works id and its `command_keys`; `state` is the small persistent
    state (`counter`, `executing`, `results`) and `save` keeps it durably; `gateway` does what they say; `values` is the
    ring that results go to."""

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
        """At the start: a command that was cut off says so."""
        if self._state["executing"]:
            self._finish(self._state["counter"], INTERRUPTED, "")

    async def take(self, commands, before):
        """Take an answer's commands, in rising counter; whether results wait to be sent. `before` is the Unix time as
        it was known before that answer, or None."""
        found = []
        for data in commands[:MOST]:
            command = await self._opened(data)
            if command is None:
                self._gateway.count("commands_refused")
            else:
                found.append(command)
        last = self._values.last
        for counter, not_after, name, arguments in sorted(found, key=lambda c: c[0]):
            if counter <= self._state["counter"]:
                self._tell_again(counter)
            else:
                self._run(counter, not_after, name, arguments, before)
        return self._values.last > last

    async def _opened(self, data):
        # (counter, not-after, name, arguments), or None for what is no command to this gateway.
        from .crypto import ed25519
        try:
            if len(data) > MAX_COMMAND:
                return None
            envelope = wire_envelope.open_envelope(data, "command", self.works["works"])
            key = [k for k in self.works["command_keys"] if wire_envelope.kid(k) == envelope.kid]
            if envelope.content_type != CONTENT_TYPE or not key:
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
        except (WireError, CborError, TypeError, MemoryError):
            return None
        if not good or not isinstance(content, list) or len(content) != 5 or content[0] != self._kid:
            return None
        _kid, counter, not_after, name, arguments = content
        for n in (counter, not_after):
            if isinstance(n, bool) or not isinstance(n, int) or not 0 < n < 1 << 62:
                return None
        return counter, not_after, name, arguments

    def _run(self, counter, not_after, name, arguments, before):
        self._state["counter"], self._state["executing"] = counter, True
        self._save(self._state)
        try:
            code, text = DONE, self._execute(not_after, name, arguments, before) or ""
        except Refused as e:
            code, text = e.code, e.text
        except ConfigError as e:
            code, text = NOT_UNDERSTOOD, str(e)
        except (OSError, ValueError, MemoryError) as e:
            code, text = FAILED, str(e)
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

    # --- the closed list ---

    def _execute(self, not_after, name, arguments, before):
        now = self._clock.now()
        if now is not None and now > not_after:
            raise Refused(TOO_LATE)
        if name == "interval":
            from . import config
            (seconds,) = fields(arguments, ("seconds",))
            self._gateway.order("interval", whole(seconds, config.MIN_INTERVAL, config.MAX_INTERVAL))
        elif name == "relay":
            fields(arguments, ("window", "media", "meters"))
            self._gateway.order("relay", arguments)
        elif name == "own-meters":
            self._gateway.order("own_meters", self._own_meters(arguments))
        elif name == "trust":
            self._gateway.trust(*fields(arguments, ("url", "anchors", "command_keys")))
        elif name == "rewind":
            epoch, after = fields(arguments, ("epoch", "after"))
            return self._gateway.rewind(epoch, whole(after, 0, 1 << 62))
        elif name == "update":
            version, url = fields(arguments, ("version", "url"))
            self._gateway.update_available(version, url)
        elif name == "close-valve":
            fields(arguments, ())
            self._close_valve(not_after, now, before)
        else:
            raise Refused(NOT_LISTED)
        return ""

    @staticmethod
    def _own_meters(arguments):
        (meters,) = fields(arguments, ("meters",))
        if not isinstance(meters, list):
            raise Refused(NOT_UNDERSTOOD, "meters is no list")
        rows = []
        for entry in meters:
            meter, key = fields(entry, ("meter", "key"))
            if key is not None and (not isinstance(key, bytes) or len(key) != 16):
                raise Refused(NOT_UNDERSTOOD, "a key is 16 bytes")
            rows.append({"meter": meter, "key": None if key is None else key.hex()})
        return rows

    def _close_valve(self, not_after, now, before):
        if not self._gateway.config["consent"]["valve"]:
            raise Refused(NO_CONSENT)
        if now is None or before is None:
            raise Refused(NO_CLOCK)
        # The later of both clocks is the one that can do less harm.
        if max(now, before) > not_after:
            raise Refused(TOO_LATE)
        if not_after - min(now, before) > VALVE_S:
            raise Refused(NOT_UNDERSTOOD, "valid for more than five minutes")
        self._gateway.close_valve()
