"""`netti audit`: who looked at whose hourly values, and who changed what."""

import argparse
import sys
from pathlib import Path

from cloud_receiver.data.clock import iso
from cloud_receiver.office.audit import Line, exported
from cloud_receiver.web.export import csv_text

from ..office import open_office, refusals

HELP = "who looked at whose hourly values, and who changed what"
EXAMPLE = "netti audit works --of KAM-12345678-1B-16"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommand's arguments."""
    parser.add_argument("dir", type=Path)
    parser.add_argument("--of", default="", metavar="WHOM", help="only this meter, home (gateway id) or account")
    parser.add_argument("--csv", action="store_true", help="as CSV, oldest first")


def run(args) -> int:
    """Print the log."""
    with refusals(args.dir), open_office(args.dir) as office:
        lines = [line for line in office.accounts.audit.lines() if not args.of or line.subject == args.of]
    if args.csv:
        if lines:
            sys.stdout.write(csv_text([Line._fields, *(exported(line).values() for line in lines)]))
        return 0
    if not lines:
        print("no entries", file=sys.stderr)
    for line in lines:
        period = f"  {iso(line.start)} to {iso(line.end)}" if line.start is not None else ""
        print(f"{iso(line.at)}  {line.who} ({line.role}, {line.via})  {line.what}  {line.subject}{period}"
              + (f"  for {line.purpose}" if line.purpose else ""))
    return 0
