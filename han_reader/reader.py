"""The reader of a HAN or P1 port: bytes in any chunks in, whole checked messages out.

It tells the dialects apart by how a message begins: 7E A? (HDLC), 68 L L 68 (wired M-Bus), "/" and three letters
(P1). A candidate that fails any check is left by one byte and the search goes on in what has come, so that noise costs
at most the message it hit. All is bounded: one buffer of 1 KiB, or of 4 once a message needs it (P1), and at most 4 KiB
of segments.
"""

from . import accel, framing
from .framing import BAD, FLAG

SIZE, FIRST_SIZE = 4096, 1024


class Reader:
    """Reads one port. `p1_without_crc` accepts P1 telegrams that carry no CRC (DSMR 2 and 3)."""

    def __init__(self, p1_without_crc=False):
        self.rejects = {"header": 0, "crc": 0, "flag": 0, "segment": 0, "overrun": 0, "noise": 0}
        self.p1_without_crc = p1_without_crc
        self.dialect = ""  # "hdlc", "mbus", "p1" or "ciphered", as the last message was
        self._buffer = bytearray(FIRST_SIZE)
        self._view = memoryview(self._buffer)
        self._count = 0
        self._need = 1  # bytes that have to be there before a look is worth it
        self._none = []
        self._hdlc = framing.Assembler(self.rejects)
        self._mbus: "list" = []  # the M-Bus assembler, once there is one
        self._fresh = 0  # where a bare ciphered APDU may begin: the start of a burst, or behind another
        self._final = False
        self._since = 0  # P1: up to here the telegram has no end

    def reset(self):
        """Drop what is unfinished: the line has been idle, what comes next begins anew."""
        if self._count:
            self.rejects["noise"] += 1
        self._count = 0
        self._need = 1
        self._since = 0
        self._fresh = 0
        self._hdlc.reset()
        if self._mbus:
            self._mbus[0].reset()

    def feed(self, data, left=-1):
        """Take received bytes, all or the first `left`; the messages they complete, each as `bytes`. Never raises on
        noise."""
        out = None
        at = 0
        if left < 0:
            left = len(data)
        while left:
            count = len(self._buffer) - self._count
            if not count:
                self._grow()
                continue
            if left < count:
                count = left
            accel.copy(self._buffer, self._count, data, at, count)
            self._count += count
            at += count
            left -= count
            if self._count >= self._need:
                out = self._scan(out)
        if out is not None:
            return out
        if self._none:  # a caller wrote into it
            self._none = []
        return self._none

    def _grow(self):
        whole = bytearray(SIZE)
        accel.copy(whole, 0, self._buffer, 0, self._count)
        self._buffer = whole
        self._view = memoryview(whole)

    def finish(self):
        """The end of a capture: the messages that only waited for what might follow."""
        self._final = True
        out = self._scan(None)
        self._final = False
        self.reset()
        return out or []

    def _scan(self, out):
        buffer = self._buffer
        end = self._count
        at = 0
        need = 1
        while at < end:
            first = buffer[at]
            if first == FLAG:
                size = self._hdlc.frame_at(buffer, at, end) if end - at > 6 else -7
            elif first == 0x68:
                size = self._long_frame(buffer, at, end)
            elif first == 0x2F:
                size = self._telegram(buffer, at, end)
            elif first == 0xDB and at == self._fresh:
                size = _ciphered(buffer, at, end)
            else:
                at += 1
                continue
            if size > 0:
                message = self._take(first, bytes(self._view[at:at + size]))
                # A closing flag may open the next frame.
                at += size - 1 if first == FLAG else size
                if first == 0xDB:
                    self._fresh = at
                if message is not None:
                    if out is None:
                        out = []
                    out.append(message)
            elif size == BAD:
                at += 1
            elif self._final:
                self.rejects["noise"] += 1
                at += 1
            elif size < -SIZE:
                self.rejects["overrun"] += 1
                at += 1
            else:
                need = -size
                break
        if at:
            if at < end:
                accel.copy(buffer, 0, buffer, at, end - at)
            self._count = end - at
            self._fresh = self._fresh - at if self._fresh >= at else -1
        self._since = self._count - 5 if self._count > 5 else 0
        self._need = need
        return out

    def _take(self, first, part):
        if first == FLAG:
            self.dialect = "hdlc"
            return self._hdlc.add(part)
        if first == 0x68:
            self.dialect = "mbus"
            return self._mbus[0].add(part)
        self.dialect = "p1" if first == 0x2F else "ciphered"
        return part

    def _long_frame(self, buffer, at, end):
        if not self._mbus:
            if end - at >= 4 and buffer[at + 3] != 0x68:
                return BAD
            self._mbus.append(mbus().Assembler(self.rejects))
        return mbus().frame_at(buffer, at, end, self.rejects)

    def _telegram(self, buffer, at, end):
        if end - at < 4:
            return -4
        for i in range(at + 1, at + 4):
            if not 65 <= buffer[i] & 0xDF <= 90:
                return BAD
        since = 0 if at else self._since
        return p1().telegram_at(buffer, at, end, since, self.rejects, self._final, self.p1_without_crc)


def _ciphered(buffer, at, end):
    """A whole telegram in one ciphered APDU, as Luxembourg sends it: DB 08 system title 82 length SC.

    Nothing checks it here, so it has to look right: a title of three letters, a length in the long form, a known SC.
    """
    count = end - at
    if count > 1 and buffer[at + 1] != 8:
        return BAD
    for i in range(2, 5):
        if count > i and not 65 <= buffer[at + i] <= 90:
            return BAD
    if count > 10 and buffer[at + 10] != 0x82:
        return BAD
    if count < 14:
        return -14
    size = 13 + (buffer[at + 11] << 8 | buffer[at + 12])
    if size > 2047 or buffer[at + 13] not in (0x20, 0x21, 0x30, 0x31):
        return BAD
    return size if count >= size else -size


_modules: "dict" = {}


def mbus():
    """The module of the M-Bus dialect, imported on first use."""
    if "mbus" not in _modules:
        from . import mbus as module
        _modules["mbus"] = module
    return _modules["mbus"]


def p1():
    """The module of the P1 dialect, imported on first use."""
    if "p1" not in _modules:
        from . import p1 as module
        _modules["p1"] = module
    return _modules["p1"]
