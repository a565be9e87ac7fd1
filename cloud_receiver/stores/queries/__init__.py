"""What the rest of the receiver asks the store, a module a subject: `await store.read(queries.meters.page, ...)`.

Each is `query(db, ...)` on a read-only connection, in one view of the store, and returns plain values and dicts.
Law: queries never import jobs. Rows ("row" in a dict) are the store's own numbers and are told to nobody outside,
but that of a reading held back, by which a person names it.
"""

from . import alarms, claims, gateways, meters, people, quarantine, readings, recent, rings, summary, telegrams

__all__ = ["alarms", "claims", "gateways", "meters", "people", "quarantine", "readings", "recent", "rings",
           "summary", "telegrams"]
