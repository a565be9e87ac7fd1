"""Wireless M-Bus: frames, telegrams, readings (EN 13757-3, -4, -7; OMS vol. 2).

Law: no I/O, no clock, no state; imports nothing of ours.

A telegram is the frame from its L field on without link layer CRCs. `decode(telegram, key, aes)` gives a reading, a
flat dict whose names carry the unit. What only decoding needs is loaded by the first telegram decoded: a gateway that
relays and decodes nothing never holds it.
"""

from .accel import crc, decode_3of6
from .errors import DecodeError, Fragment, KeyMissing, Unsealed, WrongKey
from .identity import Meter, meter_text, parse_meter
from .link import Reader, has_crc, strip_crc
from .transport import Summary, fragment, head, meter, sender, summary

__all__ = ["DecodeError", "Fragment", "KeyMissing", "Meter", "Reader", "Summary", "Unsealed", "WrongKey", "alarms",
           "crc", "decode", "decode_3of6", "explain", "fragment", "has_crc", "head", "meter", "meter_text",
           "parse_meter", "sender", "strip_crc", "summary"]

_decode = None


def decode(telegram: bytes, key: "bytes | None" = None, aes=None, formats: "dict | None" = None,
           decrypted: bool = False) -> dict:
    """The reading in a telegram; `aes(key)` as in security.py, `formats` (one meter's) as in compact.py.

    What its headers say is encrypted is read after decryption only, and with a key nothing else is: KeyMissing when it
    is encrypted and there is no key, WrongKey when its check fails, Unsealed when there is a key and nothing was
    decrypted or authenticated under it, Fragment when it is a part of a message (fragments.Assembler makes it whole),
    else DecodeError. `decrypted` is for developers' tools: captures that somebody decrypted already are read too, where
    there is no key.
    """
    global _decode
    if _decode is None:
        from .decoder import decode as run
        _decode = run
    return _decode(telegram, key, aes, formats, decrypted)


def alarms(heard: Summary) -> "list[str]":
    """The alarms a telegram's plain status byte tells without any key, for its `summary`: words of drivers.ALARMS."""
    from .decoder import alarms as run
    return run(heard)


def explain(telegram: bytes, key: "bytes | None" = None, aes=None, formats: "dict | None" = None,
            decrypted: bool = False) -> dict:
    """Every byte of a telegram with its meaning, as data: see dissect.py; the arguments are `decode`'s."""
    from .dissect import explain as run
    return run(telegram, key, aes, formats, decrypted)
