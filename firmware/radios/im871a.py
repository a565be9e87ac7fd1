"""Radio `im871a`: the iM871A module and USB stick by IMST, T1 and C1.

    A5 | control: 1 timestamp, RSSI and check follow (20, 40, 80), endpoint | message | length | payload | ...

(IMST, WM-Bus HCI specification, 4100/6404/0050.) Endpoint 1 is the device, 2 the radio, whose message 3 is a telegram
without its L field; what fails a CRC of the air the module keeps to itself. It is told its link mode and to add the
RSSI, in RAM only: after a reset it is as its flash says, so it is asked now and then. Both modes at once (link mode 0A)
it knows from firmware 1.4 on; an older one hears T1.

The RSSI is that of the module's chip (Silicon Labs Si1002): about -126.7 dBm + 8/15 dB a step.

PROVEN: public log (github.com/wmbusmeters/wmbusmeters, issues 72, 951 and 1350): device, configuration, telegrams.
"""

from ._asked import Asked, whole
from ._imst import check

_DEVICE, _RADIO = 1, 2
_CONFIG_SET, _CONFIG_SET_DONE, _CONFIG_GET, _CONFIG, _INFO_GET, _INFO = 3, 4, 5, 6, 15, 16
_BOTH, _T1 = 0x0A, 3  # link modes
_BOTH_FROM = 0x14  # firmware 1.4


def _linkmode_and_rssi(config):
    # Of the answer to _CONFIG_GET: a byte of flags in front of each group of values that are there.
    at = 1
    mode = rssi = None
    for bit, size in enumerate((1, 1, 1, 2, 4, 1, 1, 1)):
        if config[0] >> bit & 1:
            if bit == 1:
                mode = config[at]
            at += size
    flags = config[at]
    if flags >> 4 & 1:
        rssi = config[at + 1 + sum(flags >> bit & 1 for bit in range(4))]
    return mode, rssi


class Radio(Asked):
    """Turns the module's messages into telegrams, and tells it what to hear."""

    NAME = "im871a"
    LINE = "57600:8N1"
    CHECK = 2

    def __init__(self):
        self._mode = _BOTH
        Asked.__init__(self)

    def _request(self, step):
        message, payload = ((_INFO_GET, b""),
                            # In RAM; the link mode; no power saving, RSSI, no timestamp.
                            (_CONFIG_SET, bytes((0, 0x02, self._mode, 0x38, 0, 1, 0))),
                            (_CONFIG_GET, b""))[step]
        data = bytes((0x80 | _DEVICE, message, len(payload))) + payload
        return b"\xa5" + data + check(data)

    def _scan(self):
        heard: "list" = []
        buffer = self._buffer
        at = buffer.find(b"\xa5")
        while at >= 0 and len(buffer) - at >= 4:
            control = buffer[at + 1]
            if control & 0x10 or not 1 <= control & 15 <= 4:
                at = buffer.find(b"\xa5", at + 1)  # no message begins like this
                continue
            end = at + 4 + buffer[at + 3] + (4 if control & 0x20 else 0) + (1 if control & 0x40 else 0)
            size = end + (2 if control & 0x80 else 0) - at
            if len(buffer) - at < size:
                break
            if control & 0x80 and check(buffer[at + 1:end]) != buffer[end:end + 2]:
                self.rejected += 1
                at = buffer.find(b"\xa5", at + 1)
                continue
            self._message(control & 15, buffer[at + 2], buffer[at + 4:at + 4 + buffer[at + 3]],
                          buffer[end - 1] if control & 0x40 else None, heard)
            at = buffer.find(b"\xa5", at + size)
        self._buffer = buffer[at:] if at >= 0 else b""
        return heard

    def _message(self, endpoint, message, payload, rssi, heard):
        if endpoint == _RADIO:
            if message == 3:
                telegram = bytes((len(payload),)) + payload
                if whole(telegram):
                    heard.append((telegram, 0 if rssi is None else min(-1, (16 * rssi - 3785) // 30)))
                else:
                    self.rejected += 1
        elif endpoint == _DEVICE:
            if message == _INFO and self._step == 0 and len(payload) >= 8:
                firmware = payload[2]
                self._mode = _BOTH if firmware >= _BOTH_FROM else _T1
                self.found = "iM871A firmware %x.%x, serial %s%s" % (
                    firmware >> 4, firmware & 15, bytes((payload[7], payload[6], payload[5], payload[4])).hex(),
                    "" if self._mode == _BOTH else ", T1 only")
                self._answered(1)
            elif message == _CONFIG_SET_DONE and self._step == 1:
                self._answered(None)
            elif message == _CONFIG and self._step == 2:
                try:
                    same = _linkmode_and_rssi(payload) == (self._mode, 1)
                except IndexError:
                    same = False
                self._answered(None if same else 0)
