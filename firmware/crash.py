"""Tells after a start how the one before it ended. Loaded for that, and dropped again."""

import json

from .watch import TRACE
from .wire import records

WATCHDOG_RESET = 3  # machine.WDT_RESET of an ESP32


def tell(g, saved, cause):
    """Put the note that was saved (watch.Watch.note) into the values ring, as an event and a status record; `cause` is
    the chip's number for what reset it. The event tells it all, for a later status record takes the place of this one.
    A chip that its watchdog reset tells so without a note too."""
    try:
        note = json.loads(saved) if saved else None
        note = note if isinstance(note, dict) and note else None
        numbers = [(name, int(note[name])) for name in ("free", "uptime", "used")] if note else []
        trace = str(note["trace"]) if note else ""
    except (ValueError, TypeError, KeyError):
        note, numbers, trace = None, [], ""
    if note is None:
        if cause != WATCHDOG_RESET:
            return
        trace = "hung, without a note"
    g.journal.event("crash", " ".join(["%s=%d" % n for n in numbers + [("reset", cause)]]) + " " + trace[-TRACE:])
    time = g.clock.record_time()
    counters = [["crash_" + name, n] for name, n in numbers] + [["reset_cause", cause]]
    g.values.append(lambda seq: records.status(seq, time, counters))
    g.values.flush()
    g.watch.save(None)
