"""The wire contract: what is written is read back, and nothing but its one form is read."""

import hashlib

from firmware import wire
from firmware.wire import WireError, cbor, envelope, records
from firmware.wire.cbor import CborError

KID = bytes(range(10))
EPOCH = b"\x01\x02\x03\x04\x05\x06\x07\x08"


def raises(kind, function, *args):
    try:
        function(*args)
    except kind:
        return True
    return False


def made(content, purpose="batch", works="W1"):
    digest = hashlib.sha256(content).digest()
    envelope.to_sign(purpose, works, KID, digest)
    return envelope.envelope(KID, digest, b"\x55" * 64) + content


def test_cbor_vectors_of_rfc_8949_appendix_a():
    for value, text in ((0, "00"), (23, "17"), (24, "1818"), (1000, "1903e8"), (1000000000000, "1b000000e8d4a51000"),
                        (-1, "20"), (-1000, "3903e7"), (False, "f4"), (True, "f5"), (None, "f6"), (b"", "40"),
                        (b"\x01\x02\x03\x04", "4401020304"), ("IETF", "6449455446"), ("ü", "62c3bc"), ([], "80"),
                        ([1, [2, 3], [4, 5]], "8301820203820405"), ({}, "a0"), ({1: 2, 3: 4}, "a201020304")):
        raw = bytes.fromhex(text)
        assert cbor.encode(value) == raw
        assert cbor.decode_all(raw) == value


def test_cbor_refuses_every_other_form():
    for text in ("1817", "190017", "1a000003e8", "5f4100ff", "9fff", "bfff", "c100", "f90000", "f7", "f814",
                 "a201020103", "a1800000", "61ff", "42ff", "830102", "9b7fffffffffffffff", "", "0000",
                 "818181818181818181"):
        assert raises(CborError, cbor.decode_all, bytes.fromhex(text)), text


def test_envelope_round_trip():
    content = envelope.head(EPOCH, 3, "0.1.0", records.CLOCK_HAN, 7, 7) + records.telegram(7, 1795504575, -71,
                                                                                           b"\x05abcde")
    data = made(content)
    e = envelope.open_envelope(data, "batch", "W1")
    assert e.kid == KID and e.content_type == wire.CONTENT_TYPE and data[e.end:] == content
    assert e.to_verify == envelope.to_sign("batch", "W1", KID, hashlib.sha256(content).digest())
    h, at = envelope.open_head(data, e.end)
    assert h == envelope.Head(EPOCH, 3, "0.1.0", records.CLOCK_HAN, 7, 7)
    assert cbor.decode_all(data[at:]) == [records.TELEGRAM, 7, 1795504575, -71, b"\x05abcde"]


def test_purpose_and_works_are_in_what_is_signed():
    data = made(b"\x01")
    signed = envelope.open_envelope(data, "batch", "W1").to_verify
    assert envelope.open_envelope(data, "command", "W1").to_verify != signed
    assert envelope.open_envelope(data, "batch", "W2").to_verify != signed
    assert raises(WireError, envelope.open_envelope, data, "anything", "W1")


def test_a_flipped_bit_anywhere_is_refused_or_not_what_was_signed():
    content = envelope.head(EPOCH, 1, "0", 0, 0, 0)
    data = made(content)
    original = envelope.open_envelope(data, "batch", "W1")
    for bit in range(len(data) * 8):
        bad = bytearray(data)
        bad[bit >> 3] ^= 1 << (bit & 7)
        try:
            e = envelope.open_envelope(bytes(bad), "batch", "W1")
        except WireError:
            continue
        assert e.to_verify != original.to_verify or e.signature != original.signature


def test_cut_or_lengthened_is_refused():
    data = made(envelope.head(EPOCH, 1, "0", 0, 0, 0))
    for n in range(len(data)):
        assert raises(WireError, envelope.open_envelope, data[:n], "batch", "W1")
    assert raises(WireError, envelope.open_envelope, data + b"\x00", "batch", "W1")


def test_telegram_by_hand_is_what_the_general_writer_makes():
    for rssi in (-257, -256, -128, -25, -24, -1, 0, 3):
        for seq in (1, 23, 24, 255, 256, 65535, 65536, 0xFFFFFFFF, 1 << 33):
            for time in (99, 65535, 65536, 1795504575, 1 << 32):
                for size in (12, 23, 24, 255, 256):
                    data = bytes(size)
                    assert records.telegram(seq, time, rssi, data) == records.record(
                        records.TELEGRAM, seq, time, (rssi, data))
    one = records.telegram(300, 1795504575, -70, bytes(40))
    assert records.telegram(301, 1795504576, -71, bytes(41)) != one
    assert one == records.record(records.TELEGRAM, 300, 1795504575, (-70, bytes(40)))


def test_head_refuses_nonsense():
    for fields in ((EPOCH, 1, "0", 0, 0), (EPOCH[:7], 1, "0", 0, 0, 0), (EPOCH, -1, "0", 0, 0, 0),
                   (EPOCH, 1, "0", 0, 5, 4), (EPOCH, 1, "0", 0, 0, 4), (EPOCH, True, "0", 0, 0, 0),
                   (EPOCH, 1, "x" * 65, 0, 0, 0), "text"):
        assert raises(WireError, envelope.open_head, cbor.encode(fields), 0)


def test_answer_round_trip():
    a = envelope.open_answer(envelope.answer(EPOCH, 41, 1795504575, (b"c1",)))
    assert a == envelope.Answer(EPOCH, 41, 1795504575, [b"c1"])
    for bad in (b"", b"\xa0", cbor.encode({"epoch": EPOCH, "through": -1, "time": 0, "commands": []}),
                cbor.encode({"epoch": "x", "through": 1, "time": 0, "commands": []}),
                cbor.encode({1: EPOCH, "through": 1, "time": 0, "commands": []})):
        assert raises(WireError, envelope.open_answer, bad)


def test_gateway_id_is_base32_of_the_key_hash():
    key = bytes(32)
    assert envelope.gateway_id(key) == "MZUHVLPYMK6XO3EP"
    assert len(envelope.gateway_id(b"\xff" * 32)) == 16
