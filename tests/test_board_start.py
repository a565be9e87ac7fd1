"""A gateway as it starts on each board, on a chip that lets no other pin be used than the board's file names."""

import asyncio
import json
import sys

from firmware import port

port.tidy()  # before the imports: what they leave would lie all over a small heap

import board_rig as rig
import fake_machine
from board_rules import boards, load

from firmware import console, quiet
from firmware.wire import cbor, records


class Board:
    """A board of fields."""

    def __init__(self, **fields):
        for name in fields:
            setattr(self, name, fields[name])


def started(name, board, cause=0, state=None, **settings):
    """The gateway of a folder, made on a chip whose pins are the board's; (gateway, chip, what it printed)."""
    path = rig.folder("start" + name, board=settings.pop("named", name), **settings)
    if state is not None:
        port.files.write_whole(path + "/state.json", json.dumps(state).encode())
    chip, lines = fake_machine.Chip(board), []
    chip.cause = cause
    printed, port.print_line = port.print_line, lines.append
    try:
        return rig.made(path, chip), chip, lines
    finally:
        port.print_line = printed


def test_every_board_starts_and_uses_its_own_pins_only():
    for name in boards():
        fields = load(name)
        if fields["CHIP"] == "linux":
            continue
        g, chip, lines = started(name, Board(**fields), **({"han": {}} if "HAN" in fields else {}))
        names = [task for task, _ in g.others]
        assert lines == [] and names == ["console"], name
        for pin, level in fields.get("SET", ()):
            assert chip.levels[pin] == level and chip.taken[pin] == "Pin", (name, pin)
        assert (g.supply is not None) == ("SUPPLY" in fields)
        if "LED" in fields:
            pin, lit = fields["LED"]
            seen = []
            chip.listeners[pin] = seen.append
            sys.modules["machine"] = chip
            try:
                lamp = port.lamp(pin, lit)
                lamp(True)
                lamp(False)
            finally:
                del sys.modules["machine"]
            assert seen == ([b"\x0c\x0c\x0c", bytes(3)] if lit == "rgb" else [lit, 1 - lit]), name


def events(g):
    rows = [cbor.decode_all(data) for _seq, data in g.values.read(0)]
    return [(row[3], row[4]) for row in rows if row[0] == records.EVENT]


def test_a_lamp_at_a_wrong_pin_is_said_and_told_and_the_gateway_goes_on():
    board = Board(**load("c3supermini"))
    sys.modules["firmware.boards.standin"] = Board(**dict(load("c3supermini"), LED=(44, 0)))
    try:
        g, _, lines = started("lamp", board, named="standin")
    finally:
        del sys.modules["firmware.boards.standin"]
    assert len(lines) == 1 and lines[0].startswith("netti: fault 7: board standin: LED: pin 44")
    assert [e for e in events(g) if e[0] == "fault"] == [("fault", lines[0][16:])]


class Absent:
    """firmware/radios/standin.py: a chip that does not answer, until it does."""

    there = False

    class Radio:
        found, rejected = "", 0

        def __init__(self, bus):
            self.bus = bus

        async def run(self, heard, hal):
            if not Absent.there:
                raise OSError("standin: no answer on SPI 1, chip select 7")
            self.found = "standin version 1"
            await asyncio.sleep(3600)


def test_an_absent_chip_is_a_line_an_event_and_blinks_until_it_answers():
    fields = load("c3supermini")
    board = Board(**dict(fields, RADIO=("standin",) + fields["RADIO"][1:]))
    sys.modules["firmware.boards.standin"], sys.modules["firmware.radios.standin"] = board, Absent
    lines, blinks = [], []
    printed, port.print_line = port.print_line, lines.append
    slow = [getattr(console, name) for name in ("ON_S", "OFF_S", "BETWEEN_S", "PAUSE_S", "OVER_S")]
    console.ON_S = console.OFF_S = console.BETWEEN_S = console.PAUSE_S = 0.001
    console.OVER_S = 0
    port.spi_bus = lambda pins: Bus()

    async def lives():
        running = asyncio.create_task(g.tasks.run())
        for there, last in ((False, "netti: ready"), (True, "netti: over 3")):
            Absent.there = there
            while not any(line.startswith(last) for line in lines):
                await asyncio.sleep(0.01)
        g.tasks.stop()
        await running
    Absent.there = False
    try:
        chip = fake_machine.Chip(Board(**fields))
        g = rig.made(rig.folder("absent", board="standin", radios=[{"radio": "standin"}]), chip)
        chip.listeners[8] = blinks.append
        asyncio.run(lives())
    finally:
        port.print_line = printed
        del port.spi_bus  # it was that of port/spi.py
        console.ON_S, console.OFF_S, console.BETWEEN_S, console.PAUSE_S, console.OVER_S = slow
        del sys.modules["firmware.boards.standin"], sys.modules["firmware.radios.standin"]
    text = "standin: no answer on SPI 1, chip select 7"
    told = [line for line in lines if not line.startswith("netti: ready")]
    assert told[:2] == ["netti: fault 3: " + text, "netti: over 3: " + text]
    (ready,) = [json.loads(line[13:]) for line in lines if line.startswith("netti: ready ")]
    assert ready["board"] == "standin" and ready["codes"] == [3] and ready["radio"] == {"standin": ""}
    assert [e for e in events(g) if e[0] == "fault"] == [("fault", text)]
    assert blinks[:6] == [0, 1] * 3  # lit by a low level


class Bus:
    """An SPI bus with nothing behind it."""

    def close(self):
        pass


def test_starts_after_a_loss_of_power_make_it_quiet_and_one_by_hand_does_not():
    board, state = Board(**load("powu")), None
    for n in range(1, quiet.MOST + 2):
        g, _, _ = started("power%d" % n, board, 1, state, named="powu", han={})
        state = g.state
        names = [task for task, _ in g.others]
        assert state["starts"] == n and ("quiet" in names) == (n >= quiet.MOST), n
        saved = json.loads(port.files.read_whole(rig.FOLDER + "-startpower%d/state.json" % n))
        assert saved["starts"] == n
    g, _, _ = started("byhand", board, 5, state, named="powu", han={})
    assert g.state["starts"] == 0 and [task for task, _ in g.others] == ["console"]
    for task in [task for task, _ in started("onpc", None, 0, state, named="powu")[0].others]:
        assert task == "console"


def test_known_bad_a_count_that_a_start_forgets():
    """A gateway whose count is not saved before anything else can fail never goes quiet."""
    board = Board(**load("powu"))
    for n in range(quiet.MOST + 2):
        g, _, _ = started("forgets%d" % n, board, 1, {"starts": 0}, named="powu")
        assert "quiet" not in [task for task, _ in g.others]
