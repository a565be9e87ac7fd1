"""Alarms that stand, and a meter's of before."""

from .rows import dicts, like, order

ORDERS = {"id": "m.meter", "alarm": "a.alarm", "since": "a.since", "last": "a.last", "heard": "m.last_heard"}
MOST = 100  # told of a meter


def page(db, show="all", search="", by="-since", limit=100, offset=0) -> "tuple[list[dict], int]":
    """(standing alarms {id (of the meter), media, alarm, since, last, last_heard}, how many there are in all).

    `show`: an alarm's name; `search`: in the meter's id; `by`: of ORDERS, `-` before it the other way round.
    """
    expression, _ = order(ORDERS, by, "-since")
    values = (show, search, like(search.upper().replace(" ", "-")))
    where = "a.ended IS NULL AND (?1 = 'all' OR a.alarm = ?1) AND (?2 = '' OR m.meter LIKE ?3 ESCAPE '\\') " \
            "AND CAST(?1 AS TEXT) IS NOT NULL AND CAST(?2 AS TEXT) IS NOT NULL"
    rows = dicts(db.execute(
        "SELECT m.meter AS id, m.media, a.alarm, a.since, a.last, m.last_heard FROM alarms a JOIN meters m "
        f"ON m.id = a.meter WHERE {where} ORDER BY {expression}m.meter, a.alarm LIMIT ?4 OFFSET ?5",
        (*values, limit, offset)))
    count = db.execute(f"SELECT count(*) FROM alarms a JOIN meters m ON m.id = a.meter WHERE {where}", values)
    return rows, count.fetchone()[0]


def kinds(db) -> "dict[str, int]":
    """{alarm: at how many meters it stands}."""
    return dict(db.execute("SELECT alarm, count(*) FROM alarms WHERE ended IS NULL GROUP BY alarm ORDER BY alarm"))


def of_meter(db, row: int) -> "list[dict]":
    """The alarms of a meter (its row), standing ones first: {alarm, since, last, ended or None}."""
    return dicts(db.execute("SELECT alarm, since, last, ended FROM alarms WHERE meter = ? "
                            "ORDER BY ended IS NOT NULL, since DESC LIMIT ?", (row, MOST)))
