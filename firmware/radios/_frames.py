"""What the radio chips share: how long a frame is by its first bytes, where frames wait, and how they become telegrams.

A chip is set to the sync word 54 3D of modes T1 and C1 and delivers the bits behind it as bytes (wmbus/link.py says
what they are). The first three tell how many follow, so that reception ends with the frame.
"""

import wmbus
from wmbus.accel import blocks_a
from wmbus.link import SHORTEST_L, frame_size, strip_a, strip_b

LONGEST = (frame_size(255) * 3 + 1) // 2  # bytes behind the sync word: a T1 frame, 12 chips a byte
HEAD = 3  # bytes that tell a frame's length
BYTE_US = 80  # a byte at 100 kbit/s
PLACES = 4  # frames that may wait while something else runs: none of them takes less than 1.4 ms of air
FRONT = 2  # bytes of a place in front of a frame: what comes on the bus before its first byte
ROOM = 1  # and behind it: what a CC1101 tells of it


def length(first):
    """Bytes behind the sync word of the frame that begins with these three; 0: no frame begins so."""
    if first[0] != 0x54:
        head = wmbus.decode_3of6(first)
        if head is None or head[0] < SHORTEST_L:
            return 0
        return (frame_size(head[0]) * 3 + 1) // 2
    if first[1] == 0xCD and first[2] >= SHORTEST_L:
        return 2 + frame_size(first[2])
    if first[1] == 0x3D and first[2] >= SHORTEST_L + 2:
        return 2 + 1 + first[2]
    return 0


class Frames:
    """The places that frames are received into; `current` is being filled, `waiting` are whole."""

    def __init__(self):
        self._free = [memoryview(bytearray(FRONT + LONGEST + ROOM)) for _ in range(PLACES)]
        self.current = self._free.pop()
        self.waiting = []  # (place, size, RSSI in dBm, frequency offset in Hz)
        self.missed = 0  # frames for which there was no place

    def complete(self, size, rssi, offset):
        """The current frame is whole. Called in an interrupt."""
        if self._free:
            self.waiting.append((self.current, size, rssi, offset))
            self.current = self._free.pop()
        else:
            self.missed += 1

    def take(self):
        """The oldest that waits: (telegram or None, RSSI, offset)."""
        place, size, rssi, offset = self.waiting.pop(0)
        body = place[FRONT:FRONT + size]
        if body[0] != 0x54:
            frame = wmbus.decode_3of6(body)
            telegram = None if frame is None else blocks_a(frame[:frame_size(frame[0])])
        else:
            telegram = (strip_a if body[1] == 0xCD else strip_b)(bytes(body[2:]))
        self._free.append(place)
        return telegram, rssi, offset
