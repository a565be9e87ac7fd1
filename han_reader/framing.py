"""HDLC framing of the HAN port (IEC 62056-46, frame format type 3 of ISO/IEC 13239), and what lies in a frame.

7E | format A0 + S bit + 11-bit length | destination | source | control | HCS | information | FCS | 7E

- Frames are read by their length: the meters do not stuff bytes, and 7E occurs inside.
- HCS and FCS are both checked, always; 0x0000 is a value like any other. The closing flag must be there, and may be
  the opening flag of the next frame.
- A message is one frame, or the frames of one segmented information field (S bit), or of one general block transfer
  (IEC 62056-5-3 9.3.14, one block a frame), as they came. Order is checked where the frames carry it: N(S) of
  I frames, the block numbers. Segments of UI frames carry none; a frame that begins a new APDU drops what stood.
"""

from . import accel
from . import apdu as axdr
from .errors import DecodeError

FLAG = 0x7E
MAX_FRAME = 2047
MAX_MESSAGE = 4096
MIN_FRAME = 9  # format 2, addresses 1 + 1, control 1, HCS 2, FCS 2

LLC = (b"\xe6\xe7", b"\xe6\xe6")

NEED = 0  # what `frame_at` says when it needs more bytes
BAD = -1  # ... and when no frame begins there


def header_end(data, at, end):
    """The index of the HCS of the frame whose flag is at data[at], NEED for more bytes, BAD where none can be."""
    if end - at < 3:
        return NEED
    if data[at + 1] & 0xF0 != 0xA0:
        return BAD
    size = (data[at + 1] & 7) << 8 | data[at + 2]
    if size < MIN_FRAME:
        return BAD
    i = at + 3
    for _ in range(2):  # destination and source: 1, 2 or 4 bytes, the last one odd
        n = 0
        while True:
            if i >= end:
                return NEED
            n += 1
            i += 1
            if data[i - 1] & 1:
                break
            if n >= 4:
                return BAD
        if n == 3:
            return BAD
    if i + 1 - at + 4 > size + 1:  # control, HCS and FCS have to fit
        return BAD
    return i + 1


def frame_at(data, at, end, rejects):
    """The size of the good frame at data[at:end], both flags included; NEED or BAD otherwise.

    `rejects` counts what failed: "header" (HCS), "crc" (FCS) or "flag" (no closing flag).
    """
    i = header_end(data, at, end)
    if i <= 0:
        return i
    if end < i + 2:
        return NEED
    if not accel.x25_ok(data, at + 1, i + 2):
        rejects["header"] += 1
        return BAD
    size = (data[at + 1] & 7) << 8 | data[at + 2]
    stop = at + 1 + size
    if end <= stop:
        return NEED
    if not accel.x25_ok(data, at + 1, stop):
        rejects["crc"] += 1
        return BAD
    if data[stop] != FLAG:
        rejects["flag"] += 1
        return BAD
    return size + 2


def needed(data, at, end):
    """How many bytes from data[at] on have to be there before `frame_at` can say more."""
    i = header_end(data, at, end)
    if i <= 0:
        return end - at + 1
    if end < i + 2:
        return i + 2 - at
    return ((data[at + 1] & 7) << 8 | data[at + 2]) + 2


class Assembler:
    """Puts the frames of segmented messages together. `add` takes one good frame, gives a whole message or None."""

    def __init__(self, rejects):
        self.rejects = rejects
        self._parts: "list" = []
        self._size = 0
        self._address = b""
        self._number = -1  # N(S) of the last segment
        self._blocks = False

    def reset(self):
        """Forget what has come so far."""
        self._parts = []
        self._size = 0
        self._number = -1
        self._blocks = False

    def _drop(self):
        if self._parts:
            self.rejects["segment"] += 1
            self.reset()

    def add(self, frame):
        """The message that this frame completes, as bytes, or None while it is not whole."""
        info = header_end(frame, 0, len(frame)) + 2
        more = frame[1] & 8
        block = axdr.llc(frame, info)
        if frame[block] != axdr.GENERAL_BLOCK or more or block + 7 > len(frame) - 3:
            block = 0
        if not more and not self._parts and not block:
            if frame[info:info + 2] in LLC:
                return frame
            self.rejects["segment"] += 1  # the end of a message whose beginning was lost
            return None
        control = frame[info - 3]
        address = frame[3:info - 3]
        if block:
            last = frame[block + 1] & 0x80 != 0
            number = frame[block + 2] << 8 | frame[block + 3]
            if number == 1 or not self._blocks:
                self._drop()
            if number != len(self._parts) + 1 or self._parts and address != self._address:
                self.rejects["segment"] += 1
                self.reset()
                return None
            self._blocks = True
        else:
            last = not more
            fresh = frame[info:info + 2] in LLC
            # N(S) of I frames counts up; some meters leave it at 0.
            number = -1 if control & 1 else control >> 1 & 7
            if self._parts and (self._blocks or fresh or address != self._address
                                or number not in (self._number, (self._number + 1) & 7) and number >= 0):
                self._drop()
            if not self._parts and not fresh:
                self.rejects["segment"] += 1
                return None
            if not self._parts and last:
                return frame
            self._number = number
        self._address = address
        if self._size + len(frame) > MAX_MESSAGE:
            self.rejects["overrun"] += 1
            self.reset()
            return None
        self._parts.append(frame)
        self._size += len(frame)
        if not last:
            return None
        message = b"".join(self._parts)
        self.reset()
        return message


FAILURES = (("header", "header check wrong"), ("crc", "frame check wrong"), ("flag", "closing flag missing"))


def unwrap(message):
    """(bytes, index of the APDU in them, index after it, whether it is one frame) of a message of HDLC frames.

    Every check is made again. The APDU begins behind the LLC header; that of one frame is left in its place.
    """
    end = len(message)
    at = 0
    parts: "list" = []
    blocks = 0
    more = 0
    while at < end:
        rejects = {"header": 0, "crc": 0, "flag": 0}
        size = frame_at(message, at, end, rejects)
        if size <= 0:
            for key, reason in FAILURES:
                if rejects[key]:
                    raise DecodeError(reason, at)
            raise DecodeError("frame cut off" if size == NEED else "no frame", at)
        start = header_end(message, at, end) + 2
        stop = at + size - 3
        if blocks or not parts:
            info = start
            start = axdr.llc(message, info)
            if start == info and not parts:
                raise DecodeError("no LLC header", info)
        if parts and not more:
            raise DecodeError("a second message", at)
        if message[start] == axdr.GENERAL_BLOCK and not message[at + 1] & 8 and (blocks or not parts):
            number = message[start + 2] << 8 | message[start + 3]
            if number != blocks + 1:
                raise DecodeError("block %d where %d was due" % (number, blocks + 1), start)
            blocks += 1
            more = not message[start + 1] & 0x80
            n, start = axdr.length(message, start + 6, stop)
            if start + n != stop:
                raise DecodeError("block of %d bytes" % n, start)
        elif blocks:
            raise DecodeError("a frame between blocks", start)
        else:
            more = message[at + 1] & 8
        at += size
        if at == end and not parts and not blocks and not more:
            return message, start, stop, True
        parts.append(bytes(message[start:stop]))
    if more or not parts:
        raise DecodeError("segments missing", end)
    data = b"".join(parts)
    return data, 0, len(data), False
