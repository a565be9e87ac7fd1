"""One line of a text capture: what it holds.

- hex, with spaces, colons, commas, dashes or 0x between the bytes, a time in front, a comment behind `#`
- a line of `xxd` or `hexdump -C`: an offset in front, the characters behind
- wmbusmeters' `telegram=|HEX|+SECONDS` (its logs and simulation files)
- rtl_wmbus: MODE;CRC_OK;3OUTOF6OK;TIMESTAMP;PACKET_RSSI;CURRENT_RSSI;LINK_LAYER_IDENT;0xHEX
"""

import re
from datetime import datetime, timezone
from typing import NamedTuple


class Line(NamedTuple):
    """The bytes of one line, its time in seconds or None, RSSI or None, and what is wrong with it.

    `dump`: the line is one of a hex dump with offsets, its bytes follow those of the line before.
    """

    data: bytes
    time: "float | None" = None
    rssi: "int | None" = None
    fault: str = ""
    dump: bool = False


_TIME = re.compile(r"^\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?)(?:Z|\+00:?00)?\]?[\s;:,|]+")
_XXD = re.compile(r"^[0-9a-fA-F]{4,8}:?\s+((?:[0-9a-fA-F]{2,4}\s{1,2}){1,16})\s*(?:\|.*\||\S.*)?$")
_BETWEEN = re.compile(r"0[xX]|[\s:,\-]")
_CSV = re.compile(r"(?:^|;)\s*([TCS]1)\s*;\s*([01])\s*;\s*([01])\s*;([^;]*);([^;]*);([^;]*);([^;]*);\s*(?:0x)?([^;]*)")


def seconds(text: str) -> "float | None":
    """The Unix time of `2026-01-02 03:04:05.678`, taken as UTC: only differences matter to a capture."""
    try:
        return datetime.fromisoformat(text.strip().replace(",", ".")).replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return None


def unhex(text: str) -> "tuple[bytes, str]":
    """The bytes of hex text and what is wrong with it, of which one is empty."""
    digits = _BETWEEN.sub("", text)
    for at, c in enumerate(digits):
        if c not in "0123456789abcdefABCDEF":
            return b"", f"{c!r} is not a hex digit (digit {at + 1})" if at else "not hex"
    if len(digits) % 2:
        return b"", f"an odd number of hex digits ({len(digits)})"
    return bytes.fromhex(digits), ""


def _wmbusmeters(text: str) -> Line:
    text = text.split("telegram=", 1)[1].strip()
    time = re.search(r"\+(\d+(?:\.\d+)?)\s*$", text)
    if time:
        text = text[:time.start()]
    data, fault = unhex(text.replace("|", "").replace("_", ""))
    return Line(data, float(time.group(1)) if time else None, None, fault)


def _rtl_wmbus(match: "re.Match[str]") -> Line:
    _, crc_ok, coding_ok, time, rssi, _, _, text = match.groups()
    data, fault = unhex(text)
    if crc_ok == "0":
        fault = "the receiver marked its CRC as wrong"
    elif coding_ok == "0":
        fault = "the receiver marked its 3-of-6 code as wrong"
    elif not data:
        fault = fault or "no telegram in the line"
    return Line(b"" if fault else data, seconds(time), int(rssi) if rssi.strip().lstrip("-").isdigit() else None, fault)


def read_line(text: str) -> "Line | None":
    """What a line holds; None for an empty line or a comment."""
    text = text.strip().strip("\ufeff")
    # Lines in brackets are wmbusmeters' own words.
    if not text or text[0] in "#;(" or text.startswith("//"):
        return None
    if "telegram=" in text:
        return _wmbusmeters(text)
    match = _CSV.search(text)
    if match:
        return _rtl_wmbus(match)
    text = text.split("#", 1)[0].strip()
    time = _TIME.match(text)
    at = seconds(time.group(1)) if time else None
    if time:
        text = text[time.end():]
    dump = _XXD.match(text)
    if dump and (":" in text[:9] or "  " in text or "|" in text):
        return Line(bytes.fromhex(dump.group(1)), None, None, "", True)
    data, fault = unhex(text)
    return Line(data, at, None, fault)
