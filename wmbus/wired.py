"""Wired M-Bus: long frames in the byte stream of a bus or optical head (EN 13757-2 §5).

68 L L 68 C A CI ... checksum 16, where L counts C to the last byte before the checksum, the sum of these. What comes
out is the whole frame from 68 to 16: decode, meter and summary take it as they take a radio telegram.
"""

SHORTEST_L = 3


class Reader:
    """Finds long frames; `rejects` counts "crc" (a wrong checksum), "length" and "overrun" (cut off by `reset`)."""

    def __init__(self):
        self.rejects = {"crc": 0, "length": 0, "overrun": 0}
        self._buffer = b""

    def reset(self) -> None:
        """Forget a frame begun: for the caller to call after an idle gap."""
        if self._buffer:
            self.rejects["overrun"] += 1
        self._buffer = b""

    def feed(self, data: bytes) -> "list[bytes]":
        """Take the next bytes of the stream, any number, and return the frames they completed."""
        frames = []
        for start in range(0, len(data), 1024):
            buffer = self._buffer + bytes(data[start:start + 1024])
            at = buffer.find(b"\x68")
            while at >= 0:
                size = self._size(buffer, at)
                if size > len(buffer) - at or size == 0:
                    break
                if size > 0:
                    frames.append(buffer[at:at + size])
                at = buffer.find(b"\x68", at + (size if size > 0 else 1))
            self._buffer = buffer[at:] if at >= 0 else b""
        return frames

    def _size(self, buffer: bytes, at: int) -> int:
        """Bytes of the frame at `at`, 0 when its head is not all there, -1 when it is none."""
        have = len(buffer) - at
        if have < 4:
            return 0
        length = buffer[at + 1]
        if length != buffer[at + 2] or buffer[at + 3] != 0x68 or length < SHORTEST_L:
            self.rejects["length"] += 1
            return -1
        size = length + 6
        if have < size:
            return size
        if sum(buffer[at + 4:at + size - 2]) & 0xFF != buffer[at + size - 2] or buffer[at + size - 1] != 0x16:
            self.rejects["crc"] += 1
            return -1
        return size
