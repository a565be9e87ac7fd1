"""Counts over the whole store, in a bounded time whatever it holds."""

from ...data.attention import SILENT_GATEWAY_S, SILENT_METER_S
from .. import DECODED, STATES, UNSEALED
from .meters import MISSING, WRONG
from .telegrams import CLOSED, WAITING

MOST_COUNTED = 100_000  # rows: counting them takes milliseconds


def at_most(db, rows: str) -> int:
    """How many rows there are (`rows`: what a SELECT of them has behind FROM), counting no more than MOST_COUNTED."""
    return db.execute(f"SELECT count(*) FROM (SELECT 1 FROM {rows} LIMIT {MOST_COUNTED}) AS counted").fetchone()[0]


def everything(db) -> dict:
    """How much of everything there is: none goes beyond MOST_COUNTED but by what needs no counting. `about` names those
    that are not exact."""
    counts: dict = {"telegrams": at_most(db, "telegrams"), "untimed": at_most(db, "telegrams WHERE time IS NULL")}
    counts["pending"] = at_most(db, WAITING) + counts["untimed"]
    closed = dict(db.execute(f"SELECT state, count(*) FROM (SELECT state FROM {CLOSED} LIMIT {MOST_COUNTED}) AS "
                             "counted GROUP BY state").fetchall())
    counts.update({name: closed.get(state, 0) for state, name in enumerate(STATES) if state > DECODED})
    about = [name for name in ("untimed", "pending") if counts[name] >= MOST_COUNTED]
    if sum(closed.values()) >= MOST_COUNTED:
        about += STATES[DECODED + 1:]
    if counts["telegrams"] >= MOST_COUNTED:  # rows are numbered in their order, and forgotten from the front
        first, last = db.execute("SELECT min(id), max(id) FROM telegrams").fetchone()
        counts["telegrams"] = last - first + 1
        about += ["telegrams"]
    counts["decoded"] = max(0, counts["telegrams"] - counts["pending"] - sum(closed.values()))
    for name, rows in (("meters", "meters"), ("gateways", "gateways"), ("opaque", "records WHERE kind = 0"),
                       ("equivocations", "equivocations")):
        counts[name] = at_most(db, rows)
    counts["home_hours"] = db.execute(f"SELECT count(*) FROM (SELECT 1 FROM home_hours LIMIT {MOST_COUNTED}) AS "
                                      "counted").fetchone()[0]
    about += [name for name in ("meters", "gateways", "opaque", "equivocations", "home_hours")
              if counts[name] >= MOST_COUNTED]
    for name, sql in (("gaps", "SELECT coalesce(sum(CAST(last - first + 1 AS DOUBLE PRECISION)), 0) FROM "
                               f"(SELECT first, last FROM gaps LIMIT {MOST_COUNTED}) AS counted"),
                      ("lost", "SELECT coalesce(sum(count), 0) FROM "
                               f"(SELECT count FROM lost LIMIT {MOST_COUNTED}) AS counted")):
        counts[name] = int(db.execute(sql).fetchone()[0])
    counts["about"] = about + (["decoded"] if about and counts["telegrams"] >= MOST_COUNTED else [])
    return counts


def counts(db, now: int) -> "dict[str, int]":
    """Meters in all, heard in a day, encrypted, keyed (read with their key), missing a key, with a wrong one, unsealed
    (with telegrams that are not sealed with theirs), alarmed; telegrams pending or closed (not opened; of these two at
    most MOST_COUNTED are counted); gateways, in_contact."""
    row = db.execute(
        "SELECT count(*), coalesce(sum(CASE WHEN m.last_heard >= ?1 THEN 1 ELSE 0 END), 0), "
        "coalesce(sum(CASE WHEN m.encrypted = 1 AND m.state > 0 THEN 1 ELSE 0 END), 0), "
        "coalesce(sum(CASE WHEN m.encrypted = 1 AND m.state = 1 THEN 1 ELSE 0 END), 0), "
        f"coalesce(sum(CASE WHEN {MISSING} THEN 1 ELSE 0 END), 0), "
        f"coalesce(sum(CASE WHEN {WRONG} THEN 1 ELSE 0 END), 0) FROM meters m",
        (now - SILENT_METER_S,)).fetchone()
    counted = dict(zip(("meters", "heard", "encrypted", "keyed", "missing", "wrong"), map(int, row)))
    counted["unsealed"] = db.execute(f"SELECT count(DISTINCT meter) FROM (SELECT meter FROM telegrams WHERE state = "
                                     f"{UNSEALED} LIMIT {MOST_COUNTED}) AS counted").fetchone()[0]
    counted["alarmed"] = db.execute("SELECT count(DISTINCT meter) FROM alarms WHERE ended IS NULL").fetchone()[0]
    counted["pending"] = at_most(db, WAITING)
    counted["closed"] = at_most(db, CLOSED)
    for name, where in (("gateways", ""), ("in_contact", f"WHERE last_contact >= {now - SILENT_GATEWAY_S}")):
        counted[name] = db.execute(f"SELECT count(*) FROM gateways {where}").fetchone()[0]
    return counted


def totals(db) -> "tuple[int, int]":
    """(meters, gateways) in all."""
    meters, gateways = (db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("meters", "gateways"))
    return meters, gateways
