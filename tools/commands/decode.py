"""`netti decode`: captured telegrams and HAN messages, read and shown."""

import json
import sys

from ..errors import CommandError

HELP = "read captured wM-Bus telegrams and HAN or P1 messages"
EXAMPLE = """netti decode 2E44… --key 000102030405060708090A0B0C0D0E0F
  netti decode street.txt --keys keys.csv
  rtl_wmbus | netti decode - --json
  netti decode --explain 2E44…

exit status:
  0 every frame gave a reading   1 at least one gave none, or there was no frame   2 wrong usage"""


def arguments(parser) -> None:
    """The options of `netti decode`."""
    parser.add_argument("input", nargs="*", metavar="HEX|FILE|-",
                        help="a telegram in hex, a capture, or - for standard input. Captures are told apart by what "
                             "they hold: hex lines, telegram=|HEX| lines, CSV lines of rtl_wmbus, raw or hex HAN "
                             "dumps, what a radio of mode T, C or S delivers")
    parser.add_argument("--key", action="append", default=[], metavar="HEX",
                        help="wM-Bus key of the meter; may be given several times, each is tried")
    parser.add_argument("--keys", metavar="FILE.csv",
                        help="wM-Bus keys, a row each: meter;key (KAM-12345678-1B-16;HEX)")
    parser.add_argument("--ek", metavar="HEX", help="HAN encryption key (GUEK, GPK60)")
    parser.add_argument("--ak", metavar="HEX", help="HAN authentication key (GAK, GPK61)")
    parser.add_argument("--explain", action="store_true",
                        help="every byte of each frame with its meaning; for a meter no driver knows, a driver to "
                             "start from")
    parser.add_argument("--json", action="store_true", help="one JSON object per reading (or explanation) and line")
    parser.add_argument("--jsonl", action="store_true",
                        help='serve requests on standard input: {"kind":"wmbus","hex":…,"key":…,"prior":[…]} or '
                             '{"kind":"han","hex":…,"ek":…,"ak":…} per line, an answer per line')


def run(args) -> int:
    """Decode what was given; 0 when every frame gave a reading."""
    if args.jsonl:
        if args.input or args.json or args.explain:
            raise CommandError("--jsonl takes its requests from standard input and stands alone")
        from .. import jsonl
        jsonl.serve(sys.stdin.buffer, sys.stdout)
        return 0
    if not args.input:
        raise CommandError("nothing to decode: give a telegram in hex, a file, or - for standard input")

    from ..captures import files, keys, pieces
    from ..captures.decoding import Decoder
    table = keys.Keys([keys.key(k) for k in args.key], keys.read(args.keys) if args.keys else None)
    ek = keys.key(args.ek, "--ek") if args.ek else None
    ak = keys.key(args.ak, "--ak") if args.ak else None
    explain = _Explained(args.json) if args.explain else None
    show = _json if args.json else _Table()
    good = bad = 0
    for name, stream in files.inputs(args.input):
        decoder = Decoder(table, ek, ak)
        with stream:
            for result in decoder.results(pieces(stream, name)):
                explained = explain is not None and explain(result, decoder)
                if result.reading is None:
                    bad += 1
                    if not explained:
                        sys.stdout.flush()
                        print(fault_line(result), file=sys.stderr, flush=True)
                else:
                    good += 1
                    if not explained:
                        show(result)
    if bad and good + bad > 1:
        print(f"netti decode: {good} of {good + bad} frames gave a reading", file=sys.stderr)
    elif not good and not bad:
        print("netti decode: no frame found", file=sys.stderr)
    return 0 if good and not bad else 1


def fault_line(result) -> str:
    """The one line that says which frame gave no reading, of which meter, and why."""
    where = "" if result.where.startswith("argument") else result.where + ": "
    return f"{where}{result.meter + ': ' if result.meter else ''}{result.fault}"


def _json(result) -> None:
    print(json.dumps(result.reading, ensure_ascii=False, default=lambda v: v.hex()), flush=True)


class _Explained:
    """Prints explanations, as JSON or for people."""

    def __init__(self, as_json: bool) -> None:
        from ..captures import explaining
        from ..show import explanations, readings
        self.explaining, self.lines, self.as_json = explaining, explanations.lines, as_json
        self.print, self.first = readings.Printer(), True

    def __call__(self, result, decoder) -> bool:
        """Print one; False where there is nothing to explain."""
        explanation = self.explaining.explain(result, decoder)
        if explanation is None:
            return False
        if self.as_json:
            print(json.dumps(self.explaining.as_json(explanation), ensure_ascii=False), flush=True)
            return True
        if not self.first:
            self.print([])
        self.first = False
        where = "" if explanation.where.startswith("argument") else explanation.where
        for line in self.lines(explanation._replace(where=where)):
            self.print(line)
        sys.stdout.flush()
        return True


class _Table:
    """Prints readings for people, a blank line between two."""

    def __init__(self) -> None:
        from ..show import readings
        self.show, self.print, self.first = readings, readings.Printer(), True

    def __call__(self, result) -> None:
        if not self.first:
            self.print([])
        self.first = False
        where = "" if result.where.startswith("argument") else result.where
        self.print(self.show.heading(where, result.meter, result.reading))
        for line in self.show.lines(result.reading):
            self.print(line)
        sys.stdout.flush()
