"""The rings (epochs) of gateways: how far each was delivered, what is missing, what came in two versions."""

import json

from .. import NUMBERS
from .rows import dicts

MOST_GAPS = 100  # told of a ring
MOST_EQUIVOCATIONS = 100  # told of a gateway


def of_gateways(db, gateways: "list[int]") -> "dict[int, list[dict]]":
    """The rings of gateways (their rows), oldest first, in few queries however many they are: {row: [{epoch (hex),
    through, first_contact, last_contact, lost and equivocations (counts), gaps [[first, last]]}]}."""
    of_gateway: "dict[int, list[dict]]" = {row: [] for row in gateways}
    rings = {}
    for ring in dicts(db.execute(
            "SELECT e.id AS row, e.gateway, e.epoch, e.through, e.first_contact, e.last_contact, "
            "(SELECT coalesce(sum(count), 0) FROM lost l WHERE l.epoch = e.id) AS lost, "
            "(SELECT count(*) FROM equivocations q WHERE q.epoch = e.id) AS equivocations "
            f"FROM epochs e WHERE e.gateway IN {NUMBERS} ORDER BY e.first_contact, e.id", (json.dumps(gateways),))):
        rings[ring.pop("row")] = ring
        ring["epoch"], ring["gaps"] = ring["epoch"].hex().upper(), []
        of_gateway[ring.pop("gateway")].append(ring)
    for row, first, last in db.execute(
            f"SELECT epoch, first, last FROM gaps WHERE epoch IN {NUMBERS} ORDER BY epoch, first",
            (json.dumps(list(rings)),)):
        if len(rings[row]["gaps"]) < MOST_GAPS:
            rings[row]["gaps"].append([first, last])
    return of_gateway


def equivocations(db, gateway: int) -> "list[dict]":
    """Ranges of a gateway (its row) that came with two contents, the latest first: {epoch (hex), first, last, time}."""
    return [dict(q, epoch=q["epoch"].hex().upper()) for q in dicts(db.execute(
        "SELECT e.epoch, q.first, q.last, q.time FROM equivocations q JOIN epochs e ON e.id = q.epoch "
        "WHERE e.gateway = ? ORDER BY q.id DESC LIMIT ?", (gateway, MOST_EQUIVOCATIONS)))]


def open_gaps(db) -> "list[tuple[str, bytes, int, int]]":
    """(gateway id, epoch, first, when this ring last sent anything) of every gap that its gateway has not told lost."""
    return [(gateway, epoch, first, heard) for gateway, epoch, row, first, last, heard in db.execute(
        "SELECT g.gateway, e.epoch, e.id, p.first, p.last, e.last_contact FROM gaps p JOIN epochs e ON e.id = p.epoch "
        "JOIN gateways g ON g.id = e.gateway ORDER BY e.id, p.first").fetchall()
        if not told_lost(db, row, first, last)]


def told_lost(db, epoch: int, first: int, last: int) -> bool:
    """Whether the gateway itself has told that it no longer has the records first..last of a ring (its row)."""
    at = first
    for start, end in db.execute("SELECT first, last FROM lost WHERE epoch = ? AND last >= ? AND first <= ? "
                                 "ORDER BY first", (epoch, first, last)):
        if start > at:
            return False
        at = max(at, end + 1)
    return at > last
