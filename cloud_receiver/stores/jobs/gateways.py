"""What is entered of a gateway itself, and its home's electricity forgotten."""

from firmware.wire import envelope

from . import scrub


def enrol(db, public_key: bytes, kind: str, name: str, now: int) -> int:
    """Make the row of a gateway's key, or bring its kind and name (unless that is "") up to date; returns the row."""
    gateway = envelope.gateway_id(public_key)
    db.execute("INSERT INTO gateways (gateway, public_key, kind, name, enrolled) VALUES (?,?,?,?,?) "
               "ON CONFLICT (gateway) DO UPDATE SET kind = excluded.kind, "
               "name = CASE WHEN excluded.name = '' THEN gateways.name ELSE excluded.name END",
               (gateway, public_key, kind, name, now))
    return db.execute("SELECT id FROM gateways WHERE gateway = ?", (gateway,)).fetchone()[0]


def forget_home(db, gateway: str, before: int) -> int:
    """Forget the electricity of a gateway's home from before a time; returns how many hours that was."""
    count = db.execute("DELETE FROM home_hours WHERE hour < ? "
                       "AND gateway = (SELECT id FROM gateways WHERE gateway = ?)", (before, gateway)).rowcount
    if count:
        scrub.mark(db)
    return count
