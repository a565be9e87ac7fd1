"""What docs/wire.md says a gateway does with each answer is the table it is done by."""

import re
from pathlib import Path

from firmware.uplink.uplink import ANSWERS, OTHERWISE, Uplink

ROOT = Path(__file__).resolve().parent.parent.parent


def documented(text):
    """{status, or "none" and "other": what the gateway does} of the table under "Answers"."""
    section = text.split("\n## Answers\n")[1].split("\n## ")[0]
    rows = [re.split(r"\s*\|\s*", line.strip("| ")) for line in section.splitlines() if line.startswith("| ")]
    assert rows[0] == ["status", "meaning", "the gateway"]
    return {status: does for statuses, _meaning, does in rows[1:] for status in statuses.split(", ")}


def said():
    """The same of the code: the statuses of its table, in the words of the methods that it names."""
    words = {str(status): method for status, method in ANSWERS.items()} | {"none": OTHERWISE, "other": OTHERWISE}
    sayings = {}
    for status, method in words.items():
        does = " ".join(getattr(Uplink, method).__doc__.split()).rstrip(".")
        sayings[status] = does[0].lower() + does[1:]
    return sayings


def differences(text):
    told, done = documented(text), said()
    return sorted(s for s in told.keys() | done.keys() if told.get(s) != done.get(s))


def test_the_page_says_what_is_done_with_each_answer():
    assert differences((ROOT / "docs" / "wire.md").read_text(encoding="utf-8")) == []


def test_a_page_that_says_something_else_is_seen():
    """Known-bad: a status left out, one too many, and other words."""
    good = (ROOT / "docs" / "wire.md").read_text(encoding="utf-8")
    rows = [line for line in good.splitlines() if line.startswith("| 401 |")]
    assert differences(good.replace(rows[0] + "\n", "")) == ["401"]
    assert differences(good.replace("| 429, 503 |", "| 429, 502, 503 |")) == ["502"]
    assert differences(good.replace("asks again in an hour", "asks again in a day")) == ["401"]
