"""Radio `iu891a`: the iU891A-XL USB stick and iM891A module by IMST ("WM-Bus Gateway" firmware), T1 and C1 at once.

SLIP messages (_imst.py): service 1 is the device, 9 the radio. A telegram (message 20) has eight bytes in front: time
(4), decryption, encryption, frame type, RSSI in dBm, signed. What fails a CRC of the air the module keeps to itself.
Its active configuration, eleven bytes with link mode and option bits first, is in RAM; it is read, and set where it is
another. The first one set after power-up lets some firmware restart: the stick goes and comes back, and is then asked
anew.

PROVEN: public log (github.com/wmbusmeters/wmbusmeters, issue 1350): telegrams; configuration: other readers' sources.
"""

from ._asked import signed, whole
from ._imst import WAKE, Slip, slip

_DEVICE, _RADIO = 1, 9
_BOTH = 3  # link mode: T and C
_FILTERED, _NOTIFY = 1, 2  # option bits: only addresses it knows; tell of each telegram


class Radio(Slip):
    """Turns the stick's messages into telegrams, and tells it what to hear."""

    NAME = "iu891a"
    LINE = "115200:8N1"
    CHECK = 1

    def __init__(self):
        self._config = b""
        Slip.__init__(self)

    def _request(self, step):
        if step == 0:
            return WAKE + slip(_DEVICE, 5)
        return slip(_RADIO, 1) if step == 1 else slip(_RADIO, 3, self._config)

    def _message(self, service, message, payload, heard):
        if service == _RADIO and message == 0x20:
            telegram = payload[8:]
            if whole(telegram):
                heard.append((telegram, min(-1, signed(payload[7]))))
            else:
                self.rejected += 1
        elif service == _DEVICE and message == 6 and self._step == 0:
            name = "".join([chr(c) for c in payload[15:] if 32 < c < 127])
            if len(payload) > 2:
                self.found = "%s firmware %d.%d" % (name or "iU891A", payload[2], payload[1])
            self._answered(1)
        elif service == _RADIO and message == 2 and self._step == 1 and len(payload) == 12:
            config = payload[1:]
            self._config = bytes((_BOTH, config[1] & ~_FILTERED | _NOTIFY)) + config[2:]
            self._answered(None if config == self._config else 2)
        elif service == _RADIO and message == 4 and self._step == 2:
            if payload[:1] not in (b"", b"\0"):
                self._refused("its configuration (status %d)" % payload[0])
            self._answered(None)
