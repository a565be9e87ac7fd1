"""The rings (epochs) of gateways: how far each was delivered, what is missing, what came in two versions."""

import json

from .. import NUMBERS
from .rows import dicts

MOST_RINGS = 20  # told of a gateway, the latest
MOST_GAPS = 100  # told of a ring
ASKED_RINGS, ASKED_GAPS = 4, 20  # of a gateway and of a ring: what a receiver that starts looks at
MOST_EQUIVOCATIONS = 100  # told of a gateway


def of_gateways(db, gateways: "list[int]") -> "dict[int, list[dict]]":
    """The latest rings of gateways (their rows), oldest first, in few queries however many they are: {row: [{epoch
    (hex), through, first_contact, last_contact, lost and equivocations (counts), gaps [[first, last]]}]}."""
    of_gateway: "dict[int, list[dict]]" = {row: [] for row in gateways}
    rings = {}
    for ring in dicts(db.execute(
            "SELECT e.id AS row, e.gateway, e.epoch, e.through, e.first_contact, e.last_contact, "
            "(SELECT coalesce(sum(count), 0) FROM lost l WHERE l.epoch = e.id) AS lost, "
            "(SELECT count(*) FROM equivocations q WHERE q.epoch = e.id) AS equivocations "
            "FROM (SELECT id, gateway, epoch, through, first_contact, last_contact, row_number() OVER "
            "(PARTITION BY gateway ORDER BY last_contact DESC, id DESC) AS n FROM epochs "
            f"WHERE gateway IN {NUMBERS}) e WHERE e.n <= ? ORDER BY e.first_contact, e.id",
            (json.dumps(gateways), MOST_RINGS))):
        rings[ring.pop("row")] = ring
        ring["epoch"], ring["gaps"] = ring["epoch"].hex().upper(), []
        of_gateway[ring.pop("gateway")].append(ring)
    faulty = {row for row, in db.execute(f"SELECT DISTINCT epoch FROM gaps WHERE epoch IN {NUMBERS}",
                                         (json.dumps(list(rings)),))}
    for row, ring in rings.items():
        if row in faulty:
            ring["gaps"] = [[first, last] for first, last in db.execute(
                "SELECT first, last FROM gaps WHERE epoch = ? ORDER BY first LIMIT ?", (row, MOST_GAPS))]
    return of_gateway


def equivocations(db, gateway: int) -> "list[dict]":
    """Ranges of a gateway (its row) that came with two contents, the latest first: {epoch (hex), first, last, time}."""
    return [dict(q, epoch=q["epoch"].hex().upper()) for q in dicts(db.execute(
        "SELECT e.epoch, q.first, q.last, q.time FROM equivocations q JOIN epochs e ON e.id = q.epoch "
        "WHERE e.gateway = ? ORDER BY q.id DESC LIMIT ?", (gateway, MOST_EQUIVOCATIONS)))]


def open_gaps(db) -> "list[tuple[str, bytes, int, int]]":
    """(gateway id, epoch, first, when this ring last sent anything) of the gaps that their gateways have not told lost:
    the first ASKED_GAPS of each of the ASKED_RINGS latest rings of a gateway. What a gateway sends again from one gap
    on fills those behind it."""
    found: list = []
    for gateway, epoch, row, heard in db.execute(
            "SELECT g.gateway, e.epoch, e.id, e.last_contact FROM (SELECT id, gateway, epoch, last_contact, "
            "row_number() OVER (PARTITION BY gateway ORDER BY last_contact DESC, id DESC) AS n FROM epochs "
            "WHERE id IN (SELECT epoch FROM gaps)) e JOIN gateways g ON g.id = e.gateway WHERE e.n <= ? ORDER BY e.id",
            (ASKED_RINGS,)).fetchall():
        for first, last in db.execute("SELECT first, last FROM gaps WHERE epoch = ? ORDER BY first LIMIT ?",
                                      (row, ASKED_GAPS)).fetchall():
            if not told_lost(db, row, first, last):
                found.append((gateway, epoch, first, heard))
    return found


def told_lost(db, epoch: int, first: int, last: int) -> bool:
    """Whether the gateway itself has told that it no longer has the records first..last of a ring (its row)."""
    at = first
    for start, end in db.execute("SELECT first, last FROM lost WHERE epoch = ? AND last >= ? AND first <= ? "
                                 "ORDER BY first", (epoch, first, last)):
        if start > at:
            return False
        at = max(at, end + 1)
    return at > last
