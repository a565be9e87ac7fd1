"""A radio's module at a chip's UART: its scene on the simulated chip of fake_machine.py, whose ring overruns."""

from fake_machine import Chip, Line
from radio_scene import Scene

from firmware.port.uart import Uart

ANSWER_US = 20000


class Board:
    """A board with a radio module at UART 1."""

    RADIO_UART = (1, 4, 5)


class Soldered(Scene):
    """A radio at a chip's UART, its far end at the other end of the line."""

    def __init__(self, name, **known_bad):
        Scene.__init__(self, name, **known_bad)
        self.baud = int(self.radio.LINE.split(":")[0])
        self.chip = Chip(Board)
        self.line = Line(self.chip, 4, self.baud)
        self.line.heard = self.answer
        with self.chip:
            self.uart = Uart("uart:1:4:5:" + self.radio.LINE)

    def answer(self, data):
        self.line.send(self.end.take(data), self.chip.us + ANSWER_US)

    def turn(self, ms=50):
        out = self.radio.poll(self.chip.ms())
        if out:
            self.uart.write(out)
        self.chip.advance(ms * 1000)
        self.now = self.chip.ms()
        buffer = bytearray(256)
        n = self.uart.take(buffer)
        while n:
            self.feed(bytes(buffer[:n]))
            n = self.uart.take(buffer)
