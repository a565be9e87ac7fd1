"""`netti receiver command`, `rotate`, `commands`: what gateways are ordered, and what became of it."""

import argparse
import re
from pathlib import Path

from cloud_receiver.data.clock import Clock, iso, parse_clock
from cloud_receiver.office import trust
from cloud_receiver.office.orders import state

from ...errors import CommandError
from ...office import enrolled, open_office


def arguments(sub) -> None:
    """The arguments of command, rotate and commands."""
    p = sub.add_parser("command", help="queue a command for a gateway's next answer",
                       epilog="example: netti receiver command works all interval 1800")
    p.add_argument("dir", type=Path)
    p.add_argument("gateway", help="its id, or all")
    p.add_argument("--simulated-clock", metavar="ORIGIN:START:SCALE", help=argparse.SUPPRESS)
    _command_arguments(p.add_subparsers(dest="name", metavar="COMMAND", required=True))

    p = sub.add_parser("rotate", help="let the stand-by anchor or command key take over, and tell the gateways")
    p.add_argument("dir", type=Path)
    p.add_argument("what", choices=("anchor", "command-key"))
    p.add_argument("--force", action="store_true", help="even if a gateway has not taken the last change: it is lost")

    p = sub.add_parser("commands", help="list commands and what became of them")
    p.add_argument("dir", type=Path)
    p.add_argument("gateway", nargs="?", help="of this gateway only")


def _command_arguments(sub):
    """A parser for each command of the closed list."""
    p = sub.add_parser("interval", help="time between its regular batches")
    p.add_argument("seconds", type=int, help="10 to 86400")
    p = sub.add_parser("relay", help="which telegrams of water meters it relays, and how often")
    p.add_argument("--window", type=int, default=3600, help="seconds per relayed telegram (default: 3600)")
    p.add_argument("--media", type=int, nargs="+", default=[6, 7, 21, 22], help="of 6 7 21 22 (default: all)")
    p.add_argument("--meters", nargs="+", help="only these meters or makes (KAM-*); default: all")
    sub.add_parser("own-meters", help="the home's own meters and keys once more, as bound (bind, unbind do it too)")
    sub.add_parser("trust", help="the anchors and command keys as they are now (rotate does it too)")
    p = sub.add_parser("rewind", help="send again what its ring still holds (done by itself where a gap is seen)")
    p.add_argument("epoch", help="the ring, 16 hex digits as its page shows it")
    p.add_argument("after", type=int, help="the record before the first that is wanted; 0: all")
    p = sub.add_parser("update", help="tell it that an update of Netti is there; it checks the release's own signature")
    p.add_argument("version")
    p.add_argument("url", help="https://...")
    sub.add_parser("close-valve", help="close the main valve: only where the owner has agreed on the gateway, and only "
                   "if it calls within four minutes; nothing opens it from afar")


def command(args) -> int:
    """Queue a command for one gateway or all."""
    now = (parse_clock(args.simulated_clock) if args.simulated_clock else Clock()).seconds()
    if args.name == "close-valve" and args.gateway == "all":
        raise CommandError("a valve is closed at one gateway, not at all")
    with open_office(args.dir) as office:
        gateways = office.enrolled.ids() if args.gateway == "all" else [enrolled(office, args.gateway)]
        revoked = office.enrolled.revoked()
        for gateway in gateways:
            if gateway in revoked and args.gateway == "all":
                print(f"{gateway} is revoked: skipped")
                continue
            counter = office.orders.make(gateway, args.name, _order(args, office, gateway), now)
            print(f"{gateway} {args.name} queued as {counter}"
                  + (", for four minutes" if args.name == "close-valve" else ""))
    return 0


def _order(args, office, gateway):
    """The arguments of a command as the wire carries them, own meters without their keys."""
    if args.name == "interval":
        return {"seconds": args.seconds}
    if args.name == "relay":
        return {"window": args.window, "media": args.media, "meters": args.meters}
    if args.name == "own-meters":
        return {"meters": sorted(office.homes.bound(gateway))}
    if args.name == "trust":
        return _trusted(office)
    if args.name == "rewind":
        if not re.fullmatch("[0-9a-fA-F]{16}", args.epoch):
            raise CommandError(f"{args.epoch!r} is no epoch (16 hex digits)")
        return {"epoch": bytes.fromhex(args.epoch), "after": args.after}
    return {"version": args.version, "url": args.url} if args.name == "update" else {}


def _trusted(office):
    return {"url": office.settings.url, "anchors": trust.anchors(office.directory.ca),
            "command_keys": [bytes.fromhex(k) for k in trust.command_public_keys(office.directory.ca)]}


def rotate(args) -> int:
    """Let the stand-by anchor or command key take over."""
    now = Clock().seconds()
    with open_office(args.dir) as office:
        gateways = [g for g in office.enrolled.ids() if g not in office.enrolled.revoked()]
        behind = [g for g in gateways if _behind(office.orders.of(g))]
        if behind and not args.force:
            raise CommandError(f"{len(behind)} gateways have not taken the last change yet ({behind[0]}, ...); see "
                               f"netti receiver commands {args.dir}")
        if args.what == "anchor":
            trust.rotate_anchor(office.directory.ca, office.settings.works, office.settings.name, office.settings.host)
            print("the stand-by anchor has taken over; keep the new anchor2.key offline\n"
                  "tokens printed before are void: print new ones")
        else:
            trust.rotate_command_key(office.directory.ca)
            print("the successor has taken over as command key")
        for gateway in gateways:
            office.orders.make(gateway, "trust", _trusted(office), now)
        print(f"{len(gateways)} gateways will be told with their next answer")
    return 0


def _behind(orders):
    """Whether the last trust command of a gateway (newest first) was not carried out."""
    last = next((c for c in orders if c.name == "trust"), None)
    return last is not None and last.code != 0


def commands(args) -> int:
    """List commands, newest first."""
    now = Clock().seconds()
    with open_office(args.dir) as office:
        for gateway in office.enrolled.ids() if args.gateway is None else [enrolled(office, args.gateway)]:
            for c in office.orders.of(gateway):
                print(f"{gateway}  {c.counter}  {c.name:11}  {state(c, now):8}  {iso(c.made)}  {c.text or ''}".rstrip())
    return 0


ACTIONS = {"command": command, "rotate": rotate, "commands": commands}
