"""`netti restore`: put backups of a receiver in the place of what it has."""

import argparse
from pathlib import Path

from cloud_receiver.office.directory import Directory
from cloud_receiver.operations import backup

from ..errors import CommandError
from ..office import refusals

HELP = "put back what `netti backup` saved"
EXAMPLE = "netti restore works --readings /backup/readings/readings-works-20261124T070000Z.sqlite"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `netti restore`."""
    parser.add_argument("dir", type=Path, help="the receiver's directory; a new one where its keys are restored too")
    parser.add_argument("--readings", type=Path, metavar="FILE", help="a backup of the readings")
    parser.add_argument("--keys", type=Path, metavar="FOLDER", help="a backup of the keys")


def run(args) -> int:
    """Restore what is given."""
    if args.readings is None and args.keys is None:
        raise CommandError("say what to restore: --readings FILE, --keys FOLDER or both")
    directory = Directory(args.dir)
    with refusals(args.dir):
        backup.restore(directory, args.readings, args.keys)
    print(f"restored. Start it: netti receiver serve {args.dir}\n"
          "  what came after the backup is asked for again at the gateways, whose spools still hold some days of it")
    return 0
