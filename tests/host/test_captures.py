"""Captures: what bytes and lines are taken for, and that no file, however broken, stops the reading."""

import io
import json
from itertools import chain

import han_rows
import pytest
import support
import wmbus_vectors as own
from hypothesis import given, settings
from hypothesis import strategies as st
from netti_tools.captures import keys, lines, pieces, playing
from netti_tools.captures.decoding import Decoder
from netti_tools.captures.piece import AIR, FRAME, MESSAGE, TELEGRAM, UNKNOWN, kind_of, size_of
from own_vectors import KEY, format_a, hdlc, kaifa_list_1, on_air, p1, telegram

APDU = kaifa_list_1()[12:-3]
WIRED = bytes.fromhex("68 0f 0f 68 08 01 72 78 56 34 12 b4 38 01 07 01 00 00 00 84 16")


class Trickle(io.RawIOBase):
    """A file that gives at most n bytes a read, as a pipe does."""

    def __init__(self, data, n):
        self.data, self.n = data, n

    def read1(self, size):
        part, self.data = self.data[:min(self.n, size)], self.data[min(self.n, size):]
        return part


def taken(data, name="x", n=None):
    return list(pieces(Trickle(data, n or 4096), name))


@pytest.mark.parametrize("data,kind", [
    (telegram(), TELEGRAM), (format_a(telegram(KEY)), TELEGRAM), (telegram(KEY)[:12], TELEGRAM), (WIRED, TELEGRAM),
    (on_air(telegram()), AIR), (kaifa_list_1(), FRAME), (kaifa_list_1()[:9], FRAME), (p1(), FRAME),
    (bytes.fromhex("68 14 14 68 53 ff 00 01 67"), FRAME), (b"\xe6\xe7\x00" + APDU, MESSAGE), (APDU, MESSAGE),
    (bytes.fromhex("db08 4e45543030303031 0d 30 00000001 0102030405060708"), MESSAGE),
    (bytes.fromhex("020309060001"), MESSAGE), (b"\xff" * 20, UNKNOWN), (b"", UNKNOWN), (b"\x7e\xa0", UNKNOWN),
])
def test_what_bytes_are(data, kind):
    assert kind_of(data) == kind


def test_a_telegram_that_looks_like_the_head_of_p1():
    """A length of 47, C 44 and a manufacturer whose code reads as letters: /DhP."""
    data = telegram(maker="TCH", records=bytes.fromhex("0413") + bytes(4) + b"\x2f" * 27)
    assert data[:4] == b"/DhP" and kind_of(data) == kind_of(format_a(data)) == kind_of(data[:30]) == TELEGRAM


def test_one_frame_alone_in_a_file_of_bytes_or_a_hex_dump():
    for data, kind in ((telegram(), TELEGRAM), (APDU, MESSAGE), (b"\xe6\xe7\x00" + APDU, MESSAGE), (WIRED, TELEGRAM),
                       (kaifa_list_1(), FRAME), (on_air(telegram()), AIR)):
        assert [(p.kind, p.data) for p in taken(data)] == [(kind, data)]
        dump = "".join(f"{at:08x}  {data[at:at + 16].hex(' ')}  |{'.' * len(data[at:at + 16])}|\n"
                       for at in range(0, len(data), 16))
        assert [(p.kind, p.data, p.where) for p in taken(dump.encode())] == [(kind, data, "x:1")]


def test_answers_on_a_wired_bus():
    """Long frames one behind the other, a short one and noise between, as an optical head gives them."""
    noise = b"\x10\x5b\x01\x5c\x16"
    results = taken(noise + WIRED + noise + WIRED)
    assert [(p.kind, p.where) for p in results if p.data == WIRED] == [(TELEGRAM, "x@5"), (TELEGRAM, "x@31")]
    assert [r.fault for r in Decoder(keys.Keys([])).results(results)][1] == ""


def test_p1_as_hex_broken_anywhere():
    for width in (8, 16, 20, 33, 64):
        text = "\n".join(p1()[i:i + width].hex() for i in range(0, len(p1()), width))
        assert [p.data for p in taken(text.encode())] == [p1()]
    assert [p.data for p in taken((b"\r\n" + p1()).hex().encode())] == [b"\r\n", p1()]


both = pytest.mark.parametrize("source", ["own", pytest.param("captures", marks=pytest.mark.needs("captures"))])


@both
def test_messages_read_the_same_from_a_file(source):
    """What `--jsonl` reads, a file of the same bytes gives, as hex and raw."""
    from netti_tools import jsonl
    for row in han_rows.rows() if source == "own" else support.corpus("han/han_dev.jsonl"):
        if row["must"] != "decode":
            continue
        ek, ak = ((row["keys"] or {}).get(name) for name in ("ek", "ak"))
        want = jsonl.answer({"kind": "han", "hex": row["hex"], "ek": ek, "ak": ak})["readings"]
        decoder = Decoder(keys.Keys([]), bytes.fromhex(ek or "") or None, bytes.fromhex(ak or "") or None)
        assert [r.reading for r in decoder.results(taken(row["hex"].encode())) if r.reading] == want, row["id"]
        if row["format"] != "dlms-body":  # too little to be told from noise
            raw = taken(bytes.fromhex(row["hex"]))
            assert [r.reading for r in decoder.results(raw) if r.reading] == want, row["id"]


@both
def test_telegrams_read_the_same_from_a_file(source):
    from netti_tools import jsonl
    names = ("wmbus/wmbusmeters_dev.jsonl", "wmbus/encrypted_twins_dev.jsonl")
    for row in chain(*map(support.corpus, names)) if source == "captures" else chain(own.rows(), own.twins()):
        request = {"kind": "wmbus", "hex": row["telegram_hex"], "key": row["key"], "prior": row["prior"]}
        want = json.loads(jsonl.line(json.dumps(request).encode())).get("readings", [None])[0]
        decoder = Decoder(keys.Keys([bytes.fromhex(row["key"])] if row["key"] else []))
        lines_ = "\n".join([*row["prior"], row["telegram_hex"]]).encode()
        *_, last = decoder.results(taken(lines_))
        assert json.loads(json.dumps(last.reading)) == want, row["id"]


def test_a_frame_says_its_size():
    assert size_of(kaifa_list_1()) == len(kaifa_list_1()) and size_of(p1()) == len(p1()) and size_of(p1()[:-8]) == 0
    assert size_of(bytes.fromhex("68 14 14 68")) == 26 and size_of(b"\x7e") == 0


@pytest.mark.parametrize("text,data,fault", [
    ("2e44B4", b"\x2e\x44\xb4", ""), ("0x2E 0x44", b"\x2e\x44", ""), ("2E:44,B4-38", b"\x2e\x44\xb4\x38", ""),
    ("2026-11-24 10:00:00 2E44", b"\x2e\x44", ""), ("[2026-11-24T10:00:00.5] 2e44", b"\x2e\x44", ""),
    ("2E44 # note", b"\x2e\x44", ""), ("2E4", b"", "an odd number"), ("2E4G", b"", "'G' is not a hex digit (digit 4)"),
    ("hello", b"", "not hex"), ("telegram=|2E44_B438|+12", b"\x2e\x44\xb4\x38", ""),
    ("x telegram=|2E44|B438|", b"\x2e\x44\xb4\x38", ""), ("telegram=|2E4", b"", "an odd number"),
    ("C1;1;1;2026-11-24 10:00:00.000;95;105;1;0x2E44", b"\x2e\x44", ""),
    ("T1;1;0;2026-11-24 10:00:00.000;95;105;1;0x2E44", b"", "3-of-6"),
    ("T1;0;0;2026-11-24 10:00:00.000;95;105;1;0x2E44", b"", "CRC"),
    ("00000000: 7ea0 2701  ~.'.", b"\x7e\xa0\x27\x01", ""), ("00000010  7e a0 27 01  |~.'.|", b"\x7e\xa0\x27\x01", ""),
])
def test_what_a_line_holds(text, data, fault):
    line = lines.read_line(text)
    assert line.data == data and (fault in line.fault if fault else line.fault == "")


@pytest.mark.parametrize("text", ["", "   ", "# 2E44", "; note", "// note", "(wmbus) started"])
def test_a_line_that_holds_nothing(text):
    assert lines.read_line(text) is None


def test_times_and_rssi_of_lines():
    assert lines.read_line("telegram=|2E44|+12").time == 12
    line = lines.read_line("C1;1;1;2026-11-24 10:00:00.250;95;105;1;0x2E44")
    assert line.time % 60 == 0.25 and line.rssi == 95


PARTS = st.lists(st.one_of(
    st.sampled_from([kaifa_list_1(1), kaifa_list_1(2)[1:], p1(), kaifa_list_1(3)[:20], p1()[:99], b"\x7e\x7e", b"/",
                     b"!", bytes.fromhex("6814146853ff000167"), b"\x7e\xa7\xff", hdlc(APDU + b"\x7e\xa0\x7e")]),
    st.binary(max_size=40)), max_size=8)


@settings(max_examples=300, deadline=None)
@given(PARTS, st.sampled_from([1, 3, 64, 4096]))
def test_the_pieces_of_a_port_s_bytes_are_the_bytes(parts, n):
    """Nothing is left out or given twice, however the bytes come."""
    data = b"\x00" + kaifa_list_1(0) + b"".join(parts)
    assert b"".join(p.data for p in taken(data, n=n)) == data


@settings(max_examples=300, deadline=None)
@given(PARTS)
def test_cutting_into_pieces_loses_no_reading(parts):
    """A capture gives the readings a reader gives that is fed all the bytes at once."""
    import han_reader
    data = b"\x00" + kaifa_list_1(0) + b"".join(parts)
    reader = han_reader.Reader(p1_without_crc=True)
    whole = []
    for message in [*reader.feed(data), *reader.finish()]:
        try:
            whole.append(han_reader.decode(message))
        except han_reader.DecodeError:
            pass
    readings = [r.reading for r in Decoder(keys.Keys([])).results(taken(data)) if r.reading]
    assert [r for r in whole if r not in readings] == []


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.lists(st.one_of(
    st.text(max_size=60), st.binary(max_size=40).map(bytes.hex),
    st.sampled_from([telegram().hex(), telegram(KEY).hex(), kaifa_list_1().hex(), "telegram=|", ";;;;;;;0x",
                     p1().decode(), "T1;1;1;x;y;z;1;0x" + telegram().hex(), WIRED.hex(), APDU.hex()])), max_size=8).map(
    lambda rows: "\n".join(rows).encode())), st.sampled_from([1, 7, 4096]))
def test_no_file_stops_the_reading(data, n):
    """Any content gives results, each a reading or a fault in words; and can be played."""
    results = taken(data, n=n)
    for result in Decoder(keys.Keys([KEY])).results(results):
        assert (result.reading is None) == bool(result.fault) and "\n" not in result.fault
        assert result.where.startswith("x")
    for frame in playing.frames(results, {}):
        for form in playing.FORMATS:
            assert playing.encoded(frame, form, 1_795_500_000.5) != b""


def test_a_capture_read_in_small_pieces_is_the_same():
    text = f"{telegram().hex()}\n{kaifa_list_1().hex()}\n".encode()
    assert taken(text, n=1) == taken(text) and len(taken(text)) == 2
    stream = kaifa_list_1(1) + kaifa_list_1(2)[1:] + p1()
    assert taken(b"\x00" + stream, n=1) == taken(b"\x00" + stream)


def test_memory_is_bounded_by_the_longest_frame():
    """A stream that begins like a frame and never ends is let go of."""
    held = [len(p.data) for p in taken(b"\x00/ISK5" + b"x" * 20000)]
    assert max(held) <= 3 * 4096
