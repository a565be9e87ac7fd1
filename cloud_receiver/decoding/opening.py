"""One stored telegram: opened with the first key that is right, and read.

What its meter has a key for is read only from what opens under one of its keys. A telegram that does not open tells
nothing: no reading, and no alarm, whatever its plain status byte says, for anybody can send it.
"""

import logging

import wmbus
from wmbus import fragments

from ..stores import DECODED, NO_KEY, UNDECODABLE, UNSEALED, WRONG_KEY
from .aes import aes

log = logging.getLogger("netti.decode")


def decode(keys: "list[bytes | None]", data: bytes, formats: dict, assembler: fragments.Assembler):
    """(state, reading, note) of one telegram, by the first of `keys` that is right; [None]: its meter has none.
    `formats` is its meter's own.

    The reading of a message in fragments is its last one's. A defect of ours costs this telegram, not the worker: it is
    undecodable.
    """
    try:
        try:
            reading = _read(data, keys, formats)
        except wmbus.Fragment as e:
            whole = assembler.add(data)
            if whole is None:
                return UNDECODABLE, None, e.reason
            reading = _read(whole, keys, formats)
        return DECODED, reading, None
    except wmbus.KeyMissing:
        return NO_KEY, None, None
    except wmbus.WrongKey:
        return WRONG_KEY, None, None
    except wmbus.Unsealed as e:
        return UNSEALED, None, e.reason
    except wmbus.DecodeError as e:
        return UNDECODABLE, None, e.reason[:200]
    except Exception as e:  # noqa: BLE001
        log.exception("a telegram could not be decoded")
        return UNDECODABLE, None, f"defect: {type(e).__name__}"


def _read(data, keys, formats):
    first: "wmbus.DecodeError | None" = None
    for key in keys:
        try:
            return wmbus.decode(data, key=key, aes=aes, formats=formats)
        except wmbus.DecodeError as e:
            if first is None and not isinstance(e, (wmbus.WrongKey, wmbus.Unsealed)):
                raise
            first = first or e
    raise first or wmbus.KeyMissing("no key to try")
