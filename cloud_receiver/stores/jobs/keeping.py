"""How long things are kept: raw telegrams for a time, hourly values until they become daily ones.

Each job does a bounded piece, so that ingest never waits long behind it. What is aged stays aged: a mark says up to
which day, and a reading that comes late for a day before it is aged when it is entered.
"""

from ...data import dayrows
from ...data.clock import DAY
from . import can_wait

AGED = "aged"  # the mark: day rows before this Unix day hold daily values


def read_mark(db, name: str) -> int:
    """A mark's value, 0 where there is none."""
    row = db.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
    return row[0] if row else 0


def write_mark(db, name: str, value: int) -> None:
    """Keep a mark."""
    db.execute("INSERT INTO marks VALUES (?,?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value))


@can_wait
def age(db, day: int, most: int) -> int:
    """Make daily values of up to about `most` day rows from before a day, oldest first; returns how many it saw."""
    at = read_mark(db, AGED)
    if at >= day:
        return 0
    rows = db.execute("SELECT day, meter, hours FROM readings WHERE day >= ? AND day < ? ORDER BY day, meter LIMIT ?",
                      (at, day, most)).fetchall()
    if not rows:
        write_mark(db, AGED, day)
        return 0
    if len(rows) == most:
        last = rows[-1][0]
        if rows[0][0] == last:  # one day is more than a piece
            rows = db.execute("SELECT day, meter, hours FROM readings WHERE day = ?", (last,)).fetchall()
            end = last + 1
        else:
            rows = [row for row in rows if row[0] < last]
            end = last
    else:
        end = day
    db.executemany("UPDATE readings SET hours = ?, counters = NULL WHERE day = ? AND meter = ?",
                   [(dayrows.daily(row_day, blob), row_day, meter) for row_day, meter, blob in rows
                    if not dayrows.is_daily(blob)])
    write_mark(db, AGED, end)
    return len(rows)


@can_wait
def forget_telegrams(db, before: int, most: int) -> int:
    """Delete up to `most` each of the oldest telegrams and records received before a time, and what gateways had stored
    on the days before it; returns how many telegrams and records."""
    count = 0
    db.execute("DELETE FROM bounds WHERE day < ?", (before // DAY,))
    for table in ("telegrams", "records"):
        # They are numbered as they came: the oldest are the lowest, whatever else is stored.
        rows = db.execute(f"SELECT id, received FROM {table} ORDER BY id LIMIT ?", (most,)).fetchall()
        old = [row for row, received in rows if received < before]
        if old:
            count += db.execute(f"DELETE FROM {table} WHERE id <= ? AND received < ?", (max(old), before)).rowcount
    return count
