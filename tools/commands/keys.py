"""`netti keys`: bring meter keys into a receiver's key store, and list which meters have one."""

import argparse
import sqlite3
import sys
from pathlib import Path

from cloud_receiver.clock import Clock, iso
from cloud_receiver.commands import Commands
from cloud_receiver.keys import KeyStore
from cloud_receiver.settings import Directory, SettingsError

from ..errors import CommandError

HELP = "import meter keys into a receiver, list which meters have one"
EXAMPLE = "netti keys import keys.csv --dir works"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommand's arguments."""
    sub = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    p = sub.add_parser("import", help="read a CSV: meter;key or manufacturer;id;version;type;key, a verdict per row")
    p.add_argument("file", type=Path, help="the CSV; - reads standard input")
    p.add_argument("--dir", type=Path, required=True, help="the receiver's directory")
    p = sub.add_parser("list", help="list the meters that have a key (never the keys)")
    p.add_argument("--dir", type=Path, required=True, help="the receiver's directory")


def run(args) -> int:
    """Run one action; a bad row makes the exit status 1, the good ones are kept."""
    directory = Directory(args.dir)
    try:
        settings = directory.load()
        keys = KeyStore(directory.keys)
        try:
            return _import(args, keys, Commands(keys, settings.works)) if args.action == "import" else _list(keys)
        finally:
            keys.close()
    except (SettingsError, sqlite3.Error) as e:
        raise CommandError(str(e)) from None


def _import(args, keys, commands):
    try:
        raw = sys.stdin.buffer.read() if str(args.file) == "-" else args.file.read_bytes()
    except OSError as e:
        raise CommandError(f"{args.file}: {e.strerror}") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")  # a spreadsheet's export; keys and meters are ASCII all the same
    now = Clock().seconds()
    verdicts = keys.import_csv(text, now)
    counts: "dict[str, int]" = {}
    for v in verdicts:
        counts[v.verdict] = counts.get(v.verdict, 0) + 1
        if v.verdict == "bad":
            print(f"line {v.line}: {v.reason}", file=sys.stderr)
        else:
            print(f"line {v.line}: {v.meter} {v.verdict}")
    if not verdicts:
        raise CommandError(f"{args.file}: no rows")
    changed = {v.meter for v in verdicts if v.verdict in ("added", "replaced")}
    for gateway in [row[0] for row in keys.enrolled()]:
        bound = keys.bound(gateway)
        if changed & bound.keys():  # the home this meter belongs to has waited for its key
            commands.make(gateway, "own-meters", {"meters": sorted(bound)}, now)
    print(", ".join(f"{n} {verdict}" for verdict, n in sorted(counts.items())))
    return 1 if counts.get("bad") else 0


def _list(keys):
    for meter, added in keys.meters():
        print(f"{meter}  since {iso(added)}")
    return 0
