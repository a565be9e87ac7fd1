"""The supply of a board, measured by the chip's own converter."""


def millivolts(pin, above, below):
    """A function that reads the supply in millivolts at a pin, which is behind a divider of two resistances: to the
    supply and to ground. None where there is no converter."""
    try:
        from machine import ADC, Pin
    except ImportError:
        return None
    adc = ADC(Pin(pin), atten=ADC.ATTN_11DB)  # its widest range, to about 3 V at the pin
    return lambda: adc.read_uv() * (above + below) // (below * 1000)
