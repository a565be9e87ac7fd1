"""Radio `cc1101`: Texas Instruments' CC1101 on SPI, modes T1 and C1 at once (data sheet SWRS061I, errata SWRZ020).

    RADIO = ("cc1101", spi, sck, mosi, miso, cs, gdo0, gdo2 or None)      gdo0 None: it is asked every POLL_S instead

The chip finds the sync word and fills its FIFO of 64 bytes, one each 80 us. GDO0 rises at a threshold; the interrupt
that follows takes what is there, between any two steps of whatever runs. The first bytes tell the frame's length: from
infinite length the chip is switched to a fixed end, and looks for the next sync word right behind it. One byte is left
in the FIFO, the last one of what is told of a frame till the next frame comes, and a count is believed that was read
twice (errata: the last byte of a FIFO that is emptied while one comes in comes twice; RXBYTES read while it changes is
wrong).

What holds up everything, interrupts too, is for calm moments: calm.py, by `receiving`, `deafen` and `listen`.
"""

import asyncio

from . import _frames

CRYSTAL = 26000000
_OFFSET_HZ = 1587  # a step of FREQEST: the crystal's frequency by 2^14
# Registers 00-2E, in their order: value, name, why. tests/test_cc1101.py computes those that a formula gives.
SETTINGS = bytes((
    0x06,  # IOCFG2: GDO2 is high from the sync word to the end of the frame
    0x2E,  # IOCFG1: GDO1, which is the bus's MISO, rests between accesses
    0x00,  # IOCFG0: GDO0 rises when the FIFO reaches its threshold, falls when it is drained below
    0x40,  # FIFOTHR: ADC_RETENTION, which goes with TEST1 and TEST2 up to 325 kHz; threshold 4 bytes: the frame's head
    0x54, 0x3D,  # SYNC1, SYNC0: the last bits of T1's preamble and its sync word, and C1's sync word
    0xFF,  # PKTLEN: written for each frame
    0x04,  # PKTCTRL1: RSSI and LQI are appended; no preamble quality (the sync word's own runs of bits would fail it)
    0x02,  # PKTCTRL0: infinite length, no CRC, no whitening: what a frame is, we know
    0x00,  # ADDR: unused
    0x00,  # CHANNR: the frequency is FREQ's
    0x08,  # FSCTRL1: intermediate frequency 203 kHz, as SmartRF Studio has it for this rate
    0x00,  # FSCTRL0: no offset
    0x21, 0x6B, 0xD1,  # FREQ2-0: 868.95 MHz
    0x5B,  # MDMCFG4: channel filter 325 kHz: 100 kbit/s with 50 kHz deviation, and 40 ppm on either side; rate exponent
    0xF8,  # MDMCFG3: 100 kbit/s
    0x02,  # MDMCFG2: 2-FSK, all 16 bits of the sync word. No carrier sense: its threshold is 10 dB above what is heard
    0x22,  # MDMCFG1: no forward error correction; the preamble is the sender's
    0xF8,  # MDMCFG0: channel spacing, unused
    0x50,  # DEVIATN: 50.8 kHz
    0x07,  # MCSM2: receive until the end of the frame
    0x0C,  # MCSM1: stay in reception behind a frame
    0x08,  # MCSM0: calibrate when told, not at each start of reception: 0.7 ms would be lost
    0x2E,  # FOCCFG: offset loop frozen until the carrier is there, faster before the sync word; up to a quarter filter
    0xBF,  # BSCFG: data rate off by up to 12.5 %: T1 allows 90 to 110 kchip/s
    0x43,  # AGCCTRL2: 33 dB at the channel filter's output; the highest of the digital gains is not used
    0x40,  # AGCCTRL1: the LNA's gain goes down first, as after a reset
    0x91,  # AGCCTRL0: medium hysteresis, 16 samples
    0x87, 0x6B, 0xFB,  # WOREVT1, WOREVT0, WORCTRL: wake on radio, unused
    0xB6,  # FREND1: front end currents for 100 kbit/s and more
    0x10,  # FREND0: sending, unused
    0xEA, 0x2A, 0x00, 0x1F,  # FSCAL3-0: the synthesizer's charge pump and high VCO, as SmartRF Studio has them
    0x41, 0x00,  # RCCTRL1, RCCTRL0: unused
    0x59, 0x7F, 0x3F,  # FSTEST, PTEST, AGCTEST: as after a reset
    0x81, 0x35, 0x09,  # TEST2-0: for filters of up to 325 kHz; VCO selection as calibrated
))
_READ_BURST = 0xC0
_SRES, _SCAL, _SIDLE, _SNOP = b"\x30", b"\x33", b"\x36", b"\x3d"
_VERSION, _RSSI, _MARCSTATE = 0x31, 0x34, 0x35
_FREQEST_LQI = b"\xf2\0\xf3\0"
_SET = 0x23  # so many registers stay as they are written
_IDLE, _RECEIVING = 1, (13, 14, 15)
# Leave reception, empty the FIFO, the head's threshold, infinite length, receive.
_RESTART = b"\x36\x3a\x03\x40\x08\x02\x34"
_NEXT = b"\x03\x41\x08\x02"  # the head's threshold with an old byte in front of it, infinite length
_BODY = 0x43  # FIFOTHR for the rest of a frame: 16 bytes, so that 48 (3.8 ms) are left for what comes between
_LONG = b"\x03\x43"  # the same alone
_MARGIN = 8  # bytes: nearer to the end of a frame its length is not written any more

EDGE_S = 0.005  # how often is looked for the end of a frame, where GDO0 takes care of the FIFO
POLL_S = 0.002  # and where nothing else does
CHECK_MS = 1000  # how often is looked whether the chip is as it should be
CALIBRATE_MS = 240000
LATE_MS = 8  # a frame that is not whole so long after its end will not be


def dbm(value):
    """The RSSI register in dBm (data sheet 17.3: half decibels, offset 74)."""
    return ((value - 256 if value > 127 else value) >> 1) - 74


class Radio:
    """One chip. `count(name, n)` counts for the gateway's status."""

    def __init__(self, bus):
        self._bus = bus
        self._frames = _frames.Frames()
        self._ask = b"\xfb\0\xfb\0\xfb\0"  # RXBYTES, three times
        self._told = bytearray(6)
        self._how = bytearray(4)
        self._pair = bytearray(2)
        self._take = memoryview(b"\xff" + bytes(64))  # a burst from the FIFO
        self._nothing = bytearray(8)
        self._set_end = bytearray((3, _BODY, 0x46, 0, 4, 0))  # threshold; PKTLEN, PKTCTRL1, PKTCTRL0: fixed
        self._busy = self._again = False
        self._at = self._size = 0  # bytes taken of the frame that comes in; how many it has, 0: not known
        self._old = 0  # bytes in the FIFO, in front of the next frame, that are of the one before
        self._ends = False  # whether the chip knows the frame's end
        self._since = self._until = 0
        self._deaf = True
        self._calibrated = self._suspect = 0
        self.edges = False  # whether GDO0 interrupts
        self.count = lambda name, n=1: None
        self.rejected = 0  # frames that were none
        self.noise = 0  # sync words with nothing behind them: at 100 kbit/s the air has one or two a second
        self.overflows = 0
        self.resets = 0
        self.calibrations = 0
        self.offset = 0  # Hz, of good frames, on the average
        self.quality = 0  # LQI of the last good frame: the less the better
        self.found = ""

    # --- the bus ---

    def _send(self, out):
        self._bus.swap(out, memoryview(self._nothing)[:len(out)])

    def _status(self, register):
        self._bus.swap(bytes((_READ_BURST | register, 0)), self._pair)
        return self._pair[1]

    # --- receiving: in an interrupt or out of it ---

    def service(self, _line=None):
        """Take what is in the FIFO. An interrupt may come in the middle of it: then it is done once more."""
        if self._busy:
            self._again = True
            return
        for _ in range(4):  # a line that never falls must not hold up all else
            if self._deaf:
                return
            self._busy, self._again = True, False
            try:
                self._drain()
            finally:
                self._busy = False
            # What came meanwhile may be more than the threshold: then the line has not fallen, and will not rise.
            if not self._again and self._bus.level(0) != 1:
                return

    def _available(self):
        # Bytes in the FIFO, read until two in a row agree; -1 when it has overflowed.
        told = self._told
        for _ in range(4):
            self._bus.swap(self._ask, told)
            n = told[5]
            if n == told[3] or n == told[1] and n & 0x80:
                return -1 if n & 0x80 else n
            if told[1] == told[3]:
                return -1 if told[1] & 0x80 else told[1]
        return 0

    def _fetch(self, n):
        # The status byte that comes first falls on the byte before, which is put back; an old byte likewise.
        old = self._old
        at = 1 + self._at - old
        place = self._frames.current[at:at + old + n + 1]
        before = place[0]
        self._bus.swap(self._take[:old + n + 1], place)
        place[0] = before
        self._at += n
        self._old = 0

    def _drain(self):
        n = self._available()
        while n > 0:
            if not self._size:
                if n <= _frames.HEAD + self._old:
                    return
                n -= _frames.HEAD + self._old
                self._fetch(_frames.HEAD)
                self._size = _frames.length(bytes(self._frames.current[2:2 + _frames.HEAD]))
                if not self._size:
                    self.noise += 1
                    self._restart()
                    return
                self._since = self._bus.ms()
                self._until = (self._size * _frames.BYTE_US) // 1000 + LATE_MS
                self._bound(n)
            rest = self._size - self._at + self._ends
            if n <= rest:
                if n > 1:
                    self._fetch(n - 1)
                    self._bound(1)
                return
            self._fetch(rest)
            n -= rest
            if not self._complete():
                return
        if n < 0:
            self.overflows += 1
            self.count("radio_overflows")
            self._restart()

    def _bound(self, n):
        # Tell the chip where the frame ends, once its counter, which has eight bits, is in the last round; n bytes are
        # in the FIFO.
        left = self._size - self._at - n
        if self._ends or left <= _MARGIN:
            return
        if left < 256 and self._size & 255:
            self._set_end[3] = self._size & 255
            self._send(self._set_end)
            self._ends = True
        elif self._at == _frames.HEAD:
            self._send(_LONG)

    def _complete(self):
        # The frame is whole, and its RSSI behind it; whether what follows in the FIFO is another's.
        frames = self._frames
        size, ended = self._size, self._ends
        rssi = frames.current[2 + size] if ended else self._status(_RSSI)
        self._bus.swap(_FREQEST_LQI, self._how)
        offset = self._how[1]
        self.quality = self._how[3] & 0x7F
        frames.complete(size, dbm(rssi), (offset - 256 if offset > 127 else offset) * _OFFSET_HZ)
        if not ended:
            self._restart()
            return False
        self._at = self._size = 0
        self._ends = False
        self._old = 1  # the LQI
        self._send(_NEXT)
        return True

    def _restart(self):
        self._at = self._size = self._old = 0
        self._ends = False
        self._send(_RESTART)

    # --- calm moments ---

    def receiving(self):
        """Whether a frame comes in."""
        return not self._deaf and (self._size > 0 or self._bus.level(1) == 1)

    def deafen(self):
        """Do not receive: what comes takes longer than the FIFO lasts."""
        self._deaf = True
        self._send(_SIDLE)

    def listen(self):
        """Receive again, behind a calibration if one is due."""
        if not self.calibrations or self._bus.since(self._calibrated) >= CALIBRATE_MS:
            self._calibrate()
        self._restart()
        self._deaf = False
        self.service()

    def wait(self):
        """Let a little time pass, in which frames come in, while everything else waits."""
        self._bus.wait_us(200)
        self.service()

    def _calibrate(self):
        self._send(_SCAL)
        for _ in range(20):
            self._bus.wait_us(100)
            if self._status(_MARCSTATE) & 0x1F == _IDLE:
                break
        self.calibrations += 1
        self._calibrated = self._bus.ms()

    # --- the chip as a whole ---

    def start(self):
        """Reset the chip and set it up. Raises OSError when it does not answer."""
        self._deaf = True
        self._send(_SRES)
        for _ in range(50):
            self._bus.wait_us(100)
            self._bus.swap(_SNOP, memoryview(self._pair)[:1])
            if not self._pair[0] & 0x80:
                break
        version = self._status(_VERSION)
        if version in (0, 0xFF):
            raise OSError("cc1101: no answer on %s" % self._bus.name)
        self.found = "CC1101 version %d" % version
        self._bus.swap(b"\x40" + SETTINGS, bytearray(1 + len(SETTINGS)))
        if not self._is_set():
            raise OSError("cc1101: what is written on %s does not read back" % self._bus.name)
        self._calibrate()
        self.listen()

    def _is_set(self):
        # Whether the registers are as they were written, but those a frame sets and a calibration fills: a chip whose
        # supply sagged has reset itself.
        came = bytearray(1 + _SET)
        self._bus.swap(b"\xc0" + bytes(_SET), came)
        got = bytes(came[1:])
        return got[:3] == SETTINGS[:3] and got[4:6] == SETTINGS[4:6] and got[9:] == SETTINGS[9:_SET]

    def _is_well(self):
        return self._status(_MARCSTATE) & 0x1F in _RECEIVING and self._is_set()

    def look(self):
        """Look whether the chip is as it should be: one that is not, twice, is stuck; it is reset and counted. Raises
        OSError when it does not answer."""
        self._busy = True
        try:
            well = self._is_well()
        finally:
            self._busy = False
        self.service()
        self._suspect = 0 if well else self._suspect + 1
        if self._suspect > 1:
            self._suspect = 0
            self.resets += 1
            self.count("radio_resets")
            self.start()

    def _is_late(self):
        # Whether a frame has not come to its end.
        return self._size and self._bus.since(self._since) > self._until

    def _round(self, heard):
        # What no interrupt does: the end of a frame, what came in, and one that does not end.
        frames = self._frames
        self.service()
        while frames.waiting:
            telegram, rssi, offset = frames.take()
            if telegram is None:
                self.rejected += 1
                self.count("rejected")
                continue
            self.offset += (offset - self.offset) // 8
            heard(telegram, rssi)
        if self._is_late():
            self.rejected += 1
            self.count("rejected")
            self.deafen()
            self.listen()

    async def run(self, heard, hal):
        """Receive for ever; `heard(telegram, rssi)` takes each telegram. Raises OSError when there is no chip."""
        bus = self._bus
        self.start()
        self.edges = bus.on_rise(0, self.service)
        pause = EDGE_S if self.edges else POLL_S
        looked = bus.ms()
        try:
            while True:
                await asyncio.sleep(pause)
                self._round(heard)
                if (bus.since(looked) >= CHECK_MS or self._suspect) and not self.receiving():
                    looked = bus.ms()
                    self.look()
                    if bus.since(self._calibrated) >= CALIBRATE_MS:
                        self.deafen()
                        self.listen()
        finally:
            bus.on_rise(0, None)
            self.deafen()
