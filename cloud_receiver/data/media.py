"""Small facts of meters that API and pages share: media names, units, alarms in plain words."""

# EN 13757-7 table 13, as far as a works meets them.
MEDIA = {0x02: "electricity", 0x03: "gas", 0x04: "heat", 0x06: "warm_water", 0x07: "water", 0x0C: "heat",
         0x0D: "heat_cooling", 0x15: "hot_water", 0x16: "cold_water", 0x17: "hot_cold_water", 0x28: "waste_water"}


def media_name(media: int) -> str:
    """The medium of a meter's type byte."""
    return MEDIA.get(media, f"type_{media:02x}")


def cubic(total_ml: "int | None") -> "float | None":
    """Millilitres as cubic metres."""
    return None if total_ml is None else total_ml / 1_000_000
