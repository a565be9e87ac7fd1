"""One stored telegram: opened with the first key that is right, and read."""

import logging

import wmbus
from wmbus import fragments

from ..stores import DECODED, NO_KEY, UNDECODABLE, WRONG_KEY
from .aes import aes

log = logging.getLogger("netti.decode")


def decode(keys: "list[bytes | None]", data: bytes, formats: dict, assembler: fragments.Assembler):
    """(state, reading, note) of one telegram, by the first of `keys` (None: without one) that is right.

    The reading of a message in fragments is its last one's. Without a right key it is what the plain status byte tells.
    A defect of ours costs this telegram, not the worker: it is undecodable.
    """
    try:
        try:
            reading = _read(data, keys, formats)
        except wmbus.Fragment as e:
            whole = assembler.add(data)
            if whole is None:
                return UNDECODABLE, None, e.reason
            data = whole
            reading = _read(data, keys, formats)
        return DECODED, reading, None
    except wmbus.KeyMissing:
        return NO_KEY, plain_alarms(data), None
    except wmbus.WrongKey:
        return WRONG_KEY, plain_alarms(data), None
    except wmbus.DecodeError as e:
        return UNDECODABLE, None, e.reason[:200]
    except Exception as e:  # noqa: BLE001
        log.exception("a telegram could not be decoded")
        return UNDECODABLE, None, f"defect: {type(e).__name__}"


def _read(data, keys, formats):
    wrong: "wmbus.DecodeError | None" = None
    for key in keys:
        try:
            return wmbus.decode(data, key=key, aes=aes, formats=formats)
        except wmbus.DecodeError as e:
            if wrong is None and not isinstance(e, wmbus.WrongKey):
                raise
            wrong = wrong or e
    raise wrong or wmbus.KeyMissing("no key to try")


def plain_alarms(data: bytes) -> "dict | None":
    """The alarms a sealed telegram tells in plain; None where it has no plain status byte."""
    heard = wmbus.summary(data)
    return None if heard.status is None else {"alarms": wmbus.alarms(heard)}
