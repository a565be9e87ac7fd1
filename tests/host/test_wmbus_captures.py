"""wM-Bus captures at the link level: what a radio of mode T, C or S delivers, and messages in fragments."""

import sys
from pathlib import Path

import pytest
from netti_tools import cli

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import wmbus_cases as cases  # noqa: E402

SAMPLE = cases.short()
OTHER = cases.short(who=cases.address("NET", "00000002"))
FORMS = [burst for _, burst in cases.bursts(SAMPLE)] + [b"\x76\x96" + cases.manchester(cases.frame_a(SAMPLE))]
OTHERS = [burst for _, burst in cases.bursts(OTHER)] + [b"\x76\x96" + cases.manchester(cases.frame_a(OTHER))]
NOISE = cases.noise(37, 3).replace(b"\x76", b"\x77").replace(b"\x7e", b"\x7f").replace(b"\x68", b"\x69").replace(
    b"\x2f", b"\x2e")


@pytest.fixture
def decode(capsys):
    """Run `netti decode`; returns (exit status, lines out, lines err)."""
    def run(*args):
        status = cli.main(["decode", *map(str, args)])
        out = capsys.readouterr()
        return status, out.out.splitlines(), out.err.splitlines()
    return run


@pytest.mark.parametrize("form", range(4))
def test_bursts_as_hex_and_as_bytes(decode, tmp_path, form):
    status, out, err = decode(FORMS[form].hex(), "--json")
    assert (status, len(out), err) == (0, 1, []) and '"id": "12345678"' in out[0]
    path = tmp_path / "capture"
    path.write_text(f"{FORMS[form].hex()}\n{OTHERS[form].hex()}\n")
    assert len(decode(path, "--json")[1]) == 2
    path.write_bytes(NOISE + FORMS[form] + NOISE + OTHERS[form] + NOISE)
    status, out, err = decode(path, "--json")
    assert (status, err) == (0, []) and ['"id": "00000002"' in line for line in out] == [False, True]


@pytest.mark.parametrize("form", range(4))
def test_a_damaged_burst_gives_no_reading_and_says_why(decode, form):
    broken = bytearray(FORMS[form])
    broken[30] ^= 0x04 if form < 3 else 0x0C
    status, out, err = decode(broken.hex(), "--json")
    assert status == 1 and out == [] and "a frame, but" in " ".join(err)


def test_a_mode_s_file_may_hold_many_frames(decode, tmp_path):
    path = tmp_path / "capture"
    path.write_bytes(b"".join([NOISE + FORMS[3]] * 200))
    assert len(decode(path, "--json")[1]) == 200


def test_the_sync_word_of_mode_s_alone_makes_no_mode_s_of_a_file(decode, tmp_path):
    path = tmp_path / "capture"
    path.write_bytes(NOISE + b"\x76\x96\x01\x02\x03" + NOISE + FORMS[0])
    assert len(decode(path, "--json")[1]) == 1


def test_a_message_in_fragments_is_one_reading(decode, tmp_path):
    path = tmp_path / "capture"
    path.write_text("\n".join(piece.hex() for piece in cases.fragmented(cases.RECORDS * 4)))
    status, out, err = decode(path, "--key", cases.KEY.hex(), "--json")
    assert status == 1 and len(out) == 1 and '"total_m3_4": 12.345' in out[0]
    assert [line.rpartition(": ")[2].split(" (")[0] for line in err[:2]] == ["fragment 1 of a longer message",
                                                                            "fragment 2 of a longer message"]


def test_alarms_of_the_plain_status_byte_are_told_without_a_key(decode):
    telegram = cases.mode5(status=0x30, who=cases.address("AXI", "12345678", 0x10, 7)).hex()
    for args in ((), ("--key", "ff" * 16)):
        status, out, err = decode(telegram, *args)
        assert status == 1 and out == [] and err[0].startswith("AXI-12345678-10-07: ")
        assert err[0].endswith("; its status byte says leak")
    assert "status byte" not in decode(cases.mode5().hex())[2][0]
