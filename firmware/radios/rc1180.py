"""Radio `rc1180`: the RC1180-MBUS modules by Radiocrafts (also RC1170, RC25xx-MBUS).

    length | telegram without its L field | RSSI

(Radiocrafts, MBUS user manual 2.01, and data sheet RC1180-MBUS.) The length counts all behind it. There is neither a
start byte nor a check: what has no control field of a meter and no manufacturer's letters, or is not whole within half
a second, is rejected up to the next pause. What fails a CRC of the air the module keeps to itself. RSSI: minus half a
dBm a step.

A byte 00 leads to its memory: `0` lists it, `M` writes it, `X` leads back. It hears nothing meanwhile, so it is looked
at only when ten minutes brought no telegram. What must be so stands in its flash, and is written only where it is not:
no sleep, RSSI, telegrams with their header, mode T1. A mode that hears T1 or C1 already is left to its owner: 10 hears
both, where the firmware has it.

PROVEN: public log (github.com/wmbusmeters/wmbusmeters, issue 801): its memory; telegrams: manual.
"""

from ._asked import Asked, whole

_SIZES = (128, 256)  # of its memory
_MUST = ((0x04, 0), (0x05, 1), (0x36, 0))  # sleep, RSSI, data interface
_MODE, _T1 = 0x03, 1
_MODES = (1, 2, 8, 9, 10, 11)  # T1, T2, C2, C1, T1+C, T2+C
_CONTROLS = (0x08, 0x18, 0x28, 0x38, 0x44, 0x46, 0x47, 0x48)  # what a meter sends (EN 13757-4)
_ENTER, _LIST, _WRITE, _PAIRS, _LEAVE = 0, 1, 2, 3, 4
_INSIDE = 3  # at which try it may be inside already, since somebody broke off; else X is dropped after two seconds


def _meter_like(data):
    # Whether some bytes after an L field may be of a meter, as far as they are there.
    if data and data[0] not in _CONTROLS:
        return False
    if len(data) < 3:
        return True
    letters = data[1] | data[2] << 8
    return all(1 <= letters >> shift & 31 <= 26 for shift in (0, 5, 10))


class Radio(Asked):
    """Turns the module's bytes into telegrams, and sets what makes them readable."""

    NAME = "rc1180"
    LINE = "19200:8N1"
    CHECK = _ENTER
    CHECK_MS = 600000
    WAIT_MS = 1500

    def reset(self):
        """The stream was broken: whatever module is there now is asked and configured from the beginning."""
        self._pairs = b""
        self._written = False
        self._known = False  # whether it adds the RSSI
        self._lost = False  # whether what comes up to the next pause is not to be understood
        self._alive = False  # whether it was heard since the last look
        self._left = False  # whether X was the last thing that was said
        Asked.reset(self)

    def poll(self, now_ms):
        """What to send now, b"" mostly. Raises ValueError when the module does not answer."""
        if self._step is not None and self._tries and not self._fed and self._buffer:
            self._dialog(self._buffer)  # it has said what it had to say: nothing came since the last time
        if self._alive and self._step is None and self._until is not None and now_ms >= self._until:
            self._alive = False
            self._until = None
        return Asked.poll(self, now_ms)

    def _request(self, step):
        if step == _LEAVE:
            self._answered(None)  # it says nothing to that
            self._known = self._left = True
        if step == _ENTER and self._tries == _INSIDE:
            return b"X"
        return (b"\0", b"0", b"M", self._pairs + b"\xff", b"X")[step]

    def _scan(self):
        if self._left:
            if self._buffer[:1] == b"X" and len(self._buffer) < 4:
                return []
            self._left = False
            if self._buffer[:1] == b"X" and not _meter_like(self._buffer[1:4]):
                self._buffer = self._buffer[1:]  # our own, come back
        if self._step is None or self._step == _ENTER:
            return [] if self._step == _ENTER and self._buffer in (b"\0", b"\0>") else self._telegrams()
        self._buffer = self._buffer[-2 * _SIZES[-1]:]
        return []

    def _dialog(self, said):
        step = self._step
        if said[-1:] != b">":
            return
        if step == _ENTER:
            if said not in (b">", b"\0>") and not self._lost:  # 00: our own, come back
                return
            self._lost = False
            self._answered(_LIST)
        elif step == _LIST:
            self._memory(said[1 if said[:1] == b"0" else 0:-1])
        elif step == _WRITE:
            self._answered(_PAIRS)
        else:
            self._written = True
            self._answered(_LEAVE)
        self._buffer = b""

    def _memory(self, memory):
        if len(memory) not in _SIZES:
            return
        text = "".join([chr(c) if 32 < c < 127 else " " for c in memory])
        at = text.find("RC1")
        self.found = text[at:].split()[0] if at >= 0 else "RC1180"
        wrong = [(place, value) for place, value in _MUST if memory[place] != value]
        if memory[_MODE] not in _MODES:
            wrong.append((_MODE, _T1))
        if wrong and self._written:
            self._refused("to keep its settings")
        self._pairs = b"".join([bytes(pair) for pair in wrong])
        self._answered(_WRITE if wrong else _LEAVE)

    def _telegrams(self):
        heard: "list" = []
        while self._buffer and not self._lost:
            size = self._buffer[0]
            if size < 12 or not _meter_like(self._buffer[1:4]):
                self._lost = True
                self.rejected += 1
                break
            if len(self._buffer) <= size:
                return heard
            telegram = bytes((size - 1,)) + self._buffer[1:size]
            rssi, self._buffer = self._buffer[size], self._buffer[size + 1:]
            if self._known and whole(telegram):
                self._alive = True
                heard.append((telegram, min(-1, max(-127, -(rssi >> 1)))))
        if self._lost:
            self._buffer = self._buffer[-1:]  # so that a pause is noticed
        return heard

    def _stale(self):
        # The pause that the next telegram begins after.
        if not self._lost and not self._left:
            self.rejected += 1
        self._lost = self._left = False
        self._buffer = b""
