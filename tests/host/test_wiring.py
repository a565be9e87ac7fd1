"""docs/gateway.md and docs/wiring/ say what the boards' files and the console's code say."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from firmware import console

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "docs"))

import wiring_svg as wiring  # noqa: E402

PAGE = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8")
SVG = "{http://www.w3.org/2000/svg}"


def section(title: str) -> str:
    found = re.search(rf"^#+ {title}\n(.*?)(?=^#)", PAGE, re.DOTALL | re.MULTILINE)
    assert found, title
    return found[1]


def cells(text: str) -> "list[list[str]]":
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return rows[2:]


def test_the_pictures_are_those_of_the_boards():
    done = subprocess.run([sys.executable, str(ROOT / "docs" / "wiring_svg.py"), "--check"], cwd=ROOT,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_seen_where_a_pin_is_another(monkeypatch):
    """Known bad: a wire that the picture does not show."""
    load = wiring.load
    monkeypatch.setattr(wiring, "load", lambda name: dict(load(name), HAN=(1, 2, None, False, "mbus")))
    assert wiring.picture("c3supermini") != (ROOT / "docs/wiring/c3supermini.svg").read_text(encoding="utf-8")


def test_a_picture_shows_every_wire_once_and_no_text_leaves_it():
    for name in wiring.names():
        board = wiring.load(name)
        tree = ElementTree.fromstring(wiring.picture(name))
        texts = [text.text for text in tree.iter(SVG + "text")]
        wanted = [pin for pin in board.get("RADIO", ("", 0))[2:] if pin is not None]
        wanted += [board["HAN"][1]] if "HAN" in board else []
        for pin in wanted:
            assert texts.count(wiring.pin_name(board, pin)) == 1, (name, pin)
        width = float(tree.attrib["viewBox"].split()[2])
        for text in tree.iter(SVG + "text"):
            long, x = len(text.text or "") * 7.4, float(text.attrib["x"])
            if "end" in text.attrib["class"].split():
                assert x - long >= 0, (name, text.text)
            elif "title" not in text.attrib["class"]:
                assert x + long <= width, (name, text.text)


def test_the_page_has_every_board_as_its_file_says():
    rows = {row[0].strip("`"): row for row in cells(section("The boards"))}
    assert sorted(rows) == wiring.names()
    for name, (_, chip, form, radio, han, lamp, _, proven) in rows.items():
        board = wiring.load(name)
        assert (chip, form, proven) == (board["CHIP"], board["FORM"], board["PROVEN"])
        assert radio.removesuffix(" (no driver yet)") == (board["RADIO"][0] if "RADIO" in board else "none")
        if radio.startswith("sx") and not (ROOT / "firmware" / "radios" / (board["RADIO"][0] + ".py")).exists():
            assert radio.endswith("(no driver yet)"), name
        assert han == (board["HAN"][4] if "HAN" in board else "none")
        assert lamp == ("none" if "LED" not in board else "RGB" if board["LED"][1] == "rgb" else "yes")
        assert name == "pow" or f"wiring/{name}.svg" in PAGE


def test_the_page_has_every_blink_code():
    rows = {row[0]: row[1] for row in cells(section("Blink codes"))}
    assert sorted(rows) == ["1", "2", "3", "4", "5", "6", "7", "one long"]
    for code, word in ((console.WELL, "all well"), (console.HAN, "HAN port"), (console.RADIO, "radio"),
                       (console.WIFI, "Wi-Fi"), (console.RECEIVER, "receiver"), (console.ENROL, "enrolled"),
                       (console.SETTING, "setting")):
        assert word in rows[str(code)]
    assert console.QUIET == 0 and "power" in rows["one long"]


def test_the_example_of_the_console_is_what_it_prints():
    text = (ROOT / "firmware" / "console.py").read_text(encoding="utf-8")
    example = section("The console")
    for key in re.findall(r'"(\w+)":', re.search(r"netti: ready (\{.*\})", example)[1]):
        assert key == "cc1101" or f'"{key}"' in text, key
    for words in ('"fault %d: %s"', '"over %d: %s"', '"ready "'):
        assert words in text
