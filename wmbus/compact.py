"""Compact frames (CI 79, 73, 7B): values without their DIF/VIF, which a full frame told before.

The header is a format signature, the CRC of the full frame's DIF and VIF bytes, and the CRC of the full frame's record
data, both low byte first. The full frame is rebuilt and must have that CRC, so a wrong format never gives a reading.
Drivers ship the formats that are known to be used, so that most meters are read from the first compact frame on; no
other takes a shipped one's place. `formats` is the caller's dict of signature -> format bytes of ONE meter, filled by
that meter's own full frames: anybody can make DIF and VIF bytes with a signature of his choice, and with them values of
his choice. With a key, only what opened under it fills it. It is bounded, and can be kept across restarts.
"""

from .accel import crc
from .errors import DecodeError
from .values import FILLER, LVAR, SIZES, lvar_size


def expand(layers, formats: "dict | None", shipped: dict) -> "tuple[bytes, int]":
    """(record data as a full frame has it, 0) of the compact frame in `layers`."""
    data = layers.data
    at = layers.at
    end = layers.end
    while at + 1 < end and layers.mode and data[at] == FILLER:
        at += 1
    if at + 4 > end:
        raise DecodeError("compact frame cut short", at)
    signature = data[at] | data[at + 1] << 8
    heads = shipped.get(signature)
    if heads is None and formats is not None:
        heads = formats.get(signature)
    if heads is None or crc(heads) != signature:  # what was kept across a restart may be damaged
        raise DecodeError("compact frame of format %04X, not seen in a full frame yet" % signature, at)
    full = fill(heads, data, at + 4, end)
    if full is None or crc(full) != data[at + 2] | data[at + 3] << 8:
        raise DecodeError("compact frame does not fit its format %04X" % signature, at)
    return full, 0


def fill(heads: bytes, data: bytes, at: int, end: int) -> "bytes | None":
    """The records' bytes with the values in `data[at:end]` between the DIF/VIF of `heads`, or None where short."""
    parts = []
    position = 0
    while position < len(heads):
        size, head = _head(heads, position)
        parts.append(heads[position:position + head])
        position += head
        if size is None:
            if at >= end:
                return None
            size = 1 + lvar_size(data, at)[0]
        if at + size > end:
            return None
        parts.append(data[at:at + size])
        at += size
    while at < end and data[at] == FILLER:
        at += 1
    return b"".join(parts) if at == end else None


def _head(heads, at):
    """(size of the value, None for LVAR; bytes of DIF and VIF) of the record head at `at`."""
    start = at
    kind = heads[at] & 15
    while heads[at] & 0x80:
        at += 1
    at += 1
    if heads[at] & 0x7F == 0x7C:
        raise DecodeError("plain text VIF in a compact format", at)
    while heads[at] & 0x80:
        at += 1
    return None if kind == LVAR else SIZES[kind], at + 1 - start
