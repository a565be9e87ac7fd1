"""`netti backup`: copy a receiver's readings, and apart from them its keys, while it runs."""

import argparse
import sys
from pathlib import Path

from cloud_receiver.data.clock import Clock
from cloud_receiver.office.directory import Directory
from cloud_receiver.operations import backup

from ..errors import CommandError
from ..office import refusals

HELP = "copy a receiver's readings and, apart, its keys, while it runs"
EXAMPLE = "netti backup works --readings /backup/readings --keys /backup/keys --keep 14"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `netti backup`."""
    parser.add_argument("dir", type=Path, help="the receiver's directory")
    parser.add_argument("--readings", type=Path, metavar="FOLDER", help="where a copy of the readings is put")
    parser.add_argument("--keys", type=Path, metavar="FOLDER",
                        help="where a copy of keys, people, CA and settings is put: another place than the readings'")
    parser.add_argument("--keep", type=int, metavar="N", help="remove all but the newest N backups in each folder")


def run(args) -> int:
    """Make the copies asked for and print their names."""
    if args.readings is None and args.keys is None:
        raise CommandError("say where to: --readings FOLDER, --keys FOLDER or both")
    if args.readings is not None and args.keys is not None and args.readings.resolve() == args.keys.resolve():
        raise CommandError("readings and keys belong apart: give two folders")
    if args.keep is not None and args.keep < 1:
        raise CommandError("--keep is 1 or more")
    directory, now = Directory(args.dir), Clock().seconds()
    with refusals(args.dir):
        settings = directory.load()
        if args.readings is not None:
            print(backup.save_readings(directory, args.readings, settings.works, now, progress))
        if args.keys is not None:
            print(backup.save_keys(directory, args.keys, settings.works, now))
        for folder in filter(None, (args.readings, args.keys) if args.keep else ()):
            for path in backup.thin(folder, args.keep):
                print(f"removed {path}")
    return 0


def progress(done: int, pages: int) -> None:
    """Say on a terminal how far the copy is."""
    if sys.stderr.isatty():
        print(f"\r{100 * done // max(pages, 1)} % ", end="\n" if done >= pages else "", file=sys.stderr, flush=True)
