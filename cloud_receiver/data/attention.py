"""What someone should look at, worst first: the overview's list, from what the store's queries gave. Pure."""

from collections import namedtuple

from .clock import DAY, HOUR

SILENT_METER_S = DAY
SILENT_GATEWAY_S = HOUR
CAN_WAIT = ("low_battery", "comms", "over_range")

# level: bad or warn; kind: gateway or meter; id and name: which; text: of words.NB; values: for the text.
Item = namedtuple("Item", ("level", "kind", "id", "name", "text", "value"))


def alarm_level(alarm: str) -> str:
    """How bad an alarm is: bad, or warn for what can wait for the next round."""
    return "warn" if alarm in CAN_WAIT else "bad"


def silent_gateway(g, now) -> bool:
    """Whether a gateway has been out of contact for longer than a few of its intervals."""
    return g["last_contact"] is None or now - g["last_contact"] > SILENT_GATEWAY_S


def silent_meter(m, now) -> bool:
    """Whether no gateway has heard a meter for a day."""
    return now - m["last_heard"] > SILENT_METER_S


def delivery(epochs) -> "list[tuple[str, str]]":
    """How a gateway's rings have come: (level, text) of what is wrong, OK, or nothing where none has come."""
    faults = (("bad", "Two versions", "equivocations"), ("warn", "Lost", "lost"), ("warn", "Gaps", "gaps"))
    found = [(level, text) for level, text, field in faults if any(e[field] for e in epochs)]
    return found or ([("ok", "OK")] if epochs else [])


def gateway_items(gateways, revoked, now) -> "list[Item]":
    """What is wrong with gateways; `value` of a silence is seconds."""
    found = []
    for g in gateways:
        if g["id"] in revoked:
            continue

        def add(level, text, value=None, g=g):
            found.append(Item(level, "gateway", g["id"], g["name"], text, value))

        if any(e["equivocations"] for e in g["epochs"]):
            add("bad", "Sent two versions of the same records")
        if g["last_contact"] is None:
            add("warn", "Enrolled, not heard from yet")
        elif silent_gateway(g, now):
            add("bad", "No contact for %s", now - g["last_contact"])
        if any(e["lost"] for e in g["epochs"]):
            add("warn", "Records lost")
        if any(e["gaps"] for e in g["epochs"]):
            add("warn", "Gap in what it delivered")
    return found


def meter_items(meters, now) -> "list[Item]":
    """What is wrong with meters; `value` of an alarm is its standing alarms."""
    found = []
    for m in meters:
        if m["alarms"]:
            level = "bad" if any(alarm_level(a["alarm"]) == "bad" for a in m["alarms"]) else "warn"
            found.append(Item(level, "meter", m["id"], "", "Alarm", m["alarms"]))
        if m["key"] == "wrong":
            found.append(Item("bad", "meter", m["id"], "", "Key is wrong", None))
        elif m["key"] == "missing":
            found.append(Item("warn", "meter", m["id"], "", "Key is missing", None))
        elif m["key"] == "undecodable":
            found.append(Item("warn", "meter", m["id"], "", "Cannot be decoded", None))
        if silent_meter(m, now):
            found.append(Item("warn", "meter", m["id"], "", "Silent for %s", now - m["last_heard"]))
    return found


def sorted_items(items) -> "list[Item]":
    """Worst first, gateways before meters."""
    return sorted(items, key=lambda i: (i.level != "bad", i.kind != "gateway"))
