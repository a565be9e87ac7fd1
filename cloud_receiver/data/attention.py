"""When a meter or a gateway needs attention, and how badly: from what the store's queries gave."""

from .clock import DAY, HOUR

SILENT_METER_S = DAY
SILENT_GATEWAY_S = HOUR
CAN_WAIT = ("low_battery", "comms", "over_range")


def alarm_level(alarm: str) -> str:
    """How bad an alarm is: bad, or warn for what can wait for the next round."""
    return "warn" if alarm in CAN_WAIT else "bad"


def silent_gateway(g, now) -> bool:
    """Whether a gateway has been out of contact for longer than a few of its intervals."""
    return g["last_contact"] is None or now - g["last_contact"] > SILENT_GATEWAY_S


def silent_meter(m, now) -> bool:
    """Whether no gateway has heard a meter for a day."""
    return now - m["last_heard"] > SILENT_METER_S


def delivery(epochs, over=None) -> "list[tuple[str, str]]":
    """How a gateway's rings have come: (level, text) of what is wrong, OK, or nothing where none has come. `over`: the
    bounds it has reached, or None."""
    faults = (("bad", "Two versions", "equivocations"), ("warn", "Lost", "lost"), ("warn", "Gaps", "gaps"))
    present = [(level, text) for level, text, field in faults if any(e[field] for e in epochs)]
    if over:
        present.append(("bad", "Over a bound"))
    return present or ([("ok", "OK")] if epochs else [])
