"""What pages and API ask the store; each is `query(db, ...)`, run on a read-only connection, and returns plain dicts.

No query here reads home_hours for the works: only `home_hours` does, for the homeowner of one gateway.
"""

import json

from ..data import dayrows
from ..data.clock import DAY
from . import DECODED, PENDING, STATES

MOST_COUNTED = 100_000  # rows: counting them takes milliseconds
WAITING = "telegrams WHERE state = 0 AND time IS NOT NULL"  # these two in the words of their partial indices
CLOSED = "telegrams WHERE state > 1"


def _dicts(cursor):
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor]


def _hex_epochs(cursor):
    return [dict(row, epoch=row["epoch"].hex().upper()) for row in _dicts(cursor)]


def gateway_key(db, gateway):
    """(row id, public key) of a gateway id, or None."""
    return db.execute("SELECT id, public_key FROM gateways WHERE gateway = ?", (gateway,)).fetchone()


def pending(db, limit):
    """Telegrams the decoder has not tried, with their time, oldest first: (id, meter row, meter text, time, data)."""
    return db.execute("SELECT t.id, t.meter, m.meter, t.time, t.data FROM telegrams t JOIN meters m ON m.id = t.meter "
                      "WHERE t.state = 0 AND t.time IS NOT NULL ORDER BY t.id LIMIT ?", (limit,)).fetchall()


def closed_meters(db):
    """The meters that have telegrams without a right key or undecodable."""
    return [row[0] for row in db.execute(
        "SELECT meter FROM meters WHERE id IN (SELECT DISTINCT meter FROM telegrams WHERE state > 1)")]


def compact_meters(db):
    """The meters of which a compact frame came before any full frame of its format."""
    return [row[0] for row in db.execute(
        "SELECT meter FROM meters WHERE id IN (SELECT DISTINCT meter FROM telegrams WHERE state > 1 AND state = 4 "
        "AND note LIKE 'compact frame%')")]


def at_most(db, rows):
    """How many rows there are (`rows`: what a SELECT of them has behind FROM), counting no more than MOST_COUNTED."""
    return db.execute(f"SELECT count(*) FROM (SELECT 1 FROM {rows} LIMIT {MOST_COUNTED}) AS counted").fetchone()[0]


def summary(db):
    """Counts over the whole store, in a bounded time whatever it holds: none goes beyond MOST_COUNTED but by what needs
    no counting. `about` names those that are not exact."""
    found = {"telegrams": at_most(db, "telegrams"), "untimed": at_most(db, "telegrams WHERE time IS NULL")}
    found["pending"] = at_most(db, WAITING) + found["untimed"]
    closed = dict(db.execute(f"SELECT state, count(*) FROM (SELECT state FROM {CLOSED} LIMIT {MOST_COUNTED}) AS "
                             "counted GROUP BY state").fetchall())
    found.update({name: closed.get(state, 0) for state, name in enumerate(STATES) if state > DECODED})
    about = [name for name in ("untimed", "pending") if found[name] >= MOST_COUNTED]
    if sum(closed.values()) >= MOST_COUNTED:
        about += STATES[DECODED + 1:]
    if found["telegrams"] >= MOST_COUNTED:  # rows are numbered in their order, and forgotten from the front
        first, last = db.execute("SELECT min(id), max(id) FROM telegrams").fetchone()
        found["telegrams"] = last - first + 1
        about += ["telegrams"]
    found["decoded"] = max(0, found["telegrams"] - found["pending"] - sum(closed.values()))
    for name, rows in (("meters", "meters"), ("gateways", "gateways"), ("opaque", "records WHERE kind = 0"),
                       ("equivocations", "equivocations")):
        found[name] = at_most(db, rows)
    found["home_hours"] = db.execute(f"SELECT count(*) FROM (SELECT 1 FROM home_hours LIMIT {MOST_COUNTED}) AS counted"
                                     ).fetchone()[0]
    about += [name for name in ("meters", "gateways", "opaque", "equivocations", "home_hours")
              if found[name] >= MOST_COUNTED]
    for name, sql in (("gaps", "SELECT coalesce(sum(CAST(last - first + 1 AS DOUBLE PRECISION)), 0) FROM "
                               f"(SELECT first, last FROM gaps LIMIT {MOST_COUNTED}) AS counted"),
                      ("lost", "SELECT coalesce(sum(count), 0) FROM "
                               f"(SELECT count FROM lost LIMIT {MOST_COUNTED}) AS counted")):
        found[name] = int(db.execute(sql).fetchone()[0])
    found["about"] = about + (["decoded"] if about and found["telegrams"] >= MOST_COUNTED else [])
    return found


def gateways(db, gateway=None):
    """Every gateway (or one) with its rings, newest contact first."""
    rows = _dicts(db.execute(
        "SELECT id AS row, gateway AS id, kind, name, enrolled, last_contact, firmware, boot, clock, status, status_at "
        "FROM gateways WHERE CAST(?1 AS TEXT) IS NULL OR gateway = ?1 "
        "ORDER BY last_contact DESC NULLS LAST, gateway", (gateway,)))
    by_row = {g["row"]: g for g in rows}
    for g in rows:
        g["status"] = dict(json.loads(g["status"])) if g["status"] else {}
        g["epochs"] = []
    only = "" if gateway is None else "WHERE e.gateway = (SELECT id FROM gateways WHERE gateway = ?)"
    for e in _dicts(db.execute(
            "SELECT e.id AS row, e.gateway, e.epoch, e.through, e.first_contact, e.last_contact, "
            "(SELECT coalesce(sum(count), 0) FROM lost l WHERE l.epoch = e.id) AS lost, "
            "(SELECT count(*) FROM equivocations q WHERE q.epoch = e.id) AS equivocations "
            f"FROM epochs e {only} ORDER BY e.first_contact, e.id", () if gateway is None else (gateway,))):
        e["gaps"] = [list(gap) for gap in db.execute(
            "SELECT first, last FROM gaps WHERE epoch = ? ORDER BY first LIMIT 100", (e.pop("row"),))]
        e["epoch"] = e["epoch"].hex().upper()
        by_row[e.pop("gateway")]["epochs"].append(e)
    return rows


def gateway_meters(db, row, day):
    """How one gateway (its row) heard each meter on and since a Unix day."""
    return _dicts(db.execute(
        "SELECT m.meter AS id, m.media, sum(c.telegrams) AS telegrams, sum(c.heard) AS heard, max(c.best) AS best, "
        "max(c.day) AS day FROM coverage c JOIN meters m ON m.id = c.meter WHERE c.day >= ? AND c.gateway = ? "
        "GROUP BY m.id ORDER BY best DESC, m.meter", (day, row)))


def gateway_heard_counts(db, day):
    """{gateway id: meters it has heard on or since a Unix day}."""
    return dict(db.execute("SELECT g.gateway, count(DISTINCT c.meter) FROM coverage c "
                           "JOIN gateways g ON g.id = c.gateway WHERE c.day >= ? GROUP BY g.id", (day,)))


def gateway_events(db, row, limit=50):
    """A gateway's latest kept records (events, boots, clock, ...), but for command results and what it heard:
    (kind, time, received, body)."""
    return db.execute("SELECT r.kind, r.time, r.received, r.body FROM records r JOIN epochs e ON e.id = r.epoch "
                      "WHERE e.gateway = ? AND r.kind NOT IN (2, 10) ORDER BY r.id DESC LIMIT ?",
                      (row, limit)).fetchall()


def equivocations(db, row):
    """Ranges of a gateway (its row) that came with two contents."""
    return _hex_epochs(db.execute(
        "SELECT e.epoch, q.first, q.last, q.time FROM equivocations q JOIN epochs e ON e.id = q.epoch "
        "WHERE e.gateway = ? ORDER BY q.id DESC LIMIT 100", (row,)))


def meters(db, day, meter=None):
    """Every meter (or one, with its latest reading): its state and who hears it on or since a Unix day."""
    only = "" if meter is None else "AND meter = (SELECT id FROM meters WHERE meter = ?2)"
    rows = _dicts(db.execute(
        "SELECT m.id AS row, m.meter AS id, m.media, m.first_heard, m.last_heard, m.encrypted, m.state, m.note, "
        f"m.status, m.total_ml, m.read_at, {'NULL' if meter is None else 'm.latest'} AS latest, "
        "c.heard_by, c.best, c.telegrams, c.heard "
        "FROM meters m LEFT JOIN (SELECT meter, count(DISTINCT gateway) AS heard_by, max(best) AS best, "
        f"sum(telegrams) AS telegrams, sum(heard) AS heard FROM coverage WHERE day >= ?1 {only} GROUP BY meter) c "
        "ON c.meter = m.id WHERE CAST(?2 AS TEXT) IS NULL OR m.meter = ?2 ORDER BY m.meter", (day, meter)))
    standing: dict = {}
    one = "" if meter is None else "AND meter = (SELECT id FROM meters WHERE meter = ?)"
    for row, name, since in db.execute(f"SELECT meter, alarm, since FROM alarms WHERE ended IS NULL {one} "
                                       "ORDER BY alarm", () if meter is None else (meter,)):
        standing.setdefault(row, []).append({"alarm": name, "since": since})
    for m in rows:
        m["alarms"] = standing.get(m["row"], [])
        m["key"] = key_state(m)
        m["heard_by"] = m["heard_by"] or 0
        m["latest"] = json.loads(m["latest"]) if m["latest"] else {}
    return rows


def key_state(m):
    """known, missing, wrong, plain (needs none), pending (not tried) or undecodable."""
    if m["state"] == PENDING:
        return "pending"
    if not m["encrypted"]:
        return "plain"
    return {DECODED: "known"}.get(m["state"]) or ("missing", "wrong", "undecodable")[m["state"] - 2]


def meter_coverage(db, row, day):
    """Who heard a meter (its row) on each day since a Unix day."""
    found = _dicts(db.execute(
        "SELECT c.day, g.gateway, g.name, c.telegrams, c.heard, c.best, c.median, c.rssi FROM coverage c "
        "JOIN gateways g ON g.id = c.gateway WHERE c.day >= ? AND c.meter = ? ORDER BY c.day DESC, c.best DESC",
        (day, row)))
    for c in found:
        c["median"] = median(c["median"], c.pop("rssi"))
    return found


def median(told: "int | None", levels: bytes) -> "int | None":
    """A day's median RSSI in dBm: the gateway's own, which counts what was thinned too, else of what it relayed."""
    return told if told is not None else -sorted(levels)[len(levels) // 2] if levels else None


def meter_alarms(db, row):
    """A meter's alarms, standing ones first."""
    return _dicts(db.execute("SELECT alarm, since, last, ended FROM alarms WHERE meter = ? "
                             "ORDER BY ended IS NOT NULL, since DESC LIMIT 100", (row,)))


def readings(db, row, start, end):
    """A meter's hourly readings with start <= time < end: (Unix seconds, total in ml), oldest first."""
    found = []
    for day, blob in db.execute(
            "WITH RECURSIVE days(day) AS (SELECT CAST(?1 AS BIGINT) UNION ALL SELECT day + 1 FROM days WHERE day < ?2) "
            "SELECT r.day, r.hours FROM days CROSS JOIN readings r WHERE r.day = days.day AND r.meter = ?3 "
            "ORDER BY r.day",
            (start // DAY, (end - 1) // DAY, row)):
        for hour, entry in enumerate(dayrows.unpack(blob)):
            if entry is not None:
                time = day * DAY + hour * 3600 + entry[0]
                if start <= time < end:
                    found.append((time, entry[1]))
    return found


def last_before(db, row, start, days=40):
    """The last reading before a time, at most some days back: (Unix seconds, ml) or None."""
    for day in range(start // DAY, start // DAY - days, -1):
        blob = db.execute("SELECT hours FROM readings WHERE day = ? AND meter = ?", (day, row)).fetchone()
        if blob:
            for hour, entry in reversed(list(enumerate(dayrows.unpack(blob[0])))):
                time = day * DAY + hour * 3600 + (entry[0] if entry else 0)
                if entry is not None and time < start:
                    return time, entry[1]
    return None


def told_lost(db, epoch: int, first: int, last: int) -> bool:
    """Whether the gateway itself has told that it no longer has the records first..last."""
    at = first
    for start, end in db.execute("SELECT first, last FROM lost WHERE epoch = ? AND last >= ? AND first <= ? "
                                 "ORDER BY first", (epoch, first, last)):
        if start > at:
            return False
        at = max(at, end + 1)
    return at > last


def open_gaps(db):
    """(gateway id, epoch, first, when this ring last sent anything) of every gap that its gateway has not told lost."""
    return [(gateway, epoch, first, heard) for gateway, epoch, row, first, last, heard in db.execute(
        "SELECT g.gateway, e.epoch, e.id, p.first, p.last, e.last_contact FROM gaps p JOIN epochs e ON e.id = p.epoch "
        "JOIN gateways g ON g.id = e.gateway ORDER BY e.id, p.first").fetchall()
        if not told_lost(db, row, first, last)]


def home_hours(db, row, start, end):
    """A home's electricity by hour, for its own homeowner: (hour, import Wh, export Wh, estimated)."""
    return db.execute("SELECT hour, import_wh, export_wh, estimated FROM home_hours "
                      "WHERE gateway = ? AND hour >= ? AND hour < ? ORDER BY hour", (row, start, end)).fetchall()
