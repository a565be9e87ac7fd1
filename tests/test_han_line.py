"""A HAN port at a chip's UART: the setting is found, kept and left; losses are counted; flash waits for P1."""

import gc
import json

from firmware import port

port.tidy()  # before the imports: what they leave would lie all over a small heap

import han_vectors as v
from han_rig import P1, Home, MBus, Pin, Upright

from firmware.port import files
from firmware.spool import nor
from han_reader.ports import DWELL_S, SETTINGS, behind, upright

SECOND = 1000000
FILE = "/tmp/netti-test-han-line-" + ("mp" if port.MICROPYTHON else "c")
LIST = v.frame(v.LLC + v.kaifa(2))
KAMSTRUP = v.frame(v.LLC + v.kamstrup(2))
TELEGRAM = v.telegram(v.P1_LINES)


def sending(home, wire, every, count, begin=0):
    """Queue a list so many times."""
    for n in range(count):
        home.line.send(wire, int((begin + n * every) * SECOND))


def test_settings_are_those_that_can_come_through_the_front_end():
    for inverts in (True, False):
        assert behind("mbus", False, inverts) == [SETTINGS[0], SETTINGS[1]]
        assert behind("rs232", False, inverts) == upright()
        assert [s[:4] for s in behind("p1", False, inverts)] == [(115200, 8, "N", 1), (9600, 7, "E", 1),
                                                                (38400, 8, "N", 1), (115200, 7, "E", 1)]
    assert behind("p1", True, False) == behind("mbus", True, False) == []
    assert [s[4] for s in behind("p1", True, True)] == [True] * 4 and not any(s[4] for s in behind("p1", False, True))
    assert behind("ttl", False, True) == list(SETTINGS) and behind("ttl", False, False) == upright()
    assert behind("mbus", True, True) == [(2400, 8, "E", 1, True), (2400, 8, "N", 1, True)]


def test_the_setting_is_found_and_kept():
    """Each within a turn of the search; after a restart at once."""
    for board, setting, wire in ((MBus, SETTINGS[0], LIST), (MBus, SETTINGS[1], KAMSTRUP), (P1, SETTINGS[3], TELEGRAM),
                                 (P1, SETTINGS[4], TELEGRAM), (Upright, SETTINGS[2], TELEGRAM),
                                 (Upright, SETTINGS[6], LIST), (Upright, SETTINGS[7], TELEGRAM),
                                 (Pin, SETTINGS[5], KAMSTRUP), (Pin, SETTINGS[3], TELEGRAM)):
        gc.collect()
        home = Home(board, setting)
        turn = DWELL_S * len(behind(board.HAN[4], board.HAN[3], True)) + 40
        sending(home, wire, 10, turn // 10)
        home.run(turn * SECOND)
        assert tuple(json.loads(home.saved)["setting"]) == setting, setting
        assert list(home.messages) == [wire.rstrip(b"\r\n")] and home.counts["han"] >= 2, setting
        assert "uart_breaks" not in home.counts
        home.close()
        again = Home(board, setting, home.saved)
        home = None
        gc.collect()
        sending(again, wire, 10, 3)
        again.run(30 * SECOND)
        assert again.counts == {"han": 3}
        again.close()


def test_a_port_that_needs_inversion_is_not_found_without_it():
    """Known bad: a board's file that says nothing of it."""
    home = Home(Upright, SETTINGS[3])
    sending(home, TELEGRAM, 10, 30)
    home.run(300 * SECOND)
    assert home.messages == {} and home.saved is None
    home.close()


def test_a_chip_that_cannot_invert_says_so():
    home = Home(P1, SETTINGS[3])

    class Plain:
        pass
    home.chip.UART = Plain
    home.run(SECOND)
    assert home.ended == "uart 1 takes no inverted line"


def test_a_pin_that_somebody_else_has_is_said():
    home = Home(MBus, SETTINGS[0])
    home.chip.taken[20] = "Pin"
    home.run(SECOND)
    assert home.ended == "uart 1: pin 20: Pin has it, UART(1) wants it"


def test_what_is_lost_is_counted_and_costs_no_later_list():
    """A loop that is away for half a minute, and a break: counted, the UART made anew, the reader begun anew."""
    home = Home(MBus, SETTINGS[0], json.dumps({"setting": SETTINGS[0]}).encode())
    sending(home, LIST, 2, 40)
    home.run(5 * SECOND)
    assert home.heard == 3
    home.chip.advance(30 * SECOND)
    home.run(61 * SECOND)
    assert home.counts["uart_overruns"] == 1 and home.chip.lost > 0
    before = home.heard
    home.line.cut()
    home.run(82 * SECOND)
    assert home.counts["uart_breaks"] == 1 and home.heard - before == 9
    home.close()


def test_a_loop_that_is_away_is_no_pause_of_the_line():
    """What came before it and what came meanwhile are one list; a pause of the line ends one."""
    home = Home(MBus, SETTINGS[0], json.dumps({"setting": SETTINGS[0]}).encode())
    sending(home, LIST, 10, 2, 1)
    home.run(1200000)
    home.chip.advance(3 * SECOND)
    home.run(9 * SECOND)
    assert home.heard == 1
    home.run(13 * SECOND)
    home.line.send(LIST[:60], 20 * SECOND)
    home.line.send(LIST[60:], 24 * SECOND)
    home.line.send(LIST, 28 * SECOND)
    home.run(32 * SECOND)
    assert home.heard == 3 and home.han.rejected() > 0
    home.close()


def test_a_line_that_has_gone_silent_is_opened_again_and_counted():
    home = Home(MBus, SETTINGS[0])
    sending(home, LIST, 2, 5)
    home.run(200 * SECOND)
    before = home.chip.uarts[1]
    assert "uart_silent" not in home.counts
    home.run(300 * SECOND)
    assert home.counts["uart_silent"] == 1 and home.chip.uarts[1] is not before
    sending(home, LIST, 2, 60, 310)
    home.run(440 * SECOND)
    assert home.heard > 30 and home.counts["uart_silent"] == 1
    home.close()


def erased(every, with_hook, seconds=300):
    """(lists lost, erases) of a P1 meter where flash is erased every so often, at any time, in `seconds`."""
    home = Home(P1, SETTINGS[3], json.dumps({"setting": SETTINGS[3]}).encode())
    wire = v.telegram(v.P1_LINES * 4)
    sending(home, wire, every, seconds // every)
    erases = []

    class Device:
        def ioctl(self, op, arg):
            if op == 6:
                erases.append(arg)
                home.chip.stall(45000)
            return 16

    async def work():
        flash = nor.Flash(Device())
        while True:
            await home.core.sleep_us(1370000 + len(erases) * 7919 % 500000)
            if len(erases) % 2:
                flash.erase(1)
            else:  # a file system's
                files.write_here(FILE, b"")
                home.chip.stall(45000)
                erases.append(0)
    home.core.start(work())
    if not with_hook:
        home.impatient()
    home.run((seconds + 2) * SECOND)
    home.close()
    assert nor.before_erase == files.before_erase == []
    return seconds // every - home.heard, len(erases)


def test_an_erase_waits_for_a_fast_line():
    for every in (1, 10):
        lost, erases = erased(every, True)
        assert lost == 0 and erases > 100


def test_an_erase_that_does_not_wait_loses_lists():
    """Known bad."""
    assert erased(1, False)[0] > 10 and erased(10, False)[0] > 0


def test_a_slow_line_needs_no_waiting():
    home = Home(MBus, SETTINGS[0])
    home.run(SECOND)
    assert nor.before_erase == []
    home.close()
