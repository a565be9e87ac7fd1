"""The pins of a board that a person sees or presses, and those that only have a level: lamp, button, switches."""

_WS2812_NS = (400, 850, 800, 450)  # of a 0 high and low, of a 1 high and low, as its data sheet has them
_DIM = 12  # of 255: its full light is too much in a cabinet, and takes 20 mA


def lamp(pin, level):
    """A function that lights a board's lamp (True) or puts it out; `level` is what lights it, "rgb" a WS2812. None
    where there are no pins."""
    try:
        import machine
        out = machine.Pin(pin, machine.Pin.OUT)
    except (ImportError, AttributeError):
        return None
    if level == "rgb":
        return lambda on: machine.bitstream(out, 0, _WS2812_NS, bytes(3 * (_DIM if on else 0,)))
    return lambda on: out.value(level if on else 1 - level)


def button(pin, level):
    """A function that says whether a board's button is pressed; None where there are no pins."""
    try:
        import machine
        pressed = machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP)
    except (ImportError, AttributeError):
        return None
    return lambda: pressed.value() == level


def set_pins(levels):
    """Put pins to a level and leave them so: power of a radio, its antenna's switch, other chips' selects."""
    try:
        import machine
        for pin, level in levels:
            machine.Pin(pin, machine.Pin.OUT, value=level)
    except (ImportError, AttributeError):
        pass
