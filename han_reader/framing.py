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
MAX_HEADER = 15  # flag, format 2, addresses 4 + 4, control, HCS 2, first byte of the information
MIN_FRAME = 9  # format 2, addresses 1 + 1, control 1, HCS 2, FCS 2

LLC = (b"\xe6\xe7", b"\xe6\xe6")

BAD = 0  # where no frame begins; a number below it is minus the bytes that are needed before more can be said


def header_end(data, at, end):
    """The index of the HCS of the frame whose flag is at data[at]; BAD, or minus the bytes needed from there on."""
    if end - at < 7:
        return -7 if end - at < 2 or data[at + 1] & 0xF0 == 0xA0 else BAD
    if data[at + 1] & 0xF0 != 0xA0:
        return BAD
    size = (data[at + 1] & 7) << 8 | data[at + 2]
    # Destination and source are 1, 2 or 4 bytes, the last one odd. A frame has more bytes behind the shortest header.
    i = at + 3
    if not data[i] & 1:
        i += 1
        if not data[i] & 1:
            i += 2
            if data[i - 1] & 1 or not data[i] & 1:
                return BAD
    i += 1
    if end - i < 5:
        need = min(size + 2, MAX_HEADER)
        return -need if end - at < need and size >= MIN_FRAME else BAD
    if not data[i] & 1:
        i += 1
        if not data[i] & 1:
            i += 2
            if data[i - 1] & 1 or not data[i] & 1:
                return BAD
    i += 2
    return i if i - at + 3 <= size else BAD  # HCS and FCS have to fit


def frame_at(data, at, end, rejects):
    """The size of the good frame at data[at:end], both flags included; BAD, or minus the bytes needed.

    `rejects` counts what failed: "header" (HCS), "crc" (FCS) or "flag" (no closing flag).
    """
    i = header_end(data, at, end)
    if i <= 0:
        return i
    if end < i + 2:
        return at - i - 2
    if not accel.x25_ok(data, at + 1, i + 2):
        rejects["header"] += 1
        return BAD
    return _rest_at(data, at, end, rejects)


def _rest_at(data, at, end, rejects):
    """As `frame_at`, for a frame whose header is good."""
    stop = at + 1 + ((data[at + 1] & 7) << 8 | data[at + 2])
    if end <= stop:
        return at - stop - 1
    if not accel.x25_ok(data, at + 1, stop):
        rejects["crc"] += 1
        return BAD
    if data[stop] != FLAG:
        rejects["flag"] += 1
        return BAD
    return stop + 1 - at


class Assembler:
    """Finds good frames with `frame_at` and puts segmented messages together with `add`, one after the other."""

    def __init__(self, rejects):
        self.rejects = rejects
        # From flag to HCS, of the last good header: a list's header is always the same.
        self._header = bytearray(MAX_HEADER)
        self._known = 0
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

    def frame_at(self, data, at, end):
        """As the function of this name."""
        n = self._known
        if not n or end - at < n or not accel.same(data, at, self._header, n):
            i = header_end(data, at, end)
            if i <= 0:
                return i
            if end < i + 2:
                return at - i - 2
            if not accel.x25_ok(data, at + 1, i + 2):
                self.rejects["header"] += 1
                return BAD
            self._known = i + 2 - at
            accel.copy(self._header, 0, data, at, self._known)
        return _rest_at(data, at, end, self.rejects)

    def add(self, frame):
        """The message that the frame found last completes, as bytes, or None while it is not whole."""
        info = self._known
        more = frame[1] & 8
        first = frame[info]
        if first == 0xE6 and not more and not self._parts and frame[info + 3] != axdr.GENERAL_BLOCK:
            return frame
        block = axdr.llc(frame, info)
        if frame[block] != axdr.GENERAL_BLOCK or more or block + 7 > len(frame) - 3:
            block = 0
        if not more and not self._parts and not block:
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
            raise DecodeError("frame cut off" if size else "no frame", at)
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
