"""Radio `iu880b`: the iU880B USB stick by IMST, which hears LoRa only, neither T1 nor C1: for telegrams that a bridge
sends on as LoRa packets, each one whole.

SLIP messages (_imst.py; IMST, WiMOD LR Base HCI specification): service 1 is the device, 3 the radio. In radio mode 2
(sniffer) each packet comes as message 8: format, packet, and with format bit 0 RSSI in dBm (2, signed), SNR and time
(4). In front of what another WiMOD sent stand seven bytes of addresses. After a reset the stick says so (message 20).

PROVEN: nothing: the messages' numbers are from the maker's published libraries, the rest from other readers' sources.
"""

from ._asked import whole
from ._imst import WAKE, Slip, slip

_DEVICE, _RADIO = 1, 3
_SNIFFER = 2
_ADDRESSES = 7


class Radio(Slip):
    """Turns the stick's messages into telegrams, and tells it to report every packet."""

    NAME = "iu880b"
    LINE = "115200:8N1"
    CHECK = 1

    def _request(self, step):
        if step == 0:
            return WAKE + slip(_DEVICE, 3)
        return slip(_DEVICE, 0x13) if step == 1 else slip(_DEVICE, 0x19, bytes((_SNIFFER,)))

    def _message(self, service, message, payload, heard):
        if service == _RADIO and message == 8 and payload:
            packet, rssi = payload[1:], 0
            if payload[0] & 1:
                packet, level = packet[:-7], packet[-7:]
                rssi = (level[0] | level[1] << 8) - (0x10000 if level[1] > 127 else 0) if len(level) == 7 else 0
            if not whole(packet):
                packet = packet[_ADDRESSES:]
            if whole(packet):
                heard.append((packet, min(-1, rssi) if payload[0] & 1 else 0))
            else:
                self.rejected += 1
        elif service == _DEVICE:
            self._device(message, payload)

    def _device(self, message, payload):
        if message == 0x20:
            self._answered(0)
        elif message == 4 and self._step == 0 and len(payload) >= 10:
            self.found = "iU880B type %02x, serial %s, LoRa only" % (
                payload[1], bytes((payload[9], payload[8], payload[7], payload[6])).hex())
            self._answered(1)
        elif message == 0x14 and self._step == 1 and len(payload) >= 2:
            self._answered(None if payload[1] == _SNIFFER else 2)
        elif message == 0x1A and self._step == 2:
            if payload[:1] != b"\0":
                self._refused("the sniffer mode (status %d)" % (payload[0] if payload else 0))
            self._answered(None)
