"""What the store knows of one home, for whoever it is about. `home_hours` is the only query for a home's electricity
that a page may use, and only its own homeowner's."""

from ...data.clock import DAY
from . import readings


def home_hours(db, gateway: int, start: int, end: int) -> "list[tuple[int, int, int, int]]":
    """The electricity of a gateway's (its row's) home by the hour, start <= hour < end: (hour, import Wh, export Wh,
    whether it is estimated)."""
    return db.execute("SELECT hour, import_wh, export_wh, estimated FROM home_hours "
                      "WHERE gateway = ? AND hour >= ? AND hour < ? ORDER BY hour", (gateway, start, end)).fetchall()


def person(db, gateway: "str | None", meters: "list[str]", since: int, until: int) -> dict:
    """All that is stored of a home (its gateway's id, or None) and its meters (texts) from `since` to `until`, as plain
    data: {home_hours [[hour, import Wh, export Wh, estimated]], records [[time, kind, hex]], meters [{meter, media,
    first_heard, last_heard, readings [[Unix seconds, ml]], alarms [[alarm, since, last, ended]],
    held_back [[Unix seconds, ml or None, reason]]}]}."""
    told: dict = {"home_hours": [], "records": [], "meters": []}
    if gateway is not None:
        told["home_hours"] = [list(row) for row in db.execute(
            "SELECT h.hour, h.import_wh, h.export_wh, h.estimated FROM home_hours h JOIN gateways g "
            "ON g.id = h.gateway WHERE g.gateway = ? AND h.hour >= ? AND h.hour < ? ORDER BY h.hour",
            (gateway, since, until))]
        told["records"] = [[time, kind, body.hex()] for time, kind, body in db.execute(
            "SELECT r.time, r.kind, r.body FROM records r JOIN epochs e ON e.id = r.epoch JOIN gateways g "
            "ON g.id = e.gateway WHERE g.gateway = ? AND r.received >= ? AND r.received < ? ORDER BY r.id",
            (gateway, since, until))]
    for name in meters:
        row = db.execute("SELECT id, media, first_heard, last_heard FROM meters WHERE meter = ?", (name,)).fetchone()
        if row is None:
            continue
        told["meters"].append({
            "meter": name, "media": row[1], "first_heard": row[2], "last_heard": row[3],
            "readings": [[time, total] for day, blob in lived_in(db, row[0], since, until)
                         for time, total in readings.entries(day, blob) if since <= time < until],
            "alarms": [list(a) for a in db.execute(
                "SELECT alarm, since, last, ended FROM alarms WHERE meter = ? AND last >= ? ORDER BY since",
                (row[0], since))],
            "held_back": [list(h) for h in db.execute(
                "SELECT time, total_ml, reason FROM held WHERE meter = ? AND time >= ? AND time < ? ORDER BY time",
                (row[0], since, until))]})
    return told


def lived_in(db, row: int, start: int, end: int) -> "list[tuple[int, bytes]]":
    """(Unix day, blob) of a meter's (its row's) day rows from the day of `start`, or the one before it was first heard,
    to that of `end`."""
    first = db.execute("SELECT first_heard FROM meters WHERE id = ?", (row,)).fetchone()[0]
    return readings.day_rows(db, row, max(start, first - DAY) // DAY, end // DAY)
