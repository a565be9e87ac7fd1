"""`netti receiver command`, `rotate`, `commands`: what gateways are ordered, and what became of it."""

import argparse
from pathlib import Path
from typing import Any

from cloud_receiver.data.clock import Clock, iso, parse_clock
from cloud_receiver.office import trust
from cloud_receiver.office.orders import check, state
from firmware.wire import orders as table

from ...errors import CommandError
from ...office import enrolled, open_office


def arguments(sub) -> None:
    """The arguments of command, rotate and commands."""
    p = sub.add_parser("command", help="queue a command for a gateway's next answer",
                       epilog="example: netti receiver command works all interval 1800")
    p.add_argument("dir", type=Path)
    p.add_argument("gateway", help="its id, or all")
    p.add_argument("--simulated-clock", metavar="ORIGIN:START:SCALE", help=argparse.SUPPRESS)
    _order_arguments(p.add_subparsers(dest="name", metavar="COMMAND", required=True))

    p = sub.add_parser("rotate", help="let the stand-by anchor or command key take over, and tell the gateways")
    p.add_argument("dir", type=Path)
    p.add_argument("what", choices=("anchor", "command-key"))
    p.add_argument("--force", action="store_true", help="even if a gateway has not taken the last change: it is lost")

    p = sub.add_parser("commands", help="list commands and what became of them")
    p.add_argument("dir", type=Path)
    p.add_argument("gateway", nargs="?", help="of this gateway only")


def _order_arguments(sub):
    """A parser for each order of the table, with an argument for each field that a person is asked for."""
    for order in table.ORDERS:
        p = sub.add_parser(order.name, help=order.means, description=order.means)
        for field in order.fields:
            if not field.means:
                continue  # the receiver has it itself: FILLED
            kind = field.kind[1] if field.kind[0] == "or null" else field.kind
            each = kind[3] if kind[0] == "list" else kind
            how: "dict[str, Any]" = {"type": PARSERS.get(each[0], str), "nargs": "+" if kind is not each else None,
                                     "help": f"{field.means}: {_said(each)}"}
            if field.default:
                default = field.default[0]
                how["help"] += f" (default: {_default(default, each)})"
                p.add_argument("--" + field.name.replace("_", "-"), default=default, **how)
            else:
                p.add_argument(field.name, metavar=field.name.replace("_", "-"), **how)


def _said(kind):
    return f"{2 * kind[1]} hex digits" if kind[0] == "bytes" else table.says(kind)


def _default(value, kind):
    if value is None:
        return "any"
    return "all" if kind[0] == "one of" and value == list(kind[1]) else value


def _hex(text):
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not hex digits") from None


def command(args) -> int:
    """Queue an order for one gateway or all."""
    now = (parse_clock(args.simulated_clock) if args.simulated_clock else Clock()).seconds()
    order = table.named(args.name)
    if order.guard and args.gateway == "all":
        raise CommandError(f"{order.name} needs the consent of its owner: name the gateway")
    with open_office(args.dir) as office:
        gateways = office.enrolled.ids() if args.gateway == "all" else [enrolled(office, args.gateway)]
        revoked = office.enrolled.revoked()
        for gateway in gateways:
            if gateway in revoked and args.gateway == "all":
                print(f"{gateway} is revoked: skipped")
                continue
            counter = office.orders.make(gateway, order.name, _arguments(order, args, office, gateway), now)
            print(f"{gateway} {order.name} queued as {counter}"
                  + (f", for {order.valid_s // 60} minutes" if order.valid_s < 3600 else ""))
    return 0


def _arguments(order, args, office, gateway):
    """The arguments of an order as the wire carries them, own meters without their keys."""
    if order.name in FILLED:
        return FILLED[order.name](office, gateway)
    return {field.name: getattr(args, field.name) for field in order.fields}


def _own_meters(office, gateway):
    return {"meters": sorted(office.homes.bound(gateway))}


def _trust(office, _gateway=None):
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
        check(table.TRUST, _trust(office))  # before anything is changed: an address that no gateway would take
        if args.what == "anchor":
            trust.rotate_anchor(office.directory.ca, office.settings.works, office.settings.name, office.settings.host)
            print("the stand-by anchor has taken over; keep the new anchor2.key offline\n"
                  "tokens printed before are void: print new ones")
        else:
            trust.rotate_command_key(office.directory.ca)
            print("the successor has taken over as command key")
        for gateway in gateways:
            office.orders.make(gateway, table.TRUST, _trust(office), now)
        print(f"{len(gateways)} gateways will be told with their next answer")
    return 0


def _behind(orders):
    """Whether the last change of trust that a gateway was told (newest first) was not carried out."""
    last = next((c for c in orders if c.name == table.TRUST), None)
    return last is not None and last.code != 0


def commands(args) -> int:
    """List commands, newest first."""
    now = Clock().seconds()
    with open_office(args.dir) as office:
        for gateway in office.enrolled.ids() if args.gateway is None else [enrolled(office, args.gateway)]:
            for c in office.orders.of(gateway):
                print(f"{gateway}  {c.counter}  {c.name:11}  {state(c, now):8}  {iso(c.made)}  {c.text or ''}".rstrip())
    return 0


# How a value is read that is not taken as it is typed.
PARSERS = {"whole": int, "one of": int, "bytes": _hex}
# What the receiver has itself and asks nobody for.
FILLED = {table.OWN_METERS: _own_meters, table.TRUST: _trust}
ACTIONS = {"command": command, "rotate": rotate, "commands": commands}
