"""Radio `rtlwmbus`: the text lines of the rtl_wmbus program, one telegram each, from a software radio.

    MODE;CRC_OK;3OUTOF6OK;TIMESTAMP;PACKET_RSSI;CURRENT_RSSI;LINK_LAYER_IDENT;0xDATAGRAM

The datagram has its CRCs checked and stripped. Its RSSI is not in dBm and not used. A line whose CRC or 3-of-6 coding
was bad, or that is not such a line, is counted as rejected.

PROVEN: public log (github.com/xaelsouth/rtl-wmbus, issue 48; github.com/wmbusmeters/wmbusmeters, issues 80 and 128).
"""

import binascii

MAX_LINE = 1024


def parse(line):
    """The telegram of one line (bytes, without the line end), or None."""
    parts = line.split(b";")
    if len(parts) != 8 or parts[1] != b"1" or parts[2] != b"1" or not parts[7].startswith(b"0x"):
        return None
    try:
        telegram = binascii.unhexlify(parts[7][2:].strip())
    except ValueError:
        return None
    # The first byte counts those behind it (EN 13757-4 L-field).
    if len(telegram) < 11 or telegram[0] != len(telegram) - 1:
        return None
    return telegram


class Radio:
    """Turns the stream of lines into telegrams."""

    def __init__(self):
        self._buffer = b""
        self._skipping = False
        self.rejected = 0

    def feed(self, data):
        """Take stream bytes; returns [(telegram, 0)]: the signal strength is unknown."""
        lines = (self._buffer + data).split(b"\n")
        self._buffer = lines.pop()
        telegrams = []
        for line in lines:
            if self._skipping:
                self._skipping = False
                continue
            telegram = parse(line.strip())
            if telegram is None:
                if line.strip():
                    self.rejected += 1
            else:
                telegrams.append((telegram, 0))
        if len(self._buffer) > MAX_LINE:
            self._buffer = b""
            if not self._skipping:
                self.rejected += 1
            self._skipping = True
        return telegrams

    def reset(self):
        """The stream was broken: the next byte begins a line."""
        self._buffer = b""
        self._skipping = False
