"""A CC1101 made up for tests, byte by byte and register by register as its data sheet has it (SWRS061I, SWRZ020), on a
clock that runs on: what it receives, it receives while the other side works.

`Air` is what is sent: frames at their times. `Chip` is the chip. `Bus` is a firmware.port.spi bus with the chip at its
end and the time of the processor: time passes by what goes over the bus, by `wait_us` and by `spend`, and an interrupt
comes where a line rises meanwhile, but not into what is `single`. Times are microseconds.

Modelled: access by header, single and burst; strobes; reset values; the states with the times they take; sync word
search; infinite and fixed length with the counter of eight bits; a FIFO of 64 bytes that overflows; RSSI and LQI
behind a frame; GDO0 and GDO2; both errata of the FIFO. What no driver of ours uses raises. Not modelled: the air's
physics. A frame is heard where the chip was looking for it all through its sync word; bits that another frame falls
on are wrong.
"""

import math
import random

BYTE_US = 80
SYNC_BITS_US = 160
SETTLE_US = 75  # from IDLE to RX, table 34
CALIBRATION_US = 735
FIFO = 64
IDLE, MANUAL_CALIBRATION, SETTLING, RX, OVERFLOW = 1, 5, 10, 13, 17
_STATUS_STATE = {IDLE: 0, MANUAL_CALIBRATION: 4, SETTLING: 5, RX: 1, OVERFLOW: 6}
RESET = bytes.fromhex("292e3f07d391ff04450000"  # table 43: IOCFG2 to CHANNR
                      "0f001ec4ec8c220222f847" "07300436" "6c034091"
                      "876bf8" "5610" "a90a200d" "4100" "59" "7f3f" "88310b")
ERRATUM_US = 2  # how long after a byte came RXBYTES may be read wrong
NEVER = 1 << 60


class Sent:
    """A frame on the air: when its sync word ends, what follows, how strong it is, how far off its frequency is."""

    def __init__(self, at, data, rssi=-70, offset=0):
        self.at, self.data, self.rssi, self.offset = at, data, rssi, offset
        self.end = at + len(data) * BYTE_US
        self.taken = 0  # bytes of it that went over the bus
        self.over = self.end  # when the chip ceased to receive it: one met on the air may have told a shorter length


class Air:
    """Frames in the order of their times. `noise`: sync words a second that nobody sent."""

    def __init__(self, noise=0, seed=1):
        self._frames = []
        self._first = 0
        self.news = 0  # how many were sent
        random.seed(seed)
        self._noise = noise
        self._next_noise = self._later(0) if noise else NEVER

    def _later(self, now):
        return now + 1 - int(math.log((random.getrandbits(20) + 1) / (1 << 20)) * 1000000 / self._noise)

    def send(self, frame):
        """Another frame; none is sent before one that was sent."""
        assert not self._frames or frame.at >= self._frames[-1].at
        self._frames.append(frame)
        self.news += 1
        return frame

    def next(self, after):
        """The first frame, or noise, whose sync word ends at or after a time."""
        while self._next_noise < after:
            self._next_noise = self._later(self._next_noise)
        frames = self._frames
        if self._first > 512:
            self._frames = frames = frames[self._first:]
            self._first = 0
        while self._first < len(frames) and frames[self._first].at < after:
            self._first += 1
        if self._first < len(frames) and frames[self._first].at <= self._next_noise:
            return frames[self._first]
        return Sent(self._next_noise, b"", -104) if self._next_noise < NEVER else None

    def byte(self, frame, i, at):
        """Byte i of a frame as it comes in at a time: another frame on the air falls on it, and behind it is noise."""
        if i >= len(frame.data):
            return random.getrandbits(8)
        value = frame.data[i]
        for k in range(max(self._first - 4, 0), len(self._frames)):
            other = self._frames[k]
            if other.at - 400 > at:
                break
            if other is not frame and other.end > at - BYTE_US:
                return value ^ (random.getrandbits(8) | 1)
        return value


class Chip:
    """One chip in some air. `absent`: nothing is soldered there. `hung`: it hears nothing and needs a reset."""

    def __init__(self, air, version=0x14):
        self.air = air
        self.now = 0
        self.version = version
        self.absent = self.hung = False
        self.overflows = self.emptied = self.underflows = self.resets = 0
        self.edge = None  # the time of a rising edge of GDO0 that nobody has seen
        self.alone = 0  # the longest that the FIFO was left alone while a frame came in
        self._left = 0
        self._reset()

    def _reset(self):
        self.regs = bytearray(RESET)
        self.state = IDLE
        self._due = NEVER  # when the state changes by itself
        self.fifo = []
        self.owners = []  # of each byte in the FIFO: its frame, or None
        self._frame = None  # what is being received
        self._count = 0
        self._next = NEVER  # when its next byte is whole
        self._sync = None  # the frame that is looked for
        self._looking = 0  # from when on
        self._news = 0
        self._last = 0  # the last byte read
        self._byte_at = -NEVER
        self._rssi = self._freqest = 0
        self._double = False
        self._gdo0 = 0
        self._line()

    # --- time

    def advance(self, until, stop=False):
        """Let time pass. With `stop`, until GDO0 rises at most."""
        if self._news != self.air.news and self.state == RX and self._frame is None and not self.hung:
            self._news = self.air.news
            self._sync = self.air.next(max(self._looking, self.now))  # one that was sent since
        while True:
            at = min(self._due, self._next, self._sync.at if self._sync is not None else NEVER)
            if at > until:
                break
            self.now = max(at, self.now)
            if at == self._due:
                self._due = NEVER
                self._enter(IDLE if self.state == MANUAL_CALIBRATION else RX)
            elif at == self._next:
                self._byte()
            else:
                self._begin(self._sync)
            if stop and self.edge is not None:
                return
        self.now = max(until, self.now)

    def _enter(self, state):
        if self._frame is not None and state != OVERFLOW:
            self._frame.over = min(self._frame.over, self.now)
        self.state = state
        self._sync = None
        self._next = NEVER
        self._frame = None
        if state == RX:
            self._search()

    def _search(self):
        self._looking = self.now + SYNC_BITS_US
        self._sync = None if self.hung else self.air.next(self._looking)

    def _begin(self, frame):
        if self.regs[4:6] != b"\x54\x3d":
            self._search()
            return
        assert self.regs[0x12] & 7 in (1, 2, 5, 6), "sync mode"
        self._sync, self._frame, self._count = None, frame, 0
        self._next = self.now + BYTE_US
        self._rssi = (frame.rssi + 74) * 2 & 0xFF
        self._freqest = frame.offset * 16384 // 26000000 & 0xFF

    def _push(self, value, owner=None):
        if len(self.fifo) == FIFO:
            self.overflows += 1
            self._enter(OVERFLOW)
            return False
        self.fifo.append(value)
        self.owners.append(owner)
        return True

    def _byte(self):
        value = self.air.byte(self._frame, self._count, self.now)
        if self._double:
            value, self._double = self._last, False
        self._byte_at = self.now
        if not self._push(value, self._frame if self._count < len(self._frame.data) else None):
            self._line()
            return
        self._count += 1
        self._next = self.now + BYTE_US
        mode = self.regs[8] & 3
        assert mode in (0, 2), "packet length by the first byte"
        if mode == 0 and self._count & 0xFF == self.regs[6]:
            self._end()
        self._line()

    def _end(self):
        if self.regs[7] & 4 and not (self._push(self._rssi) and self._push(20)):
            return
        off = self.regs[0x17] >> 2 & 3
        assert off in (0, 3), "RXOFF_MODE"
        self._enter(RX if off == 3 else IDLE)

    def _threshold(self):
        return 4 * (1 + (self.regs[3] & 15))

    def _line(self):
        before = self._gdo0
        self._gdo0 = self._pin(self.regs[2])
        if self._gdo0 and not before and self.edge is None:
            self.edge = self.now

    def _pin(self, config):
        kind = config & 0x3F
        if kind == 0:
            level = len(self.fifo) >= self._threshold()
        elif kind == 6:
            level = self._frame is not None
        else:
            level = False
        return int(level) ^ (config >> 6 & 1)

    def gdo(self, line):
        """The level of GDO0 (0) or GDO2 (1)."""
        return 0 if self.absent else self._pin(self.regs[0 if line else 2])

    # --- the bus

    def select(self):
        self._header = None

    def exchange(self, value):
        """One byte in, one byte out."""
        if self.absent:
            return 0xFF
        if self._header is None:
            return self._first_byte(value)
        address, burst, read = self._header
        if not burst:
            self._header = None
        if address == 0x3F:
            if not read:
                raise AssertionError("the TX FIFO is written")
            return self._pull()
        if address == 0x3E:
            return 0
        if read and address >= 0x30:
            self._header = None
            return self._status(address)
        if address >= 0x30:
            raise AssertionError("a status register is written")
        if burst:
            self._header = (address + 1, burst, read)
        if address >= len(self.regs):
            return 0
        was = self.regs[address]
        if not read:
            self.regs[address] = value
            if address == 3 or address == 2:
                self._line()
        return was

    def _first_byte(self, value):
        answer = _STATUS_STATE[self.state] << 4 | min(len(self.fifo), 15)
        address, burst, read = value & 0x3F, bool(value & 0x40), bool(value & 0x80)
        if 0x30 <= address <= 0x3D and not burst:
            self._strobe(address)
        else:
            self._header = address, burst, read
        return answer

    def _strobe(self, address):
        if address == 0x30:
            self.resets += 1
            self.hung = False
            self._reset()
        elif address == 0x33:
            if self.state == IDLE:
                self._enter(MANUAL_CALIBRATION)
                self._due = self.now + CALIBRATION_US
        elif address == 0x34:
            if self.state == IDLE:
                self._enter(SETTLING)
                automatic = self.regs[0x18] >> 4 & 3 == 1
                self._due = self.now + SETTLE_US + (CALIBRATION_US if automatic else 0)
        elif address == 0x36:
            if self.state != OVERFLOW:
                self._enter(IDLE)
                self._due = NEVER
        elif address == 0x3A:
            if self.state in (IDLE, OVERFLOW):
                self._visited()
                self.fifo, self.owners = [], []
                self._double = False
                self._enter(IDLE)
                self._line()
        elif address != 0x3D:
            raise AssertionError("strobe %02x" % address)

    def _visited(self):
        # The FIFO has been left alone since the last time, or since a frame that is in it began, until now or its end.
        for frame in self.owners:
            if frame is not None and frame.over > self._left:
                self.alone = max(self.alone, min(self.now, frame.over) - max(self._left, frame.at))
        self._left = self.now

    def _pull(self):
        if not self.fifo:
            self.underflows += 1
            return self._last
        if self.now - self._left > BYTE_US:
            self._visited()
        self._left = self.now
        self._last = self.fifo.pop(0)
        owner = self.owners.pop(0)
        if owner is not None:
            owner.taken += 1
        if not self.fifo and self._frame is not None:
            # The pointer is not updated where the next byte comes while the last is read: it comes twice. That the
            # FIFO is never emptied while a frame comes in is the rule.
            self.emptied += 1
            self._double = self._next - self.now <= ERRATUM_US
        self._line()
        return self._last

    def _status(self, address):
        if address == 0x31:
            return self.version
        if address == 0x32:
            return self._freqest
        if address == 0x33:
            return 20
        if address == 0x34:
            return self._rssi
        if address == 0x35:
            return 0 if self.hung else self.state
        if address == 0x3B:
            n = len(self.fifo)
            if self.now - self._byte_at < ERRATUM_US and n:
                n |= n - 1  # read while it changes: some bits are old, some new
            return n | (0x80 if self.state == OVERFLOW else 0)
        if address == 0x30:
            return 0
        raise AssertionError("status register %02x" % address)

    def sag(self):
        """Its supply sags for a moment: it resets itself."""
        self._reset()


class Bus:
    """The bus and the processor's time. `transfer_us`: what a transfer takes beside its bits; `lines`: whether GDO0 and
    GDO2 are wired up. `each_swap()` is called before each transfer, for what the processor does there."""

    name = "SPI 1, chip select 7"

    def __init__(self, chip, hz=4000000, transfer_us=10, lines=(True, True)):
        self.chip = chip
        self._byte_ns = 8000000000 // hz
        self._transfer_us = transfer_us
        self._wired = lines
        self._handler = None
        self._handling = False
        self.each_swap = lambda: None

    # --- time

    def spend(self, us, single=False):
        """The processor works for some time. An interrupt takes its own time on top, and comes behind what is
        `single`."""
        chip = self.chip
        if single or self._handler is None or self._handling:
            chip.advance(chip.now + us)
            self._interrupt()
            return
        end = chip.now + us
        while True:
            chip.advance(end, True)
            if chip.edge is None:
                return
            left = end - chip.now
            self._interrupt()
            end = chip.now + left

    def _interrupt(self):
        chip = self.chip
        while chip.edge is not None and self._handler is not None and not self._handling:
            chip.edge = None
            self._handling = True
            try:
                self._handler(None)
            finally:
                self._handling = False
        if self._handler is None:
            chip.edge = None

    def wait_us(self, us):
        self.spend(us)

    def ms(self):
        return int(self.chip.now) // 1000

    def since(self, then):
        return int(self.chip.now) // 1000 - then

    # --- firmware.port.spi

    def swap(self, out, into):
        chip = self.chip
        assert len(out) == len(into)
        self.each_swap()
        chip.advance(chip.now + self._transfer_us)
        chip.select()
        at, step = chip.now * 1000, self._byte_ns
        for i in range(len(out)):
            at += step
            chip.advance(at // 1000)
            into[i] = chip.exchange(out[i])
        if not self._handling:
            self._interrupt()

    def level(self, line):
        return self.chip.gdo(line) if self._wired[line] else None

    def drive(self, line, level):
        raise AssertionError("no input of a CC1101 is wired up")

    def on_rise(self, line, handler):
        if not self._wired[line]:
            return False
        self._handler = handler
        self._interrupt()
        return True

    def close(self):
        self._handler = None
