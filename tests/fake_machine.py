"""A chip for tests of both runtimes: MicroPython's `machine` of an ESP32 on a simulated clock, its pins the board's.

    chip = Chip(board)                    # a module of firmware/boards/, or anything with its names; None: any pin
    line = Line(chip, 20, 2400, parity=0)  # what is wired to pin 20: the far end of a UART
    with chip:                            # `import machine` finds it
        ...                               # line.send(...), chip.advance(us)

Nothing here is hardware; what is kept are the rules by which hardware loses data (ESP-IDF's UART driver, MicroPython's
ports/esp32):
- Time is `chip.us` and goes on by `advance` only: whoever computes or waits says for how long. `stall` is a time in
  which the chip does nothing else, as a flash operation is: the cache is off, and with it all interrupts.
- A UART's bytes come one by one at the far end's baud rate, into a FIFO of 128 bytes, and by the interrupt into a ring
  of `rxbuf` bytes. A full FIFO is thrown away whole. `chip.lost` counts the bytes that were lost so.
- A UART that is made without `tx` drives its default TX pin all the same, until that is made an input.
- A pin that the board does not name for this, that two parts share, or that somebody else has, raises PinError.
- A watchdog that is not fed in time ends all with Reset.
`simulated.py` runs coroutines on that clock.
"""

import sys

FIFO = 128
DEFAULT_TX = {1: 10, 2: 17}
CHANGES = {(0, 1): 1, (1, 0): 2}  # Pin.IRQ_RISING, Pin.IRQ_FALLING


class PinError(ValueError):
    """A pin that is not to be used so."""


class Reset(Exception):
    """The watchdog has reset the chip."""


# --- what a board names

PARTS = {
    "HAN": (None, "rx", "tx", None, None), "RADIO_UART": (None, "rx", "tx"), "LED": ("led", None),
    "BUTTON": ("button", None), "SUPPLY": ("supply", None, None),
}
RADIOS = {
    "cc1101": (None, None, "sck", "mosi", "miso", "cs", "gdo0", "gdo2"),
    "sx1262": (None, None, "sck", "mosi", "miso", "cs", "reset", "busy", "dio1"),
    "sx1276": (None, None, "sck", "mosi", "miso", "cs", "reset", "dio0", "dio2"),
}


def pins(board):
    """{pin: what for, as "HAN rx"} of a board. The two radios may share pins: only one of them is fitted. Raises
    PinError where two parts share one, or a part does not have as many figures as it should."""
    out = {}
    for part in ("HAN", "RADIO", "RADIO_UART", "LED", "BUTTON", "SUPPLY"):
        values = getattr(board, part, None)
        if values is None:
            continue
        names = RADIOS.get(values[0]) if part == "RADIO" else PARTS[part]
        if names is None or len(names) != len(values):
            raise PinError("%s: %r" % (part, values))
        for name, pin in zip(names, values):
            if name is None or pin is None:
                continue
            what = part + " " + name
            if pin in out and not (part == "RADIO_UART" and out[pin].startswith("RADIO ")):
                raise PinError("pin %s: %s and %s" % (pin, out[pin], what))
            out[pin] = out[pin] + ", " + what if pin in out else what
    for pin, _ in getattr(board, "SET", ()):
        if pin in out:
            raise PinError("pin %s: %s and SET" % (pin, out[pin]))
        out[pin] = "SET set"
    return out


# --- the chip

class Chip:
    """One chip on a board. `names` are the parts of `machine` that it has."""

    def __init__(self, board=None, names=("Pin", "UART", "SPI", "ADC", "WDT")):
        self.us = 0
        self.lost = 0  # bytes that a UART lost
        self.board = board
        self.named = None if board is None else pins(board)
        self.taken = {}  # pin -> who has it
        self.strays = set()  # default TX pins that a UART drives
        self.levels = {}  # pin -> level
        self.handlers = {}  # pin -> (handler, trigger, Pin)
        self.listeners = {}  # pin -> function(level) of what is wired to an output
        self.devices = {}  # CS pin -> device with transfer(out) -> in, on the SPI bus
        self.microvolts = {}  # pin -> what its converter sees
        self.lines = {}  # RX pin -> Line
        self.uarts = {}  # number -> UART that is open
        self.masked = False
        self.frugal = False  # allocate nothing where a UART is read: for tests with a locked heap
        self.cause = 0
        self._waiting = []  # handlers that wait for interrupts to be on again
        self._events = []  # (us, number, function), sorted
        self._number = 0
        self._bites_at = None
        self._before = None
        for name in names:
            setattr(self, name, type(name, (_PARTS[name],), {"chip": self}))

    # time

    def advance(self, us):
        """Let time pass."""
        until = self.us + us
        while self._events and self._events[0][0] <= until:
            at, _, function = self._events.pop(0)
            self._move(at)
            function()
        self._move(until)

    def _move(self, us):
        self.us = max(self.us, us)
        if self._bites_at is not None and self.us > self._bites_at:
            self._bites_at = None
            self.cause = 3
            raise Reset("watchdog")

    def stall(self, us):
        """Let time pass with interrupts off."""
        for number in self.uarts:
            self.uarts[number].arrive()
        self.masked = True
        try:
            self.advance(us)
            for number in self.uarts:
                self.uarts[number].arrive()
        finally:
            self.masked = False
            for number in self.uarts:
                self.uarts[number].arrive()
            waiting, self._waiting = self._waiting, []
            for handler, argument in waiting:
                handler(argument)

    def at(self, us, function):
        """Call a function when the clock gets there."""
        self._number += 1
        self._events.append((us, self._number, function))
        self._events.sort(key=lambda event: event[:2])

    def ms(self):
        """The clock in whole milliseconds."""
        return self.us // 1000

    def interrupt(self, handler, argument):
        """Call a handler as an interrupt does: later, while there are none."""
        if self.masked:
            self._waiting.append((handler, argument))
        else:
            handler(argument)

    # pins

    def take(self, pin, who, roles):
        """Let `who` have a pin, which the board must name for one of `roles`."""
        pin = int(pin)
        if self.named is not None:
            what = self.named.get(pin)
            if what is None:
                raise PinError("pin %d: %s uses it, the board does not name it" % (pin, who))
            if not any(w.split(" ")[-1] in roles for w in what.split(", ")):
                raise PinError("pin %d: %s uses it, the board names it as %s" % (pin, who, what))
        if self.taken.get(pin, who) != who:
            raise PinError("pin %d: %s has it, %s wants it" % (pin, self.taken[pin], who))
        self.taken[pin] = who
        return pin

    def give(self, who):
        """Let go of all pins of `who`."""
        for pin in [p for p in self.taken if self.taken[p] == who]:
            del self.taken[pin]

    def drive(self, pin, level):
        """Put a level on an input, from outside."""
        before, self.levels[pin] = self.levels.get(pin, 0), level
        if pin in self.handlers:
            handler, trigger, which = self.handlers[pin]
            if handler is not None and CHANGES.get((before, level), 0) & trigger:
                self.interrupt(handler, which)

    # `machine`

    def bitstream(self, pin, _encoding, _timing, data):
        """Send bits to what is wired to an output."""
        if pin.number in self.listeners:
            self.listeners[pin.number](bytes(data))

    def reset_cause(self):
        """What reset it last."""
        return self.cause

    def unique_id(self):
        """Some number."""
        return b"\x02\x00\x00\x00\x00\x01"

    def __enter__(self):
        self._before = sys.modules.get("machine")
        sys.modules["machine"] = self
        return self

    def __exit__(self, *_how):
        if self._before is None:
            del sys.modules["machine"]
        else:
            sys.modules["machine"] = self._before


# --- pins, converter, watchdog, SPI

class Pin:
    """machine.Pin: an input or an output once it has a mode."""

    IN, OUT, OPEN_DRAIN = 1, 3, 7
    PULL_UP, PULL_DOWN = 2, 1
    IRQ_RISING, IRQ_FALLING = 1, 2
    chip: "Chip" = None  # type: ignore[assignment]
    ROLES = ("cs", "gdo0", "gdo2", "reset", "busy", "dio0", "dio1", "dio2", "led", "button", "set")

    def __init__(self, number, mode=-1, pull=-1, *, value=None):
        self.number = int(number)
        if mode != -1:
            self.init(mode, pull, value=value)

    def init(self, mode=-1, pull=-1, *, value=None):
        """Give it a mode."""
        if mode == self.IN and self.number in self.chip.strays:
            self.chip.strays.remove(self.number)
            return
        self.chip.take(self.number, "Pin", self.ROLES)
        if value is not None:
            self.value(value)
        elif pull == self.PULL_UP:
            self.chip.levels[self.number] = self.chip.levels.get(self.number, 1)

    def __int__(self):
        return self.number

    def value(self, level=None):
        """The level, or set it."""
        if level is None:
            return self.chip.levels.get(self.number, 0)
        self.chip.levels[self.number] = 1 if level else 0
        if self.number in self.chip.listeners:
            self.chip.listeners[self.number](self.chip.levels[self.number])
        return None

    __call__ = value

    def on(self):
        """High."""
        self.value(1)

    def off(self):
        """Low."""
        self.value(0)

    def irq(self, handler=None, trigger=3, hard=False):
        """Have a function called when an edge comes."""
        self.chip.handlers[self.number] = handler, trigger, self


class ADC:
    """machine.ADC at a pin."""

    ATTN_11DB = 3
    chip: "Chip" = None  # type: ignore[assignment]

    def __init__(self, pin, atten=0):
        self._pin = self.chip.take(_number(pin), "ADC", ("supply",))

    def read_uv(self):
        """Microvolts."""
        if self._pin in self.chip.strays:
            raise PinError("pin %d: a UART drives what the ADC measures" % self._pin)
        return self.chip.microvolts.get(self._pin, 0)


class WDT:
    """machine.WDT: a Reset unless it is fed."""

    chip: "Chip" = None  # type: ignore[assignment]

    def __init__(self, id=0, timeout=5000):
        self._us = timeout * 1000
        self.feed()

    def feed(self):
        """Not yet."""
        self.chip._bites_at = self.chip.us + self._us


class SPI:
    """machine.SPI: the device whose CS is low hears and answers; where there is none the line stays high."""

    MSB, LSB = 0, 1
    chip: "Chip" = None  # type: ignore[assignment]

    def __init__(self, id, baudrate=1000000, polarity=0, phase=0, bits=8, firstbit=0, sck=None, mosi=None, miso=None):
        self.baudrate = baudrate
        self.mode = polarity, phase
        self._who = "SPI(%d)" % id
        for pin, role in ((sck, "sck"), (mosi, "mosi"), (miso, "miso")):
            if pin is not None:
                self.chip.take(_number(pin), self._who, (role,))

    def init(self, baudrate=None, **_settings):
        """Another baud rate."""
        self.baudrate = baudrate or self.baudrate

    def deinit(self):
        """Let go of its pins."""
        self.chip.give(self._who)

    def _transfer(self, out):
        self.chip.advance(len(out) * 8000000 // self.baudrate)
        for cs in self.chip.devices:
            if self.chip.levels.get(cs, 1) == 0:
                return self.chip.devices[cs].transfer(bytes(out))
        return b"\xff" * len(out)

    def write(self, out):
        """Send."""
        self._transfer(out)

    def read(self, n, write=0):
        """Receive, sending the same byte all the time."""
        return self._transfer(bytes([write]) * n)

    def readinto(self, into, write=0):
        """The same into a buffer."""
        into[:] = self._transfer(bytes([write]) * len(into))

    def write_readinto(self, out, into):
        """Send and receive."""
        into[:] = self._transfer(out)


def _number(pin):
    return pin.number if hasattr(pin, "number") else int(pin)


# --- UART

class Line:
    """What is wired to a UART: what it sends arrives at `rx` in its own setting; `sent` is what came from the chip's
    TX, which `heard(data)` is called with. An `inverted` line is low when idle."""

    def __init__(self, chip, rx, baud, bits=8, parity=None, stop=1, inverted=False):
        self.chip = chip
        self.setting = baud, bits, parity, stop, inverted
        self.symbol = 1 + bits + (parity is not None) + stop
        self.free_at = 0  # when what is queued will have been sent
        self.queue = []  # [begins at, data, how much of it has arrived]
        self.sent = b""
        self.heard = None
        chip.lines[rx] = self

    def send(self, data, at=None):
        """Queue bytes, to begin at a time, not before what is queued; returns when they have all arrived."""
        begin = max(self.chip.us if at is None else at, self.free_at)
        self.free_at = begin + (len(data) * self.symbol * 1000000 + self.setting[0] - 1) // self.setting[0]
        self.queue.append([begin, data if isinstance(data, bytes) else bytes(data), 0])
        return self.free_at

    def cut(self):
        """A break: the line goes to the other level for a while."""
        for number in self.chip.uarts:
            if self.chip.lines.get(self.chip.uarts[number].rx) is self:
                self.chip.uarts[number].broken()


class UART:
    """machine.UART."""

    INV_TX, INV_RX = 32, 4
    IRQ_RX, IRQ_RXIDLE, IRQ_BREAK = 1, 4096, 2
    chip: "Chip" = None  # type: ignore[assignment]

    def __init__(self, id, baudrate=115200, bits=8, parity=None, stop=1, *, tx=None, rx=None, txbuf=256, rxbuf=256,
                 timeout=0, timeout_char=0, invert=0):
        if id not in DEFAULT_TX:
            raise ValueError("UART(%d) does not exist" % id)
        if rxbuf <= FIFO:
            raise OSError(-259, "rxbuf")
        if bits not in (5, 6, 7, 8) or stop not in (1, 2):
            raise ValueError("invalid data bits or stop bits")
        chip = self.chip
        self._id, self._who = id, "UART(%d)" % id
        if id in chip.uarts:
            raise AssertionError("%s is open: its pins and its interrupt's task would be lost" % self._who)
        self.rx = chip.take(_number(rx), self._who, ("rx",))
        if tx is not None:
            chip.take(_number(tx), self._who, ("tx",))
        else:
            stray = DEFAULT_TX[id]
            what = (chip.named or {}).get(stray, "SUPPLY supply")
            if what != "SUPPLY supply" or chip.taken.get(stray, "ADC") != "ADC":
                raise PinError("%s has no tx: it takes pin %d, which is %s" % (self._who, stray, what))
            chip.strays.add(stray)
        self.has_tx = tx is not None
        self.setting = baudrate, bits, parity, stop, bool(invert & self.INV_RX)
        self._baudrate = baudrate
        self._size = rxbuf
        self._ring = bytearray(rxbuf)
        self._head = self._count = 0
        self._fifo = b""
        self._handler = None
        self.is_open = True
        chip.uarts[id] = self
        self._line().queue[:] = [part for part in self._line().queue if not self._begun(part)]

    def _line(self):
        if self.rx not in self.chip.lines:
            Line(self.chip, self.rx, 115200)
        return self.chip.lines[self.rx]

    def _begun(self, part):
        # What has begun before the UART was there is lost up to now.
        part[2] = self._arrived(part)
        return part[2] == len(part[1])

    def _arrived(self, part):
        line = self._line()
        baud, us = line.setting[0], self.chip.us - part[0]
        bits = us // 1000 * baud + us % 1000 * baud // 1000  # thousandths; in this order a chip's words hold it
        return max(0, min(len(part[1]), bits // (line.symbol * 1000)))

    def arrive(self):
        """Put what has arrived into FIFO and ring."""
        line = self._line()
        if self._fifo and not self.chip.masked and self._count < self._size:
            fifo, self._fifo = self._fifo, b""
            self._take(fifo)
        while line.queue:
            part = line.queue[0]
            count = self._arrived(part)
            if self.chip.frugal:
                for i in range(part[2], count):
                    self._ring[(self._head + self._count) % self._size] = part[1][i]
                    self._count += 1
            elif count > part[2]:
                data = part[1][part[2]:count]
                self._take(data if line.setting == self.setting else self._garbled(line.setting, data))
            part[2] = count
            if count < len(part[1]):
                return
            line.queue.pop(0)

    def _take(self, data):
        if not self.chip.masked:
            n = min(len(data), self._size - self._count)
            at = (self._head + self._count) % self._size
            first = min(n, self._size - at)
            self._ring[at:at + first] = data[:first]
            self._ring[:n - first] = data[first:n]
            self._count += n
            data = data[n:]
        while data:
            n = FIFO - len(self._fifo)
            self._fifo, data = self._fifo + data[:n], data[n:]
            if data:
                self.chip.lost += len(self._fifo)
                self._fifo = b""

    def _garbled(self, theirs, data):
        # What bytes in their setting look like in ours.
        ours = self.setting
        if ours[0] != theirs[0] or ours[4] != theirs[4]:
            self.broken()
            return bytes([(b * 37 + 11 ^ 0xA5) & 255 for b in data])
        return b"".join([frame_bits(bits_of(data[i:i + 16], theirs), ours) for i in range(0, len(data), 16)])

    def broken(self):
        """A break has been seen."""
        if self._handler is not None:
            self.chip.interrupt(self._handler, self)

    # MicroPython's methods

    def irq(self, handler=None, trigger=0, hard=False):
        """Have a function called, here at a break only."""
        self._handler = handler if trigger & self.IRQ_BREAK else None

    def any(self):
        """How many bytes the ring holds."""
        self.arrive()
        return self._count

    def readinto(self, into, n=None):
        """Take what is there, at most what fits; None where there is nothing."""
        self.arrive()
        n = min(len(into) if n is None else n, self._count)
        if not n:
            return None
        if self.chip.frugal:
            for i in range(n):
                into[i] = self._ring[(self._head + i) % self._size]
        else:
            first = min(n, self._size - self._head)
            into[:first] = self._ring[self._head:self._head + first]
            into[first:n] = self._ring[:n - first]
        self._head = (self._head + n) % self._size
        self._count -= n
        self.arrive()
        return n

    def read(self, n=None):
        """The same as bytes."""
        self.arrive()
        data = bytearray(self._count if n is None else min(n, self._count))
        return bytes(data) if self.readinto(data) else None

    def write(self, data):
        """Send."""
        if not self.has_tx:
            raise AssertionError("%s sends without tx" % self._who)
        self.chip.advance(len(data) * 10000000 // self._baudrate)
        line = self._line()
        line.sent += bytes(data)
        if line.heard is not None:
            line.heard(bytes(data))
        return len(data)

    def flush(self):
        """All is sent."""

    def deinit(self):
        """Close it."""
        if self.is_open:
            self.is_open = False
            del self.chip.uarts[self._id]
            self.chip.give(self._who)


def bits_of(data, setting):
    """The line's bits of some bytes: start, data from the lowest, parity, stop."""
    _, bits, parity, stop, _ = setting
    out = []
    for byte in data:
        ones = [byte >> i & 1 for i in range(bits)]
        out += [0] + ones + ([sum(ones) & 1 ^ parity] if parity is not None else []) + [1] * stop
    return out


def frame_bits(line, setting):
    """What a UART makes of a line's bits: a byte from each start bit on, whatever its parity and its stop bit."""
    _, bits, parity, _, _ = setting
    out, at = [], 0
    size = bits + (parity is not None) + 1
    while at < len(line):
        if line[at]:
            at += 1
            continue
        out.append(sum([bit << i for i, bit in enumerate(line[at + 1:at + 1 + bits])]))
        at += size
        while at < len(line) and not line[at]:  # no stop bit: the next start bit is behind a high one
            at += 1
        at += 1
    return bytes(out)


_PARTS = {"Pin": Pin, "UART": UART, "SPI": SPI, "ADC": ADC, "WDT": WDT}
