"""`netti receiver`: make a receiver's directory, serve it, enrol and revoke its gateways, bind meters, send orders.

Law: a module for each subject: its `arguments(sub)` adds its actions, its `ACTIONS` runs them.
"""

import argparse

from ...office import refusals
from . import gateways, homes, making, orders, serving

HELP = "take gateways' batches, decode them, show them"
EXAMPLE = "netti receiver init works && netti receiver serve works"
PARTS = (making, serving, gateways, homes, orders)


def arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommand's arguments."""
    sub = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for part in PARTS:
        part.arguments(sub)


def run(args) -> int:
    """Run one action."""
    action = next(part.ACTIONS[args.action] for part in PARTS if args.action in part.ACTIONS)
    with refusals(args.dir[0] if args.action == "serve" else args.dir):
        return action(args)
