"""A chip's UART: what comes is read, in time or not; the line's level, its setting, breaks; who has which pin.

The far end is a simulated line (fake_machine.py) whose bytes come at its own baud rate and are lost where there is no
room for them.
"""

import asyncio

import han_vectors as v
from fake_machine import DEFAULT_TX, FIFO, Chip, Line, PinError, bits_of, frame_bits
from simulated import Core
from support import skip

from firmware import port
from firmware.port import uart
from han_reader import Reader, ports

LISTS = [v.frame(v.LLC + apdu) for apdu in (v.aidon(1), v.aidon(2), v.aidon(3), v.kaifa(2), v.kamstrup(2))]


class Board:
    """A board with a HAN port at UART 1."""

    HAN = (1, 20, 21, False, "mbus")
    LED = (8, 0)


def opened(chip, spec):
    """A Uart on a chip."""
    with chip:
        return uart.Uart(spec)


def taken(line_uart):
    """All that is to be had now."""
    out, buffer = b"", bytearray(100)
    while True:
        n = line_uart.take(buffer)
        if not n:
            return out
        out += bytes(buffer[:n])


def looked_at(chip, line_uart, every_us, until):
    """What is read by looking every so many microseconds."""
    out = taken(line_uart)
    while chip.us < until:
        chip.advance(every_us)
        out += taken(line_uart)
    return out


def spec_of(setting):
    """The `uart:` of a setting of ports.SETTINGS, on the board."""
    baud, bits, parity, stop, inverted = setting
    return "uart:1:20:21:%d:%d%s%d%s" % (baud, bits, parity, stop, ":inverted" if inverted else "")


def wired(chip, setting):
    """A line in that setting."""
    baud, bits, parity, stop, inverted = setting
    return Line(chip, 20, baud, bits, {"N": None, "E": 0}[parity], stop, inverted)


def seven(data, setting):
    """The data as the setting can carry it."""
    return bytes([b & 127 for b in data]) if setting[1] == 7 else data


def test_what_comes_is_read_in_every_setting():
    for setting in ports.SETTINGS:
        chip = Chip(Board)
        line = wired(chip, setting)
        one = opened(chip, spec_of(setting))
        data = seven(b"".join(LISTS), setting)
        until = line.send(data)
        assert looked_at(chip, one, 50000, until) == data and chip.lost == 0 and one.resets == 0


def test_the_ring_holds_what_comes_while_the_loop_is_away():
    """The longest list of 2400 baud, 722 bytes, and a P1 telegram of 1,505 bytes each second."""
    for setting, size, every in ((ports.SETTINGS[0], 722, 0), (ports.SETTINGS[1], 722, 0),
                                 (ports.SETTINGS[5], 722, 0), (ports.SETTINGS[3], 1505, 1000000)):
        chip = Chip(Board)
        line = wired(chip, setting)
        one = opened(chip, spec_of(setting))
        data = bytes(range(256)) * 6
        for n in range(8):
            until = line.send(data[:size], n * every)
        out = b""
        while chip.us <= until:
            chip.advance(uart.AWAY_MS * 1000)
            out += taken(one)
        assert out == data[:size] * 8 and chip.lost == 0 and one.overruns == 0, setting


def lost_with(ring, away_us):
    """(bytes lost, overruns seen) of eight long lists read every so many microseconds, with a ring of another size."""
    good = uart.ring
    uart.ring = lambda baud: ring or good(baud)
    try:
        chip = Chip(Board)
        line = wired(chip, ports.SETTINGS[0])
        one = opened(chip, spec_of(ports.SETTINGS[0]))
    finally:
        uart.ring = good
    until = line.send(bytes(722 * 8))
    read = looked_at(chip, one, away_us, until)
    assert len(read) + chip.lost == 722 * 8
    return chip.lost, one.overruns


def test_the_far_end_has_teeth():
    """Known bad: MicroPython's ring of 256 bytes, a loop that comes late; a ring and a loop as they should be."""
    lost, seen = lost_with(256, 2000000)
    assert lost > 0 and seen > 0
    lost, seen = lost_with(0, 8000000)
    assert lost > 0 and seen > 0
    assert lost_with(0, uart.AWAY_MS * 1000) == (0, 0)


def test_a_flash_operation_is_longer_than_the_fifo_at_115200_baud():
    """45 ms without interrupts: 128 bytes are what the hardware keeps. At 2400 baud the longest erase is no matter."""
    chip = Chip(Board)
    line = wired(chip, ports.SETTINGS[3])
    one = opened(chip, spec_of(ports.SETTINGS[3]))
    line.send(bytes(1505))
    chip.advance(20000)
    chip.stall(45000)
    assert chip.lost >= 518 - FIFO
    chip = Chip(Board)
    line = wired(chip, ports.SETTINGS[0])
    one = opened(chip, spec_of(ports.SETTINGS[0]))
    until = line.send(bytes(722))
    while chip.us < until:
        chip.stall(400000)
        taken(one)
    assert chip.lost == 0


def test_an_inverted_line_needs_inversion():
    """Known bad: read as it comes."""
    inverted = ports.SETTINGS[3]
    for setting, good in ((inverted, True), (inverted[:4] + (False,), False)):
        chip = Chip(Board)
        line = wired(chip, inverted)
        one = opened(chip, spec_of(setting))
        until = line.send(v.telegram(v.P1_LINES))
        assert (looked_at(chip, one, 50000, until) == v.telegram(v.P1_LINES)) == good
        assert (one.breaks > 0) != good


def test_after_an_overrun_or_a_break_the_uart_is_made_anew():
    chip = Chip(Board)
    line = wired(chip, ports.SETTINGS[0])
    one = opened(chip, spec_of(ports.SETTINGS[0]))
    until = line.send(bytes(5000))
    chip.advance(until)
    before = chip.uarts[1]
    assert uart.ring(2400) <= len(taken(one)) <= uart.ring(2400) + FIFO and chip.lost > 0
    assert (one.resets, one.overruns, one.breaks) == (1, 1, 0) and chip.uarts[1] is not before
    line.cut()
    for _ in range(uart.CALM):
        assert taken(one) == b"" and one.resets == 1
    assert taken(one) == b"" and (one.resets, one.overruns, one.breaks) == (2, 1, 1)
    until = line.send(LISTS[0])
    assert looked_at(chip, one, 50000, until) == LISTS[0] and one.resets == 2


def test_a_line_full_of_breaks_does_not_cost_a_driver_each():
    chip = Chip(Board)
    line = wired(chip, ports.SETTINGS[0])
    one = opened(chip, "uart:1:20:21:115200:8N1")
    line.send(bytes(range(240)) * 10)
    looked_at(chip, one, 50000, 10000000)
    assert 0 < one.resets <= 10


def test_only_what_the_board_names_is_used():
    chip = Chip(Board)
    wired(chip, ports.SETTINGS[0])
    for bad in ("uart:1:8:21:2400:8E1", "uart:1:20:8:2400:8E1", "uart:1:7:21:2400:8E1", "uart:3:20:21:2400:8E1",
                "uart:1:20:21:2400:9E1", "uart:1:20", "uart:1:20:21:2400:8X1"):
        try:
            opened(chip, bad)
            raise AssertionError("taken: " + bad)
        except OSError as e:
            assert "uart" in str(e)
    one = opened(chip, "uart:1:20:21:2400:8E1")
    assert sorted(chip.taken) == [20, 21]
    one.close()
    assert not chip.taken and not chip.uarts
    try:
        with Chip(None, names=("Pin",)):
            uart.Uart("uart:1:20:21:2400:8E1")
        raise AssertionError("taken")
    except OSError as e:
        assert "there is no UART here" in str(e)


def test_without_tx_the_default_one_must_be_free():
    """MicroPython's ESP32 takes pin 10 or 17 for the TX of a UART that is given none. It is let go of again, so that
    the supply can be measured there."""
    class Clash(Board):
        RADIO_UART = (2, 4, DEFAULT_TX[1])

    class Measured(Board):
        SUPPLY = (DEFAULT_TX[1], 33, 22)
    for board in (Board, Measured):
        chip = Chip(board)
        wired(chip, ports.SETTINGS[0])
        with chip:
            one = uart.Uart("uart:1:20:-:2400:8E1")
            one.take(bytearray(1))
            one._reset()
            assert not chip.strays
            if board is Measured:
                assert chip.ADC(10).read_uv() == 0
    chip.strays.add(10)
    try:
        chip.ADC(10).read_uv()
        raise AssertionError("measured")
    except PinError:
        pass
    try:
        opened(Chip(Clash), "uart:1:20:-:2400:8E1")
        raise AssertionError("taken")
    except OSError as e:
        assert "takes pin 10" in str(e)


def test_boards_with_two_parts_at_one_pin_are_refused():
    class Clash(Board):
        LED = (20, 1)
    for board, good in ((Board, True), (Clash, False)):
        try:
            Chip(board)
            assert good
        except PinError:
            assert not good


def test_a_uart_that_cannot_invert_says_so():
    chip = Chip(Board)
    del chip.UART
    with chip:
        assert port.inverts() is None

    class Plain:
        pass
    chip.UART = Plain
    with chip:
        assert port.inverts() is False
        try:
            uart.Uart("uart:1:20:21:2400:8E1:inverted")
            raise AssertionError("taken")
        except OSError as e:
            assert "no inverted line" in str(e)
    with Chip(Board):
        assert port.inverts() is True


def test_a_stream_reads_writes_and_closes():
    async def go():
        stream, end = await port.open_stream("uart:1:20:21:2400:8E1")
        line.send(b"abc", 0)
        chip.advance(20000)
        got = await stream.read(10)
        end.write(b"\xff\x03")
        await end.drain()
        await port.close(end)
        return got
    chip = Chip(Board)
    line = wired(chip, ports.SETTINGS[0])
    with chip:
        assert asyncio.run(go()) == b"abc"
    assert line.sent == b"\xff\x03" and not chip.taken


def test_bytes_in_another_setting_are_what_a_uart_makes_of_them():
    """A parity bit is the eighth data bit of who reads seven bits with parity as eight without."""
    data = bytes(range(128))
    assert frame_bits(bits_of(data, (0, 7, 0, 1, False)), (0, 7, 0, 1, False)) == data
    as_eight = frame_bits(bits_of(data, (0, 7, 0, 1, False)), (0, 8, None, 1, False))
    assert bytes([b & 127 for b in as_eight]) == data and as_eight[1] == 0x81 and as_eight[3] == 3


def test_nothing_is_allocated_until_a_message_is_whole():
    """UART to reader with the heap locked, byte by byte and in pieces."""
    try:
        from micropython import heap_lock, heap_unlock
    except ImportError:
        skip("a heap is locked on MicroPython only")
    for us in (4000, 50000):
        assert locked_path(us, heap_lock, heap_unlock, False)
        assert not locked_path(us, heap_lock, heap_unlock, True)  # known bad: as bytes


def locked_path(us, heap_lock, heap_unlock, as_bytes):
    """Whether a list's way into the reader, all but its end, needs no memory."""
    chip = Chip(Board)
    chip.frugal = True
    line = wired(chip, ports.SETTINGS[0])
    one = opened(chip, spec_of(ports.SETTINGS[0]))
    reader = Reader()
    reader.feed(LISTS[1])  # its code and its buffers are there
    buffer = bytearray(256)
    until = line.send(LISTS[1])
    chip.advance(0)
    held = 0
    while chip.us + us < until - 20000:
        chip.advance(us)
        heap_lock()
        try:
            count = one.take(buffer)
            if as_bytes:
                reader.feed(bytes(buffer[:count]))
            else:
                reader.feed(buffer, count)
            held += count
        except MemoryError:
            return False
        finally:
            heap_unlock()
    chip.frugal = False
    chip.advance(1000000)
    count = one.take(buffer)
    assert held > len(LISTS[1]) * 3 // 4
    return reader.feed(buffer, count) == [LISTS[1]]


def test_a_core_runs_one_at_a_time():
    """Who holds the core makes the others late."""
    chip = Chip()
    core = Core(chip)
    seen = []

    async def ticks():
        while True:
            seen.append(chip.us)
            await core.sleep(0.01)

    async def holds():
        await core.sleep_us(15000)
        chip.advance(30000)
    core.start(ticks())
    core.start(holds())
    core.run(60000)
    core.close()
    assert seen == [0, 10000, 45000, 55000] and chip.us == 60000
