"""Long messages in several frames: the AFL's fragments put together (EN 13757-7 §6.2).

The first fragment has number 1 and the message's length, each next one number plus one, the last no "more" flag and,
mostly, the MAC. The whole is handed out as one telegram with one AFL that has all their fields, as `decode` reads it;
its L field holds the low byte of its length. Kept per meter and bounded: an attacker's first fragments push each other
out.
"""

from . import transport

MORE = 0x4000
METERS = 8          # messages being put together at once, where the caller names no other number
LONGEST = 4096      # bytes of one message


class Assembler:
    """`add(telegram)` returns telegrams without fragments as they are, whole messages when they are, else None."""

    def __init__(self, meters: int = METERS):
        self.rejects = {"order": 0, "length": 0}
        self._meters = meters
        self._open: list = []  # [address, next fragment id, head, afl fields, parts], the latest last

    def add(self, telegram: bytes) -> "bytes | None":
        """Take the next telegram heard; DecodeError as `meter` raises it."""
        layers = transport.begin(telegram)
        transport.walk(layers, True)
        if layers.ci or layers.afl is None:
            return telegram
        fcl = layers.afl[0]
        number = fcl & 0xFF
        address = telegram[2:10]
        pending = None
        for one in self._open:
            if one[0] == address:
                pending = one
        if number == 1:
            if pending is not None:
                self._open.remove(pending)
            if len(self._open) >= self._meters:
                self._open.pop(0)
            pending = [address, 1, telegram[:layers.afl_at], layers.afl, []]
            self._open.append(pending)
        if pending is None or pending[1] != number:
            self.rejects["order"] += 1
            if pending is not None and pending[1] != number + 1:  # a repeated fragment does no harm
                self._open.remove(pending)
            return None
        if layers.afl[1] and pending[3][1] and layers.afl[1] != pending[3][1]:  # of another message
            self._open.remove(pending)
            self.rejects["order"] += 1
            return None
        pending[1] += 1
        pending[3] = _union(pending[3], layers.afl)
        pending[4].append(telegram[layers.at:])
        if sum([len(part) for part in pending[4]]) > LONGEST:
            self._open.remove(pending)
            self.rejects["length"] += 1
            return None
        if fcl & MORE:
            return None
        self._open.remove(pending)
        return self._whole(pending)

    def _whole(self, pending) -> "bytes | None":
        _, _, head, afl, parts = pending
        body = b"".join(parts)
        _, mcl, ki, counter, mac, length = afl
        if length and length[0] | length[1] << 8 != len(body):
            self.rejects["length"] += 1
            return None
        fields = bytes((mcl,))
        flags = 0x2000
        for value, flag in ((ki, 0x0200), (counter, 0x0800), (mac, 0x0400), (length, 0x1000)):
            if value:
                flags |= flag
                fields += value
        whole = head[1:] + bytes((transport.AFL, 2 + len(fields), flags & 0xFF, flags >> 8)) + fields + body
        return bytes((len(whole) & 0xFF,)) + whole


def _union(first: tuple, second: tuple) -> tuple:
    """The fields of two fragments' AFLs; those of the later one where both have them."""
    return tuple([b or a for a, b in zip(first, second)])
