"""What protects each telegram, captured or our own, and that one wrong bit gives no other value where something does.

A capture without link layer CRCs has lost the check its frame had on the air: `listing()` names those on which nothing
else is left. `python tests/host/test_wmbus_integrity.py` prints what protects every row.
"""

import functools
import json
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import wmbus_cases as cases  # noqa: E402
import wmbus_vectors as own  # noqa: E402

import wmbus  # noqa: E402
from cloud_receiver.decoding.aes import aes  # noqa: E402
from wmbus import link, modes, s1, transport, wired  # noqa: E402

CAPTURES = ROOT.parent / "shared" / "corpus" / "wmbus"
FILES = ("wmbusmeters_dev.jsonl", "encrypted_twins_dev.jsonl")
CHECKS = ("link layer CRC", "checksum", "MAC", "payload CRC, encrypted", "payload CRC", "none")
QUIET = cases.noise(600, 7).replace(b"\x76", b"\x77").replace(b"\x68", b"\x69")



def check_of(frame):
    """Which of CHECKS a frame carries."""
    if wmbus.has_crc(frame):
        return CHECKS[0]
    try:
        layers = transport.begin(frame)
        transport.walk(layers, True)
    except wmbus.DecodeError:
        return CHECKS[5]
    if layers.wired:
        return CHECKS[1]
    if layers.afl is not None and layers.afl[4] or layers.mode == 10:
        # Over a capture that somebody decrypted the MAC is no longer right.
        at = layers.at + (layers.mode == 7)
        return CHECKS[2] if layers.mode and frame[at:at + 2] != b"\x2f\x2f" else CHECKS[5]
    if layers.ell_at is not None and frame[layers.ell_at] & 1 and layers.ci == 0:
        body = frame[layers.at:]
        if wmbus.crc(body[2:]) == body[0] | body[1] << 8:
            return CHECKS[4]  # in plain, or decrypted by whoever captured it: the address is under no check
        return CHECKS[3]
    return CHECKS[5]


def captured():
    """[(file, row)] of the captures."""
    return [(name, row) for name in FILES for row in map(json.loads, (CAPTURES / name).open(encoding="utf-8"))]


def ours():
    """[("own", row)] of our telegrams: every kind, and every tenth driver's encrypted twin."""
    return [("own", row) for row in [*own.kinds(), *list(own.twins())[::10]]]


SOURCES = {"own": ours, "captures": captured}
both = pytest.mark.parametrize("source", ["own", pytest.param("captures", marks=pytest.mark.needs("captures"))])


@functools.cache
def listing(source):
    """[(file, row, what protects it)] of every telegram."""
    return [(name, row, check_of(bytes.fromhex(row["telegram_hex"]))) for name, row in SOURCES[source]()]


def rows_with(source, check):
    rows = [row for _, row, its in listing(source) if its == check]
    assert rows
    return rows


def protected_from(telegram, check):
    """Where what is under the check begins."""
    layers = transport.begin(telegram)
    transport.walk(layers, True)
    if check == CHECKS[4]:
        return layers.at  # the payload CRC of the extended link layer
    # Mode 10 needs no AFL: behind another CI nothing shows that there is a tag, and only the link's CRC guards the CI.
    return layers.tpl_at + 1 if check == CHECKS[2] and layers.mode == 10 and layers.afl is None else 0


def key_of(row):
    return bytes.fromhex(row["key"]) if row["key"] else None


def read(telegram, meter, key):
    """A reading with the key of `meter`: a key belongs to a whole meter, maker, number, version and type."""
    formats: dict = {}
    return wmbus.decode(telegram, key if wmbus.meter(telegram) == meter else None, aes, formats, True)


@both
@pytest.mark.parametrize("check", CHECKS[2:5])
def test_no_flipped_bit_under_a_mac_or_payload_crc_gives_another_value(check, source):
    right = 0
    for row in rows_with(source, check):
        telegram, key = bytes.fromhex(row["telegram_hex"]), key_of(row)
        meter = wmbus.meter(telegram)
        try:
            reading = read(telegram, meter, key)
        except wmbus.DecodeError:
            continue  # no key is known, or a format that needs an earlier telegram
        right += 1
        start = 8 * protected_from(telegram, check)
        for bit in range(start, len(telegram) * 8):
            try:
                other = read(cases.flipped(telegram, bit), meter, key)
            except wmbus.DecodeError:
                continue
            assert other == reading, (row["id"], bit)
    assert right >= 3


@both
def test_no_flipped_bit_under_a_checksum_gives_anything(source):
    for row in rows_with(source, "checksum"):
        frame = bytes.fromhex(row["telegram_hex"])
        assert wired.Reader().feed(QUIET + frame + QUIET) == [frame]
        reader = wired.Reader()
        assert [f for i in range(len(frame)) for f in reader.feed(frame[i:i + 1])] == [frame]
        for bit in range(len(frame) * 8):
            broken = cases.flipped(frame, bit)
            assert wired.Reader().feed(broken + QUIET) == []
            with pytest.raises(wmbus.DecodeError):
                wmbus.decode(broken, key_of(row), aes)


def on_air(source):
    """The frames to send: those captured with their CRCs, and those under a MAC in each form they can be sent in."""
    for row in rows_with(source, "link layer CRC"):
        frame = bytes.fromhex(row["telegram_hex"])
        sync = b"\x54\x3d\x54\xcd" if link.strip_a(frame) else b"\x54\x3d\x54\x3d"
        yield row["id"], wmbus.Reader, sync + frame, wmbus.strip_crc(frame)
    for row in rows_with(source, "MAC"):
        telegram = bytes.fromhex(row["telegram_hex"])
        for _, burst in cases.bursts(telegram):
            yield row["id"], wmbus.Reader, burst, telegram
        yield row["id"], s1.Reader, b"\x76\x96" + cases.manchester(cases.frame_a(telegram)), telegram


@both
def test_frames_with_crcs_whole_byte_by_byte_between_noise_and_with_flipped_bits(source):
    for name, reader_of, burst, telegram in on_air(source):
        assert reader_of().feed(burst) == [telegram], name
        reader = reader_of()
        stream = QUIET[:50] + burst + QUIET[:50]
        assert [t for i in range(len(stream)) for t in reader.feed(stream[i:i + 1])] == [telegram], name
        # T1 may end in half a byte of filler; a sync word that is hit is no frame at all.
        for bit in range(len(burst) * 8):
            telegrams = reader_of().feed(cases.flipped(burst, bit) + QUIET)
            assert telegrams in ([], [telegram]), (name, bit)
            assert not telegrams or bit >= (len(burst) - 1) * 8, (name, bit)


@both
def test_the_rows_nothing_protects_are_those_captured_without_any_check(source):
    """None of them could have been told from a damaged one: they have neither CRC nor MAC, and their links had."""
    counted = Counter(check for _, _, check in listing(source))
    assert set(counted) == set(CHECKS)
    for _, row, check in listing(source):
        if check == "none":
            assert row["link"] == "wmbus" or not wmbus.has_crc(bytes.fromhex(row["telegram_hex"]))


def test_a_decoder_that_does_not_check_the_mac_would_be_caught(monkeypatch):
    """The known bad decoder: it decrypts and trusts."""
    true = modes.authenticate
    monkeypatch.setattr(modes, "authenticate", lambda layers, key, aes: (True, true(layers, key, aes)[1]))
    with pytest.raises(AssertionError):
        test_no_flipped_bit_under_a_mac_or_payload_crc_gives_another_value("MAC", "own")


if __name__ == "__main__":
    for file, row, check in listing("captures"):
        print(row["id"], row["driver"] or "-", check, file, sep="\t")
    print(dict(Counter(check for _, _, check in listing("captures"))), file=sys.stderr)
