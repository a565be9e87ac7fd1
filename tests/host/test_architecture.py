"""docs/architecture.svg shows the rooms of the code and who imports whom, as they are."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "docs"))

import architecture_svg as picture  # noqa: E402


def test_the_picture_is_that_of_the_code():
    done = subprocess.run([sys.executable, str(ROOT / "docs" / "architecture_svg.py"), "--check"], cwd=ROOT,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_is_in_a_room():
    for house in ("cloud_receiver", "firmware", "han_reader", "tools", "wmbus", "zigbee"):
        for folder in (p.parent for p in (ROOT / house).rglob("__init__.py")):
            depth = folder.relative_to(ROOT).parts[:2]
            room = picture.room_of("/".join(depth) + "/x.py")
            assert room == "/".join(depth) or house not in ("cloud_receiver", "firmware"), f"{folder} has no room"


def test_seen_where_an_arrow_is_not_drawn(monkeypatch):
    """Known-bad: one arrow more in the code than in the picture."""
    arrows = picture.arrows()
    arrows["cloud_receiver/web"] = [*arrows["cloud_receiver/web"], "cloud_receiver/decoding"]
    monkeypatch.setattr(picture, "arrows", lambda: arrows)
    assert picture.picture() != (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8")
