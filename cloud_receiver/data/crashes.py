"""What a gateway tells of a crash after its next start (firmware/watch.py): an event `crash`, figures and a trace."""

import re
from collections import namedtuple

import firmware.wire.records as records
from firmware.wire import cbor

# time: when it started again, None while unknown; received: when that came; uptime: seconds it had run; free, used:
# bytes of its heap; cause: what reset it, a key of CAUSES. None where it did not tell.
Crash = namedtuple("Crash", ("time", "received", "trace", "uptime", "free", "used", "cause"))

# machine.reset_cause() of an ESP32.
CAUSES = {0: "the process ended", 1: "power came on", 2: "reset", 3: "the watchdog", 4: "woke from deep sleep",
          5: "restarted by software"}
UNKNOWN = "not known"

_FIGURES = re.compile(r"((?:[a-z]+=\d{1,12} )+)(.*)", re.DOTALL)


def latest(rows) -> "Crash | None":
    """The latest crash among kept records (queries.gateways.events), None where there is none."""
    for kind, time, received, body in rows:
        try:
            if kind == records.EVENT and (fields := cbor.decode_all(body)[3:])[0] == "crash":
                return crash(time, received, str(fields[1]))
        except Exception:  # noqa: BLE001, S112 - checked when it was taken; a page is no place to fail over it
            continue
    return None


def crash(time, received, detail) -> Crash:
    """A crash from the event's detail; a text without figures is all trace."""
    match = _FIGURES.fullmatch(detail)
    figures = dict(part.split("=") for part in match[1].split()) if match else {}
    free, used, uptime, cause = (int(figures[name]) if name in figures else None
                                 for name in ("free", "used", "uptime", "reset"))
    if not free and not used:
        free = used = None  # it did not know: where the heap has no bound, or before it first looked
    return Crash(time, received, (match[2] if match else detail).strip(), uptime, free, used,
                 None if cause is None else CAUSES.get(cause, UNKNOWN))
