"""The walk over data records: DIF, DIFE, VIF, VIFE and where each value lies (EN 13757-3 §6).

`walk` knows lengths and addresses, nothing of meanings (see vif.py). It never reads past the end and takes each byte
once, so its work is bounded by the telegram's length.
"""

from collections import namedtuple

from .errors import DecodeError
from .values import FILLER, LVAR, SIZES, latin, lvar_size

# `at`: the DIF's offset. `value`, `size`: where the value lies. `kind`: low nibble of the DIF. `function`: 0 actual,
# 1 maximum, 2 minimum, 3 during an error. `vif`: the VIF and VIFE bytes as they came, plain text left out; `text`: the
# plain text VIF or "".
Record = namedtuple("Record", ("at", "value", "size", "kind", "function", "storage", "tariff", "subunit", "vif",
                               "text"))

REST = (0x0F, 0x1F)  # manufacturer data up to the end (1F: more follows in the next telegram)
LONGEST_CHAIN = 10


def walk(data: bytes, at: int, end: int, strict: bool = True) -> "list[Record]":
    """The records in `data[at:end]`; a manufacturer's rest is a record of kind 15 without VIF.

    A record cut short raises DecodeError, or ends the walk when not `strict`.
    """
    records = []
    try:
        while at < end:
            start = at
            dif = data[at]
            at += 1
            if dif == FILLER:
                continue
            kind = dif & 15
            if kind == 15:
                if dif not in REST:
                    raise DecodeError("special DIF %02X" % dif, start)
                records.append(Record(start, at, end - at, 15, 0, 0, 0, 0, b"", ""))
                break
            storage = dif >> 6 & 1
            tariff = subunit = 0
            more = dif & 0x80
            count = 0
            while more:
                dife = _byte(data, at, end)
                at += 1
                storage |= (dife & 15) << (1 + 4 * count)
                tariff |= (dife >> 4 & 3) << (2 * count)
                subunit |= (dife >> 6 & 1) << count
                count += 1
                more = dife & 0x80
                if count > LONGEST_CHAIN:
                    raise DecodeError("more than 10 DIFE", start)
            vif_at = at
            vif = _byte(data, at, end)
            at += 1
            text = ""
            chain = data[vif_at:at]
            if vif & 0x7F == 0x7C:  # plain text: its length and its letters, last one first, follow the VIF
                length = _byte(data, at, end)
                at += 1
                if at + length > end:
                    raise DecodeError("plain text VIF cut short", vif_at)
                text = latin(data[at:at + length])
                at += length
            rest_at = at
            while vif & 0x80:
                vif = _byte(data, at, end)
                at += 1
                if at - rest_at > LONGEST_CHAIN + 1:
                    raise DecodeError("more than 10 VIFE", vif_at)
            chain += data[rest_at:at]
            size = SIZES[kind]
            if kind == LVAR:
                _byte(data, at, end)
                size = lvar_size(data, at)[0]
                at += 1
            if at + size > end:
                raise DecodeError("record cut short", start)
            records.append(Record(start, at, size, kind, dif >> 4 & 3, storage, tariff, subunit, chain, text))
            at += size
    except DecodeError:
        if strict:
            raise
    return records


def heads(data: bytes, records: "list[Record]") -> bytes:
    """The DIF and VIF bytes of records, one after the other: a compact frame's format; empty where there is none."""
    parts = []
    for record in records:
        if record.kind == 15 or record.text:
            return b""
        parts.append(data[record.at:record.value - (1 if record.kind == LVAR else 0)])
    return b"".join(parts)


def _byte(data: bytes, at: int, end: int) -> int:
    if at >= end:
        raise DecodeError("record cut short", at)
    return data[at]
