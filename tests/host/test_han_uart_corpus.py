"""Every list of the captures at a chip's UART, an hour a line, beside all else that a gateway does: none is lost."""

import han_hour_rig as rig
from support import corpus

from firmware.port import uart


def test_no_list_of_the_corpus_is_lost():
    rows = list(corpus("han/han_dev.jsonl"))
    figures = rig.hours(rows)
    assert figures["lost"] == figures["wrong"] == 0, figures
    assert figures["lists"] >= 260 and figures["sent"] >= figures["hours"] * 360
    assert uart.AWAY_MS <= figures["away_ms"] < 5000
    unframed = [row["id"] for row in rows if row["format"] == "dlms-glo"]  # without what it came in
    assert all(name in unframed for name in figures["left_out"])
