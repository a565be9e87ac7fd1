"""What one gateway has had stored today, against its bounds (data/bounds.py): a row for each gateway and Unix day.

Looked at before anything of a batch is stored, and written with it. A bound is reached when its sum is: the batch that
reaches it is stored whole, the next is not.
"""

from ...data import bounds
from ...data.clock import DAY

_FIELDS = bounds.Bounds._fields
_LOOK = ("SELECT e.id, e.through, g.kind, b.over, b.since, "
         + ", ".join(f"b.{name}" for name in _FIELDS) + " FROM gateways g "
         "LEFT JOIN epochs e ON e.gateway = g.id AND e.epoch = ? "
         "LEFT JOIN bounds b ON b.gateway = g.id AND b.day = ? WHERE g.id = ?")
_COMMON = ("INSERT INTO bounds (gateway, day, records, bytes) VALUES (?,?,?,?) ON CONFLICT (gateway, day) "
           "DO UPDATE SET records = bounds.records + excluded.records, bytes = bounds.bytes + excluded.bytes")
_ALL = (f"INSERT INTO bounds (gateway, day, over, since, left_out, {', '.join(_FIELDS)}) "
        f"VALUES (?,?,?,?,?,{','.join('?' * len(_FIELDS))}) ON CONFLICT (gateway, day) DO UPDATE SET "
        "over = excluded.over, since = excluded.since, left_out = bounds.left_out + excluded.left_out, "
        + ", ".join(f"{name} = bounds.{name} + excluded.{name}" for name in _FIELDS))


class Account:
    """A gateway's sums of today, while one batch of it is stored."""

    def __init__(self, db, gateway: int, epoch: bytes, now: int, times: int):
        """`gateway`: its row; `epoch`: 8 bytes; `times`: how many times its bounds an operator gives it."""
        self.db, self.gateway, self.now = db, gateway, now
        # epoch: the row of the ring, None where it is not known; through: its mark.
        self.epoch, through, kind, over, since, *spent = db.execute(_LOOK, (epoch, now // DAY, gateway)).fetchone()
        self.through = through or 0
        self._allowed, self._over, self._since = bounds.of(kind, times), over or 0, since
        self._spent, self._added = [n or 0 for n in spent], [0] * len(_FIELDS)
        self._left_out = 0

    def left(self, name: str) -> int:
        """How much of a bound is left."""
        n = _FIELDS.index(name)
        return self._allowed[n] - self._spent[n] - self._added[n]

    def full(self) -> str:
        """The bound that lets nothing more of this ring in today, "" where there is none."""
        for name in ("records", "bytes"):
            if self.left(name) <= 0:
                return name
        return "epochs" if self.epoch is None and self.left("epochs") <= 0 else ""

    def add(self, name: str, count: int) -> None:
        """Count towards a bound."""
        self._added[_FIELDS.index(name)] += count

    def take(self, name: str) -> bool:
        """Count one towards a bound if there is room; else note that it was reached."""
        if self.left(name) > 0:
            self.add(name, 1)
            return True
        self.note(name)
        return False

    def note(self, name: str) -> None:
        """Note that a bound was reached."""
        self._over |= bounds.bit(name)
        if self._since is None:
            self._since = self.now

    def leave_out(self, count: int) -> None:
        """Count telegrams that were not stored: of meters beyond the bound."""
        self._left_out += count

    def write_common(self, records: int, size: int) -> None:
        """Keep the sums of a batch of nothing but telegrams: how many, and their bytes."""
        if any(self._added):  # the first of its ring
            self.add("records", records)
            self.add("bytes", size + bounds.BATCH)
            self.write()
        else:
            self.db.execute(_COMMON, (self.gateway, self.now // DAY, records, size + bounds.BATCH))

    def write(self) -> None:
        """Keep the sums."""
        self.db.execute(_ALL, (self.gateway, self.now // DAY, self._over, self._since, self._left_out, *self._added))

    def refuse(self, name: str) -> str:
        """Note that a batch is refused, of which nothing is stored, once a day; returns the bound's name."""
        if not self._over & bounds.bit(name):
            self.note(name)
            self._added, self._left_out = [0] * len(_FIELDS), 0
            self.write()
        return name
