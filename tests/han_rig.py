"""A gateway's HAN port at the UART of a simulated chip, for tests and benchmarks of both runtimes.

`Home(board, setting)` is the port with the meter's line in that setting; `run(until)` lets time pass for it and for
whatever else was started on `core`. `heard` counts the whole messages that the port's reader gave, `messages` says how
often it gave each.
"""

from fake_machine import Chip, Line
from simulated import Core

from firmware import port
from firmware.clock import Clock
from firmware.home import han_port
from firmware.port import uart


class MBus:
    """A board with a slave chip on the HAN port."""

    HAN = (1, 20, None, False, "mbus")


class P1:
    """A board that sees the P1 line as it is: inverted."""

    HAN = (1, 20, None, True, "p1")


class Upright:
    """A board that turns the P1 line back."""

    HAN = (1, 20, None, False, "p1")


class Pin:
    """A board with a mere pin."""

    HAN = (1, 20, 21, False, "ttl")


def line_of(chip, rx, setting):
    """The far end, in a setting of ports.SETTINGS."""
    baud, bits, parity, stop, inverted = setting
    return Line(chip, rx, baud, bits, {"N": None, "E": 0}[parity], stop, inverted)


class Home:
    """One HAN port; `costs(message)` is how many microseconds its decoding holds the core."""

    def __init__(self, board, setting, saved=None, costs=None, keys=(None, None), p1_without_crc=False):
        self.chip = Chip(board)
        self.core = Core(self.chip)
        self.line = line_of(self.chip, board.HAN[1], setting)
        self.messages = {}
        self.heard = 0
        self.counts = {}
        self.saved = saved
        self.ended = ""
        self.away_us = 0  # the longest that the line was not looked at
        self._patient = True
        config = {"port": "board", "line": board.HAN, "ek": keys[0], "ak": keys[1], "p1_without_crc": p1_without_crc}
        self.han = han_port.HanPort(config, Clock(self.chip.ms, 0), saved, self._save, lambda *hour: None, self._count)
        feed = self.han.reader.feed

        def heard(data, count=-1):
            messages = feed(data, count)
            for message in messages:
                self.heard += 1
                self.messages[message] = self.messages.get(message, 0) + 1
                if costs is not None:
                    self.chip.advance(costs(message))
            return messages
        self.han.reader.feed = heard
        self.core.start(self._port())

    def _save(self, data):
        self.saved = data

    def _count(self, name, n=1):
        self.counts[name] = self.counts.get(name, 0) + n

    async def _port(self):
        try:
            await self.han.run()
            self.ended = "ended"
        except OSError as e:
            self.ended = str(e)

    def run(self, until):
        """Let time pass up to then, in microseconds."""
        core, chip = self.core, self.chip

        async def rest(_line):
            before = chip.us
            await core.sleep_us(int(uart.LOOK_S * 1000000))
            self.away_us = max(self.away_us, chip.us - before)

        async def close(end):
            end.close()
        before = port.real_ms, port.uptime_ms, port.sleep, port.close, uart.Uart.rest, uart.pause, uart.Uart.let_pass
        port.real_ms = port.uptime_ms = chip.ms
        port.sleep, port.close = core.sleep, close
        uart.Uart.rest, uart.pause = rest, lambda ms: chip.advance(ms * 1000)
        if not self._patient:
            uart.Uart.let_pass = lambda line, most_ms: None
        try:
            with chip:
                core.run(until)
        finally:
            (port.real_ms, port.uptime_ms, port.sleep, port.close, uart.Uart.rest, uart.pause,
             uart.Uart.let_pass) = before

    def impatient(self):
        """Let nothing wait for the line: known bad."""
        self._patient = False

    def close(self):
        """End it."""
        before = port.close

        async def close(end):
            end.close()
        port.close = close
        try:
            self.core.close()
        finally:
            port.close = before
