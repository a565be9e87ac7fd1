"""`netti rollout`: bring a signed release to a works' gateways, in stages, and see who runs what."""

import argparse
import re
from pathlib import Path

from cloud_receiver.data.clock import Clock, iso

from ..errors import CommandError
from ..office import enrolled, open_office, refusals, stored_gateways

HELP = "bring a signed release to a receiver's gateways, in stages"
EXAMPLE = """netti rollout add works out
  netti rollout stage works 0.2.0 --percent 5
  netti rollout list works
  netti rollout halt works 0.2.0"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommand's arguments."""
    sub = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    p = sub.add_parser("add", help="take a signed release into a receiver's directory")
    p.add_argument("dir", type=Path, help="the receiver's directory")
    p.add_argument("release", type=Path, help="the folder made by `netti release`")
    p = sub.add_parser("stage", help="let a share of the gateways run a version from now on")
    p.add_argument("dir", type=Path, help="the receiver's directory")
    p.add_argument("version")
    p.add_argument("--percent", type=int, default=100, help="share of the gateways (default: 100)")
    p.add_argument("--group", default="", metavar="NAME", help="only of this group (default: all)")
    p = sub.add_parser("halt", help="tell no further gateway of a version")
    p.add_argument("dir", type=Path, help="the receiver's directory")
    p.add_argument("version")
    p = sub.add_parser("group", help="put gateways into a group (- for none)")
    p.add_argument("dir", type=Path, help="the receiver's directory")
    p.add_argument("name", help="of the group")
    p.add_argument("gateway", nargs="+", help="their ids")
    p = sub.add_parser("list", help="list versions: stage, who runs them, who was told")
    p.add_argument("dir", type=Path, help="the receiver's directory")


def run(args) -> int:
    """Run one action."""
    with refusals(args.dir), open_office(args.dir) as office:
        return ACTIONS[args.action](args, office.releases, office)


def _add(args, releases, _office):
    version = releases.add(args.release)
    print(f"{version} is here; nobody is told yet: netti rollout stage {args.dir} {version} --percent 5")
    return 0


def _stage(args, releases, _office):
    releases.stage(args.version, args.percent, args.group, Clock().seconds())
    print(f"{args.version}: {args.percent} % of " + (f"group {args.group}" if args.group else "all gateways")
          + " will be told with their next answer")
    return 0


def _halt(args, releases, _office):
    withdrawn = releases.halt(args.version, Clock().seconds())
    print(f"{args.version}: halted; {withdrawn} had been told and not taken it, and are told no more")
    return 0


def _group(args, releases, office):
    gateways = [enrolled(office, g) for g in args.gateway]
    if args.name != "-" and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", args.name):
        raise CommandError(f"{args.name!r}: a group's name is 1 to 32 letters, digits, _ and -")
    releases.group("" if args.name == "-" else args.name, gateways)
    print(f"{len(gateways)} gateways " + ("in no group" if args.name == "-" else f"in group {args.name}"))
    return 0


def _list(_args, releases, office):
    for row in releases.spread(stored_gateways(office)):
        stage = row["stage"]
        text = "not staged"
        if stage is not None:
            text = f"{stage.percent} % of {stage.grouped or 'all'} since {iso(stage.since)}"
            if stage.halted is not None:
                text += f", halted {iso(stage.halted)}"
        print(f"{row['version']:12} {row['run']:5} run it {row['offered']:5} told of it   {text}")
    staged = {stage.version for stage in releases.stages()}
    for version in [v for v in releases.here() if v not in staged]:
        print(f"{version:12} here, not staged")
    return 0


ACTIONS = {"add": _add, "stage": _stage, "halt": _halt, "group": _group, "list": _list}
