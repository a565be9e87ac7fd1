"""A capture as something to play: what goes out, and when.

Bytes for a HAN port's reader go out as they were captured, faults and noise included. Telegrams go out as a radio
bridge sends them (firmware/radios/bursts.py) or as lines of rtl_wmbus. What the target can't carry is counted.
"""

import time
from typing import Iterable, Iterator, NamedTuple

import han_reader
import wmbus

from ..simulate import serve, wmbus_encoder
from .piece import AIR, FRAME, TELEGRAM, Piece

LONGEST_GAP_S = 3600.0  # a longer silence in a capture is cut down to this
FORMATS = ("bursts", "rtlwmbus")


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


def encoded(frame: Frame, form: str) -> "bytes | None":
    """A frame in the form its target reads; None when a telegram is too damaged to be put into it."""
    if frame.kind == "han":
        return frame.data
    rssi = frame.piece.rssi if frame.piece.rssi is not None and -128 <= frame.piece.rssi < 0 else -70
    if form == "rtlwmbus":
        telegrams = wmbus.Reader().feed(frame.data) if frame.piece.kind == AIR else [wmbus.strip_crc(frame.data)]
        at = frame.time if frame.time is not None else time.time()
        return b"".join(serve.rtlwmbus("T1", telegram, rssi, True, at) for telegram in telegrams) or None
    if frame.piece.kind == AIR:
        return serve.bursts(rssi, frame.data)
    telegram = wmbus.strip_crc(frame.data)
    if telegram[0] != len(telegram) - 1:
        return None
    return serve.bursts(rssi, wmbus_encoder.burst(telegram, "C1A"))


class Pace:
    """When each frame is due, in seconds from the start: as captured, divided by `speed`; `interval` where the capture
    does not say."""

    def __init__(self, speed: float, interval: float):
        self.speed, self.interval = speed, interval
        self.at = 0.0
        self._mark: "tuple[float, float] | None" = None  # the last captured time, and when its frame was due
        self._begun = False

    def due(self, captured: "float | None") -> float:
        """Seconds from the start at which the next frame goes out."""
        if not self._begun:
            self._begun = True
        elif captured is None or self._mark is None or captured < self._mark[0]:
            self.at += self.interval / self.speed
        else:
            # Frames without a time of their own may have used up part of the gap, or all of it.
            gap = min(captured - self._mark[0], LONGEST_GAP_S)
            self.at = max(self.at, self._mark[1] + gap / self.speed)
        if captured is not None:
            self._mark = captured, self.at
        return self.at
