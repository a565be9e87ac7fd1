"""Wireless M-Bus: frames, telegrams, readings (EN 13757-3, -4, -7; OMS vol. 2). No I/O, no clock, no state.

A telegram is the frame from its L field on without link layer CRCs. `decode(telegram, key, aes)` gives a reading, a
flat dict whose names carry the unit. See README.md for an example.
"""

from .accel import crc, decode_3of6
from .decoder import alarms, decode
from .errors import DecodeError, KeyMissing, WrongKey
from .link import Reader, has_crc, strip_crc
from .transport import Meter, Summary, meter, meter_text, parse_meter, summary

__all__ = ["DecodeError", "KeyMissing", "Meter", "Reader", "Summary", "WrongKey", "alarms", "crc", "decode",
           "decode_3of6", "explain", "has_crc", "meter", "meter_text", "parse_meter", "strip_crc", "summary"]


def explain(telegram: bytes, key: "bytes | None" = None, aes=None, formats: "dict | None" = None) -> dict:
    """Every byte of a telegram with its meaning, as data (dissect.py, loaded only when somebody asks)."""
    from .dissect import explain as run
    return run(telegram, key, aes, formats)
