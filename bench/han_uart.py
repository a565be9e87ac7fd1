"""Whether a chip's UART loses HAN lists beside a radio, signatures, handshakes and flash: an hour in simulated time.

    python bench/han_uart.py [--quick] [--json]

Every list of the captures beside the repository (where there are none, of the tests' own encoders) is sent at its
make's interval, in its make's setting, to the gateway's HAN port at a UART whose ring overruns for real
(tests/han_hour_rig.py says what else the core does, and for how long). By line: lists, messages sent, lost, wrong.

Each list alone for an hour; --quick: an hour a line, its lists in turn. `mutants_missed` are known bad ones that lost
nothing: MicroPython's ring of 256 bytes, a loop that is away for twice as long, flash erased without waiting.
"""

import argparse
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:1] = [str(ROOT), str(ROOT / "tests")]

import han_hour_rig as rig  # noqa: E402

from firmware.port import uart  # noqa: E402

CORPUS = Path(os.environ.get("NETTI_CORPUS", ROOT.parent / "shared" / "corpus")) / "han" / "han_dev.jsonl"


def missed() -> "list[str]":
    """The known bad ones that lost nothing."""
    key = ("P1", rig.P1_RAW, 1)
    line = rig.groups(rig.own_rows())[0][key], *key[1:]
    good, out = uart.ring, []
    uart.ring = lambda baud: 256
    try:
        if not rig.hour(*line, seconds=1000)["lost"]:
            out.append("ring")
    finally:
        uart.ring = good
    if not rig.hour(*line, seconds=1000, away_ms=2 * uart.AWAY_MS)["lost"]:
        out.append("away")
    if not rig.hour(*line, patient=False)["lost"]:
        out.append("erase")
    return out


def main() -> int:
    """Run and print; 0 when nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="an hour a line, not a list")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    args = parser.parse_args()
    rows = list(rig.own_rows())
    if CORPUS.exists():
        with CORPUS.open() as f:
            rows += map(json.loads, f)
    else:
        print("no captures: lists of our own only")

    def tell(name, line):
        print("%-34s %3d lists  %6d sent  %d lost  %d wrong" % (
            name, line["lists"], line["sent"], line["lost"], line["wrong"]), flush=True)
    figures = rig.hours(rows, each=not args.quick, tell=tell)
    figures["mutants_missed"] = missed()
    print("%d lists, %d hours, %d messages: %d lost, %d wrong; the line was left alone for %d ms at most" % (
        figures["lists"], figures["hours"], figures["sent"], figures["lost"], figures["wrong"], figures["away_ms"]))
    if args.json:
        print(json.dumps(figures))
    return 1 if figures["lost"] or figures["wrong"] or figures["mutants_missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
