"""Readings for people: one heading per frame, then a line per value, aligned.

Names are the codec's own, as in the JSON and at the receiver; the unit a name carries is printed as it is written.
"""

import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

# The unit at the end of a name, as people write it (SI brochure; EN 13757-3 names).
UNITS = {
    "m3": "m³", "m3h": "m³/h", "l": "l", "lh": "l/h", "kwh": "kWh", "wh": "Wh", "mwh": "MWh", "w": "W", "kw": "kW",
    "mj": "MJ", "gj": "GJ", "c": "°C", "k": "K", "f": "°F", "v": "V", "a": "A", "hz": "Hz", "bar": "bar", "pa": "Pa",
    "s": "s", "min": "min", "h": "h", "d": "d", "y": "y", "rh": "% RH", "pct": "%", "hca": "HCA", "dbm": "dBm",
    "var": "var", "kvar": "kvar", "varh": "varh", "kvarh": "kvarh", "va": "VA", "kva": "kVA", "kvah": "kVAh",
    "kvarh_c": "kvarh", "ppm": "ppm", "rad": "rad", "kg": "kg", "factor": "", "counter": "",
}
# What the heading says of a frame; not repeated below.
HEADING = ("manufacturer", "id", "meter", "version", "type", "media", "list", "meter_id", "obis")
# What comes after the values: how the meter is.
CONDITION = ("status", "alarms")


def unit_of(name: str) -> str:
    """The unit a reading's name carries, or ''."""
    return UNITS.get(name.rsplit("_", 1)[-1], "") if "_" in name else ""


def number(value: object) -> str:
    """A value as text: no binary noise behind the decimals, thousands not grouped."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        text = f"{value:.10g}"
        return text if "e" not in text else f"{value:.6f}".rstrip("0").rstrip(".")
    if isinstance(value, (list, tuple)):
        return ", ".join(number(v) for v in value) or "none"
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    return "" if value is None else str(value)


def clock(seconds: object) -> str:
    """Unix seconds as people read them, in UTC."""
    if not isinstance(seconds, (int, float)):
        return str(seconds)
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


Line = list  # of (text, style) parts


class Printer:
    """Prints lines: coloured in a terminal, plain and fast anywhere else; never wrapped or cut."""

    def __init__(self) -> None:
        self.console: "Console | None" = None
        if sys.stdout.isatty():
            from rich.console import Console
            self.console = Console(highlight=False, soft_wrap=True)

    def __call__(self, line: Line) -> None:
        """Print one line."""
        if self.console is None:
            print("".join([text for text, _ in line]).rstrip())
        else:
            from rich.text import Text
            self.console.print(Text.assemble(*line))


def heading(where: str, meter: str, reading: dict) -> Line:
    """The first line of a frame."""
    line = [(meter or str(reading.get("meter_id") or reading.get("id") or "unnamed meter"), "bold")]
    for part in (reading.get("media"), reading.get("list")):
        if part:
            line.append((f"  {part}", ""))
    if where:
        line.append((f"  {where}", "dim"))
    return line


def lines(reading: dict) -> "list[Line]":
    """The values of a reading, one line each, in the codec's order; the meter's condition last."""
    texts = []
    order = [name for name in reading if name not in CONDITION] + [name for name in CONDITION if name in reading]
    for name in order:
        value = reading[name]
        if name == "time":
            texts.append((name, clock(value), "", False))
        elif name not in HEADING:
            numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
            texts.append((name, number(value), unit_of(name), numeric))
    left = max((len(name) for name, *_ in texts), default=0)
    # Numbers line up at their decimal point, words begin where numbers do.
    whole = max((len(value.split(".")[0]) for _, value, _, numeric in texts if numeric), default=0)
    out = []
    for name, value, unit, numeric in texts:
        if numeric:
            value = " " * (whole - len(value.split(".")[0])) + value
        line = [(f"  {name:{left}}", "cyan"), (f"  {value}", "")]
        if unit:
            line.append((f" {unit}", "dim"))
        out.append(line)
    return out
