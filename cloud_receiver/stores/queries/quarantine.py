"""What a gateway sent that is set aside, or would be."""

from collections import namedtuple

from .. import DECODED, QUARANTINED

EPOCHS = "(SELECT e.id FROM epochs e JOIN gateways g ON g.id = e.gateway WHERE g.gateway = ?)"
ALONE = "(heard IS NULL OR length(heard) <= 6)"  # no other gateway has heard it (jobs/coverage.py)

# telegrams of this gateway alone; readings of them that were entered; meters they are of; witnessed: telegrams that
# others heard too, which stay.
Affected = namedtuple("Affected", ("telegrams", "readings", "meters", "witnessed"))


def affected(db, gateway: str, since: int) -> Affected:
    """What setting aside all that a gateway (its id) sent from a time on affects."""
    return Affected._make(db.execute(
        f"SELECT count(CASE WHEN {ALONE} THEN 1 END), count(CASE WHEN {ALONE} AND state = {DECODED} THEN 1 END), "
        f"count(DISTINCT CASE WHEN {ALONE} THEN meter END), count(CASE WHEN {ALONE} THEN NULL ELSE 1 END) "
        f"FROM telegrams WHERE received >= ? AND state <> {QUARANTINED} AND epoch IN {EPOCHS}",
        (since, gateway)).fetchone())


def set_aside(db, gateway: str) -> "tuple[int, int, int | None, int | None]":
    """(telegrams, meters, first and last received) of what is set aside of a gateway (its id)."""
    return db.execute(f"SELECT count(*), count(DISTINCT meter), min(received), max(received) FROM telegrams "
                      f"WHERE state = {QUARANTINED} AND epoch IN {EPOCHS}", (gateway,)).fetchone()


def listed(db, gateway: str, limit: int) -> "list[tuple[str, int, int | None, bytes]]":
    """(meter, received, time, data) of the latest that are set aside of a gateway (its id)."""
    return db.execute(f"SELECT m.meter, t.received, t.time, t.data FROM telegrams t JOIN meters m ON m.id = t.meter "
                      f"WHERE t.state = {QUARANTINED} AND t.epoch IN {EPOCHS} ORDER BY t.id DESC LIMIT ?",
                      (gateway, limit)).fetchall()
