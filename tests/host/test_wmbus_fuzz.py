"""Mutated telegrams: nothing but DecodeError comes out, whatever is flipped, cut, spliced or claimed."""

import json
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import wmbus_cases as cases  # noqa: E402
import wmbus_vectors as own_rows  # noqa: E402

import wmbus  # noqa: E402
from firmware.port import aes  # noqa: E402
from wmbus import fragments, plan, s1, values, wired  # noqa: E402

CAPTURES = ROOT.parent / "shared" / "corpus" / "wmbus" / "wmbusmeters_dev.jsonl"
KEYS = (None, cases.KEY, bytes(16), b"12345678")


def samples():
    own = [cases.short(), cases.long(), cases.mode5(), cases.mode7(), cases.mode10(), cases.long_frame(),
           cases.ell(b"\x78" + cases.RECORDS), cases.telegram(b"\x79\x01\x02\x03"),
           *cases.fragmented(cases.RECORDS * 4), *[bytes.fromhex(row["telegram_hex"]) for row in own_rows.rows()]]
    if CAPTURES.exists():
        own += [bytes.fromhex(json.loads(line)["telegram_hex"]) for line in CAPTURES.open(encoding="utf-8")]
    return own


SAMPLES = samples()


@st.composite
def mutants(draw):
    telegram = bytearray(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.integers(0, 4))
        at = draw(st.integers(0, len(telegram)))
        if kind == 0 and at < len(telegram):
            telegram[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == 1 and at < len(telegram):
            telegram[at] = draw(st.sampled_from((0x00, 0x0D, 0x0F, 0x7C, 0x7F, 0x80, 0xFC, 0xFD, 0xFF, 0x90, 0x8D)))
        elif kind == 2:
            del telegram[at:at + draw(st.integers(1, 20))]
        elif kind == 3:
            other = draw(st.sampled_from(SAMPLES))
            telegram[at:] = other[draw(st.integers(0, len(other))):]
        else:
            telegram[at:at] = draw(st.binary(max_size=12))
    if telegram and draw(st.booleans()):
        telegram = telegram[:256]
        telegram[0] = len(telegram) - 1  # a length that fits, so that the layers inside are reached
    return bytes(telegram)


def attempt(telegram):
    """Everything that takes a telegram; only DecodeError may come out."""
    for key in KEYS:
        try:
            reading = wmbus.decode(telegram, key, aes if key is None or len(key) == 16 else no_des, {})
        except wmbus.DecodeError as error:
            assert error.reason
        else:
            json.dumps(reading, allow_nan=False)
    for function in (wmbus.meter, wmbus.summary, wmbus.strip_crc):
        try:
            function(telegram)
        except wmbus.DecodeError:
            pass
    explained = wmbus.explain(telegram, cases.KEY, aes)
    spans = explained["spans"]
    assert [span[0] for span in spans] == [0, *[span[1] for span in spans]][:len(spans)]
    assert not telegram or spans[-1][1] == len(telegram)
    try:
        fragments.Assembler().add(telegram)
    except wmbus.DecodeError:
        pass


def no_des(key):
    raise ValueError("no such cipher")


@given(mutants())
@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
def test_mutated_telegrams(telegram):
    attempt(telegram)


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_bytes(telegram):
    attempt(telegram)


@given(st.lists(st.binary(max_size=80), max_size=12), st.integers(0, 2))
@settings(max_examples=300, deadline=None)
def test_readers_take_any_stream(chunks, which):
    reader = (wmbus.Reader, s1.Reader, wired.Reader)[which]()
    sync = (b"\x54\x3d\x54\xcd", b"\x76\x96", b"\x68\x20\x20\x68")[which]
    for chunk in chunks:
        for telegram in reader.feed(sync + chunk):
            wmbus.explain(telegram)
        assert len(reader._buffer) < 2048


def test_a_decoder_that_trusts_lengths_would_be_caught(monkeypatch):
    """The known bad decoder: it reads a value where the record says, without asking whether it is there."""
    monkeypatch.setattr(values, "datetime", lambda value: struct.unpack("<q", struct.pack("<i", value))[0])
    plan.forget()
    try:
        with pytest.raises(struct.error):
            for sample in SAMPLES[:1] + [cases.short(b"\x04\x6d" + bytes(4))]:
                attempt(sample)
    finally:
        plan.forget()  # the compiled plans hold the bad function
