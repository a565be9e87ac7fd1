"""`netti decode --explain`: every byte once, with its meaning; what is missing is named."""

import json
import re
import sys

import han_vectors as v
import pytest
from netti_tools import cli
from netti_tools.captures.explaining import Explanation, Span
from netti_tools.show import explanations, readings
from own_vectors import KEY, format_a, kaifa_list_1, on_air, p1, telegram

WRONG = "FF" * 16


@pytest.fixture
def explain(capsys):
    """Run `netti decode --explain`; returns (exit status, lines out, lines err)."""
    def run(*args):
        status = cli.main(["decode", "--explain", *map(str, args)])
        out = capsys.readouterr()
        return status, out.out.splitlines(), out.err.splitlines()
    return run


def covered(coverages, frame):
    """The spans of a JSON explanation put together, which must be the frame."""
    at = 0
    for span in coverages["spans"]:
        assert span["start"] == at
        at += len(span["bytes"]) // 2
    return "".join(s["bytes"] for s in coverages["spans"]) == frame.hex()


def test_every_byte_stands_there_once_and_in_order(explain):
    for frame in (telegram(), telegram(KEY), telegram()[:-3]):
        for key in ([], ["--key", KEY.hex()], ["--key", WRONG]):
            _, out, _ = explain(frame.hex(), "--json", *key)
            assert covered(json.loads(out[0]), frame)


def test_the_bytes_in_the_text_are_the_frame_decrypted(explain):
    status, out, err = explain(telegram(KEY).hex(), "--key", KEY.hex())
    assert (status, err) == (0, []) and out[0] == "NET-12345678-01-07"
    rows = out[1:out.index("")]
    assert rows[0].split()[:3] == ["dll", "0", "2E"]
    assert any("total_m3=123.456" in row for row in rows)
    head, plain = telegram(KEY)[:15], telegram()[15:]
    shown = bytes.fromhex("".join(_bytes(row) for row in rows))
    assert shown.startswith(head + b"\x2f\x2f" + plain) and len(shown) == len(telegram(KEY))


def _bytes(row):
    """The hex of one row: behind the layer and the offset, in a column of its own."""
    return re.match(r"^  [a-z ]+? +\d+  ((?:[0-9A-F]{2} ?)+)", row)[1].replace(" ", "")


def test_a_missing_key_a_wrong_key_and_damage_are_told_apart(explain):
    for args, kind in (([], "key missing"), (["--key", WRONG], "wrong key")):
        status, out, err = explain(telegram(KEY).hex(), *args)
        assert status == 1 and out[-1].startswith(kind + ": ") and err == []
        explained = json.loads(explain(telegram(KEY).hex(), "--json", *args)[1][0])
        assert explained["error"]["kind"] == kind and explained["spans"][-1]["layer"] == "sealed"
    status, out, _ = explain(telegram()[:30].hex())
    assert status == 1 and out[-1].startswith("damaged: ") and "12345678" in " ".join(out)
    frame = bytearray(format_a(telegram()))
    frame[20] ^= 1
    status, out, _ = explain(frame.hex())
    assert status == 1 and out[-1] == "damaged: its link layer CRC is wrong"


def test_the_right_one_of_several_keys_is_used(explain):
    assert explain(telegram(KEY).hex(), "--key", WRONG, "--key", KEY.hex())[0] == 0


def test_an_unknown_meter_gives_a_driver_that_works(explain, tmp_path, monkeypatch):
    """The skeleton is a driver file: saved as it is, it reads the meter the same way."""
    import wmbus
    from wmbus import drivers
    _, out, _ = explain(telegram().hex())
    title = next(n for n, line in enumerate(out) if line.startswith("No driver knows this meter"))
    assert "wmbus/drivers/net.py" in out[title]
    (tmp_path / "net.py").write_text("\n".join(out[title + 2:]) + "\n")
    assert json.loads(explain(telegram().hex(), "--json")[1][0])["driver"].strip() == "\n".join(out[title + 2:]).strip()
    before = wmbus.decode(telegram())
    monkeypatch.setattr(drivers, "__path__", [*drivers.__path__, str(tmp_path)])
    try:
        drivers._known.clear()
        module = drivers.load("net")
        assert module is not None and module.METERS[0][0] == (1,) and module.METERS[0][1] == (7,)
        assert wmbus.decode(telegram(access_number=43)) == before
    finally:
        drivers._known.clear()
        sys.modules.pop("wmbus.drivers.net", None)


def test_a_known_meter_gives_none(explain):
    status, out, _ = explain(telegram(maker="KAM", version=0x1B, medium=0x16).hex(), "--json")
    assert status == 0 and "spans" in json.loads(out[0])


def test_a_capture_is_explained_frame_by_frame(explain, tmp_path):
    path = tmp_path / "capture"
    path.write_text(f"{telegram().hex()}\nnonsense\n{telegram(number='00000002').hex()}\n")
    status, out, err = explain(path)
    assert status == 1 and [line for line in out if line.startswith("NET-")] == [
        f"NET-12345678-01-07  {path}:1", f"NET-00000002-01-07  {path}:3"]
    assert err[0] == f"{path}:2: not hex"
    path.write_bytes(b"\x00" + on_air(telegram(KEY)))
    status, out, _ = explain(path, "--key", KEY.hex(), "--json")
    assert status == 0 and covered(json.loads(out[0]), telegram(KEY))


def test_a_han_message_with_the_frames_it_came_in(explain, tmp_path):
    status, out, err = explain(kaifa_list_1(1234).hex())
    assert (status, err) == (0, []) and any(row.endswith("1234 W (import_w)") for row in out)
    assert covered(json.loads(explain(kaifa_list_1(1234).hex(), "--json")[1][0]), kaifa_list_1(1234))
    wire = v.segments(v.aidon(2), 60)
    for shared in (False, True):
        path = tmp_path / "segments"
        path.write_bytes(b"\x00" + v.segments(v.aidon(2), 60, shared=shared) + kaifa_list_1(5))
        status, out, err = explain(path, "--json")
        assert (status, err) == (0, [])
        first, second = map(json.loads, out)
        assert covered(first, wire) and covered(second, kaifa_list_1(5))


def test_a_damaged_han_frame_is_explained_as_far_as_it_goes(explain):
    frame = bytearray(kaifa_list_1(1234))
    frame[34] ^= 1
    status, out, _ = explain(frame.hex())
    assert status == 1 and out[-1].startswith("damaged: ") and "checksum" in out[-1]
    assert any("header check right" in row for row in out)


def test_an_encrypted_han_message(explain):
    wire = v.frame(v.LLC + v.security(v.kamstrup(2), v.aes, KEY, KEY[::-1]))
    keys = ("--ek", KEY.hex(), "--ak", KEY[::-1].hex())
    status, out, _ = explain(wire.hex())
    assert status == 1 and out[-1].startswith("key missing: ")
    status, out, _ = explain(wire.hex(), *keys)
    assert status == 0 and any("import_w" in row for row in out)
    spans = json.loads(explain(wire.hex(), *keys, "--json")[1][0])["spans"]
    assert any("plain" in span for span in spans) and "plain" not in spans[0]


def test_p1_is_shown_as_text(explain):
    _, out, _ = explain(p1().hex())
    assert any(re.search(r" 1-0:1\.7\.0\(00\.250\*kW\) +OBIS 1-0:1\.7\.0, import_w$", row) for row in out)


def test_layers_have_colours_in_a_terminal(monkeypatch, capsys):
    """In a terminal there are colours, decrypted bytes are in italics; elsewhere there is neither."""
    spans = [Span(0, b"\x2e", b"\x2e", "dll", "length"), Span(1, b"\x01\x02", b"\x2f\x2f", "data", "[filler]"),
             Span(3, bytes(20), bytes(20), "sealed", "")]
    rows = explanations.lines(Explanation("", "NET-1", spans, "wrong key", "why", ""))
    plain = readings.Printer()
    for row in rows:
        plain(row)
    text = capsys.readouterr().out
    assert "\x1b" not in text and "[filler]" in text
    assert text.count("00 00 00 00") == 5 and "why" in text
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = readings.Printer()
    for row in rows:
        coloured(row)
    text = capsys.readouterr().out
    assert "\x1b[34m" in text and "\x1b[3;32m" in text and "[filler]" in text
