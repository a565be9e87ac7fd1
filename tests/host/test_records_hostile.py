"""Whatever bytes a record is made of: nothing is made of them but the contract's own items, what follows is read all
the same, and it costs no more than so many steps a byte. Each is shown to notice a reader that does otherwise."""

import io
import subprocess
import sys
from pathlib import Path

import cbor2
import pytest
from receiver_support import NOW, Meter

import firmware.wire.records as wire_records
from cloud_receiver.data import crashes, records
from firmware import wire
from firmware.wire import cbor, envelope

ROOT = Path(__file__).resolve().parents[2]
STEPS = 20  # lines of Python a byte: an empty array is some 18
# What decoders make objects of: dates, bignums, fractions, base64, URI, regular expressions, MIME, UUID, shared values,
# string references, sets, addresses, and self-described CBOR.
TAGS = (0, 1, 2, 3, 4, 5, 21, 22, 23, 24, 25, 28, 29, 30, 32, 33, 34, 35, 36, 37, 100, 256, 258, 260, 261, 1004,
        43000, 55799, (1 << 64) - 1)
FOLLOWING = wire_records.event(9, NOW, "after", "")


def record(item: bytes) -> bytes:
    """An event whose detail is this item."""
    return b"\x85\x04\x08" + cbor.encode(NOW) + cbor.encode("e") + item


def hostile():
    """name -> the bytes of a batch's records, as large as one may be."""
    text = cbor.encode("(a*)*b" * 3000)
    return {
        "a regular expression": record(b"\xd8\x23" + text),
        "tag in tag": record(b"\xd8\x23" * 15_000 + b"\0"),
        "shared values": record(b"\xd8\x1c\x82" + (b"\xd8\x1d\0" * 10_000)),
        "64 k of empty arrays": record(cbor.head(4, 32_000) + b"\x80" * 32_000),
        "arrays that say 2^60": record(cbor.head(4, 1 << 60) * 3000),
        "maps of maps": record(b"\xa1\0" * 15_000 + b"\0"),
        "one in another": b"\x81" * 32_000,
        "a text of 2^63 bytes": record(b"\x7b" + b"\x7f" + b"\xff" * 7),
        "bytes without an end": record(b"\x5f" + b"\x41a" * 10_000),
        "a map with one key often": record(cbor.head(5, 8000) + b"\0\0" * 8000),
        "records of one byte": b"\xf6" * 32_000,
        "full of arrays, each short enough": b"".join(
            b"\x84\x18\x63" + cbor.encode(n) + b"\0" + cbor.head(4, 1000) + b"\x80" * 1000 for n in range(1, 31)),
        "counters without end": b"".join(wire_records.status(n, NOW, [["", 1]] * 330) for n in range(1, 31)),
    }


def steps(read, data):
    """Lines of Python that a reader takes over bytes."""
    count = 0

    def trace(frame, event, _):
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        read(data, 1, 500)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("name", hostile())
def test_any_bytes_cost_what_their_length_does(name):
    data = hostile()[name]
    assert len(data) <= wire.MAX_BATCH
    assert steps(records.read, data) <= STEPS * len(data) + 2000
    found = records.read(data, 1, 500)
    assert len(found) <= wire.MAX_RECORDS + 1
    assert len(found) > wire.MAX_RECORDS or b"".join(r.body for r in found) == data
    assert {r.kind for r in found} == {wire_records.STATUS if name.startswith("counters") else records.OPAQUE}


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("content", [0, b"\x01" * 16, "(a+)+$", [1, 2], None])
def test_no_tag_is_understood_and_what_follows_is(tag, content):
    data = record(cbor.head(6, tag) + cbor.encode(content))
    found = records.read(data + FOLLOWING, 1, 20)
    assert [(r.kind, r.body) for r in found] == [(records.OPAQUE, data), (wire_records.EVENT, FOLLOWING)]


@pytest.mark.parametrize("item", [b"\xf9\x3c\x00", b"\xfb" + bytes(8), b"\xf7", b"\xf8\xff", b"\x18\x05", b"\x61\xff",
                                  b"\xa2\0\0\0\0", b"\x81" * 9 + b"\0", cbor.encode([0] * 1100)])
def test_what_is_not_the_contracts_cbor_is_opaque_alone(item):
    data = record(item)
    found = records.read(data + FOLLOWING, 1, 20)
    assert [(r.kind, r.body) for r in found] == [(records.OPAQUE, data), (wire_records.EVENT, FOLLOWING)]


def test_a_reader_that_makes_objects_of_tags_is_noticed(monkeypatch):
    """The known-bad variant: a decoder that knows tags in place of the contract's."""
    made = []

    def generous(data, at):
        stream = io.BytesIO(data)
        stream.seek(at)
        item = cbor2.CBORDecoder(stream).decode()
        made.append(item)
        return item, stream.tell()

    monkeypatch.setattr(records, "_plain", generous)
    data = record(b"\xd8\x23" + cbor.encode("(a+)+$"))
    records.read(data, 1, 20)
    assert type(made[0][-1]).__name__ == "Pattern", "the bytes of these tests make a decoder compile what they say"


def test_numbers_are_bounded_where_they_are_read():
    for head in ((0, 0, 1, 1 << 48), (1 << 32, 0, 1, 1), (0, 256, 1, 1), (0, 0, 1 << 48, 1 << 48)):
        data = cbor.encode([bytes(8), head[0], "0", head[1], head[2], head[3]])
        with pytest.raises(wire.WireError):
            envelope.open_head(data, 0)
    most = wire.LAST_SEQ
    assert envelope.open_head(envelope.head(bytes(8), 1, "0", 4, most, most), 0)[0].last == most
    for body in (wire_records.lost(1, NOW, 0, most + 1, 1), wire_records.clock(1, 5, NOW, 8)):
        assert records.read(body, 1, 1)[0].kind == records.OPAQUE


def test_a_page_makes_no_object_of_a_kept_record():
    body = b"\x85\x04\x08" + cbor.encode(NOW) + cbor.encode("crash") + b"\xd8\x23" + cbor.encode("(a+)+$")
    assert crashes.latest([(wire_records.EVENT, NOW, NOW, body)]) is None


def test_a_decoder_that_knows_tags_reads_nothing_that_was_sent():
    """cbor2 is left where the receiver reads what it has written itself."""
    found = subprocess.run(["grep", "-rl", "cbor2", "--include=*.py", "cloud_receiver"], cwd=ROOT, capture_output=True,
                           text=True, check=True).stdout.split()
    assert found == ["cloud_receiver/office/orders.py"]


def test_telegrams_among_them_are_read():
    telegram = wire_records.telegram(300, NOW, -70, Meter(11111111).telegram(5))
    data = record(b"\xc1\0").replace(b"\x04\x08", b"\x04\x19\x01\x2b", 1) + telegram
    assert [r.kind for r in records.read(data, 299, 300)] == [records.OPAQUE, wire_records.TELEGRAM]
