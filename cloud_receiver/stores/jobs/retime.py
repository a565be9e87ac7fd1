"""What one batch did not time anew of a ring, as it is too much at once: a piece at a time, behind the batches."""

from . import can_wait
from .coverage import Coverage
from .times import Times


@can_wait
def retime(db, now: int, most: int) -> int:
    """Time up to `most` of the records whose boot's start has become known; returns how many ranges it looked at (0:
    none is left)."""
    row = db.execute("SELECT r.epoch, r.first, e.gateway FROM retimings r JOIN epochs e ON e.id = r.epoch "
                     "ORDER BY r.epoch, r.first LIMIT 1").fetchone()
    if row is None:
        return 0
    epoch, first, gateway = row
    covers: "dict[int, Coverage]" = {}

    def coverage(gateway):
        return covers.setdefault(gateway, Coverage(db, gateway))

    db.execute("DELETE FROM retimings WHERE epoch = ? AND first = ?", (epoch, first))
    Times(db, gateway, epoch, now, coverage, most).go_on(first)
    for cover in covers.values():
        cover.write()
    return 1
