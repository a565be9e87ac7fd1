"""HDLC and wired M-Bus framing: every message whole, byte by byte, between noise, and with every bit flipped."""

import han_vectors as v
from support import skip

import han_reader
from han_reader import accel, framing, mbus

NOISE = b"\x00\xff\x7e\x7e\xa0\x2a~~/KF\x68\x05\x05\x11\x7e\xa1\x02\x03\x0f"


def read(data, size=None):
    """What a fresh reader gives for data, fed whole or in chunks."""
    reader = han_reader.Reader()
    if size is None:
        return list(reader.feed(data))
    out = []
    for i in range(0, len(data), size):
        out += reader.feed(data[i:i + size])
    return out


def every_way(wire, message=None):
    """Feed one message in every way; each must give it once, unchanged."""
    message = wire if message is None else message
    assert read(wire) == [message]
    assert read(wire, 1) == [message]
    assert read(wire, 7) == [message]
    assert read(NOISE + wire + NOISE, 5) == [message]
    assert read(wire + wire) == [message, message]


def accepted_flips(wire):
    """The bits of a message that may be flipped without the message being refused."""
    accepted = []
    for i in range(len(wire) * 8):
        bad = bytearray(wire)
        bad[i // 8] ^= 1 << i % 8
        if read(bytes(bad)):
            accepted.append(i)
    return accepted


def test_one_frame():
    every_way(v.frame(v.LLC + v.aidon(1)))
    every_way(v.frame(v.LLC + v.kaifa(2), b"\x01\x02\x01", 0x10))
    every_way(v.frame(v.LLC + v.kamstrup(2), b"\x2b\x21"))


def test_addresses_of_four_bytes():
    every_way(v.frame(v.LLC + v.kaifa(1), b"\x02\x04\x06\x09\x02\x04\x06\x0b"))


def test_flags_inside_a_frame():
    """The meters do not stuff bytes: 7E and 7D in the data are data."""
    data = v.notification(v.structure(v.u32(0x7E7EA07E), v.u32(0x7D7D5E7E), v.octets(b"\x7e\xa0\x2a\x41\x08\x83\x13")))
    every_way(v.frame(v.LLC + data))


def test_shared_flag():
    one = v.frame(v.LLC + v.aidon(1))
    assert read(one[:-1] + one) == [one, one]
    assert read(one[:-1] + one, 1) == [one, one]


def test_every_bit_flipped_is_refused():
    assert accepted_flips(v.frame(v.LLC + v.kaifa(1))) == []
    assert accepted_flips(v.long_frames(v.kaifa(1), 200)[0]) == []


def test_the_flip_test_has_teeth():
    """Known-bad: a reader that takes any check sequence for right lets flips through."""
    good = accel.x25_ok
    try:
        accel.x25_ok = lambda data, start, end: True
        assert accepted_flips(v.frame(v.LLC + v.kaifa(1))) != []
    finally:
        accel.x25_ok = good


def test_every_cut_is_refused():
    wire = v.frame(v.LLC + v.kaifa(1))
    for n in range(len(wire)):
        assert read(wire[:n]) == []
        if n:
            assert read(wire[n:]) == []


def test_a_damaged_frame_costs_only_itself():
    one = v.frame(v.LLC + v.kamstrup(1))
    two = v.frame(v.LLC + v.kaifa(1))
    bad = bytearray(one)
    bad[100] ^= 0x10
    assert read(bytes(bad) + two) == [two]
    assert read(one[:90] + one[91:] + two + one, 1) == [two, one]  # a lost byte: the length reaches into the next frame
    assert read(one[:90] + b"\x55" + one[90:] + two + one, 3) == [two, one]


def test_a_wrong_length_holds_the_line_for_one_frame_only():
    """A header check is made before the length is believed."""
    two = v.frame(v.LLC + v.kaifa(1))
    assert read(b"\x7e\xa7\xff\x41\x08\x83\x13\x00\x00" + two) == [two]


def test_a_check_of_zero_is_a_value():
    """The last two bytes of the data are chosen so that the FCS comes out as 0000."""
    head = v.frame(v.LLC + v.notification(v.structure(v.octets(bytes(4)))))
    for n in range(65536):
        body = head[1:-5] + bytes((n >> 8, n & 255))
        if accel.x25(body, 0, len(body)) == 0:
            assert read(b"\x7e" + body + b"\x00\x00\x7e") == [b"\x7e" + body + b"\x00\x00\x7e"]
            assert read(b"\x7e" + body + b"\x00\x01\x7e") == []
            return
    raise AssertionError("no frame with a check of zero")


def test_segments():
    apdu = v.aidon(3)
    for size in (50, 161):
        wire = v.segments(apdu, size)
        every_way(wire)
        assert framing.unwrap(wire) == (apdu, 0, len(apdu), False)
        every_way(v.segments(apdu, size, counting=True))
    assert read(v.segments(apdu, 161, shared=True)) == [v.segments(apdu, 161)]


def test_segments_that_break_off_give_nothing():
    apdu = v.aidon(3)
    wire = v.segments(apdu, 161, counting=True)
    parts = read_frames(wire)
    assert len(parts) > 2
    next_one = v.frame(v.LLC + v.kaifa(1))
    assert read(parts[0] + parts[2]) == []
    assert read(b"".join(parts[1:])) == []
    assert read(b"".join(parts[:-1])) == []
    assert read(parts[0] + next_one) == [next_one]
    assert read(parts[0] + wire) == [wire]
    reader = han_reader.Reader()
    reader.feed(b"".join(parts[:-1]))
    reader.reset()  # the line has been idle too long
    assert reader.feed(parts[-1]) == []
    assert reader.rejects["segment"] == 1


def read_frames(wire):
    """The single frames of a segmented message."""
    out = []
    at = 0
    while at < len(wire):
        n = ((wire[at + 1] & 7) << 8 | wire[at + 2]) + 2
        out.append(wire[at:at + n])
        at += n
    return out


def test_blocks():
    apdu = v.aidon(3)
    parts = v.blocks(apdu, 120)
    wire = b"".join(parts)
    every_way(wire)
    assert framing.unwrap(wire) == (apdu, 0, len(apdu), False)
    assert read(parts[0] + parts[2]) == []
    assert read(wire[len(parts[0]):]) == []
    assert read(parts[0] + parts[0] + b"".join(parts[1:])) == [wire]
    refused(framing.unwrap, parts[0])
    refused(framing.unwrap, parts[1] + parts[2])
    refused(framing.unwrap, wire + parts[0])


def refused(function, data):
    """The reason a function gives for not reading data."""
    try:
        function(data)
    except han_reader.DecodeError as e:
        return e.reason
    raise AssertionError("accepted")


def test_long_frames():
    apdu = v.aidon(3)
    for size in (100, 240, 252):
        wire = b"".join(v.long_frames(apdu, size))
        every_way(wire)
        assert mbus.unwrap(wire) == apdu
    parts = v.long_frames(apdu, 100)
    assert read(parts[0] + parts[2] + parts[3]) == []
    assert read(b"".join(parts[1:])) == []
    assert refused(mbus.unwrap, b"".join(parts[1:])) == "segment out of order"
    assert refused(mbus.unwrap, parts[0]) == "segments missing"


def test_a_long_stream_with_faults():
    """Of a stream with bytes flipped, lost and doubled, every frame that was not touched comes out, in order."""
    state = 7
    frames = [v.frame(v.LLC + apdu) for apdu in (v.aidon(1), v.kaifa(2), v.kamstrup(1), v.kaifa(1))]
    frames.append(v.telegram(v.P1_LINES[:9])[:-2] + b"\r\n")
    wire = b""
    wanted = []
    for n in range(150):
        one = frames[n % 5]
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        at = 1 + (state >> 8) % (len(one) - 3)
        fault = (state >> 20) % 6
        if fault == 0:
            one = one[:at] + bytes((one[at] ^ 0x41,)) + one[at + 1:]
        elif fault == 1:
            one = one[:at] + one[at + 1:]
        elif fault == 2:
            one = one[:at] + one[at - 1:]
        else:
            wanted.append(one.rstrip(b"\r\n"))
        wire += one
    for size in (1, 16, 1000):
        got = read(wire, size)
        assert [m for m in got if m in wanted] == wanted
        assert len(got) == len(wanted)


def test_bounds():
    """Neither a long announcement nor endless segments make the reader grow."""
    reader = han_reader.Reader()
    piece = v.frame(v.LLC + bytes(1000), more=True)
    for _ in range(3):
        reader.feed(piece)
    more = v.frame(bytes(1500), more=True)
    for _ in range(10):
        assert reader.feed(more) == []
    assert reader.rejects["overrun"] > 0
    for _ in range(3):
        reader.feed(b"/ABC" + b"x" * 3000)
    one = v.frame(v.LLC + v.kaifa(1))
    assert list(reader.feed(one)) == [one]


def test_the_largest_frame():
    """2047 bytes between the flags are read, whole and byte by byte; that is all the length field can say."""
    room = framing.MAX_FRAME - 2 - 3 - 1 - 2 - 2 - 3 - 6
    strings = v.structure(*[v.octets(bytes(120))] * 16)
    apdu = v.notification(strings)
    for size in (len(apdu), room + 6):
        wire = v.frame(v.LLC + apdu + bytes(size - len(apdu)))
        every_way(wire)
    assert len(wire) == framing.MAX_FRAME + 2
    # The one before it, damaged, costs no more than itself.
    assert read(wire[:-200] + b"\x55" + wire[-199:] + wire + wire, 64) == [wire, wire]


def test_the_largest_message():
    """4 KiB of segments or blocks are a message, one byte more is none; what follows is read."""
    after = v.frame(v.LLC + v.kaifa(1))
    for make in (lambda apdu: v.segments(apdu, 1000), lambda apdu: b"".join(v.long_frames(apdu, 252))):
        largest = 3700
        while len(make(bytes(largest + 1))) <= framing.MAX_MESSAGE:
            largest += 1
        wire = make(bytes(largest))
        assert len(wire) >= framing.MAX_MESSAGE - 12
        assert read(wire + after, 100) == [wire, after]
        assert read(make(bytes(largest + 1)) + after, 100) == [after]


def test_memory_stays_the_same():
    """Noise, half frames and endless segments leave the reader no larger. Known bad: one that keeps what it hears."""
    reader = han_reader.Reader()
    hoard = 0
    for n in range(1, 200):
        more = v.frame(v.LLC + bytes(5 * n), more=True)
        for data in (NOISE, more, b"/ABC5" + b"x" * n, v.long_frames(bytes(n), 60)[0], more[1:]):
            reader.feed(data)
            hoard += len(data)
            assert held(reader) <= 2 * 4096 + 2047
    assert hoard > 2 * 4096 + 2047


def held(reader):
    """The bytes a reader keeps."""
    parts = sum([len(part) for part in reader._hdlc._parts])
    for assembler in reader._mbus:
        parts += sum([len(part) for part in assembler._parts])
    return len(reader._buffer) + parts


def test_nothing_is_allocated_per_byte():
    """On the device a byte that completes nothing costs no memory, with the fast copying and with the plain one."""
    nothing_allocated(accel.copy)
    nothing_allocated(accel.copy_bytes)


def test_the_allocation_test_has_teeth():
    """Known bad: copying by a slice."""
    try:
        nothing_allocated(accel.copy_plain)
    except MemoryError:
        return
    raise AssertionError("not seen")


def nothing_allocated(copy):
    """Feed messages byte by byte with the heap locked."""
    try:
        from micropython import heap_lock, heap_unlock
    except ImportError:
        skip("a heap is locked on MicroPython only")
    good = accel.copy
    accel.copy = copy
    try:
        for wire in (v.frame(v.LLC + v.aidon(3)), v.long_frames(v.kaifa(2), 200)[0], v.telegram(v.P1_LINES)):
            one_by_one(wire, heap_lock, heap_unlock)
    finally:
        accel.copy = good


def one_by_one(wire, heap_lock, heap_unlock):
    """Feed one message, all but its end byte by byte with the heap locked."""
    reader = han_reader.Reader()
    reader.feed(wire)
    reader.reset()
    chunks = [wire[i:i + 1] for i in range(len(wire) - 9)]
    held = 0
    for chunk in chunks:
        heap_lock()
        try:
            reader.feed(chunk)
            held += 1
        finally:
            heap_unlock()
    assert held == len(chunks)
    (message,) = reader.feed(wire[len(chunks):])
    assert message == wire.rstrip(b"\r\n")
