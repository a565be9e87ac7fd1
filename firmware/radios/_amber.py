"""What the wM-Bus modules of Amber Wireless (Würth Elektronik) share on their serial line.

    FF | command | length | data | XOR of all before

(Manual AMB8426-M/AMB8626-M 2.4, chapter 7.) An answer has bit 7 of its command set. A telegram (command 03) is without
its L field and CRCs, with the RSSI at its end where the module is told so. What fails a CRC of the air the module keeps
to itself. That it frames what it hears (UART_CMD_Out_Enable, at 05) and adds the RSSI (RSSI_Enable, at 45) stands in
its flash: it is read, and written only where it is not so, as a power cut meanwhile can cost the module its settings.
"""

from ._asked import Asked, signed, whole

_HEARD, _MODE, _RESET, _SET, _GET, _FIRMWARE = 0x03, 0x04, 0x05, 0x09, 0x0A, 0x0C
_ANSWERS = bytes((_HEARD, 0x80 | _MODE, 0x80 | _RESET, 0x80 | _SET, 0x80 | _GET, 0x80 | _FIRMWARE))
_FRAMES, _RSSI = 0x05, 0x45  # places in its memory
# The steps of the conversation.
_ASK_FIRMWARE, _ASK_FRAMES, _SET_FRAMES, _ASK_RSSI, _SET_RSSI, _RESTART, _TELL_MODE = 0, 1, 2, 3, 4, 5, 6


def framed(command, data=b""):
    """A command as it goes over the line."""
    out = bytes((0xFF, command, len(data))) + data
    xor = 0
    for byte in out:
        xor ^= byte
    return out + bytes((xor,))


class Amber(Asked):
    """Turns the module's commands into telegrams; MODE is what it is told to hear, None: what its flash says."""

    CHECK = 0
    MODE: "int | None" = None

    def reset(self):
        """The stream was broken: whatever module is there now is asked and configured from the beginning."""
        self._known = False  # whether it frames and adds the RSSI
        self._changed = self._restarted = False
        Asked.reset(self)

    def _request(self, step):
        if step == _TELL_MODE:
            return framed(_MODE, bytes((self.MODE or 0,)))
        return (framed(_FIRMWARE), framed(_GET, bytes((_FRAMES, 1))), framed(_SET, bytes((_FRAMES, 1, 1))),
                framed(_GET, bytes((_RSSI, 1))), framed(_SET, bytes((_RSSI, 1, 1))), framed(_RESET))[step]

    def _scan(self):
        heard: "list" = []
        buffer = self._buffer
        at = buffer.find(b"\xff")
        while at >= 0 and len(buffer) - at >= 3:
            end = at + 3 + buffer[at + 2]
            if buffer[at + 1] not in _ANSWERS:
                at = buffer.find(b"\xff", at + 1)  # noise, or our own command come back
                continue
            if len(buffer) <= end:
                break
            command, data = buffer[at + 1], buffer[at + 3:end]
            if framed(command, data)[-1] != buffer[end]:
                self.rejected += 1
                at = buffer.find(b"\xff", at + 1)
                continue
            self._command(command, data, heard)
            at = buffer.find(b"\xff", end + 1)
        self._buffer = buffer[at:] if at >= 0 else b""
        return heard

    def _command(self, command, data, heard):
        step = self._step
        if command == _HEARD:
            telegram = bytes((len(data) - 1 & 255,)) + data[:-1]
            if not whole(telegram):
                self.rejected += 1
            elif self._known:  # before, its last byte is anything
                heard.append((telegram, min(-1, (signed(data[-1]) >> 1) - 74)))
        elif command == 0x80 | _FIRMWARE and step == _ASK_FIRMWARE and len(data) >= 3:
            self.found = "%s firmware %d.%d.%d" % (self.NAME.upper(), data[0], data[1], data[2])
            self._answered(_ASK_FRAMES)
        elif command == 0x80 | _GET and len(data) == 3:
            if (step, data[0]) in ((_ASK_FRAMES, _FRAMES), (_ASK_RSSI, _RSSI)):
                self._read(step, data[2] == 1)
        elif command == 0x80 | _SET and step in (_SET_FRAMES, _SET_RSSI):
            if data != b"\0":
                self._refused("its settings (status %d)" % (data[0] if data else 0))
            self._changed = True
            self._answered(step + 1)
        elif command == 0x80 | _RESET and step == _RESTART:
            self._changed, self._restarted = False, True
            self._answered(_ASK_FIRMWARE)
        elif command == 0x80 | _MODE and step == _TELL_MODE:
            self._answered(None)

    def _read(self, step, good):
        # What its flash says: what is not as it must be is written once, and holds after a restart.
        if not good:
            self._known = False
            if self._restarted:
                self._refused("to keep its settings")
            self._answered(step + 1)
        elif step == _ASK_FRAMES:
            self._answered(_ASK_RSSI)
        elif self._changed:
            self._answered(_RESTART)
        else:
            self._known = True
            self._answered(None if self.MODE is None else _TELL_MODE)
