"""What IMST's radio modules share on their serial line: the check of a message, SLIP, and the messages in it.

Check (FCS): CRC-16/X-25 over the message, low byte first. han_reader has the same, but a gateway without a HAN port is
not to load that for a few bytes. SLIP: RFC 1055. Messages under SLIP: service, message, payload, check.
"""

from ._asked import Asked

END = b"\xc0"
WAKE = END * 30  # a module that slept takes a while to hear
LONGEST = 600  # bytes of a SLIP frame, each byte of it escaped
_NIBBLES = (0x0000, 0x1081, 0x2102, 0x3183, 0x4204, 0x5285, 0x6306, 0x7387,
            0x8408, 0x9489, 0xA50A, 0xB58B, 0xC60C, 0xD68D, 0xE70E, 0xF78F)


def check(data):
    """The two bytes of check for a message."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        crc = crc >> 4 ^ _NIBBLES[crc & 15]
        crc = crc >> 4 ^ _NIBBLES[crc & 15]
    crc ^= 0xFFFF
    return bytes((crc & 255, crc >> 8))


def slip(service, message, payload=b""):
    """A message as it goes over the line."""
    data = bytes((service, message)) + payload
    data += check(data)
    return END + data.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + END


def unslip(frame):
    """The (service, message, payload) between two ENDs; None for what is none."""
    rest = frame.replace(b"\xdb\xdc", b"").replace(b"\xdb\xdd", b"")
    data = frame.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb")
    if len(data) < 4 or b"\xdb" in rest or check(data[:-2]) != data[-2:]:
        return None
    return data[0], data[1], data[2:-2]


class Slip(Asked):
    """A radio whose module speaks SLIP: `_message(service, message, payload, heard)` takes each."""

    def _scan(self):
        heard: "list" = []
        while True:
            at = self._buffer.find(END)
            if at < 0:
                break
            frame, self._buffer = self._buffer[:at], self._buffer[at + 1:]
            if not frame:
                continue  # between two frames there is one END or two
            message = unslip(frame)
            if message is None:
                self.rejected += 1
            else:
                self._message(message[0], message[1], message[2], heard)
        if len(self._buffer) > LONGEST:
            self._stale()
        return heard

    def _message(self, service, message, payload, heard):
        pass

    def _stale(self):
        # What comes next begins with an END.
        self.rejected += 1
        self._buffer = b""
