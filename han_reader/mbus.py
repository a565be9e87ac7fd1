"""Wired M-Bus framing of HAN ports (EN 13757-2 long frames; EN 13757-1 / OMS P2 for DLMS over the M-Bus).

68 L L 68 | C | A | CI | STSAP DTSAP | data | checksum | 16

- L counts C to the end of the data. The Sagemcom T210-D lets it run over: 68 01 01 68 stands for 257 bytes.
- CI 0x00-0x1F: bit 4 marks the last segment of an APDU, bits 0-3 number it from 0.
- The checksum is the sum of the L bytes; it and the stop byte must be right.
"""

from . import accel
from .errors import DecodeError

START = 0x68
STOP = 0x16
MAX_MESSAGE = 4096
BAD = 0
HEADER = 9  # 68 L L 68 C A CI STSAP DTSAP


def frame_at(data, at, end, rejects):
    """The size of the good long frame at data[at:end]; BAD where none begins, or minus the bytes needed."""
    if end - at < 7:
        for i in range(1, end - at):
            if i == 2 and data[at + 2] != data[at + 1] or i == 3 and data[at + 3] != START:
                return BAD
        return -7
    if data[at + 3] != START or data[at + 1] != data[at + 2] or data[at + 6] > 0x1F:
        return BAD
    size = data[at + 1] + 6
    if size < 11:
        size += 256
    if end - at < size:
        return -size
    stop = at + size - 2
    if accel.total(data, at + 4, stop) != data[stop] or data[stop + 1] != STOP:
        rejects["crc"] += 1
        return BAD
    return size


class Assembler:
    """Puts segments together. `add` takes one good frame and gives a whole message or None."""

    def __init__(self, rejects):
        self.rejects = rejects
        self._parts: "list" = []
        self._size = 0

    def reset(self):
        """Forget what has come so far."""
        self._parts = []
        self._size = 0

    def add(self, frame):
        """The message that this frame completes, as bytes, or None while it is not whole."""
        number = frame[6] & 0x0F
        if number == 0 and self._parts:
            self.rejects["segment"] += 1
            self.reset()
        if number != len(self._parts) & 0x0F:
            self.rejects["segment"] += 1
            self.reset()
            return None
        if self._size + len(frame) > MAX_MESSAGE:
            self.rejects["overrun"] += 1
            self.reset()
            return None
        self._parts.append(frame)
        self._size += len(frame)
        if not frame[6] & 0x10:
            return None
        message = b"".join(self._parts)
        self.reset()
        return message


def unwrap(message):
    """The APDU of a message of one or more long frames, every check made again."""
    end = len(message)
    at = 0
    parts: "list" = []
    last = False
    while at < end:
        rejects = {"crc": 0}
        size = frame_at(message, at, end, rejects)
        if size <= 0:
            reason = "frame cut off" if size else "no frame"
            raise DecodeError("checksum wrong" if rejects["crc"] else reason, at)
        if last:
            raise DecodeError("a second message", at)
        if message[at + 6] & 0x0F != len(parts) & 0x0F:
            raise DecodeError("segment out of order", at + 6)
        last = message[at + 6] & 0x10 != 0
        parts.append(bytes(message[at + HEADER:at + size - 2]))
        at += size
    if not last:
        raise DecodeError("segments missing", end)
    return b"".join(parts)
