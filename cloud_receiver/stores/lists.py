"""Lists of meters, alarms and gateways, filtered, sorted and paged where the data lies: a page asks for its own rows.

Each is `query(db, ...)` on a read-only connection, as those of queries.py, and returns (rows, how many there are in
all). What is sorted by is one of a table's expressions, never text of a request; ties go by id, so that pages do not
overlap.
"""

import json
from collections import namedtuple

from ..data import dayrows, usage
from ..data.attention import CAN_WAIT, SILENT_GATEWAY_S, SILENT_METER_S
from . import NO_KEY, NUMBERS, WRONG_KEY, queries
from .queries import DAY, _dicts, at_most

MOST_GAPS = 100  # shown of a ring
WEEK = 7  # days over which a meter's coverage share is taken

# meters: {row: (gateways that heard it, best RSSI or None)}; gateways: {row: meters it heard}; days: meters per day.
Recent = namedtuple("Recent", ("meters", "gateways", "days"))

_ALARMED = "EXISTS (SELECT 1 FROM alarms a WHERE a.meter = m.id AND a.ended IS NULL)"
_SINCE = "(SELECT min(a.since) FROM alarms a WHERE a.meter = m.id AND a.ended IS NULL)"
_SILENT = "m.last_heard < ?1"
_MISSING = f"(m.encrypted = 1 AND m.state = {NO_KEY})"
_WRONG = f"(m.encrypted = 1 AND m.state = {WRONG_KEY})"
METERS_SHOWN = {
    "all": "1 = 1", "silent": _SILENT, "missing": _MISSING, "wrong": _WRONG, "nokey": f"({_MISSING} OR {_WRONG})",
    "alarm": _ALARMED,
}
METER_ORDERS = {
    "id": "m.meter", "heard": "m.last_heard", "reading": "coalesce(m.total_ml, -1)",
    "by": None, "signal": None, "key": "m.encrypted * 10 + m.state",
    "alarm": f"coalesce({_SINCE}, 0)",
}
ALARM_ORDERS = {"id": "m.meter", "alarm": "a.alarm", "since": "a.since", "last": "a.last", "heard": "m.last_heard"}
_GAPS = "EXISTS (SELECT 1 FROM gaps p JOIN epochs e ON e.id = p.epoch WHERE e.gateway = g.id)"
_LOST = "EXISTS (SELECT 1 FROM lost l JOIN epochs e ON e.id = l.epoch WHERE e.gateway = g.id)"
_TWICE = "EXISTS (SELECT 1 FROM equivocations q JOIN epochs e ON e.id = q.epoch WHERE e.gateway = g.id)"
_OUT = "(g.last_contact IS NULL OR g.last_contact < ?1)"
GATEWAYS_SHOWN = {
    "all": "1 = 1", "silent": _OUT, "fault": f"({_GAPS} OR {_LOST} OR {_TWICE})",
    "attention": f"({_OUT} OR {_GAPS} OR {_LOST} OR {_TWICE})",
}
# In small letters; of those outside ASCII SQLite knows none.
_NAME = "lower(replace(replace(replace(g.name, 'Æ', 'æ'), 'Ø', 'ø'), 'Å', 'å'))"
GATEWAY_ORDERS = {
    "id": "g.gateway", "name": _NAME, "kind": "g.kind", "contact": "coalesce(g.last_contact, 0)",
    "heard": None, "version": "coalesce(g.firmware, '')", "clock": "coalesce(g.clock, -1)",
}


def _order(orders, asked, otherwise):
    """(ORDER BY of an order's name, `-` before it for the other way round; the name if it goes by a Recent instead)."""
    if asked.lstrip("-") not in orders:
        asked = otherwise
    name, way = asked.lstrip("-"), "DESC" if asked.startswith("-") else "ASC"
    return (f"{orders[name]} {way}, ", "") if orders[name] else ("", asked)


def recent(db, day, today, days):
    """What coverage says over all: a Recent of the days since a Unix day, and of how many meters were heard on each of
    the last days. It reads all their rows: asked for now and then, not for each page."""
    meters_: dict = {}
    gateways_: "dict[int, int]" = {}
    for meter, gateway, best in db.execute("SELECT meter, gateway, best FROM coverage WHERE day >= ?", (day,)):
        heard = meters_.get(meter)
        if heard is None:
            heard = meters_[meter] = [set(), None]
        heard[0].add(gateway)
        if best is not None and (heard[1] is None or best > heard[1]):
            heard[1] = best
    for meter, heard in meters_.items():
        for gateway in heard[0]:
            gateways_[gateway] = gateways_.get(gateway, 0) + 1
        meters_[meter] = (len(heard[0]), heard[1])
    return Recent(meters_, gateways_, per_day(db, today, days))


def _sorted(rows, asked, key):
    """Rows (row, id), which came by id, in an order that goes by a Recent."""
    rows.sort(key=key, reverse=asked.startswith("-"))
    return rows


def _like(search):
    """A LIKE pattern of what somebody typed."""
    for special in ("\\", "%", "_"):
        search = search.replace(special, "\\" + special)
    return f"%{search}%"


def meters(db, day, now, show="all", search="", order="id", limit=100, offset=0, known=None):
    """Meters as queries.meters gives them (no latest reading), with `covered`: on how many of the last WEEK days.

    `day`: the Unix day since which a gateway counts as hearing them; `known`: a Recent, for the orders by reception.
    """
    ids, found = meter_ids(db, now, show, search, order, limit, offset, known)
    return meters_of(db, ids, day, now), found


def meter_ids(db, now, show="all", search="", order="id", limit=100, offset=0, known=None):
    """The rows of the meters that `meters` gives."""
    by, other = _order(METER_ORDERS, order, "id")
    where = f"{METERS_SHOWN.get(show, METERS_SHOWN['all'])} AND (?2 = '' OR m.meter LIKE ?3 ESCAPE '\\') " \
            "AND CAST(?1 AS BIGINT) IS NOT NULL AND CAST(?2 AS TEXT) IS NOT NULL"
    values = (now - SILENT_METER_S, search, _like(search.upper().replace(" ", "-")))
    if show == "all" and not search:
        found = db.execute("SELECT count(*) FROM meters").fetchone()[0]  # the index alone
    else:
        found = db.execute(f"SELECT count(*) FROM meters m WHERE {where}", values).fetchone()[0]
    if other:
        heard, field, nothing = known.meters if known else {}, int(other.endswith("signal")), (0, None)

        def key(row):
            value = heard.get(row[0], nothing)[field]
            return -999 if value is None else value
        rows = _sorted(db.execute(f"SELECT m.id FROM meters m WHERE {where} ORDER BY m.meter", values).fetchall(),
                       other, key)[offset:offset + limit]
    else:
        rows = db.execute(f"SELECT m.id FROM meters m WHERE {where} ORDER BY {by}m.meter LIMIT ?4 OFFSET ?5",
                          (*values, limit, offset)).fetchall()
    return [row[0] for row in rows], found


def meters_of(db, ids, day, now):
    """Meters of these rows, in their order."""
    if not ids:
        return []
    numbers = json.dumps(ids)
    by_row = {m["row"]: m for m in _dicts(db.execute(
        "SELECT id AS row, meter AS id, media, first_heard, last_heard, encrypted, state, note, status, total_ml, "
        f"read_at FROM meters WHERE id IN {NUMBERS}", (numbers,)))}
    for m in by_row.values():
        m.update(alarms=[], key=queries.key_state(m), latest={}, heard_by=0, best=None, telegrams=0, heard=0, covered=0)
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
    return [by_row[row] for row in ids if row in by_row]


def attention_meters(db, day, now, limit):
    """The meters somebody should look at, those with an alarm that cannot wait first: (rows, how many in all)."""
    wait = "', '".join(CAN_WAIT)
    where = f"({_ALARMED} OR {_WRONG} OR {_MISSING} OR m.state = 4 OR {_SILENT})"
    values = (now - SILENT_METER_S,)
    ids = [row[0] for row in db.execute(
        f"SELECT m.id FROM meters m WHERE {where} ORDER BY CASE WHEN EXISTS (SELECT 1 FROM alarms a WHERE "
        f"a.meter = m.id AND a.ended IS NULL AND a.alarm NOT IN ('{wait}')) THEN 0 WHEN {_WRONG} THEN 1 ELSE 2 END, "
        "m.meter LIMIT ?2", (*values, limit))]
    found = db.execute(f"SELECT count(*) FROM meters m WHERE {where}", values).fetchone()[0]
    return meters_of(db, ids, day, now), found


def counts(db, now):
    """Meters in all, heard in a day, encrypted, read with their key, with an alarm; telegrams waiting or not opened (of
    these at most MOST_COUNTED are counted: the store may hold any number)."""
    row = db.execute(
        "SELECT count(*), coalesce(sum(CASE WHEN m.last_heard >= ?1 THEN 1 ELSE 0 END), 0), "
        "coalesce(sum(CASE WHEN m.encrypted = 1 AND m.state > 0 THEN 1 ELSE 0 END), 0), "
        "coalesce(sum(CASE WHEN m.encrypted = 1 AND m.state = 1 THEN 1 ELSE 0 END), 0), "
        f"coalesce(sum(CASE WHEN {_MISSING} THEN 1 ELSE 0 END), 0), "
        f"coalesce(sum(CASE WHEN {_WRONG} THEN 1 ELSE 0 END), 0) FROM meters m",
        (now - SILENT_METER_S,)).fetchone()
    found = dict(zip(("meters", "heard", "encrypted", "keyed", "missing", "wrong"), map(int, row)))
    found["alarmed"] = db.execute("SELECT count(DISTINCT meter) FROM alarms WHERE ended IS NULL").fetchone()[0]
    found["pending"] = at_most(db, queries.WAITING)
    found["closed"] = at_most(db, queries.CLOSED)
    for name, where in (("gateways", ""), ("in_contact", f"WHERE last_contact >= {now - SILENT_GATEWAY_S}")):
        found[name] = db.execute(f"SELECT count(*) FROM gateways {where}").fetchone()[0]
    return found


def totals(db):
    """(meters, gateways) in all."""
    return tuple(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("meters", "gateways"))


def versions(db):
    """[{id, firmware}] of every gateway."""
    return _dicts(db.execute("SELECT gateway AS id, firmware FROM gateways ORDER BY gateway"))


def per_day(db, today, days):
    """How many meters were heard on each of the last days, oldest first."""
    return [db.execute("SELECT count(DISTINCT meter) FROM coverage WHERE day = ?", (day,)).fetchone()[0]
            for day in range(today - days + 1, today + 1)]


def alarms(db, show="all", search="", order="-since", limit=100, offset=0):
    """Standing alarms: (rows of meter, alarm, since, last, last_heard, media; how many)."""
    by, _ = _order(ALARM_ORDERS, order, "-since")
    values = (show, search, _like(search.upper().replace(" ", "-")))
    where = "a.ended IS NULL AND (?1 = 'all' OR a.alarm = ?1) AND (?2 = '' OR m.meter LIKE ?3 ESCAPE '\\') " \
            "AND CAST(?1 AS TEXT) IS NOT NULL AND CAST(?2 AS TEXT) IS NOT NULL"
    rows = _dicts(db.execute(
        "SELECT m.meter AS id, m.media, a.alarm, a.since, a.last, m.last_heard FROM alarms a JOIN meters m "
        f"ON m.id = a.meter WHERE {where} ORDER BY {by}m.meter, a.alarm LIMIT ?4 OFFSET ?5",
        (*values, limit, offset)))
    found = db.execute(f"SELECT count(*) FROM alarms a JOIN meters m ON m.id = a.meter WHERE {where}", values)
    return rows, found.fetchone()[0]


def alarm_kinds(db):
    """{alarm: how many meters it stands at}."""
    return dict(db.execute("SELECT alarm, count(*) FROM alarms WHERE ended IS NULL GROUP BY alarm ORDER BY alarm"))


def gateways(db, now, show="all", search="", order="-contact", limit=100, offset=0, leave=(), only=None, known=None):
    """Gateways as queries.gateways gives them with `meters_heard` (from `known`, a Recent): (rows, how many).

    `leave`: ids not to be shown, `only`: none but these.
    """
    ids, found = gateway_ids(db, now, show, search, order, limit, offset, leave, only, known)
    return gateways_of(db, ids, known), found


def gateway_ids(db, now, show="all", search="", order="-contact", limit=100, offset=0, leave=(), only=None, known=None):
    """The rows of the gateways that `gateways` gives."""
    by, other = _order(GATEWAY_ORDERS, order, "-contact")
    where = f"{GATEWAYS_SHOWN.get(show, GATEWAYS_SHOWN['all'])} AND (?2 = '' OR g.gateway LIKE ?3 ESCAPE '\\' " \
            f"OR {_NAME} LIKE ?4 ESCAPE '\\') AND CAST(?1 AS BIGINT) IS NOT NULL AND CAST(?2 AS TEXT) IS NOT NULL"
    values = (now - SILENT_GATEWAY_S, search, _like(search.upper()), _like(search.lower()))
    for ids, negated in ((leave, "NOT "), (only, "")):
        if ids or (ids is not None and not negated):
            listed = ", ".join(f"'{g}'" for g in ids if g.isalnum()) or "''"
            where += f" AND g.gateway {negated}IN ({listed})"
    if other:
        heard = known.gateways if known else {}
        rows = _sorted(db.execute(f"SELECT g.id FROM gateways g WHERE {where} ORDER BY g.gateway", values).fetchall(),
                       other, lambda r: heard.get(r[0], 0))[offset:offset + limit]
    else:
        rows = db.execute(f"SELECT g.id FROM gateways g WHERE {where} ORDER BY {by}g.gateway LIMIT ?5 OFFSET ?6",
                          (*values, limit, offset)).fetchall()
    found = db.execute(f"SELECT count(*) FROM gateways g WHERE {where}", values).fetchone()[0]
    return [row[0] for row in rows], found


def gateways_of(db, ids, known=None):
    """Gateways of these rows in their order, with their rings, in few queries however many they are."""
    if not ids:
        return []
    numbers = json.dumps(ids)
    by_row = {g["row"]: g for g in _dicts(db.execute(
        "SELECT id AS row, gateway AS id, kind, name, enrolled, last_contact, firmware, boot, clock, status, status_at "
        f"FROM gateways WHERE id IN {NUMBERS}", (numbers,)))}
    for g in by_row.values():
        g["status"] = dict(json.loads(g["status"])) if g["status"] else {}
        g["epochs"], g["meters_heard"] = [], known.gateways.get(g["row"], 0) if known else 0
    rings = {}
    for e in _dicts(db.execute(
            "SELECT e.id AS row, e.gateway, e.epoch, e.through, e.first_contact, e.last_contact, "
            "(SELECT coalesce(sum(count), 0) FROM lost l WHERE l.epoch = e.id) AS lost, "
            "(SELECT count(*) FROM equivocations q WHERE q.epoch = e.id) AS equivocations "
            f"FROM epochs e WHERE e.gateway IN {NUMBERS} ORDER BY e.first_contact, e.id", (numbers,))):
        e["epoch"], e["gaps"] = e["epoch"].hex().upper(), []
        by_row[e.pop("gateway")]["epochs"].append(e)
        rings[e.pop("row")] = e
    for epoch, first, last in db.execute("SELECT epoch, first, last FROM gaps WHERE epoch IN "
                                         f"{NUMBERS} ORDER BY epoch, first", (json.dumps(list(rings)),)):
        if len(rings[epoch]["gaps"]) < MOST_GAPS:
            rings[epoch]["gaps"].append([first, last])
    return [by_row[row] for row in ids if row in by_row]


def silent_gateways(db, now):
    """(id, name, last contact) of the gateways that have been out of contact for too long, or never in it."""
    return db.execute("SELECT gateway, name, last_contact FROM gateways WHERE coalesce(last_contact, enrolled) < ? "
                      "ORDER BY gateway", (now - SILENT_GATEWAY_S,)).fetchall()


def day_readings(db, day, after, limit, daily):
    """The readings of a Unix day, a piece of the meters by their rows: [(row, meter, [(Unix seconds, ml)])]; `daily`:
    one per meter, the one nearest to local midnight."""
    return [(row, meter, [(day * DAY + hour * 3600 + entry[0], entry[1]) for hour, entry in enumerate(
                dayrows.unpack(dayrows.daily(day, blob) if daily else blob)) if entry is not None])
            for row, meter, blob in db.execute(
                "SELECT r.meter, m.meter, r.hours FROM readings r JOIN meters m ON m.id = r.meter "
                "WHERE r.day = ? AND r.meter > ? ORDER BY r.meter LIMIT ?", (day, after, limit)).fetchall()]


def readings_around(db, row, bounds, near):
    """As much of a meter's readings as usage.uses needs for these bounds: what lies around each, and the whole of a
    period where that does not tell the total at both its ends. A year by month is a fraction of its days."""
    wanted = {day for bound in bounds for day in range((bound - near) // DAY, (bound + near) // DAY + 1)}
    found = _of_days(db, row, wanted)
    times = [t for t, _ in found]
    known = [usage.at(found, times, bound, near) is not None for bound in bounds]
    rest = {day for n, (start, end) in enumerate(zip(bounds, bounds[1:])) if not (known[n] and known[n + 1])
            for day in range(start // DAY, (end - 1) // DAY + 1)} - wanted
    return sorted(found + _of_days(db, row, rest)) if rest else found


def _of_days(db, row, days):
    found = []
    for day, blob in db.execute(f"SELECT day, hours FROM readings WHERE day IN {NUMBERS} AND meter = ? ORDER BY day",
                                (json.dumps(sorted(days)), row)):
        found += [(day * DAY + hour * 3600 + entry[0], entry[1]) for hour, entry in enumerate(dayrows.unpack(blob))
                  if entry is not None]
    return found
