"""What the system has to show for itself: the receiver's store and API, and the homes' own histories.

Read from outside: the store's file read-only, the API over HTTP, the gateways' files. Nothing here asks the programs
what they think they did.
"""

import json
import sqlite3
from collections import namedtuple
from pathlib import Path

import aiohttp

import firmware.wire.records as records
from cloud_receiver.stores import DECODED

# A stored telegram: its meter, its content, the receiver's time for it, state, and the gateway it came from first.
Row = namedtuple("Row", ("meter", "data", "time", "state", "gateway"))
Store = namedtuple("Store", ("rows", "receptions", "home_hours", "han_records", "gaps", "opaque"))
# kind: el or water; value: Wh of an hour, or litres at its end.
Hour = namedtuple("Hour", ("hour", "kind", "meter", "value", "estimated"))
Progress = namedtuple("Progress", ("stored", "decoded", "waiting", "meters", "by_gateway"))


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2)


def store(path: Path) -> Store:
    """Everything of the receiver's store that is judged; raises sqlite3.Error."""
    db = _open(path)
    try:
        rows = [Row(*row) for row in db.execute(
            "SELECT m.meter, t.data, t.time, t.state, g.gateway FROM telegrams t JOIN meters m ON m.id = t.meter "
            "JOIN epochs e ON e.id = t.epoch JOIN gateways g ON g.id = e.gateway ORDER BY t.id")]
        receptions = dict(db.execute("SELECT g.gateway, sum(c.telegrams) FROM coverage c "
                                     "JOIN gateways g ON g.id = c.gateway GROUP BY g.gateway"))
        hours = db.execute("SELECT g.gateway, h.hour, h.import_wh, h.estimated FROM home_hours h "
                           "JOIN gateways g ON g.id = h.gateway ORDER BY h.hour").fetchall()
        han = [g for (g,) in db.execute(
            "SELECT g.gateway FROM records r JOIN epochs e ON e.id = r.epoch JOIN gateways g ON g.id = e.gateway "
            "WHERE r.kind = ?", (records.HAN_HOUR,))]
        gaps = db.execute("SELECT (SELECT count(*) FROM gaps) + (SELECT count(*) FROM lost) "
                          "+ (SELECT count(*) FROM equivocations)").fetchone()[0]
        opaque = db.execute("SELECT count(*) FROM records WHERE kind = 0").fetchone()[0]
        return Store(rows, receptions, hours, han, gaps, opaque)
    finally:
        db.close()


def progress(path: Path) -> "Progress | None":
    """How far the receiver is, for the display; None while its store cannot be read."""
    try:
        db = _open(path)
    except sqlite3.Error:
        return None
    try:
        by_gateway = {g: (stored, decoded) for g, stored, decoded in db.execute(
            "SELECT g.gateway, count(*), sum(t.state = ?) FROM telegrams t JOIN epochs e ON e.id = t.epoch "
            "JOIN gateways g ON g.id = e.gateway GROUP BY g.gateway", (DECODED,))}
        meters = db.execute("SELECT count(*) FROM meters").fetchone()[0]
        stored = sum(n for n, _ in by_gateway.values())
        decoded = sum(n for _, n in by_gateway.values())
        return Progress(stored, decoded, stored - decoded, meters, by_gateway)
    except sqlite3.Error:
        return None
    finally:
        db.close()


def unacknowledged(path: Path) -> int:
    """Telegrams the decoder has still to look at; raises sqlite3.Error."""
    db = _open(path)
    try:
        return db.execute("SELECT count(*) FROM telegrams WHERE state = 0").fetchone()[0]
    finally:
        db.close()


async def readings(pages: str) -> "dict[str, list[tuple[str, float]]]":
    """Every meter's readings as the JSON API gives them, hourly and latest: {meter: [(time, total_m3)]}."""
    hours = {}
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        async with session.get(f"{pages}v1/meters") as answer:
            answer.raise_for_status()
            meters = (await answer.json())["meters"]
        for m in meters:
            meter = m["id"]
            async with session.get(f"{pages}v1/meters/{meter}/readings") as answer:
                answer.raise_for_status()
                body = json.loads(await answer.text())
                hours[meter] = [(r["time"], r["total_m3"]) for r in body["readings"]]
            if m["read_at"]:
                hours[meter].append((m["read_at"], m["total_m3"]))
    return hours


def history(folder: Path) -> "list[Hour]":
    """A household's own hours, from the files of its gateway."""
    hours = []
    for path in sorted((folder / "history").glob("*.csv")):
        for line in path.read_text(encoding="ascii").splitlines():
            fields = line.rstrip(";").split(",")
            if line.endswith(";") and len(fields) >= 4:
                estimated = fields[1] == "el" and fields[-1] == "e"
                hours.append(Hour(int(fields[0]), fields[1], fields[2], int(fields[3]), estimated))
    return hours
