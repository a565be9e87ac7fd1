"""A gateway on a board hears its meter: from the pin to the count of lists, with all its tasks running."""

import asyncio

from firmware import port

port.tidy()  # before the imports: what they leave would lie all over a small heap

import board_rig as rig
import han_vectors as v
from board_rules import boards, load
from fake_machine import Chip
from han_rig import line_of

from han_reader import ports

LISTS = {"mbus": (v.frame(v.LLC + v.kaifa(2)), ports.SETTINGS[0]),
         "p1": (v.telegram(v.P1_LINES), ports.SETTINGS[2]),
         "ttl": (v.frame(v.LLC + v.kaifa(2)), ports.SETTINGS[0])}


class Board:
    """A board of fields."""

    def __init__(self, fields):
        for name in fields:
            setattr(self, name, fields[name])


async def lives(g, chip, line, wire):
    """Until three lists were read, which the meter sends a second after each other; at most a minute of the chip's."""
    running = asyncio.create_task(g.tasks.run())
    try:
        for n in range(1200):
            if n % 20 == 0:
                line.send(wire)
            chip.advance(50000)
            await asyncio.sleep(0.002)
            if g.counters["han"] >= 3:
                return
    finally:
        g.tasks.stop()
        await running


def test_every_board_with_a_han_port_hears_its_meter():
    heard = []
    for name in boards():
        fields = load(name)
        if fields["CHIP"] == "linux" or "HAN" not in fields:
            continue
        chip = Chip(Board(fields))
        rx, inverted, front = fields["HAN"][1], fields["HAN"][3], fields["HAN"][4]
        wire, setting = LISTS[front]
        line = line_of(chip, rx, setting[:4] + (inverted,))
        g = rig.made(rig.folder("han" + name, board=name, han={}), chip)
        good = port.print_line, port.uart.LOOK_S
        port.print_line, port.uart.LOOK_S = lambda text: None, 0.001
        try:
            with chip:
                asyncio.run(lives(g, chip, line, wire))
        finally:
            port.print_line, port.uart.LOOK_S = good
        assert g.counters["han"] >= 3 and g.han.bytes >= 3 * len(wire) and chip.lost == 0, (name, g.counters)
        assert g.han.setting == setting[:4] + (inverted,) and not chip.uarts, name
        heard.append(name)
    assert len(heard) >= 6
