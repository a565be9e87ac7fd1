"""The bench of the radios on a stream counts what it says it does."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from bench import _radio_streams as bench  # noqa: E402
from firmware.radios import im871a  # noqa: E402


@pytest.mark.parametrize("name", sorted(bench.ends.ENDS))
def test_nothing_is_lost(name):
    row = bench.run(name, 400)
    assert (row["sent"], row["lost"], row["wrong"], row["stuck"]) == (400, 0, 0, 0), row


def test_what_goes_wrong_shows(monkeypatch):
    """Known bad: a radio that loses telegrams, changes them, or stops."""
    good = im871a.Radio.feed
    calls = []

    def loses(self, data):
        calls.append(1)
        return good(self, data) if len(calls) % 50 else (good(self, data), [])[1]

    def changes(self, data):
        return [(telegram[:-1] + b"\0", rssi) for telegram, rssi in good(self, data)]

    def stops(self, data):
        calls.append(1)
        return good(self, data) if len(calls) < 200 else []
    for bad, what in ((loses, "lost"), (changes, "wrong"), (stops, "stuck")):
        calls.clear()
        monkeypatch.setattr(im871a.Radio, "feed", bad)
        if bad is stops:
            monkeypatch.setattr(im871a.Radio, "poll", lambda self, now: b"" if len(calls) > 190 else im_poll(self, now))
        assert bench.run("im871a", 400)[what], what


im_poll = im871a.Radio.poll
