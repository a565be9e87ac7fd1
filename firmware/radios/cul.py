"""Radio `cul`: a CUL, nanoCUL or other CC1101 stick with culfw or a-culfw, which was built with wM-Bus (HAS_MBUS).

    b   | frame of format A, CRCs and all, in hex | LQI, RSSI     C1 and T1
    bY  | frame of format B                       | LQI, RSSI     C1

Each is a line of text. `brc` has it hear C1 and T1; older firmware does not know that and answers OFF: then `brt`, T1.
`X21` adds the last two bytes; RSSI: half a dB a step, signed, from -74 dBm (CC1101 data sheet, 17.3). `b` alone asks
what it hears, so that a restart is noticed. CRCs are checked here: it passes on what was well coded.

PROVEN: public log (github.com/wmbusmeters/wmbusmeters, issues 45, 953, 1208 and 1710): version, modes, lines with RSSI.
"""

import binascii

from wmbus.link import strip_a, strip_b

from ._asked import Asked, signed

LONGEST = 2 + 2 * (291 + 2) + 2  # of a line
_MODES = (b"CMODE", b"TMODE")


class Radio(Asked):
    """Turns the stick's lines into telegrams, and tells it what to hear."""

    NAME = "cul"
    LINE = "38400:8N1"
    CHECK = 3

    def __init__(self):
        self._mode = b""
        Asked.__init__(self)

    def _request(self, step):
        return (b"V\r\n", b"X21\r\nbrc\r\n", b"X21\r\nbrt\r\n", b"b\r\n")[step]

    def _scan(self):
        heard: "list" = []
        lines = self._buffer.split(b"\n")
        self._buffer = lines.pop()
        for line in lines:
            line = line.strip()
            if line[:1] == b"b" and line[1:] not in (b"", b"rc", b"rt"):  # else it is our own, come back
                self._frame(line, heard)
            elif line and line[:1] not in b"bVX" or line[:2] == b"V ":
                self._text(line)
        if len(self._buffer) > LONGEST:
            self._stale()
        return heard

    def _frame(self, line, heard):
        strip, start = (strip_b, 2) if line[1:2] == b"Y" else (strip_a, 1)
        try:
            data = binascii.unhexlify(line[start:])
        except ValueError:
            data = b""
        telegram = strip(data[:-2]) if len(data) > 2 else None
        if telegram is not None:
            heard.append((telegram, min(-1, (signed(data[-1]) >> 1) - 74)))
        else:
            telegram = strip(data)  # without RSSI
            if telegram is None:
                self.rejected += 1
            else:
                heard.append((telegram, 0))

    def _text(self, line):
        step = self._step
        if step == 0 and line[:2] == b"V ":
            self.found = "".join([chr(c) for c in line[2:66] if 32 <= c < 127])
            self._answered(1)
        elif step == 1 and line in (b"CMODE", b"OFF", b"TMODE", b"SMODE"):
            self._mode = line
            self._answered(None if line == b"CMODE" else 2)
        elif step == 2 and line in (b"OFF", b"SMODE", b"CMODE", b"TMODE"):
            if line != b"TMODE":
                self._refused("to hear wM-Bus")
            self._mode = line
            self._answered(None)
        elif step == 3 and line in (b"OFF", b"SMODE", b"CMODE", b"TMODE"):
            self._answered(None if line == self._mode else 0)
        elif line[:1] == b"?" and step is not None:
            self._refused("wM-Bus: its firmware was built without")
        elif line[:2] != b"V " and line != b"OFF" and line not in _MODES:
            self.rejected += 1

    def _stale(self):
        # The beginning of a line whose end is lost.
        self.rejected += 1
        self._buffer = b""
