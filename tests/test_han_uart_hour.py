"""A HAN port at a chip's UART beside a radio, signatures, handshakes and flash: no list is lost in an hour."""

from firmware import port

port.tidy()  # before the imports: what they leave would lie all over a small heap

import han_hour_rig as rig
from support import corpus

from firmware.port import uart
from han_reader import Reader


def test_no_list_of_our_own_is_lost():
    figures = rig.hours(rig.own_rows(), seconds=1000)
    assert figures["lost"] == figures["wrong"] == 0 and figures["left_out"] == [], figures
    assert figures["lists"] >= 17 and figures["sent"] > figures["hours"] * 100
    assert uart.AWAY_MS <= figures["away_ms"] < 5000


def of(board, setting, every):
    """Our own lists on such a line."""
    by, _ = rig.groups(rig.own_rows())
    return by[board, setting, every], setting, every


def lost(*line, **how):
    """Lists lost until after the first batch."""
    return rig.hour(*line, seconds=1000, **how)["lost"]


def test_no_list_is_longer_than_is_reckoned_with():
    """What the ring's size is made from."""
    longest = {}
    for (_board, setting, _every), lists in rig.groups(corpus("han/han_dev.jsonl"))[0].items():
        for _board, wire, _count in lists:
            longest[setting[0]] = max([longest.get(setting[0], 0)] + [len(m) for m in Reader(True).feed(wire)])
    assert max(longest.values()) <= uart.LONGEST and longest[2400] <= uart.LEAST
    for baud in longest:
        assert uart.ring(baud) - uart.FIFO >= longest[baud]


def test_the_hour_has_teeth():
    """Known bad: MicroPython's ring of 256 bytes, a loop that is away for longer, an erase that waits for nothing."""
    slow, fast = of("MBus", rig.EVEN, 10), of("P1", rig.P1_RAW, 1)
    assert lost(*slow) == lost(*fast) == 0
    assert lost(*slow, away_ms=60000) > 0 and lost(*fast, away_ms=8000) > 0
    assert lost(*fast, patient=False) > 0
    good = uart.ring
    uart.ring = lambda baud: 256
    try:
        assert lost(*fast) > 0
    finally:
        uart.ring = good
