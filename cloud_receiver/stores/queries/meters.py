"""Meters: one with its latest reading, lists of them, who hears them.

Lists are filtered, sorted and paged where the data lies. What one is sorted by is one of ORDERS' expressions, never
text of a request; ties go by id, so that pages do not overlap. A total is in millilitres, an RSSI in dBm, a day is a
Unix day.
"""

import json

from ...data.attention import CAN_WAIT, SILENT_METER_S
from ...data.clock import DAY
from .. import DECODED, NO_KEY, NUMBERS, PENDING, UNDECODABLE, UNSEALED, WRONG_KEY
from .rows import dicts, like, order, ordered

WEEK = 7  # days over which a meter's coverage share is taken

_ALARMED = "EXISTS (SELECT 1 FROM alarms a WHERE a.meter = m.id AND a.ended IS NULL)"
_SINCE = "(SELECT min(a.since) FROM alarms a WHERE a.meter = m.id AND a.ended IS NULL)"
_SILENT = "m.last_heard < ?1"
MISSING = f"(m.encrypted = 1 AND m.state = {NO_KEY})"
WRONG = f"(m.encrypted = 1 AND m.state = {WRONG_KEY})"
# A meter with a key of which there are telegrams that nothing was opened of: kept for as long as those are.
PLAIN = f"m.id IN (SELECT meter FROM telegrams WHERE state = {UNSEALED})"
HELD_BACK = "m.id IN (SELECT meter FROM held)"
MOST_PLAIN = 1000  # such telegrams counted of one meter
SHOWN = {
    "all": "1 = 1", "silent": _SILENT, "missing": MISSING, "wrong": WRONG, "nokey": f"({MISSING} OR {WRONG})",
    "alarm": _ALARMED, "unsealed": PLAIN, "held": HELD_BACK,
}
ORDERS = {
    "id": "m.meter", "heard": "m.last_heard", "reading": "coalesce(m.total_ml, -1)",
    "by": None, "signal": None, "key": "m.encrypted * 10 + m.state",
    "alarm": f"coalesce({_SINCE}, 0)",
}
_KEYS = {NO_KEY: "missing", WRONG_KEY: "wrong", UNDECODABLE: "undecodable", DECODED: "known"}  # of those that encrypt


def one(db, day: int, meter: str) -> "dict | None":
    """A meter by its text, or None: {row, id, media, first_heard, last_heard, encrypted, state, note, status, total_ml,
    read_at, latest (the decoder's fields), key (`key_state`), unsealed (how many telegrams are kept that were not read
    because nothing opened under its key; at most MOST_PLAIN), alarms [{alarm, since}], and of its coverage since a
    day: heard_by (gateways), best, telegrams, heard}."""
    rows = dicts(db.execute(
        "SELECT m.id AS row, m.meter AS id, m.media, m.first_heard, m.last_heard, m.encrypted, m.state, m.note, "
        "m.status, m.total_ml, m.read_at, m.latest, c.heard_by, c.best, c.telegrams, c.heard "
        "FROM meters m LEFT JOIN (SELECT meter, count(DISTINCT gateway) AS heard_by, max(best) AS best, "
        "sum(telegrams) AS telegrams, sum(heard) AS heard FROM coverage WHERE day >= ?1 AND meter = "
        "(SELECT id FROM meters WHERE meter = ?2) GROUP BY meter) c ON c.meter = m.id WHERE m.meter = ?2",
        (day, meter)))
    if not rows:
        return None
    m = rows[0]
    m["alarms"] = [{"alarm": name, "since": since} for name, since in db.execute(
        "SELECT alarm, since FROM alarms WHERE ended IS NULL AND meter = ? ORDER BY alarm", (m["row"],))]
    m["key"] = key_state(m)
    m["unsealed"] = db.execute(f"SELECT count(*) FROM (SELECT 1 FROM telegrams WHERE state = {UNSEALED} AND meter = ? "
                               f"LIMIT {MOST_PLAIN}) AS counted", (m["row"],)).fetchone()[0]
    m["held"] = db.execute("SELECT count(*) FROM held WHERE meter = ?", (m["row"],)).fetchone()[0]
    m["heard_by"] = m["heard_by"] or 0
    m["latest"] = json.loads(m["latest"]) if m["latest"] else {}
    return m


def key_state(m) -> str:
    """known, missing, wrong, plain (needs none), pending (not tried), undecodable or unsealed (it has one, and the
    latest telegram was not sealed with it)."""
    if m["state"] == PENDING:
        return "pending"
    if m["state"] == UNSEALED:
        return "unsealed"
    return _KEYS[m["state"]] if m["encrypted"] else "plain"


def page(db, day, now, show="all", search="", by="id", limit=100, offset=0, recent=None):
    """(meters as `of_rows` tells of them, how many there are in all).

    `day`: since which a gateway counts as hearing them; `now`: Unix seconds; `show`: of SHOWN; `search`: in the id;
    `by`: of ORDERS, `-` before it the other way round; `recent`: a recent.Recent, for the orders by reception.
    """
    rows, count = page_rows(db, now, show, search, by, limit, offset, recent)
    return of_rows(db, rows, day, now), count


def page_rows(db, now, show="all", search="", by="id", limit=100, offset=0, recent=None):
    """(the rows of the meters that `page` gives, how many there are in all)."""
    expression, of_recent = order(ORDERS, by, "id")
    where = f"{SHOWN.get(show, SHOWN['all'])} AND (?2 = '' OR m.meter LIKE ?3 ESCAPE '\\') " \
            "AND CAST(?1 AS BIGINT) IS NOT NULL AND CAST(?2 AS TEXT) IS NOT NULL"
    values = (now - SILENT_METER_S, search, like(search.upper().replace(" ", "-")))
    if of_recent:
        heard, field, nothing = recent.meters if recent else {}, int(of_recent.endswith("signal")), (0, None)

        def rank(row):
            value = heard.get(row[0], nothing)[field]
            return -999 if value is None else value
        rows = ordered(db.execute(f"SELECT m.id FROM meters m WHERE {where} ORDER BY m.meter", values).fetchall(),
                       of_recent, rank)
        return [row[0] for row in rows[offset:offset + limit]], len(rows)
    every = show == "all" and not search  # counted by the index alone, and the order may be an index's too
    rows = db.execute(f"SELECT m.id, {0 if every else 'count(*) OVER ()'} FROM meters m WHERE {where} "
                      f"ORDER BY {expression}m.meter LIMIT ?4 OFFSET ?5", (*values, limit, offset)).fetchall()
    if rows and not every:
        return [row[0] for row in rows], rows[0][1]
    counted = "SELECT count(*) FROM meters" if every else f"SELECT count(*) FROM meters m WHERE {where}"
    return [row[0] for row in rows], db.execute(counted, () if every else values).fetchone()[0]


def of_rows(db, rows: "list[int]", day: int, now: int) -> "list[dict]":
    """Meters of these rows, in their order: as `one`, without `latest`, `unsealed` as 1 or 0, and with `covered`: on
    how many of the last WEEK days they were heard."""
    if not rows:
        return []
    numbers = json.dumps(rows)
    by_row = {m["row"]: m for m in dicts(db.execute(
        "SELECT id AS row, meter AS id, media, first_heard, last_heard, encrypted, state, note, status, total_ml, "
        f"read_at, CASE WHEN EXISTS (SELECT 1 FROM telegrams t WHERE t.state = {UNSEALED} "
        f"AND t.meter = m.id) THEN 1 ELSE 0 END AS unsealed, "
        "CASE WHEN EXISTS (SELECT 1 FROM held h WHERE h.meter = m.id) THEN 1 ELSE 0 END AS held "
        f"FROM meters m WHERE id IN {NUMBERS}", (numbers,)))}
    for m in by_row.values():
        m.update(alarms=[], key=key_state(m), latest={}, heard_by=0, best=None, telegrams=0, heard=0, covered=0)
    # Day by day, so that the primary key (day, meter, gateway) is used.
    today = now // DAY
    gateways: dict = {}
    for at in range(min(day, today - WEEK + 1), today + 1):
        heard = set()
        for row, gateway, telegrams, counted, best in db.execute(
                f"SELECT meter, gateway, telegrams, heard, best FROM coverage WHERE day = ? AND meter IN {NUMBERS}",
                (at, numbers)):
            m = by_row[row]
            heard.add(row)
            if at >= day:
                gateways.setdefault(row, set()).add(gateway)
                m["telegrams"] += telegrams
                m["heard"] += counted
                m["best"] = best if m["best"] is None else m["best"] if best is None else max(best, m["best"])
        for row in heard if at > today - WEEK else ():
            by_row[row]["covered"] += 1
    for row, name, since in db.execute("SELECT meter, alarm, since FROM alarms WHERE ended IS NULL AND meter IN "
                                       f"{NUMBERS} ORDER BY alarm", (numbers,)):
        by_row[row]["alarms"].append({"alarm": name, "since": since})
    for row, who in gateways.items():
        by_row[row]["heard_by"] = len(who)
    return [by_row[row] for row in rows if row in by_row]


def needing_attention(db, day: int, now: int, limit: int) -> "tuple[list[dict], int]":
    """(meters somebody should look at, those with an alarm that cannot wait first; how many there are in all)."""
    wait = "', '".join(CAN_WAIT)
    where = f"({_ALARMED} OR {WRONG} OR {MISSING} OR m.state = {UNDECODABLE} OR {PLAIN} OR {HELD_BACK} OR {_SILENT})"
    rows = db.execute(
        f"SELECT m.id, count(*) OVER () FROM meters m WHERE {where} ORDER BY CASE WHEN EXISTS (SELECT 1 FROM alarms a "
        f"WHERE a.meter = m.id AND a.ended IS NULL AND a.alarm NOT IN ('{wait}')) THEN 0 WHEN {WRONG} THEN 1 ELSE 2 "
        "END, m.meter LIMIT ?2", (now - SILENT_METER_S, limit)).fetchall()
    return of_rows(db, [row[0] for row in rows], day, now), rows[0][1] if rows else 0


def heard_by_gateway(db, gateway: int, day: int) -> "list[dict]":
    """How one gateway (its row) heard each meter on and since a day, the loudest first: {id, media, telegrams, heard,
    best, day (the last)}."""
    return dicts(db.execute(
        "SELECT m.meter AS id, m.media, sum(c.telegrams) AS telegrams, sum(c.heard) AS heard, max(c.best) AS best, "
        "max(c.day) AS day FROM coverage c JOIN meters m ON m.id = c.meter WHERE c.day >= ? AND c.gateway = ? "
        "GROUP BY m.id ORDER BY best DESC, m.meter", (day, gateway)))


def coverage(db, row: int, day: int) -> "list[dict]":
    """Who heard a meter (its row) on each day since a day, the latest and loudest first: {day, gateway (id), name,
    telegrams, heard, best, median}."""
    days = dicts(db.execute(
        "SELECT c.day, g.gateway, g.name, c.telegrams, c.heard, c.best, c.median, c.rssi FROM coverage c "
        "JOIN gateways g ON g.id = c.gateway WHERE c.day >= ? AND c.meter = ? ORDER BY c.day DESC, c.best DESC",
        (day, row)))
    for heard in days:
        heard["median"] = median(heard["median"], heard.pop("rssi"))
    return days


def median(told: "int | None", levels: bytes) -> "int | None":
    """A day's median RSSI in dBm: the gateway's own, which counts what was thinned too, else of what it relayed."""
    return told if told is not None else -sorted(levels)[len(levels) // 2] if levels else None
