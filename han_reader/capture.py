"""Captures: whatever somebody saved from a port, of unknown layer and cut.

The layer is told from the bytes alone. The same strictness holds as on the live port: a check that fails gives no
value. A bare APDU carries no check, so it has to be whole to the last byte; log files often leave the frame's FCS and
closing flag behind it, or strip a frame of its flags.
"""

from . import framing
from .errors import DecodeError
from .messages import apdu_reading, decode
from .reader import Reader

PADDING = b"\r\n\x00 "


def read_all(data, ek=None, ak=None, aes=None, p1_without_crc=True, whole=True):
    """The readings of a capture, in order; DecodeError (or KeyMissing, WrongKey) where it holds none.

    `whole`: the capture is meant to begin and end with a message, so P1 text before a telegram that belongs to none, or
    a telegram cut short by the next, takes that telegram's trust away. False for dumps of a running line.
    """
    data = bytes(data)
    if not data:
        raise DecodeError("empty capture")
    first = data[0]
    if first in (0x0F, 0xDD, 0x02, 0x01) or data[:2] in framing.LLC:
        return [_bare(data, ek, ak, aes)]
    if first == 0xDB:
        return _ciphered(data, ek, ak, aes)
    if first & 0xF0 == 0xA0:
        data = b"\x7e" + data + b"\x7e"
    reader = Reader(p1_without_crc)
    messages = list(reader.feed(data)) + reader.finish()
    readings = []
    failure = None
    at = 0
    for message in messages:
        try:
            if message[0] == 0x2F and whole:
                at = _behind(data, at, message)
            readings.append(decode(message, ek, ak, aes))
        except DecodeError as e:
            failure = failure or e
    if readings:
        return readings
    raise failure or DecodeError(_why(reader.rejects))


def _bare(data, ek, ak, aes):
    """A bare APDU. Logs often leave the frames' FCS and flag in: three bytes behind it, or between two segments.

    Where segments were joined so, bytes may be lost, and the list may hold less than it announces.
    """
    if data[:1] == b"\xe6":
        data = data[3:]
    joined = False
    for _ in range(8):
        try:
            return apdu_reading(data, 0, len(data), ek, ak, aes, None, joined)
        except DecodeError as e:
            at = e.offset
            if type(e) is not DecodeError or at is None:
                raise
            # The FCS may begin with what looks like a value without content.
            if data[at + 2:at + 3] != b"\x7e":
                at -= 1
                if at < 0 or data[at + 2:at + 3] != b"\x7e":
                    raise
        except IndexError:
            raise DecodeError("APDU cut off") from None
        joined = joined or at + 3 < len(data)
        data = data[:at] + data[at + 3:]
    raise DecodeError("too many pieces")


def _ciphered(data, ek, ak, aes):
    """General-glo-ciphering APDUs, one behind the other."""
    from .apdu import length
    readings = []
    at = 0
    while at < len(data) and data[at] == 0xDB:
        try:
            n, stop = length(data, at + 1, len(data))
            n, stop = length(data, stop + n, len(data))
            readings.append(_bare(data[at:stop + n] if stop + n < len(data) and _next(data, stop + n) else data[at:],
                                  ek, ak, aes))
        except IndexError:
            raise DecodeError("APDU cut off", at) from None
        at = stop + n
        while at < len(data) and data[at] in PADDING:
            at += 1
    return readings


def _next(data, at):
    """Whether what stands behind an APDU is padding or another."""
    rest = data[at:].lstrip(PADDING)
    return not rest or rest[0] == 0xDB


def _behind(data, at, message):
    """The index behind a P1 telegram; DecodeError where something of another telegram stands before it."""
    start = data.find(message, at)
    for c in data[at:start]:
        if c in b"(/!":
            raise DecodeError("the capture begins inside a telegram")
    at = start + len(message)
    if message[-1:] == b"!":
        for c in data[at:]:
            if c > 126:
                raise DecodeError("CRC missing and not all text")
    return at


def _why(rejects):
    for key, text in (("crc", "check sum wrong"), ("header", "header check wrong"), ("flag", "closing flag missing"),
                      ("segment", "segments missing"), ("overrun", "message too long")):
        if rejects[key]:
            return text
    return "no whole message"
