"""Mode S, wired M-Bus and messages in several frames."""

from wmbus_cases import (
    KEY,
    RECORDS,
    VALUES,
    address,
    flipped,
    fragmented,
    frame_a,
    long_frame,
    manchester,
    mode5,
    mode7,
    noise,
    short,
    telegram,
)

import wmbus
from firmware.port import aes
from wmbus import fragments, s1, wired

SAMPLES = (short(), mode5(), telegram(b"\x78" + b"\x2f" * 180))


def burst(sample):
    return b"\x76\x96" + manchester(frame_a(sample))


def quiet(count, seed):
    return noise(count, seed).replace(b"\x76", b"\x77").replace(b"\x68", b"\x69")


def test_mode_s_whole_and_in_pieces_between_noise():
    stream = b"".join([quiet(31, i) + burst(s) for i, s in enumerate(SAMPLES)]) + quiet(9, 77)
    for size in (1, 5, 64, 4000):
        reader = s1.Reader()
        telegrams = []
        for at in range(0, len(stream), size):
            telegrams += reader.feed(stream[at:at + size])
        assert telegrams == list(SAMPLES), size
    assert reader.modes == ["S1"] * 3


def test_mode_s_no_flipped_chip_gives_another_telegram():
    sample = SAMPLES[0]
    chips = burst(sample)
    for bit in range(len(chips) * 8):
        reader = s1.Reader()
        assert reader.feed(flipped(chips, bit) + quiet(600, 2)) == [], bit
        assert sum(reader.rejects.values()) or bit < 16


def test_wired_frames_whole_and_in_pieces_between_noise():
    frame = long_frame()
    stream = quiet(20, 1) + frame + b"\xe5" + quiet(20, 2) + b"\x10\x5b\x01\x5c\x16" + frame
    for size in (1, 7, 1000):
        reader = wired.Reader()
        telegrams = []
        for at in range(0, len(stream), size):
            telegrams += reader.feed(stream[at:at + size])
        assert telegrams == [frame, frame], size


def test_a_wired_frame_is_read_like_a_telegram():
    frame = long_frame()
    reading = wmbus.decode(frame)
    for name in VALUES:
        assert reading[name] == VALUES[name]
    assert wmbus.meter_text(wmbus.meter(frame)) == "NET-87654321-02-07"
    assert wmbus.summary(frame).ci == 0x72


def test_a_wired_frame_with_a_flipped_bit_is_refused():
    frame = long_frame()
    for bit in range(len(frame) * 8):
        broken = flipped(frame, bit)
        assert wired.Reader().feed(broken + quiet(300, 4)) == [], bit
        try:
            wmbus.decode(broken)
        except wmbus.DecodeError:
            continue
        raise AssertionError(bit)


def test_a_frame_cut_off_costs_only_itself():
    frame = long_frame()
    assert wired.Reader().feed(frame[:20] + frame + quiet(300, 3)) == [frame]


def test_fragments_become_one_message():
    records = RECORDS * 4
    pieces = fragmented(records)
    assert len(pieces) == 3
    assembler = fragments.Assembler()
    assert assembler.add(short()) == short()
    assert assembler.add(mode7()) == mode7()
    assert [assembler.add(p) for p in pieces[:2]] == [None, None]
    whole = assembler.add(pieces[2])
    reading = wmbus.decode(whole, KEY, aes)
    assert reading["total_m3"] == 12.345 and reading["total_m3_4"] == 12.345
    for piece in pieces:
        heard = wmbus.summary(piece)
        assert heard.meter == ("NET", "12345678", 1, 7) and heard.ci == 0x90 and heard.encrypted
        try:
            wmbus.decode(piece, KEY, aes)
        except wmbus.DecodeError as error:
            assert "fragment" in error.reason
            continue
        raise AssertionError


def test_a_long_message_goes_over_256_bytes():
    pieces = fragmented(RECORDS * 9, sizes=(150, 60))
    assembler = fragments.Assembler()
    whole = [assembler.add(p) for p in pieces][-1]
    assert wmbus.decode(whole, KEY, aes)["total_m3_9"] == 12.345


def test_fragments_of_a_damaged_or_mixed_message_give_nothing():
    pieces = fragmented(RECORDS * 4)
    for bit in range(26 * 8, len(pieces[1]) * 8, 11):
        assembler = fragments.Assembler()
        assembler.add(pieces[0])
        assembler.add(flipped(pieces[1], bit))
        whole = assembler.add(pieces[2])
        if whole is not None:
            try:
                wmbus.decode(whole, KEY, aes)
            except wmbus.DecodeError:
                continue
            raise AssertionError(bit)
    assembler = fragments.Assembler()
    assert [assembler.add(pieces[i]) for i in (0, 2, 1, 2)] == [None] * 4
    assert assembler.rejects["order"]


def test_open_messages_are_bounded():
    assembler = fragments.Assembler()
    for i in range(40):
        assembler.add(fragmented(who=address("NET", "%08d" % i), sizes=(20,))[0])
    assert len(assembler._open) == fragments.METERS
