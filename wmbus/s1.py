"""Link layer of mode S: Manchester-coded frames of format A (EN 13757-4 §6).

A bit is sent as two chips, 0 as 10 and 1 as 01. The receiver matches the end of the sync pattern, 76 96.
"""

from . import link


def _nibbles() -> bytes:
    table = bytearray(b"\xff" * 256)
    for nibble in range(16):
        chips = 0
        for bit in (3, 2, 1, 0):
            chips = chips << 2 | (1 if nibble >> bit & 1 else 2)
        table[chips] = nibble
    return bytes(table)


NIBBLES = _nibbles()


def decode_manchester(chips: bytes) -> "bytes | None":
    """The bytes coded in `chips` (two bytes a byte, an odd last one is dropped), or None at a bad pair of chips."""
    nibbles = NIBBLES
    data = bytearray(len(chips) // 2)
    for i in range(len(data)):
        high = nibbles[chips[2 * i]]
        low = nibbles[chips[2 * i + 1]]
        if high == 255 or low == 255:
            return None
        data[i] = high << 4 | low
    return bytes(data)


class Reader(link.Reader):
    """Finds the frames of mode S in a receiver's stream of chips; as `link.Reader`, with mode "S1"."""

    sync = b"\x76\x96"

    def _frame(self, buffer: bytes, start: int, telegrams: "list[bytes]") -> int:
        have = len(buffer) - start
        if have < 2:
            return 0
        return self._coded(buffer, start, have, telegrams, decode_manchester, 4, "S1")
