"""Each radio says what it was proven on, in its docstring and in docs/gateway.md, and both say the same."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
KINDS = ("device", "public log", "data sheet", "own format", "nothing")


def proven(text):
    """(kind, issues named) of what a radio was proven on."""
    kind = next(kind for kind in KINDS if text.startswith(kind))
    return kind, set(re.findall(r"\d+", re.sub(r"before \d+", "", text)))


def test_each_radio_says_what_it_was_proven_on():
    rows = dict(re.findall(r"^\| `([a-z0-9]+)` \|.*\| ([^|]*) \|$", re.search(
        r"^## Radios\n(.*?)^## ", (ROOT / "docs/gateway.md").read_text(), re.DOTALL | re.MULTILINE)[1], re.MULTILINE))
    # A chip on SPI goes by its board, and by its data sheet.
    paths = {path.stem: path for path in (ROOT / "firmware/radios").glob("[a-z]*.py")
             if "async def run(" not in path.read_text()}
    assert rows and set(rows) == set(paths)
    for name, path in paths.items():
        text = ast.get_docstring(ast.parse(path.read_text()))
        said = re.search(r"^PROVEN: (.*)\Z", text, re.DOTALL | re.MULTILINE)
        assert text.startswith(f"Radio `{name}`: ") and said, name
        kind, issues = proven(said[1].replace("\n", " "))
        shown, linked = proven(rows[name])[0], set(re.findall(r"/issues/(\d+)", rows[name]))
        assert kind == shown and linked <= issues and bool(linked) == (kind == "public log"), name
