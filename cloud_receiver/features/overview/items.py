"""What someone should look at, worst first: the overview's list, from what the store's queries gave."""

from collections import namedtuple

from ...data.attention import alarm_level, silent_gateway, silent_meter
from ...web.words import N_

# level: bad or warn; kind: gateway or meter; id and name: which; text: English, as in the catalogue; value: for it.
Item = namedtuple("Item", ("level", "kind", "id", "name", "text", "value"))


def gateway_items(gateways, revoked, now) -> "list[Item]":
    """What is wrong with gateways; `value` of a silence is seconds."""
    items = []
    for g in gateways:
        if g["id"] in revoked:
            continue

        def add(level, text, value=None, g=g):
            items.append(Item(level, "gateway", g["id"], g["name"], text, value))

        if any(e["equivocations"] for e in g["epochs"]):
            add("bad", N_("Sent two versions of the same records"))
        if g.get("over"):
            add("bad", N_("Over its bound of the day"))
        if g["last_contact"] is None:
            add("warn", N_("Enrolled, not heard from yet"))
        elif silent_gateway(g, now):
            add("bad", N_("No contact for %(span)s"), now - g["last_contact"])
        if any(e["lost"] for e in g["epochs"]):
            add("warn", N_("Records lost"))
        if any(e["gaps"] for e in g["epochs"]):
            add("warn", N_("Gap in what it delivered"))
    return items


def meter_items(meters, now) -> "list[Item]":
    """What is wrong with meters; `value` of an alarm is its standing alarms."""
    items = []
    for m in meters:
        if m["alarms"]:
            level = "bad" if any(alarm_level(a["alarm"]) == "bad" for a in m["alarms"]) else "warn"
            items.append(Item(level, "meter", m["id"], "", N_("Alarm"), m["alarms"]))
        if m["key"] == "wrong":
            items.append(Item("bad", "meter", m["id"], "", N_("Key is wrong"), None))
        elif m["key"] == "missing":
            items.append(Item("warn", "meter", m["id"], "", N_("Key is missing"), None))
        elif m["key"] == "undecodable":
            items.append(Item("warn", "meter", m["id"], "", N_("Cannot be decoded"), None))
        if m.get("unsealed"):
            items.append(Item("warn", "meter", m["id"], "", N_("Suspicious telegrams"), None))
        if m.get("held"):
            items.append(Item("warn", "meter", m["id"], "", N_("Readings held back"), None))
        if silent_meter(m, now):
            items.append(Item("warn", "meter", m["id"], "", N_("Silent for %(span)s"), now - m["last_heard"]))
    return items


def sorted_items(items) -> "list[Item]":
    """Worst first, gateways before meters."""
    return sorted(items, key=lambda i: (i.level != "bad", i.kind != "gateway"))
