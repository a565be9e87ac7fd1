"""Gateways: each with its rings, and lists of them, filtered, sorted and paged where the data lies.

What a list is sorted by is one of ORDERS' expressions, never text of a request; ties go by id, so that pages do not
overlap.
"""

import json

from ...data import bounds
from ...data.attention import SILENT_GATEWAY_S
from ...data.clock import DAY
from .. import NUMBERS
from . import rings
from .rows import dicts, like, order, ordered

_GAPS = "EXISTS (SELECT 1 FROM gaps p JOIN epochs e ON e.id = p.epoch WHERE e.gateway = g.id)"
_LOST = "EXISTS (SELECT 1 FROM lost l JOIN epochs e ON e.id = l.epoch WHERE e.gateway = g.id)"
_TWICE = "EXISTS (SELECT 1 FROM equivocations q JOIN epochs e ON e.id = q.epoch WHERE e.gateway = g.id)"
_OVER = ("EXISTS (SELECT 1 FROM bounds b WHERE b.gateway = g.id AND b.over > 0 AND "
         f"b.day >= g.last_contact / {DAY} - 1)")
_OUT = "(g.last_contact IS NULL OR g.last_contact < ?1)"
SHOWN = {
    "all": "1 = 1", "silent": _OUT, "fault": f"({_GAPS} OR {_LOST} OR {_TWICE} OR {_OVER})",
    "attention": f"({_OUT} OR {_GAPS} OR {_LOST} OR {_TWICE} OR {_OVER})",
}
# In small letters; of those outside ASCII SQLite knows none.
_NAME = "lower(replace(replace(replace(g.name, 'Æ', 'æ'), 'Ø', 'ø'), 'Å', 'å'))"
EVENT_RINGS = 6  # the latest of a gateway
_EVENTS = " UNION ALL ".join(
    f"SELECT * FROM (SELECT id, kind, time, received, body FROM records WHERE epoch = ?1 AND kind = {kind} "
    f"ORDER BY id DESC LIMIT ?2) AS kind_{kind}" for kind in range(11) if kind not in (2, 10))
ORDERS = {
    "id": "g.gateway", "name": _NAME, "kind": "g.kind", "contact": "coalesce(g.last_contact, 0)",
    "heard": None, "version": "coalesce(g.firmware, '')", "clock": "coalesce(g.clock, -1)",
}


def key(db, gateway: str) -> "tuple[int, bytes] | None":
    """(row, public key) of a gateway's id, or None."""
    return db.execute("SELECT id, public_key FROM gateways WHERE gateway = ?", (gateway,)).fetchone()


def one(db, gateway: str) -> "dict | None":
    """A gateway by its id, as `of_rows` tells of it, or None."""
    row = db.execute("SELECT id FROM gateways WHERE gateway = ?", (gateway,)).fetchone()
    return of_rows(db, [row[0]])[0] if row else None


def every(db) -> "list[dict]":
    """All gateways, the newest contact first."""
    return of_rows(db, [row[0] for row in db.execute(
        "SELECT id FROM gateways ORDER BY last_contact DESC NULLS LAST, gateway")])


def page(db, now, show="all", search="", by="-contact", limit=100, offset=0, leave=(), only=None, recent=None):
    """(gateways as `of_rows` tells of them, how many there are in all).

    `now`: Unix seconds; `show`: of SHOWN; `search`: in id and name; `by`: of ORDERS, `-` before it the other way round;
    `leave`: ids not to be shown, `only`: none but these; `recent`: a recent.Recent, for the order by what they hear.
    """
    rows, count = page_rows(db, now, show, search, by, limit, offset, leave, only, recent)
    return of_rows(db, rows, recent), count


def page_rows(db, now, show="all", search="", by="-contact", limit=100, offset=0, leave=(), only=None, recent=None):
    """(the rows of the gateways that `page` gives, how many there are in all)."""
    expression, of_recent = order(ORDERS, by, "-contact")
    where = f"{SHOWN.get(show, SHOWN['all'])} AND (?2 = '' OR g.gateway LIKE ?3 ESCAPE '\\' " \
            f"OR {_NAME} LIKE ?4 ESCAPE '\\') AND CAST(?1 AS BIGINT) IS NOT NULL AND CAST(?2 AS TEXT) IS NOT NULL"
    values = (now - SILENT_GATEWAY_S, search, like(search.upper()), like(search.lower()))
    for ids, negated in ((leave, "NOT "), (only, "")):
        if ids or (ids is not None and not negated):
            listed = ", ".join(f"'{g}'" for g in ids if g.isalnum()) or "''"
            where += f" AND g.gateway {negated}IN ({listed})"
    if of_recent:
        heard = recent.gateways if recent else {}
        rows = ordered(db.execute(f"SELECT g.id FROM gateways g WHERE {where} ORDER BY g.gateway", values).fetchall(),
                       of_recent, lambda r: heard.get(r[0], 0))[offset:offset + limit]
    else:
        rows = db.execute(f"SELECT g.id FROM gateways g WHERE {where} ORDER BY {expression}g.gateway "
                          "LIMIT ?5 OFFSET ?6", (*values, limit, offset)).fetchall()
    count = db.execute(f"SELECT count(*) FROM gateways g WHERE {where}", values).fetchone()[0]
    return [row[0] for row in rows], count


def of_rows(db, rows: "list[int]", recent=None) -> "list[dict]":
    """Gateways of these rows in their order, in few queries however many they are: {row, id, kind, name, enrolled,
    last_contact, firmware, boot, clock, status {counter: number}, status_at, epochs (rings.of_gateways), over (of a day
    and the day before: {bounds [names], since, left_out}, or None), meters_heard (of a recent.Recent)}."""
    if not rows:
        return []
    by_row = {g["row"]: g for g in dicts(db.execute(
        "SELECT id AS row, gateway AS id, kind, name, enrolled, last_contact, firmware, boot, clock, status, status_at "
        f"FROM gateways WHERE id IN {NUMBERS}", (json.dumps(rows),)))}
    epochs, over = rings.of_gateways(db, list(by_row)), over_bounds(db, by_row)
    for row, g in by_row.items():
        g["status"] = dict(json.loads(g["status"])) if g["status"] else {}
        g["over"] = over.get(row)
        g["epochs"], g["meters_heard"] = epochs[row], recent.gateways.get(row, 0) if recent else 0
    return [by_row[row] for row in rows if row in by_row]


def over_bounds(db, gateways) -> "dict[int, dict]":
    """Which bounds of the day (data/bounds.py) gateways (their rows) reached on the day of their last contact, or the
    day before: {row: {bounds [names], since, left_out}}."""
    found: dict = {}
    for row, over, since, left_out in db.execute(
            "SELECT b.gateway, b.over, b.since, b.left_out FROM bounds b WHERE b.over > 0 AND b.gateway IN "
            f"{NUMBERS} AND b.day >= (SELECT g.last_contact FROM gateways g WHERE g.id = b.gateway) / {DAY} - 1 "
            "ORDER BY b.day", (json.dumps(list(gateways)),)):
        before = found.setdefault(row, {"bounds": [], "since": since, "left_out": 0})
        before["bounds"] += [name for name in bounds.names(over) if name not in before["bounds"]]
        before["left_out"] += left_out
    return found


def silent(db, now: int) -> "list[tuple[str, str, int | None]]":
    """(id, name, last contact) of the gateways that have been out of contact for too long, or never in it."""
    return db.execute("SELECT gateway, name, last_contact FROM gateways WHERE coalesce(last_contact, enrolled) < ? "
                      "ORDER BY gateway", (now - SILENT_GATEWAY_S,)).fetchall()


def versions(db) -> "list[dict]":
    """{id, firmware} of every gateway."""
    return dicts(db.execute("SELECT gateway AS id, firmware FROM gateways ORDER BY gateway"))


def events(db, row: int, limit=50) -> "list[tuple[int, int | None, int, bytes]]":
    """A gateway's latest kept records (events, boots, clock, ...), but for command results and what it heard:
    (kind, time or None, received, body)."""
    found: list = []
    # Of the latest rings and of each kind the latest, by the index: a gateway may have sent any number.
    for epoch, in db.execute("SELECT id FROM epochs WHERE gateway = ? ORDER BY last_contact DESC, id DESC LIMIT ?",
                             (row, EVENT_RINGS)).fetchall():
        found += db.execute(_EVENTS, (epoch, limit)).fetchall()
    return [tuple(record) for _, *record in sorted(found, reverse=True)[:limit]]
