"""The rules of the chips, and what is wrong with a board by them; the boards there are.

A chip's rules are of its maker's table of pins (docs.espressif.com, ESP-IDF, CHIP, "GPIO & RTC GPIO": GPIO Summary) and
of its data sheet (strapping pins); how many UARTs and SPI buses MicroPython gives is of its ports/esp32. No board here
has been tried: this finds what cannot be right, and a wire to the wrong pin of a right list is not among it.
"""

import os
from collections import namedtuple

KNOWN = ("NAME", "CHIP", "FORM", "PROVEN", "HAN", "RADIO", "RADIO_UART", "LED", "BUTTON", "SUPPLY", "LOW_MV",
         "BLUETOOTH", "SET")
PROVEN = ("nothing", "pin lists", "data sheet", "emulator", "the board itself")
FRONTS = ("mbus", "p1", "ttl", "rs232")
# Of each radio chip's tuple behind its name and bus: what each pin is for. "out" pins are driven by the gateway.
RADIOS = {
    "cc1101": (("sck", "out"), ("mosi", "out"), ("miso", "in"), ("cs", "out"), ("gdo0", "in"), ("gdo2", "in?")),
    "sx1262": (("sck", "out"), ("mosi", "out"), ("miso", "in"), ("cs", "out"), ("reset", "out"), ("busy", "in"),
               ("dio1", "in")),
    "sx1276": (("sck", "out"), ("mosi", "out"), ("miso", "in"), ("cs", "out"), ("reset", "out"), ("dio0", "in"),
               ("dio2", "in?")),
}

# pins: that there are; only_in: without a driver; flash: of flash and PSRAM in every module; psram: where the PSRAM is
# octal; strap: read at reset, with a level that matters; console: of UART 0, where the prompt is and boot messages come
# (what arrives there is taken for typing, and a byte 03 for Ctrl-C); adc1: what may be measured while Wi-Fi is on.
Chip = namedtuple("Chip", "pins only_in flash psram strap usb console uarts buses adc1 forms bluetooth")
CHIPS = {
    "esp32": Chip([n for n in range(40) if n not in (20, 24, 28, 29, 30, 31)], range(34, 40), range(6, 12), (16, 17),
                  (0, 2, 12), (), (1, 3), (1, 2), (1, 2), range(32, 40), ("image", "slots"), ("with", "apart")),
    "esp32s2": Chip([n for n in range(47) if not 22 <= n <= 25], (46,), range(26, 33), (), (0, 45, 46), (19, 20),
                    (43, 44), (1,), (1, 2), range(1, 11), ("image", "slots"), (None,)),
    # GPIO 3 is read at reset too, but chooses only where JTAG is.
    "esp32s3": Chip([n for n in range(49) if not 22 <= n <= 25], (), range(26, 33), range(33, 38), (0, 45, 46),
                    (19, 20), (43, 44), (1, 2), (1, 2), range(1, 11), ("image", "slots"), ("with", "apart")),
    "esp32c3": Chip(range(22), (), range(11, 18), (), (2, 8, 9), (18, 19), (20, 21), (1,), (1,), range(5),
                    ("image",), ("apart",)),  # both at once: micropython#18859
    "esp32c6": Chip(range(31), (), range(24, 31), (), (4, 5, 8, 9, 15), (12, 13), (16, 17), (1,), (1,), range(7),
                    ("image",), ("apart",)),
    # A Raspberry Pi: GPIO 0 and 1 are for the identity of a board on top; a UART is a device file, a bus (bus, device).
    "linux": Chip(range(2, 28), (), (), (), (), (), (), (), (), (), ("slots",), (None,)),
}
DEFAULT_TX = {1: 10, 2: 17}
# Boards with an ESP32-S3 or ESP32 whose PSRAM leaves the pins of `psram` free, and why.
NOT_OCTAL = {"heltecv3": "ESP32-S3FN8 has no PSRAM", "t3s3": "ESP32-S3FH4R2: 2 MB, quad",
             "t3v161": "ESP32-PICO-D4 has no PSRAM"}


def fields(module):
    """{name: value} of a board's module."""
    return {name: getattr(module, name) for name in dir(module) if not name.startswith("__")}


def uses(board):
    """[(pin, what for, "in" or "out", whether the board's maker put it there)] of a board's fields."""
    out = []
    if board.get("HAN"):
        out += [(board["HAN"][1], "HAN rx", "in", False), (board["HAN"][2], "HAN tx", "out", False)]
    if board.get("RADIO_UART"):
        out += [(board["RADIO_UART"][1], "radio rx", "in", False), (board["RADIO_UART"][2], "radio tx", "out", False)]
    if board.get("RADIO"):
        names = RADIOS.get(board["RADIO"][0], ())
        for (name, way), pin in zip(names, board["RADIO"][2:]):
            out.append((pin, name, way[:3].rstrip("?"), False))
    for name, way in (("LED", "out"), ("BUTTON", "in"), ("SUPPLY", "in")):
        if board.get(name):
            out.append((board[name][0], name, way, name != "SUPPLY"))
    for pin, _ in board.get("SET", ()):
        out.append((pin, "SET", "out", True))
    return [use for use in out if use[0] is not None]


def whole(value, low=0, high=1 << 20):
    """Whether it is a whole number in these bounds."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def wrong(name, board):
    """Yield what is wrong with a board, in words."""
    for field in board:
        if field not in KNOWN:
            yield "unknown: " + field
    if not all("a" <= c <= "z" or c.isdigit() for c in name):
        yield "the name is not of letters a-z and digits"
    for field in ("NAME", "CHIP", "FORM", "PROVEN"):
        if not isinstance(board.get(field), str):
            yield "no " + field
            return
    if board["PROVEN"] not in PROVEN:
        yield "PROVEN is none of " + ", ".join(PROVEN)
    chip = CHIPS.get(board["CHIP"])
    if chip is None:
        yield "no such chip: " + board["CHIP"]
        return
    if board["FORM"] not in chip.forms:
        yield "FORM %s does not go on a %s" % (board["FORM"], board["CHIP"])
    if board.get("BLUETOOTH") not in chip.bluetooth:
        yield "BLUETOOTH %s does not go on a %s" % (board.get("BLUETOOTH"), board["CHIP"])
    faults = list(shapes(board, chip))
    if not any("parts" in fault for fault in faults):
        faults += pins(name, board, chip)
    for fault in faults:
        yield fault


def shapes(board, chip):
    """Yield what is wrong with the form of a board's tuples."""
    linux = board["CHIP"] == "linux"
    numbers = []
    for field, size in (("HAN", 5), ("RADIO_UART", 3)):
        if field in board:
            if len(board[field]) != size:
                yield "%s has not %d parts" % (field, size)
                return
            uart = board[field][0]
            if linux and not (isinstance(uart, str) and uart.startswith("/dev/")):
                yield "%s: a UART is a device file there" % field
            elif not linux and uart not in chip.uarts:
                yield "%s: UART %s is the console's, or there is none" % (field, uart)
            numbers.append(uart)
    if len(set(numbers)) != len(numbers):
        yield "one UART for two"
    if "HAN" in board and (board["HAN"][4] not in FRONTS or board["HAN"][3] not in (True, False)):
        yield "HAN: inverted is true or false, the front one of " + ", ".join(FRONTS)
    if "RADIO" in board:
        names = RADIOS.get(board["RADIO"][0])
        if names is None or len(board["RADIO"]) != len(names) + 2:
            yield "RADIO: no such chip, or not its pins"
        elif not linux and board["RADIO"][1] not in chip.buses:
            yield "RADIO: there is no SPI %s" % board["RADIO"][1]
        elif any(pin is None and not way.endswith("?") for (_, way), pin in zip(names, board["RADIO"][2:])):
            yield "RADIO: a pin is missing"
    if "LED" in board and board["LED"][1] not in (0, 1, "rgb"):
        yield "LED: its level is 0, 1 or \"rgb\""
    if ("SUPPLY" in board) != ("LOW_MV" in board):
        yield "SUPPLY goes with LOW_MV"
    if "SUPPLY" in board:
        _, above, below = board["SUPPLY"]
        if not (whole(above) and whole(below, 1) and whole(board.get("LOW_MV", 3000), 2000, 24000)):
            yield "SUPPLY: resistances, and LOW_MV in millivolts"


def pins(name, board, chip):
    """Yield what is wrong with the pins of a board."""
    taken = {}
    for pin, what, way, makers in uses(board):
        if not whole(pin):
            yield "%s: not a pin: %r" % (what, pin)
            continue
        if pin in taken:
            yield "pin %d is for %s and for %s" % (pin, taken[pin], what)
        taken[pin] = what
        if pin not in chip.pins:
            yield "%s: there is no pin %d" % (what, pin)
        if pin in chip.flash or pin in chip.psram and name not in NOT_OCTAL:
            yield "%s: pin %d is the flash's or the PSRAM's" % (what, pin)
        if pin in chip.usb:
            yield "%s: pin %d is of USB" % (what, pin)
        if way == "out" and pin in chip.only_in:
            yield "%s: pin %d cannot be driven" % (what, pin)
        if not makers and pin in chip.strap:
            yield "%s: pin %d is read at reset" % (what, pin)
        if not makers and pin in chip.console:
            yield "%s: pin %d is the console's" % (what, pin)
        if what == "SUPPLY" and pin not in chip.adc1:
            yield "SUPPLY: pin %d is not of ADC1" % pin


    # MicroPython's ESP32 drives a default pin for the TX of a UART that is given none (firmware/port/uart.py).
    for field in ("HAN", "RADIO_UART"):
        stray = DEFAULT_TX.get(board[field][0]) if field in board and board[field][2] is None else None
        if taken.get(stray, "SUPPLY") != "SUPPLY":
            yield "%s without tx takes pin %d, which is for %s" % (field, stray, taken[stray])


def boards():
    """The names of all boards."""
    return sorted(n[:-3] for n in os.listdir("firmware/boards") if n.endswith(".py") and n != "__init__.py")


def load(name):
    """A board's fields."""
    return fields(__import__("firmware.boards." + name, None, None, ("CHIP",)))
