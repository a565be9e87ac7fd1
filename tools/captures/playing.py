"""A capture as something to play: what goes out, and when.

Bytes for a HAN port's reader go out as they were captured, faults and noise included. Telegrams go out as a radio
bridge sends them (firmware/radios/bursts.py) or as lines of rtl_wmbus. What the target can't carry is counted.
"""

import datetime
from typing import Iterable, Iterator, NamedTuple

import han_reader
import wmbus

from ..simulate import serve, wmbus_encoder
from .piece import AIR, FRAME, TELEGRAM, Piece

FORMATS = ("bursts", "rtlwmbus")
UNKNOWN_DBM = -70  # for a target that must be given some strength


class Frame(NamedTuple):
    """What goes out at once: its bytes, its kind ("wmbus" or "han") and when it was captured, seconds or None."""

    data: bytes
    kind: str
    time: "float | None"
    piece: Piece


def frames(pieces: Iterable[Piece], left_out: "dict[str, int]") -> Iterator[Frame]:
    """The frames of a capture; why others are not played is counted in `left_out`."""
    clock = _HanClock()
    air = wmbus.Reader()
    for piece in pieces:
        if piece.kind == FRAME:
            yield Frame(piece.data, "han", piece.time if piece.time is not None else clock.of(piece), piece)
        elif piece.kind == AIR and piece.rssi is None:
            # A receiver's bytes without bursts in them: only its telegrams can be told apart.
            for telegram in air.feed(piece.data):
                yield Frame(telegram, "wmbus", piece.time, piece._replace(kind=TELEGRAM))
        elif not piece.fault and (piece.kind == AIR or piece.kind == TELEGRAM and piece.data[0] != 0x68):
            yield Frame(piece.data, "wmbus", piece.time, piece)
        else:
            why = ("damaged" if piece.fault else
                   "wired M-Bus, not radio" if piece.kind == TELEGRAM else "without the frame it had on the line")
            left_out[why] = left_out.get(why, 0) + 1


class _HanClock:
    """The time a HAN message says itself, where the capture notes none; many lists hold none."""

    def __init__(self) -> None:
        self.reader = han_reader.Reader(p1_without_crc=True)

    def of(self, piece: Piece) -> "float | None":
        """The Unix time in the message this piece completes, or None."""
        for message in self.reader.feed(piece.data):
            try:
                return han_reader.decode(message).get("time")
            except han_reader.DecodeError:
                return None
        return None


def encoded(frame: Frame, form: str, at: float) -> "bytes | None":
    """A frame in the form its target reads, `at` (Unix seconds) the time in it where it has one; None when a telegram
    is too damaged to be put into it."""
    if frame.kind == "han":
        return frame.data
    rssi = frame.piece.rssi
    if form == "rtlwmbus":
        dbm = UNKNOWN_DBM if not rssi else rssi if rssi < 0 else rssi - serve.RTL_OFFSET
        telegrams = wmbus.Reader().feed(frame.data) if frame.piece.kind == AIR else [wmbus.strip_crc(frame.data)]
        return b"".join(serve.rtlwmbus("T1", telegram, dbm, True, at, datetime.timezone.utc)
                        for telegram in telegrams) or None
    dbm = rssi if rssi is not None and -128 <= rssi < 0 else UNKNOWN_DBM
    if frame.piece.kind == AIR:
        return serve.bursts(dbm, frame.data)
    telegram = wmbus.strip_crc(frame.data)
    if telegram[0] != len(telegram) - 1:
        return None
    return serve.bursts(dbm, wmbus_encoder.burst(telegram, "C1A"))
