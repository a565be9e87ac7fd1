"""What a capture is made of, and which protocol some bytes are of.

wM-Bus and HAN captures share the form "a line of hex", so the bytes must say it themselves: by the first bytes each
link layer begins with (EN 13757-4, ISO/IEC 13239, EN 13757-2, IEC 62056-21).
"""

from typing import NamedTuple

import wmbus
from wmbus import s1

# Which protocol a piece is of, and in which form.
TELEGRAM = "wmbus"      # one wM-Bus telegram, with or without link layer CRCs, or a wired M-Bus long frame
AIR = "wmbus-air"       # bytes as a radio of modes T and C delivers them, sync word included
AIR_S = "wmbus-air-s"   # chips as a radio of mode S delivers them, sync word included
FRAME = "han"           # one frame of a HAN or P1 port: HDLC, wired M-Bus, P1
MESSAGE = "han-message"  # a HAN message without its framing: LLC, APDU, list body, general-glo-ciphering
UNKNOWN = ""
CUT = "cut short"  # in the fault of a frame whose end is missing


class Piece(NamedTuple):
    """One frame of a capture. `time` is in seconds, Unix or from the start, or None; `rssi` as the receiver gave it.

    With `fault` set the place holds no frame: the text says why, and `data` is what there is, if anything.
    """

    where: str
    kind: str
    data: bytes
    time: "float | None" = None
    rssi: "int | None" = None
    fault: str = ""


_S1_SURE = 4  # bytes of good Manchester code behind its sync word: what else holds it doesn't go on so


def mode_s_at(data: bytes) -> int:
    """Where a frame of mode S begins in these bytes, or -1; of its sync word alone nothing is sure."""
    at = data.find(s1.Reader.sync)
    while at >= 0:
        chips = data[at + 2:at + 2 + _S1_SURE]
        if len(chips) == _S1_SURE and s1.decode_manchester(chips) is not None:
            return at
        at = data.find(s1.Reader.sync, at + 1)
    return -1


# C fields a telegram can begin with (EN 13757-2 §5.1, EN 13757-4 §11.5.4), as sent by meters and by the other side.
_C_FIELDS = (0x44, 0x46, 0x47, 0x48, 0x40, 0x08, 0x18, 0x28, 0x38, 0x43, 0x45, 0x4B, 0x53, 0x5A, 0x5B, 0x73, 0x7A,
             0x7B, 0x06)


def _is_telegram(data: bytes) -> bool:
    """Whether a C field of wM-Bus and a manufacturer's three letters follow the length."""
    code = data[2] | data[3] << 8
    return data[1] in _C_FIELDS and len(data) >= 6 and all(0 < (code >> shift & 31) < 27 for shift in (10, 5, 0))


def kind_of(data: bytes) -> str:
    """The kind of piece these bytes begin; UNKNOWN when no protocol of ours begins so. Cut ones are recognised too."""
    if len(data) < 4:
        return UNKNOWN
    first = data[0]
    if first == 0x7E and data[1] & 0xF0 == 0xA0:
        return FRAME
    if _is_telegram(data) and len(data) in (first + 1, wmbus.link.frame_size(first)):
        return TELEGRAM
    if first == 0x2F and data[1:4].isalpha() and not any(c < 9 or 13 < c < 32 or c == 127 for c in data[:16]):
        return FRAME
    if first == 0x68 and data[3] == 0x68 and data[1] == data[2]:
        # DLMS pushes are SND_UD to the broadcast address; a wired meter's answer is RSP_UD.
        return FRAME if data[4:5] in (b"\x53", b"\x73") and data[6:7] < b"\x20" else TELEGRAM
    if data[:3] in (b"\xe6\xe7\x00", b"\xe6\xe6\x00"):
        return MESSAGE
    if first == 0xDB and data[1] == 8 and len(data) > 10 and data[10] in (0x81, 0x82, (len(data) - 11) & 0xFF):
        return MESSAGE
    if data[:2] == b"\x54\x3d":
        return AIR
    if mode_s_at(data[:2 + _S1_SURE]) == 0:
        return AIR_S
    if _is_telegram(data):
        return TELEGRAM
    if first == 0x0F or first in (0x01, 0x02) and 0 < data[1] <= 128:
        return MESSAGE
    return UNKNOWN


def size_of(data: bytes) -> int:
    """How many bytes the HAN frame at the start of `data` says it has, flags included; 0 while that is not known."""
    if data[0] == 0x7E:
        return ((data[1] & 0x07) << 8 | data[2]) + 2 if len(data) > 2 else 0
    if data[0] == 0x68:
        return data[1] + 6 if len(data) > 1 else 0
    end = data.find(b"!")
    if end < 0:
        return 0
    line = data.find(b"\n", end)
    return line + 1 if line >= 0 else 0
