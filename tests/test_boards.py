"""The supply that a board measures: a gateway as it starts, on a board, with a chip's `machine` made up for the test.

There is no hardware here. What is made up is the far end of the wire: the converter, and the voltage at its pin.
"""

import asyncio

from firmware import port

port.tidy()  # before the imports: what they leave would lie all over a small heap

from board_rig import Machine, folder, made

from firmware import config
from firmware.errors import ConfigError
from firmware.spool import blocks
from firmware.tasks import SUPPLY_S
from firmware.wire import cbor, records


def on_flash(path):
    """What a power cut at this moment leaves: the texts of the events on flash."""
    values, _ = blocks.open_rings(port.flash(path), None, lambda: 0)
    values.inspect()
    rows = [cbor.decode_all(data) for _seq, data in values.read(0)]
    return [row[4] for row in rows if row[0] == records.EVENT]


async def _looked_twice():
    # Or turned: when the second one has begun, all that the first one brought about is done.
    until = Machine.looks + 2
    while Machine.looks < until:
        await asyncio.sleep(SUPPLY_S / 10)


async def _lives(g, path):
    # A calm supply, an event, a supply that sags: what is on flash before, and at the end.
    Machine.supply, Machine.looks = 3300, 0
    running = asyncio.create_task(g.tasks.run())
    try:
        await _looked_twice()
        g.journal.event("test", "must last")
        await _looked_twice()
        before = on_flash(path)
        Machine.supply = 3000
        await _looked_twice()
        return before, on_flash(path)
    finally:
        g.tasks.stop()
        await running


def test_a_supply_that_sags_sends_what_waits_in_ram_to_flash_at_once():
    path = folder("sags", board="pow")
    g = made(path)
    before, after = asyncio.run(_lives(g, path))
    assert before == [] and after == ["must last"]
    assert Machine.looks >= 4 and g.counters["sags"] == 1 and "supply" in g.watch.running


def test_a_gateway_that_does_not_look_loses_it():
    """Known bad: flushed by age only."""
    path = folder("blind", board="pow")
    g = made(path)

    async def by_age():
        while True:
            Machine.looks += 1
            g.tasks.flush_if_due()
            await asyncio.sleep(SUPPLY_S)
    g.tasks.watch_supply = by_age
    assert asyncio.run(_lives(g, path)) == ([], [])


def test_the_reading_is_in_millivolts_behind_the_divider():
    g = made(folder("reads", board="pow"))
    for millivolts, sags in ((3300, False), (3100, False), (3095, True), (0, True)):
        Machine.supply = millivolts
        assert abs(g.supply() - millivolts) <= 5 and g.flush_rule.sags(g.supply()) == sags


def test_without_a_converter_or_without_a_board_nothing_looks():
    for name, settings in (("none", {"board": "pow"}), ("home", {})):
        g = made(folder(name, **settings), None)
        assert g.supply is None and [name for name, _ in g.others] == (["console"] if settings else [])


def test_a_board_that_there_is_not_is_said():
    for board in ("moon", "../pow", "Pow", "os.path", 7):
        try:
            made(folder("wrong", board=board))
            raise AssertionError("taken: %r" % board)
        except ConfigError as e:
            assert "board" in str(e)


def test_with_a_board_a_port_need_not_be_named():
    works = {"window": 3600, "interval": 900}
    radios = [{"radio": "cc1101"}, {"radio": "cul", "port": "usb"}]
    got = config.check({"board": "s3devkit", "han": {}, "radios": radios}, works)
    assert got["han"]["port"] == "board" and [r["port"] for r in got["radios"]] == ["board", "usb"]
    for raw in ({"han": {}}, {"han": {"port": "board"}}, {"radios": [{"radio": "cc1101"}]},
                {"radios": [{"radio": "cul", "port": "board"}]}, {"board": "pow", "han": {"port": "uart:1"}}):
        try:
            config.check(raw, works)
            raise AssertionError("taken: %r" % raw)
        except ConfigError as e:
            assert "port" in str(e)


def test_what_the_boards_file_says_becomes_the_ports():
    radios = [{"radio": "bursts"}, {"radio": "bursts", "port": "usb"}]
    g = made(folder("ports", board="s3devkit", han={}, radios=radios), None)
    assert [where for _, where in g.radios] == ["uart:2:16:17:2400:8N1", "usb:2400:8N1"]
    assert g.config["han"]["port"] == "board" and g.config["han"]["line"] == (1, 18, 8, False, "mbus")
    g = made(folder("pi", board="raspberrypi", han={}), None)
    assert g.config["han"]["port"] == "/dev/serial0"


def test_a_port_that_the_board_does_not_have_is_said():
    for settings, part in (({"board": "tembed", "han": {}}, "HAN"),
                           ({"board": "powu", "radios": [{"radio": "bursts"}]}, "RADIO_UART")):
        try:
            made(folder("lacks" + part, **settings), None)
            raise AssertionError("taken: %r" % settings)
        except ConfigError as e:
            assert str(e) == "board %s: it has no %s" % (settings["board"], part)
