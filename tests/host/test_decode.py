"""`netti decode` as its user meets it: captures in every form, faults in one line each, exit status."""

import io
import json
import sys

import pytest
import wmbus_vectors as own
from netti_tools import cli
from own_vectors import KEY, format_a, hdlc, kaifa_list_1, on_air, p1, telegram

WRONG = "FF" * 16


@pytest.fixture
def decode(capsys, monkeypatch):
    """Run `netti decode`; returns (exit status, lines of standard output, lines of standard error)."""
    def run(*args, stdin=None):
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        status = cli.main(["decode", *map(str, args)])
        out = capsys.readouterr()
        return status, out.out.splitlines(), out.err.splitlines()
    return run


def readings(out):
    return [json.loads(line) for line in out]


# --- one telegram ---------------------------------------------------------------------------------------------------

def test_hex_on_the_command_line(decode):
    status, out, err = decode(telegram().hex())
    assert status == 0 and err == []
    assert out[0] == "NET-12345678-01-07  water"
    assert any(line.split() == ["total_m3", "123.456", "m³"] for line in out)


def test_hex_in_many_arguments(decode):
    text = telegram().hex()
    status, out, err = decode(*[text[i:i + 2] for i in range(0, len(text), 2)])
    assert (status, err) == (0, []) and out[0].startswith("NET-12345678")


def test_values_line_up(decode):
    _, out, _ = decode(telegram().hex())
    numbers = [line for line in out[1:] if "m3" in line.split()[0] or line.split()[0].endswith("_c")]
    assert len(numbers) >= 3 and len({line.index(".") for line in numbers}) == 1


def test_a_key_opens_it_a_wrong_key_and_no_key_are_told_apart(decode):
    text = telegram(KEY).hex()
    assert decode(text, "--key", KEY.hex())[0] == 0
    status, out, err = decode(text)
    assert (status, out, len(err)) == (1, [], 1)
    assert "NET-12345678-01-07" in err[0] and "no key" in err[0] and "wrong" not in err[0]
    status, out, err = decode(text, "--key", WRONG)
    assert (status, out, len(err)) == (1, [], 1)
    assert "NET-12345678-01-07" in err[0] and "wrong key" in err[0]


def test_several_keys_are_tried(decode):
    assert decode(telegram(KEY).hex(), "--key", WRONG, "--key", KEY.hex())[0] == 0


def test_json_is_one_object_a_line(decode):
    status, out, _ = decode(telegram().hex(), telegram(number="87654321").hex(), "--json")
    assert status == 0 and [r["id"] for r in readings(out)] == ["12345678", "87654321"]
    assert readings(out)[0]["total_m3"] == 123.456


def test_link_layer_crcs_are_checked(decode):
    frame = bytearray(format_a(telegram()))
    assert decode(frame.hex())[0] == 0
    frame[20] ^= 1
    status, out, err = decode(frame.hex())
    assert (status, out, len(err)) == (1, [], 1) and "CRC" in err[0] and "NET-12345678-01-07" in err[0]


# --- captures -------------------------------------------------------------------------------------------------------

@pytest.fixture
def capture(tmp_path):
    def write(content, name="capture"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path
    return write


def test_hex_lines_with_comments_and_a_bad_line(decode, capture):
    one, two = telegram().hex(), telegram(number="00000002").hex()
    path = capture(f"# street\n\n{one}  # the first\n{two[:40]}\nnonsense\n0x{two}\n")
    status, out, err = decode(path, "--json")
    assert status == 1 and [r["id"] for r in readings(out)] == ["12345678", "00000002"]
    assert len(err) == 3 and err[0].startswith(f"{path}:4: NET-00000002-01-07: ") and "length" in err[0]
    assert err[1].startswith(f"{path}:5: ") and err[2] == "netti decode: 2 of 4 frames gave a reading"


def test_wmbusmeters_lines(decode, capture):
    text = telegram().hex().upper()
    status, out, err = decode(capture(
        f"(config) loading\ntelegram=|{text}|+7\n{{\"media\":\"water\"}}\n|name;1;2\n"
        f"telegram=|{text[:22]}_{text[22:]}|\n"
    ), "--json")
    assert (status, len(out), err) == (0, 2, [])


def test_rtl_wmbus_lines(decode, capture):
    text = telegram().hex()
    row = "T1;{};1;2026-11-24 07:14:18.000;95;105;12345678;0x{}\n"
    path = capture(row.format(1, text) + row.format(0, text) + "rla;" + row.format(1, text) + row.format(1, text[:-4]))
    status, out, err = decode(path, "--json")
    assert status == 1 and len(out) == 2
    assert [line.split(": ")[0] for line in err[:2]] == [f"{path}:2", f"{path}:4"] and "CRC" in err[0]


def test_raw_han_bytes_with_noise_between(decode, capture):
    bad = bytearray(kaifa_list_1(2))
    bad[30] ^= 0x40
    path = capture(b"\x00\x13\x77" + kaifa_list_1(1) + bytes(bad) + kaifa_list_1(3)[1:] + kaifa_list_1(4)[:20])
    status, out, err = decode(path, "--json")
    assert status == 1 and [r["import_w"] for r in readings(out)] == [1, 3]
    size = len(kaifa_list_1())
    assert [line.split(":")[0] for line in err[:-1]] == [f"{path}@0", f"{path}@{3 + size}", f"{path}@{2 + 3 * size}"]
    assert "checksum" in err[1] and "cut short" in err[2]


def test_hex_han_dump_broken_anywhere(decode, capture):
    text = (kaifa_list_1(1) + kaifa_list_1(2)).hex(" ")
    for width in (7, 30, 48, 3 * len(kaifa_list_1()), 1000):
        lines = [text[i:i + width].strip() for i in range(0, len(text), width)]
        if all(len(line.replace(" ", "")) % 2 == 0 for line in lines):
            status, out, err = decode(capture("\n".join(lines)), "--json")
            assert (status, [r["import_w"] for r in readings(out)], err) == (0, [1, 2], []), width


def test_hexdump_with_offsets_and_characters(decode, capture):
    data = kaifa_list_1(7)
    xxd = canonical = ""
    for at in range(0, len(data), 16):
        part = data[at:at + 16]
        pairs = " ".join(part[i:i + 2].hex() for i in range(0, len(part), 2))
        xxd += f"{at:08x}: {pairs:<39}  {'.' * len(part)}\n"
        canonical += f"{at:08x}  {part[:8].hex(' '):<23}  {part[8:].hex(' '):<23}  |{'.' * len(part)}|\n"
    for dump in (xxd, canonical):
        status, out, err = decode(capture(dump), "--json")
        assert (status, err) == (0, []) and readings(out)[0]["import_w"] == 7


def test_a_han_frame_cut_in_a_hex_file(decode, capture):
    path = capture(f"{kaifa_list_1(1).hex()[:40]}\n{kaifa_list_1(2).hex()}\n")
    status, out, err = decode(path, "--json")
    assert status == 1 and [r["import_w"] for r in readings(out)] == [2]
    assert err[0] == f"{path}:1: frame cut short: 20 of {len(kaifa_list_1())} bytes"


def test_an_apdu_without_its_frame(decode, capture):
    apdu = kaifa_list_1(9)[12:-3]
    assert apdu[0] == 0x0F and hdlc(apdu) == kaifa_list_1(9)
    status, out, _ = decode(apdu.hex(), "--json")
    assert status == 0 and readings(out)[0]["import_w"] == 9


def test_p1_as_text_and_as_hex(decode, capture):
    bad = p1(2).replace(b"230.1", b"231.1")
    path = capture(p1(1) + bad + p1(3))
    status, out, err = decode(path, "--json")
    assert status == 1 and len(out) == 2 and readings(out)[0]["import_w"] == 250
    assert len(err) == 2 and err[0].startswith(f"{path}@{len(p1())}: ")
    status, out, err = decode(p1().rstrip().hex(), "--json")
    assert (status, len(out), err) == (0, 1, [])


def test_a_radio_s_bytes(decode, capture):
    noise = bytes((0x55, 0x54, 0x00, 0x91))
    bad = bytearray(on_air(telegram(number="00000002")))
    bad[-3] ^= 1
    stream = noise + on_air(telegram()) + bytes(bad) + noise + on_air(telegram(number="00000003"))
    status, out, err = decode(capture(stream), "--json")
    assert status == 1 and [r["id"] for r in readings(out)] == ["12345678", "00000003"] and len(err) == 2
    bursts = b"".join((len(b) + 1).to_bytes(2, "big") + b"\xb0" + b for b in
                      (on_air(telegram()), bytes(bad), on_air(telegram(number="00000003"))))
    status, out, err = decode(capture(bursts), "--json")
    assert status == 1 and [r["id"] for r in readings(out)] == ["12345678", "00000003"] and len(err) == 2


def test_one_file_may_hold_both(decode, capture):
    status, out, _ = decode(capture(f"{telegram().hex()}\n{kaifa_list_1(5).hex()}\n{telegram().hex()}\n"), "--json")
    assert status == 0 and len(out) == 3


def test_compact_state_is_per_capture_and_a_segment_s_fault_is_named(decode, capture):
    head = bytearray(kaifa_list_1()[1:7])
    head[0] |= 0x08  # segmentation bit: more follows
    from own_vectors import x25
    body = bytes(head) + x25(bytes(head)) + kaifa_list_1()[9:-3]
    path = capture((b"\x7e" + body + x25(body) + b"\x7e").hex() + "\n")
    status, out, err = decode(path)
    assert (status, out) == (1, []) and err == [f"{path}:1: a message of which the rest is missing"]


# --- keys -----------------------------------------------------------------------------------------------------------

def test_key_file(decode, capture):
    frames = capture(f"{telegram(KEY).hex()}\n{telegram(KEY, number='00000002').hex()}\n"
                     f"{telegram(KEY, number='00000003').hex()}\n{telegram(KEY, number='00000004').hex()}\n")
    keys = capture(f"meter;key\nNET-12345678-01-07;{KEY.hex()}\nNET;00000002;01;07;{KEY.hex()}\n00000003,{KEY.hex()}\n",
                   "keys.csv")
    status, out, err = decode(frames, "--keys", keys, "--json")
    assert status == 1 and len(out) == 3 and "NET-00000004-01-07" in err[0] and "no key" in err[0]


@pytest.mark.parametrize("row", ["NET-12345678-01-07;0011", "12345;" + "00" * 16, "one column", "a;b;c;d"])
def test_a_bad_row_of_the_key_file_is_named(decode, capture, row):
    path = capture(f"meter;key\n{row}\n", "keys.csv")
    status, out, err = decode(telegram().hex(), "--keys", path)
    assert (status, out, len(err)) == (2, [], 1) and f"{path}:2" in err[0]


# --- wrong usage ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("args", [(), ("no-such-file",), ("00", "--key", "12"), ("--jsonl", "--json"),
                                  ("00", "--keys", "no-such-file"), ("/",)])
def test_wrong_usage_is_one_line_and_status_2(decode, args):
    status, out, err = decode(*args)
    assert (status, out, len(err)) == (2, [], 1) and err[0].startswith("netti decode: ")


def test_nothing_to_read_is_status_1(decode, capture):
    for content in (b"", b"# nothing\n\n"):
        status, out, err = decode(capture(content))
        assert (status, out, err) == (1, [], ["netti decode: no frame found"])
    assert decode("ABC")[0] == 1


def test_help_states_the_exit_status(capsys):
    with pytest.raises(SystemExit):
        cli.main(["decode", "--help"])
    assert "exit status" in capsys.readouterr().out


# --- requests -------------------------------------------------------------------------------------------------------

def ask(decode, *requests):
    text = b"".join((r if isinstance(r, bytes) else json.dumps(r).encode()) + b"\n" for r in requests)
    status, out, err = decode("--jsonl", stdin=text)
    assert (status, err, len(out)) == (0, [], len(requests))
    return readings(out)


def test_requests_are_answered_in_order(decode):
    answers = ask(decode, {"kind": "wmbus", "hex": telegram(KEY).hex(), "key": KEY.hex(), "prior": []},
                  {"kind": "wmbus", "hex": telegram(KEY).hex(), "key": None},
                  {"kind": "wmbus", "hex": telegram(KEY).hex(), "key": WRONG},
                  {"kind": "wmbus", "hex": format_a(telegram()).hex()},
                  {"kind": "han", "hex": kaifa_list_1(77).hex(), "ek": None, "ak": None},
                  {"kind": "han", "hex": kaifa_list_1(77).hex()[:-8]})
    assert answers[0]["readings"][0]["total_m3"] == answers[3]["readings"][0]["total_m3"] == 123.456
    assert "no key" in answers[1]["error"] and "wrong key" in answers[2]["error"]
    assert answers[4]["readings"][0]["obis"]["1-0:1.7.0"] == [77, "W"] and list(answers[5]) == ["error"]


def asked(row, key):
    return {"kind": "wmbus", "hex": row["telegram_hex"], "key": key, "prior": row["prior"]}


def test_encryption_changes_no_answer(decode):
    """A telegram of mode 5 or ELL AES-CTR is answered exactly as the same telegram in plain text."""
    plain = {row["source"]: row for row in own.rows()}
    twins = [row for row in own.twins() if "twin:mode7:" not in row["source"]]
    answers = ask(decode, *[asked(row, row["key"]) for row in twins])
    plain_answers = ask(decode, *[asked(plain[row["source"].split(":", 2)[2]], None) for row in twins])
    different = [(row["id"], a, b) for row, a, b in zip(twins, answers, plain_answers) if a != b]
    assert different == [] and len(twins) > 120 and all("readings" in answer for answer in answers)


def test_no_key_and_a_wrong_key_have_their_own_words_in_every_mode(decode):
    twins = list(own.twins())
    for key, words in ((None, "no key"), (WRONG, "wrong key")):
        answers = ask(decode, *[asked(row, key) for row in twins])
        assert [(row["id"], a) for row, a in zip(twins, answers) if words not in a.get("error", "")] == []


@pytest.mark.parametrize("request_", [b"", b"{", b"[]", b"null", b"7", b"{}", b'{"kind":"wmbus"}', b"\xff\xfe",
                                      b'{"kind":"wmbus","hex":"zz"}', b'{"kind":"wmbus","hex":""}',
                                      b'{"kind":"wmbus","hex":7}', b'{"kind":"han","hex":""}', b'{"kind":"x","hex":""}',
                                      b'{"kind":"wmbus","hex":"00","key":"1"}',
                                      b'{"kind":"wmbus","hex":"00","prior":[7]}',
                                      b'{"kind":"han","hex":"7e","ek":"00"}'])
def test_any_line_has_an_answer_and_never_a_traceback(decode, request_):
    good = {"kind": "wmbus", "hex": telegram().hex()}
    answers = ask(decode, request_, good)
    assert list(answers[0]) == ["error"] and "Traceback" not in answers[0]["error"]
    assert answers[1]["readings"]


def test_prior_telegrams_feed_the_formats_of_that_request_only(decode):
    records = bytes.fromhex("0413 40E20100".replace(" ", ""))
    from own_vectors import address, crc
    signature = crc(bytes.fromhex("0413"), 0x3D65, 0, 0xFFFF, False).to_bytes(2, "little")
    whole = crc(records, 0x3D65, 0, 0xFFFF, False).to_bytes(2, "little")
    body = b"\x44" + address() + b"\x79" + signature + whole + records[2:]
    compact = (bytes((len(body),)) + body).hex()
    full = (lambda b: bytes((len(b),)) + b)(b"\x44" + address() + b"\x78" + records).hex()
    answers = ask(decode, {"kind": "wmbus", "hex": compact, "prior": [full]}, {"kind": "wmbus", "hex": compact},
                  {"kind": "wmbus", "hex": compact, "prior": ["00"]})
    assert answers[0]["readings"][0]["total_m3"] == 123.456
    assert list(answers[1]) == list(answers[2]) == ["error"]
