"""Link layer: from a receiver's byte stream to telegrams (EN 13757-4).

A telegram here is the frame from its L field on, with the link layer's CRCs checked and taken out; of a format B frame
the L field, which counts the CRCs, is rewritten so that it counts what is left. Nothing that fails a CRC comes out.

A receiver for modes T1 and C1 matches the sync word and delivers what follows it, noise included:
  54 3D  54 CD  format A frame              C1
  54 3D  54 3D  format B frame              C1
  54 3D  format A frame coded 3-of-6        T1 (54 can't begin one: 010101 is no code)
"""

from .accel import blocks_a, crc, decode_3of6

SYNC = b"\x54\x3d"
LONGEST = 1 + 255 + 2 * 17  # a format A frame with L = 255 and its CRCs
SHORTEST_L = 9  # C, M, A: up to the end of the first block


def frame_size(length: int) -> int:
    """Bytes of a format A frame on air, from L to the last CRC, for the value of its L field."""
    return 1 + length + 2 * (1 + (length - SHORTEST_L + 15) // 16)


def strip_a(frame: bytes) -> "bytes | None":
    """The telegram in a format A frame, or None when a CRC is wrong or the size does not fit."""
    if len(frame) < 12 or frame[0] < SHORTEST_L or len(frame) != frame_size(frame[0]):
        return None
    return blocks_a(frame)


def strip_b(frame: bytes) -> "bytes | None":
    """The telegram in a format B frame, its L rewritten, or None when a CRC is wrong or the size does not fit."""
    size = len(frame)
    if size < 12 or frame[0] != size - 1:
        return None
    first = 128 if size > 128 else size
    if size in (129, 130) or crc(frame[:first - 2]) != frame[first - 2] << 8 | frame[first - 1]:
        return None
    if size == first:
        return bytes((size - 3,)) + frame[1:size - 2]
    rest = frame[first:size - 2]
    if crc(rest) != frame[size - 2] << 8 | frame[size - 1]:
        return None
    return bytes((size - 5,)) + frame[1:first - 2] + rest


def has_crc(frame: bytes) -> bool:
    """Whether `frame` is a whole frame of format A or B with good link layer CRCs."""
    return strip_a(frame) is not None or strip_b(frame) is not None


def strip_crc(frame: bytes) -> bytes:
    """The telegram in `frame`: a frame with good CRCs (format A or B) without them, anything else as it is."""
    return strip_a(frame) or strip_b(frame) or frame


class Reader:
    """Finds the frames of modes T1 and C1 in a receiver's byte stream.

    `rejects` counts what began like a frame and was none: "crc", "coding" (3-of-6), "length", and "overrun" (cut off by
    `reset`). `modes` holds the link mode of each telegram of the last `feed`: "T1" or "C1".
    """

    sync = SYNC

    def __init__(self):
        self.rejects = {"crc": 0, "coding": 0, "length": 0, "overrun": 0}
        self.modes = []
        self._buffer = b""

    def reset(self) -> None:
        """Forget a frame begun: for the caller to call after an idle gap or a receiver's FIFO overrun."""
        if len(self._buffer) > len(self.sync):
            self.rejects["overrun"] += 1
        self._buffer = b""

    def feed(self, data: bytes) -> "list[bytes]":
        """Take the next bytes of the stream, any number, and return the telegrams they completed."""
        telegrams: "list[bytes]" = []
        self.modes = []
        if len(data) <= 1024:
            self._scan(self._buffer + data if self._buffer else bytes(data), telegrams)
            return telegrams
        for at in range(0, len(data), 1024):  # so that the buffer stays bounded whatever the caller hands over
            self._scan(self._buffer + bytes(data[at:at + 1024]), telegrams)
        return telegrams

    def _scan(self, buffer: bytes, telegrams: "list[bytes]") -> None:
        sync = self.sync
        at = buffer.find(sync)
        while at >= 0:
            used = self._frame(buffer, at + len(sync), telegrams)
            if used == len(buffer):
                self._buffer = b""
                return
            if used == 0:  # more bytes needed
                self._buffer = buffer[at:]
                return
            # After a false start look again from the very next byte: the true one may lie inside it.
            at = buffer.find(sync, used if used > 0 else at + 1)
        self._buffer = buffer[-1:] if buffer[-1:] == sync[:1] else b""

    def _frame(self, buffer: bytes, start: int, telegrams: "list[bytes]") -> int:
        """Try the frame at `start`: where it ends in the buffer, 0 for "not all here yet", -1 for "no frame"."""
        have = len(buffer) - start
        if have < 2:
            return 0
        if buffer[start] != 0x54:
            return self._coded(buffer, start, have, telegrams, decode_3of6, 3, "T1")
        format_byte = buffer[start + 1]
        if format_byte != 0xCD and format_byte != 0x3D:
            return self._reject("coding")
        start += 2
        have -= 2
        if have < 1:
            return 0
        length = buffer[start]
        if format_byte == 0xCD:
            if length < SHORTEST_L:
                return self._reject("length")
            if have < 12:
                return 0
            if crc(buffer[start:start + 10]) != buffer[start + 10] << 8 | buffer[start + 11]:
                return self._reject("crc")
            size = frame_size(length)
            strip = strip_a
        else:
            if length < SHORTEST_L + 2:
                return self._reject("length")
            size = length + 1
            strip = strip_b
        if have < size:
            return 0
        telegram = strip(buffer[start:start + size])
        if telegram is None:
            return self._reject("crc")
        telegrams.append(telegram)
        self.modes.append("C1")
        return start + size

    def _coded(self, buffer: bytes, start: int, have: int, telegrams: "list[bytes]", decode, chips: int,
               mode: str) -> int:
        """The frame of format A at `start`, coded with `chips` half bytes of chips a byte; as `_frame`."""
        if have < chips:
            return 0
        head = decode(buffer[start:start + chips])
        if head is None:
            return self._reject("coding")
        length = head[0]
        if length < SHORTEST_L:
            return self._reject("length")
        size = length + 3 + (length + 6 >> 4 << 1)  # as `frame_size`, without the call: this is done for every burst
        coded = size * chips + 1 >> 1
        if have < coded:
            # Don't wait for the end of what is none: the codes so far and the first block's CRC must be right.
            head = decode(buffer[start:start + have])
            if head is None:
                return self._reject("coding")
            if len(head) >= 12 and crc(head[:10]) != head[10] << 8 | head[11]:
                return self._reject("crc")
            return 0
        frame = decode(buffer[start:start + coded])
        if frame is None:
            return self._reject("coding")
        telegram = blocks_a(frame[:size] if len(frame) > size else frame)
        if telegram is None:
            return self._reject("crc")
        telegrams.append(telegram)
        self.modes.append(mode)
        return start + coded

    def _reject(self, reason: str) -> int:
        self.rejects[reason] += 1
        return -1
