"""One stored telegram: opened with the first key that is right, and read.

What its meter has a key for is read only from what opens under one of its keys. A telegram that does not open tells
nothing: no reading, and no alarm, whatever its plain status byte says, for anybody can send it.
"""

import logging

import wmbus
from wmbus import fragments, freshness

from ..stores import DECODED, NO_KEY, UNDECODABLE, UNSEALED, WRONG_KEY
from .aes import aes

log = logging.getLogger("netti.decode")


def decode(keys: "list[bytes | None]", data: bytes, formats: dict, assembler: fragments.Assembler):
    """(state, reading, note, what must rise) of one telegram, by the first of `keys` that is right; [None]: its meter
    has none. `formats` is its meter's own; what must rise: see wmbus/freshness.py.

    The reading of a message in fragments is its last one's. A defect of ours costs this telegram, not the worker: it is
    undecodable.
    """
    try:
        try:
            reading = _read(data, keys, formats)
        except wmbus.Fragment as e:
            whole = assembler.add(data)
            if whole is None:
                return UNDECODABLE, None, e.reason, None
            data = whole
            reading = _read(data, keys, formats)
        return DECODED, reading, None, freshness.of(data)
    except wmbus.KeyMissing:
        return NO_KEY, None, None, None
    except wmbus.WrongKey:
        return WRONG_KEY, None, None, None
    except wmbus.Unsealed as e:
        return UNSEALED, None, e.reason, None
    except wmbus.DecodeError as e:
        return UNDECODABLE, None, e.reason[:200], None
    except Exception as e:  # noqa: BLE001
        log.exception("a telegram could not be decoded")
        return UNDECODABLE, None, f"defect: {type(e).__name__}", None


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
