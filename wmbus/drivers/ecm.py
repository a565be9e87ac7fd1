"""Maddalena ECM: Picoflux water meters; leaks in the maker's bits of the status byte."""

from .vip import LEAK

METERS = ((None, (0x06, 0x07, 0x15, 0x16), {"status": LEAK}),)
