"""The link layer: a telegram comes out whole in each form it can arrive in, and damaged ones never do."""

from wmbus_cases import (
    address,
    bursts,
    coded,
    crc,
    flipped,
    frame_a,
    frame_b,
    long,
    mode5,
    noise,
    short,
    telegram,
)

import wmbus
from wmbus import accel, link

LONG = telegram(b"\x78" + b"\x2f" * 180)
SAMPLES = (short(), long(), mode5(), LONG, telegram(b"\x78" + b"\x2f" * 15), telegram(b"\x78" + b"\x2f" * 116),
           telegram(b"\x78" + b"\x2f" * 115))


def test_crc_variants_agree_with_the_polynomial():
    for size in (0, 1, 2, 3, 9, 10, 16, 31, 32, 33, 34, 64, 65, 66, 97, 255):
        data = bytes([(i * 73 + size) & 255 for i in range(size)])
        assert accel.crc(data) == accel.crc_plain(data) == crc(data), size


def test_xor_variants_agree():
    for size in (1, 8, 16, 33, 240):
        a = bytes([(i * 7 + size) & 255 for i in range(size)])
        b = bytes([(i * 31 + 5) & 255 for i in range(size)])
        assert accel.xor(a, b) == accel.xor_plain(a, b) == bytes([x ^ y for x, y in zip(a, b)])


def test_block_variants_agree():
    for sample in SAMPLES:
        frame = frame_a(sample)
        assert accel.blocks_a(frame) == accel.blocks_a_plain(frame) == sample
        for bit in range(0, len(frame) * 8, 13):
            broken = flipped(frame, bit)
            assert accel.blocks_a(broken) is None and accel.blocks_a_plain(broken) is None


def test_crc_of_a_published_format_signature():
    # Kamstrup's technical description of the MULTICAL 21 names A8ED as the signature of this record layout.
    assert wmbus.crc(bytes.fromhex("02ff2004134413615b6167")) == 0xA8ED


def test_3_of_6_variants_agree_and_refuse_bad_codes():
    every = bytes(range(256))
    assert accel.decode_3of6(coded(every)) == accel.decode_3of6_plain(coded(every)) == every
    assert accel.decode_3of6(coded(b"\x12\x34\x56"))[:3] == b"\x12\x34\x56"
    good = 0
    for code in range(64):
        chips = bytes(((code << 2) | 1, 0x60))  # the code under test, then 010110 = 0
        decoded = accel.decode_3of6(chips)
        assert decoded == accel.decode_3of6_plain(chips)
        good += decoded is not None
    assert good == 16


def test_every_form_whole_and_byte_by_byte():
    for sample in SAMPLES:
        for mode, burst in bursts(sample):
            reader = wmbus.Reader()
            assert reader.feed(burst) == [sample]
            assert reader.modes == [mode]
            telegrams = []
            for i in range(len(burst)):
                telegrams += reader.feed(burst[i:i + 1])
            assert telegrams == [sample]
            assert sum(reader.rejects.values()) == 0


def test_between_noise_and_in_pieces_of_any_size():
    stream = b""
    for i, sample in enumerate(SAMPLES):
        for _, burst in bursts(sample):
            stream += noise(37, i) + burst + noise(11, i + 99)
    for size in (1, 7, 64, 5000):
        reader = wmbus.Reader()
        telegrams = []
        for at in range(0, len(stream), size):
            telegrams += reader.feed(stream[at:at + size])
        assert telegrams == [s for s in SAMPLES for _ in range(3)], size


def test_a_frame_cut_off_by_the_next_one_costs_only_itself():
    for _, cut in bursts(SAMPLES[0]):
        for _, burst in bursts(SAMPLES[1]):
            reader = wmbus.Reader()
            assert reader.feed(cut[:len(cut) - 9] + burst + noise(300, 3)) == [SAMPLES[1]]


def test_no_flipped_bit_gives_another_telegram():
    sample = short()
    for _, burst in bursts(sample):
        for bit in range(len(burst) * 8):
            reader = wmbus.Reader()
            # T1's last half byte is filler behind the frame: its bits may change.
            assert reader.feed(flipped(burst, bit) + noise(460, 5)) in ([], [sample]), bit
            assert not reader.modes or bit >= len(burst) * 8 - 8


def test_a_reader_without_crc_check_would_be_caught():
    class Careless(link.Reader):
        def _frame(self, buffer, start, telegrams):
            if len(buffer) - start < 2:
                return 0
            size = 1 + buffer[start + 2]
            if len(buffer) < start + 2 + size:
                return 0
            telegrams.append(buffer[start + 2:start + 2 + size])
            return start + 2 + size

    sample = short()
    _, burst = bursts(sample)[2]
    wrong = 0
    for bit in range(16, len(burst) * 8, 5):
        wrong += Careless().feed(flipped(burst, bit) + bytes(460)) not in ([], [sample])
    assert wrong


def test_rejects_are_counted_by_reason():
    reader = wmbus.Reader()
    _, burst = bursts(short())[1]
    reader.feed(flipped(burst, 50) + noise(400, 1))
    assert reader.rejects["crc"] == 1
    reader.feed(b"\x54\x3d\x54\xcd\x03" + noise(400, 2))
    assert reader.rejects["length"] == 1
    reader.feed(b"\x54\x3d\xff\xff\xff" + noise(400, 4))
    assert reader.rejects["coding"] == 1
    reader.feed(burst[:20])
    reader.reset()
    assert reader.rejects["overrun"] == 1
    assert reader.feed(burst) == [short()]


def test_the_buffer_stays_bounded():
    reader = wmbus.Reader()
    for i in range(40):
        reader.feed(noise(500, i) + b"\x54\x3d" * (i & 1) + b"\x54\x3d\x54\xcd\xff")
        assert len(reader._buffer) < 2048
    reader.feed(b"\x54\x3d" * 5000)
    assert len(reader._buffer) < 2048


def test_strip_crc_tells_frames_with_crcs_from_those_without():
    for sample in SAMPLES:
        for frame in (frame_a(sample), frame_b(sample)):
            assert wmbus.has_crc(frame)
            assert wmbus.strip_crc(frame) == sample
            assert not wmbus.has_crc(flipped(frame, 85))
        assert not wmbus.has_crc(sample)
        assert wmbus.strip_crc(sample) == sample


def test_format_b_rewrites_the_length():
    sample = telegram(b"\x78" + b"\x2f" * 200, address("ABC", "00000001", 0, 7))
    frame = frame_b(sample)
    assert frame[0] == sample[0] + 4
    assert wmbus.strip_crc(frame)[0] == len(sample) - 1
