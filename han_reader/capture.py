"""Captures: whatever somebody saved from a port, of unknown layer and cut.

The layer is told from the bytes alone. The same strictness holds as on the live port: a check that fails gives no
value. A bare APDU carries no check, so it has to be whole to the last byte; log files often leave the frame's FCS and
closing flag behind it.
"""

from .errors import DecodeError
from .messages import apdu_reading, decode
from .reader import Reader


def read_all(data, ek=None, ak=None, aes=None, p1_without_crc=True, whole=True):
    """The readings of a capture, in order; DecodeError (or KeyMissing, WrongKey) where it holds none.

    `whole`: the capture is meant to begin and end with a message, so P1 text before the first "/" or a telegram cut
    short by the next refuses it all. False for dumps of a running line.
    """
    data = bytes(data)
    if not data:
        raise DecodeError("empty capture")
    first = data[0]
    if first in (0x0F, 0xDB, 0xDD, 0x02, 0x01) or data[:2] in (b"\xe6\xe7", b"\xe6\xe6"):
        return [_bare(data, ek, ak, aes)]
    reader = Reader(p1_without_crc)
    messages = list(reader.feed(data)) + reader.finish()
    readings = []
    failure = None
    for message in messages:
        try:
            if message[0] == 0x2F and whole:
                _whole(data, message)
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
            if type(e) is not DecodeError or at is None or data[at + 2:at + 3] != b"\x7e":
                raise
        except IndexError:
            raise DecodeError("APDU cut off") from None
        joined = joined or at + 3 < len(data)
        data = data[:at] + data[at + 3:]
    raise DecodeError("too many pieces")


def _whole(data, message):
    start = data.find(message)
    if data[:start].strip(b"\r\n\x00 "):
        raise DecodeError("the capture begins inside a telegram")
    tail = data[start + len(message):]
    if b"!" in message and message[message.rfind(b"!") + 1:].strip() == b"":
        for c in tail:
            if c > 126:
                raise DecodeError("CRC missing and not all text")


def _why(rejects):
    for key, text in (("crc", "check sum wrong"), ("header", "header check wrong"), ("flag", "closing flag missing"),
                      ("segment", "segments missing"), ("overrun", "message too long")):
        if rejects[key]:
            return text
    return "no whole message"
