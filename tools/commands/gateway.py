"""`netti gateway`: enrol a gateway on this computer, run it, look at it, hand it to a new owner."""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

from firmware import config, identity, main, port, start
from firmware.home import wipe
from firmware.port import files
from firmware.setup import enrol
from firmware.spool import nor
from firmware.wire import enrolment

from ..errors import CommandError

HELP = "enrol, run or show a gateway on this computer"
EXAMPLE = "netti gateway enrol netti1.eyJ3... --dir home1 && netti gateway run home1 --status"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommands enrol, run and show."""
    sub = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    p = sub.add_parser("enrol", help="get this gateway's enrolment file with a one-time token of the works")
    p.add_argument("token", metavar="TOKEN", help="the token as the works gave it (netti1....)")
    p.add_argument("--dir", required=True, type=Path, help="the gateway's folder; made if it is not there")
    p.add_argument("--kind", choices=enrolment.KINDS, default="home", help="what this gateway is (default: home)")
    p.add_argument("--name", default="", help="a name for the works' list")
    p = sub.add_parser("run", help="run the gateway of a folder until it is interrupted")
    p.add_argument("dir", metavar="DIR", type=Path)
    p.add_argument("--status", action="store_true", help="print one JSON line per change")
    p = sub.add_parser("show", help="print a gateway's id, works and spool")
    p.add_argument("dir", metavar="DIR", type=Path)
    p.add_argument("--json", action="store_true", help="as one JSON object")
    p = sub.add_parser("reset", help="wipe the household's history, own-meter keys and consents, for a new owner")
    p.add_argument("dir", metavar="DIR", type=Path)
    p.add_argument("--factory", action="store_true", help="also forget the works and all that waits to be sent")


def run(args: argparse.Namespace) -> int:
    """Do what was asked; returns the exit status."""
    if args.what == "enrol":
        return _enrol(args)
    if args.what == "run":
        _hint(args.dir)
        return main.main([str(args.dir)] + (["--status"] if args.status else []))
    if args.what == "reset":
        return _reset(args)
    return _show(args)


def _hint(folder: Path) -> None:
    """Tell whose gateway has nothing to listen to yet; what is wrong with the folder, main says itself."""
    try:
        settings, _, _ = start.load(str(folder))
    except config.ConfigError:
        return
    if not settings["radios"] and not settings["han"]:
        print(f"netti gateway: {folder / 'config.json'} names no radio and no HAN port yet; this gateway only reports "
              "that it is there", file=sys.stderr)


def _identity(folder: Path) -> identity.Identity:
    """The folder's key pair, made if there is none."""
    path = folder / "identity.json"
    if path.exists():
        return identity.load(path.read_bytes())
    me = identity.make((os.urandom(32), port.jitter_entropy(256)))
    files.write_secret(str(path), identity.dump(me))
    return me


def _enrol(args) -> int:
    try:
        enrolment.parse_token(args.token)
        args.dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # keys and a household's history go in here
        me = _identity(args.dir)
        answer = asyncio.run(enrol.enrol(port, args.token, me, args.kind, args.name))
    except (OSError, ValueError, KeyError) as e:
        raise CommandError(str(e) or type(e).__name__) from None
    files.write_whole(str(args.dir / "works.json"), answer)
    works = json.loads(answer)
    if not (args.dir / "config.json").exists():
        skeleton = {"kind": args.kind, "interval": works.get("interval") or 900,
                    "relay": {"window": works.get("window") or 3600}, "radios": [], "han": None, "own_meters": []}
        files.write_secret(str(args.dir / "config.json"), json.dumps(skeleton, indent=1).encode() + b"\n")
    print(f"gateway {me.gateway} enrolled at {works['works']} ({works['url']}); configure {args.dir / 'config.json'}")
    return 0


def _reset(args) -> int:
    if not (args.dir / "config.json").exists():
        raise CommandError(f"{args.dir}: not a gateway's folder")
    if not files.lock(str(args.dir)):
        raise CommandError(f"{args.dir}: a gateway is running here; stop it first")
    device = port.flash(str(args.dir))
    wipe.household(files, str(args.dir), args.factory, nor.shares(device) if device else ())
    print("the household's history, own-meter keys and consents are gone"
          + ("; enrol this gateway again" if args.factory else ""))
    return 0


def _show(args) -> int:
    if not args.dir.is_dir():
        raise CommandError(f"{args.dir}: no such folder")
    try:
        settings, works, me = start.load(str(args.dir))
    except config.ConfigError as e:
        raise CommandError(str(e)) from None
    values, telegrams = start.open_rings(str(args.dir), settings["spool"], None, None)
    rings = {"telegrams": telegrams.inspect(), "values": values.inspect()}
    out = {"gateway": me.gateway, "works": works["works"], "receiver": f"{works['host']}:{works['port']}",
           "spool": rings}
    if args.json:
        print(json.dumps(out))
        return 0
    print(f"gateway   {me.gateway}\nworks     {works['works']}\nreceiver  {out['receiver']}")
    for name, seen in rings.items():
        if seen is None:
            print(f"{name:<9} nothing yet")
        else:
            print(f"{name:<9} epoch {seen['epoch']}, {seen['held']} records held up to {seen['last']}, "
                  f"{seen['pending']} waiting" + (f", each block erased {seen['erases']} times" if "erases" in seen
                                                  else ""))
    return 0
