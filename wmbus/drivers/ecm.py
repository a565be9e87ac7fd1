"""Maddalena ECM: Picoflux water meters; leaks in the maker's bits of the status byte.

telegram 1b446d147856341205077a2a23000004133930000004933c05000000
reading alarms=leak, id=12345678, status=ALARM LEAK_FLOW_LOW, total_backward_m3=0.005, total_m3=12.345
"""

from .vip import LEAK

METERS = ((None, (0x06, 0x07, 0x15, 0x16), {"status": LEAK}),)
