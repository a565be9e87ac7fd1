"""From the pieces of a capture to readings, with the project's two codecs.

State is what a capture has: one HAN reader (segments follow each other), each meter's compact-frame formats. Each
frame gives a reading or a fault; nothing that is wrong with one stops the next. A telegram that somebody decrypted
already is read where no key is given for it; one with a key is read only when it opens.
"""

from typing import Iterable, Iterator, NamedTuple

import han_reader
import wmbus
from cloud_receiver.decoding.aes import aes
from wmbus import fragments, s1

from .keys import Keys
from .piece import AIR, AIR_S, CUT, FRAME, TELEGRAM, Piece

# What the readers count, in words.
REJECTS = {
    "header": "its header checksum is wrong", "crc": "its checksum is wrong", "flag": "its end is not where it says",
    "segment": "a segment is missing or out of order", "overrun": "longer than any frame may be",
    "noise": "not whole", "length": "its length is impossible", "coding": "not in its line code",
}


class Result(NamedTuple):
    """One frame: its reading, or None and the fault; `meter` as far as it is known.

    `telegram` is the telegram without link layer CRCs, or the HAN message with all the frames it came in.
    """

    where: str
    reading: "dict | None"
    fault: str = ""
    meter: str = ""
    telegram: bytes = b""
    piece: "Piece | None" = None


class Decoder:
    """Decodes one capture."""

    def __init__(self, keys: Keys, ek: "bytes | None" = None, ak: "bytes | None" = None):
        self.keys, self.ek, self.ak = keys, ek, ak
        self.formats: "dict[str, dict]" = {}  # by meter, what its full frames have shown (EN 13757-3 annex H)
        self.fragments = fragments.Assembler()
        self.air, self.air_s = wmbus.Reader(), s1.Reader()
        self.han = han_reader.Reader(p1_without_crc=True)
        self._pending = ""  # where the message began of which the HAN reader holds segments
        self._wire = b""  # and the frames it came in so far

    def results(self, pieces: Iterable[Piece]) -> Iterator[Result]:
        """One Result per frame of the capture."""
        for piece in pieces:
            if piece.kind == FRAME:
                yield from self._han_frame(piece)
                continue
            yield from self._han_end()
            if piece.fault:
                yield Result(piece.where, None, piece.fault, piece=piece)
            elif piece.kind == TELEGRAM:
                yield self._telegram(piece, wmbus.strip_crc(piece.data))
            elif piece.kind in (AIR, AIR_S):
                yield from self._air(piece, self.air if piece.kind == AIR else self.air_s)
            else:
                yield from self._han_message(piece)
        yield from self._han_end()

    # --- wM-Bus ---------------------------------------------------------------------------------------------------

    def _air(self, piece: Piece, reader: wmbus.Reader) -> Iterator[Result]:
        before = dict(reader.rejects)
        telegrams = reader.feed(piece.data)
        for telegram in telegrams:
            yield self._telegram(piece, telegram)
        for reason in _grown(before, reader.rejects):
            yield Result(piece.where, None, f"a frame, but {reason}", piece=piece)

    def _telegram(self, piece: Piece, telegram: bytes) -> Result:
        meter = meter_text(telegram)
        fault = ""
        whole = self._whole(telegram)
        for key in self.keys.of(meter):
            try:
                reading = wmbus.decode(whole or telegram, key, aes, self.formats_of(meter), decrypted=True)
                return Result(piece.where, reading, "", meter, telegram, piece)
            except wmbus.DecodeError as e:
                # With several keys the last word is that of the last one: they all failed.
                fault = e.reason if e.offset is None else f"{e.reason} (byte {e.offset})"
                if isinstance(e, (wmbus.KeyMissing, wmbus.WrongKey)):
                    fault += _told(whole or telegram)
                if not isinstance(e, (wmbus.WrongKey, wmbus.Unsealed)):
                    break
        if telegram is piece.data and _wrong_crc(telegram):
            fault = "its link layer CRC is wrong"
        return Result(piece.where, None, fault, meter, telegram, piece)

    def formats_of(self, meter: str) -> dict:
        """The compact-frame formats of a meter."""
        return self.formats.setdefault(meter, {})

    def _whole(self, telegram: bytes) -> "bytes | None":
        """The message a telegram is the last fragment of."""
        try:
            return self.fragments.add(telegram) if wmbus.fragment(telegram) else None
        except wmbus.DecodeError:
            return None

    # --- HAN ------------------------------------------------------------------------------------------------------

    def _han_frame(self, piece: Piece) -> Iterator[Result]:
        before = dict(self.han.rejects)
        data = piece.data
        if data[:1] == b"/" and data[-1:] != b"\n" and not piece.fault:
            data += b"\r\n"  # a P1 telegram as hex often stops behind its CRC
        messages = list(self.han.feed(data))
        # The first of two frames that share a flag has it.
        self._wire += b"\x7e" + data if data[:1] != b"\x7e" and data[-1:] == b"\x7e" and not piece.fault else data
        fault = piece.fault
        if CUT in fault:
            messages += self.han.finish()  # what was cut short nothing that follows completes
        if not messages and not fault:
            reasons = _grown(before, self.han.rejects)
            if not reasons:
                if data.strip(b"\x7e\r\n\x00\xff"):
                    self._pending = self._pending or piece.where
                else:
                    self._wire = b""
                return
            fault = f"a frame, but {reasons[0]}"
        if fault and not messages and CUT not in fault and piece.fault:
            self._wire = self._wire[:-len(data)]  # noise between two frames is none of theirs
            yield Result(piece.where, None, fault, "", data, piece)
            return
        where, self._pending = self._pending or piece.where, ""
        wire, self._wire = self._wire, b""
        piece = piece._replace(where=where)
        for message in messages:
            yield self._message(piece, message, wire if len(messages) == 1 else message)
        if not messages:
            yield Result(where, None, fault, "", wire, piece)

    def _han_end(self) -> Iterator[Result]:
        if not self._pending:
            return
        where, self._pending = self._pending, ""
        wire, self._wire = self._wire, b""
        messages = self.han.finish()
        piece = Piece(where, FRAME, wire)
        for message in messages:
            yield self._message(piece, message, wire)
        if not messages:
            yield Result(where, None, "a message of which the rest is missing", "", wire, piece)

    def _message(self, piece: Piece, message: bytes, wire: bytes) -> Result:
        try:
            return Result(piece.where, han_reader.decode(message, self.ek, self.ak, aes), "", "", wire, piece)
        except han_reader.DecodeError as e:
            return Result(piece.where, None, str(e), "", wire, piece)

    def _han_message(self, piece: Piece) -> Iterator[Result]:
        """A message without its framing: the codec tells what it is."""
        try:
            readings = han_reader.read_all(piece.data, self.ek, self.ak, aes)
        except han_reader.DecodeError as e:
            yield Result(piece.where, None, str(e), "", piece.data, piece)
            return
        if not readings:
            yield Result(piece.where, None, "no whole message", "", piece.data, piece)
        for reading in readings:
            yield Result(piece.where, reading, "", "", piece.data, piece)


def meter_text(telegram: bytes) -> str:
    """The meter of a telegram, as far as it can be read even from a damaged one; else ''."""
    try:
        return wmbus.meter_text(wmbus.meter(telegram))
    except wmbus.DecodeError:
        pass
    if len(telegram) >= 10 and telegram[0] != 0x68:
        return wmbus.meter_text(wmbus.transport.meter_of(telegram[2:10]))
    return ""


def _told(telegram: bytes) -> str:
    """What the status byte in front of the cipher text tells all the same."""
    alarms = wmbus.alarms(wmbus.summary(telegram))
    return f"; its status byte says {', '.join(alarms)}" if alarms else ""


def _wrong_crc(frame: bytes) -> bool:
    """Whether a frame that was not stripped has just the size of one with CRCs."""
    return len(frame) > 10 and len(frame) == wmbus.link.frame_size(frame[0]) != frame[0] + 1


def _grown(before: "dict[str, int]", after: "dict[str, int]") -> "list[str]":
    return [REJECTS.get(name, name) for name in sorted(after) if after[name] > before.get(name, 0)]
