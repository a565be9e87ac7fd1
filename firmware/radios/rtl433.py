"""Radio `rtl433`: the JSON lines of the rtl_433 program (`rtl_433 -F json`), from a software radio.

A line is an object; that of a telegram has "model": "Wireless-MBus", its "data" from the L field on without CRCs, and
"mic": "CRC", as what fails a CRC is not printed. Its header stands once more beside it, and is compared. Other models
are other sensors of the neighbourhood: ignored. Its RSSI is not in dBm and not used.

Releases before 2024 print an L field that is two too small for format A, and the CRC of the last block behind it: both
are put right, and that CRC is checked.

PROVEN: public log (github.com/merbanan/rtl_433, issue 1807, printed by a later release); older: its source.
"""

import binascii
import json

import wmbus

LONGEST = 4096  # of a line: it has the readings too, where nothing is encrypted


def parse(row):
    """The telegram of one object, or None."""
    try:
        data = binascii.unhexlify(row["data"])
        if row["mic"] != "CRC" or len(data) < 11:
            return None
        if len(data) == data[0] + 5:
            length = data[0] + 2
            telegram = bytes((length,)) + data[1:length + 1]
            block = telegram[-((length - 9) % 16 or 16):]
            if wmbus.crc(block).to_bytes(2, "big") != data[length + 1:]:
                return None
        else:
            telegram = data
        if telegram[0] != len(telegram) - 1 or telegram[1] != row["C"] or telegram[8] != row["version"] or (
                telegram[9] != row["type"]):
            return None
    except (ValueError, KeyError, TypeError):
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
        heard: "list" = []
        for line in lines:
            if self._skipping:
                self._skipping = False
            elif line.strip():
                self._line(line.strip(), heard)
        if len(self._buffer) > LONGEST:
            self._buffer = b""
            if not self._skipping:
                self.rejected += 1
            self._skipping = True
        return heard

    def _line(self, line, heard):
        try:
            row = json.loads(line) if line[:1] == b"{" and line[-1:] == b"}" else None
        except (ValueError, RuntimeError):  # RuntimeError: nested without end
            row = None
        if row is None:
            self.rejected += 1
        elif row.get("model") == "Wireless-MBus":
            telegram = parse(row)
            if telegram is None:
                self.rejected += 1
            else:
                heard.append((telegram, 0))

    def reset(self):
        """The stream was broken: the next byte begins a line."""
        self._buffer = b""
        self._skipping = False
