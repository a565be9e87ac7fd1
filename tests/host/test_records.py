"""Reading the records of a batch: the common batch read at once is what it is one record after the other."""

import hashlib
import pickle
import random

import pytest
from receiver_support import NOW, Meter

import firmware.wire.records as wire_records
from cloud_receiver.data import columns, content, records


def sealed(meter, n):
    """A telegram of 47 bytes under some key."""
    return bytes((46, 0x44)) + meter.address + bytes((0x7A, n & 255, n & 3, 0x20, 5)) + hashlib.sha256(
        b"%d" % n).digest()


def common(rng, first, count):
    """Telegrams of several makes, seq and levels; some seq and levels are of the short forms."""
    meters = [Meter(60_000_000 + n) for n in range(5)]
    return b"".join(wire_records.telegram(first + n, NOW + n, rng.choice((-70, -25, -24, -3, 0, -128)),
                                   rng.choice((Meter.telegram, sealed))(rng.choice(meters), n)) for n in range(count))


@pytest.mark.parametrize("first", [1, 20, 250, 65_530, 1 << 32])
def test_the_common_batch_is_what_it_is_one_record_after_the_other(first):
    data = common(random.Random(first), first, 20)
    by_column = columns.read(data, first, first + 19)
    assert by_column is not None and len(by_column.seqs) == 20
    assert content.read(data, first, first + 19) == records.read(data, first, first + 19)


@pytest.mark.parametrize("first", [1, 250, 256, 65_500, 65_536, 1 << 32])
def test_telegrams_of_one_length_are_read_at_once_and_alike(first):
    data = b"".join(wire_records.telegram(first + n, NOW + n, -60 - n, sealed(Meter(60_000_000 + n % 7), n))
                    for n in range(40))
    at_once = columns._of_one_length(data, first, first + 39)
    assert (at_once is not None) == (first in (256, 65_536))
    assert at_once is None or [*zip(*at_once)] == [*zip(*columns._one_by_one(data, first, first + 39))]
    assert content.read(data, first, first + 39) == records.read(data, first, first + 39)


@pytest.mark.parametrize("alike", [False, True])
def test_whatever_is_turned_over_is_read_alike(alike):
    rng = random.Random(3)
    taken = 0
    for trial in range(1500):
        first = rng.choice((1, 300, 70_000))
        data = bytearray(common(rng, first, 3) if not alike else b"".join(
            wire_records.telegram(first + n, NOW + n, -60, sealed(Meter(60_000_000 + n), n)) for n in range(3)))
        for _ in range(rng.randrange(1, 3)):
            # Mostly in what surrounds the telegrams: anything may be in those.
            data[rng.choice((rng.randrange(20), rng.randrange(len(data))))] = rng.choice((0, 1, 0x19, 0x1A, 0x1B, 0x58,
                                                                                         rng.randrange(256)))
        if trial % 5 == 0:
            del data[rng.randrange(len(data)):]
        last = first + rng.choice((2, 2, 2, 1, 5))
        taken += columns.read(bytes(data), first, last) is not None
        assert content.read(bytes(data), first, last) == records.read(bytes(data), first, last)
    assert taken > 100, "the common batch was hardly tried"


def test_a_mutant_of_the_common_form_is_seen(monkeypatch):
    monkeypatch.setattr(columns, "_RSSI", 0x18)  # a level above 0 passes for one below
    data = wire_records.telegram(300, NOW, -70, sealed(Meter(60_000_000), 1))
    data = bytes(data).replace(b"\x38\x45\x58", b"\x18\x45\x58")
    assert content.read(data, 300, 300) != records.read(data, 300, 300)


def test_content_goes_as_bytes_and_opaque_stays_opaque():
    data = common(random.Random(9), 1, 4)
    batch = content.Content(data, 1, 4)
    assert batch.count() == 4 and len(pickle.dumps(batch)) < len(data) + 100
    assert pickle.loads(pickle.dumps(batch)).read() == batch.read()
    opaque = pickle.loads(pickle.dumps(content.Content(data, 1, 4, opaque=True)))
    assert [(r.kind, r.time, r.fields) for r in opaque.read()] == [(records.OPAQUE, None, ())] * 4
    assert b"".join(r.body for r in opaque.read()) == data
    mixed = content.Content(data + wire_records.event(5, NOW, "e", ""), 1, 5)
    assert mixed.telegrams is None and mixed.count() == 5
