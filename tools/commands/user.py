"""`netti user`: the accounts of a works' people and homeowners, and the API tokens of its programs."""

import argparse
import getpass
import sys
from pathlib import Path

from cloud_receiver.data.clock import Clock, iso
from cloud_receiver.office.accounts import LEAST_PASSWORD, is_name
from cloud_receiver.office.roles import ROLES

from ..errors import CommandError
from ..office import me, open_office, refusals

HELP = "accounts of people, API tokens of programs"
EXAMPLE = "netti user add works vakt --role operations"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommand's arguments."""
    sub = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = sub.add_parser("add", help="make an account, or give it a new password and role (password: standard input)")
    remove = sub.add_parser("remove", help="end an account and its sessions")
    listed = sub.add_parser("list", help="list accounts and API tokens")
    token = sub.add_parser("token", help="print a new API token; it is shown this once")
    end = sub.add_parser("end-token", help="end an API token")
    reset = sub.add_parser("reset-second-factor", help="ask an account for no second factor until it sets up another: "
                           "who has lost the app and the recovery codes")
    second = sub.add_parser("second-factor", help="say who must have a second factor beside the password")
    for p in sub.choices.values():
        p.add_argument("dir", type=Path)
        if p not in (listed, second):
            p.add_argument("name", help="1 to 64 of a-z, 0-9 and ._@-, a letter or digit first")
    add.add_argument("--role", required=True, choices=ROLES)
    add.add_argument("--home", metavar="GATEWAY", help="whose home a homeowner sees: its gateway's id")
    token.add_argument("--role", required=True, choices=ROLES[:3])
    token.add_argument("--days", type=int, default=365, help="how long it lasts (default: 365)")
    second.add_argument("whom", choices=("administrators", "nobody"), help="nobody: who likes may have one")
    del remove, end, reset


def run(args) -> int:
    """Run one action."""
    with refusals(args.dir), open_office(args.dir) as office:
        try:
            return ACTIONS[args.action](args, office, office.accounts, Clock().seconds())
        except ValueError as e:  # a name that is taken, a token that would last too long
            raise CommandError(str(e)) from None


def _new_password() -> str:
    """A password from the terminal or standard input; raises CommandError for one that is too short."""
    password = getpass.getpass("new password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not LEAST_PASSWORD <= len(password) <= 200:
        raise CommandError(f"a password has at least {LEAST_PASSWORD} characters")
    return password


def _check_name(name: str) -> None:
    if not is_name(name):
        raise CommandError(f"{name!r}: a name is 1 to 64 of a-z, 0-9 and ._@-, a letter or digit first")


def _put(accounts, name: str, role: str, now: int, home: "str | None" = None) -> bool:
    """Make or change an account with a password that is asked for; True if it is new."""
    _check_name(name)
    new = accounts.put(name, _new_password(), now, role, home)
    accounts.audit.write(now, me(), "account made" if new else "account changed", name, purpose=role)
    return new


def _add(args, office, accounts, now):
    home = args.home.strip().upper() if args.home else None
    if (args.role == "homeowner") != (home is not None):
        raise CommandError("a homeowner's account needs --home, and no other takes it")
    if home is not None:
        gateway = office.enrolled.get(home)
        if gateway is None:
            raise CommandError(f"no gateway {home} is enrolled")
        if office.homes.since(home) is None:
            office.homes.make_link(home, gateway.since)  # nobody gets it; it says from when the page shows values
    new = _put(accounts, args.name, args.role, now, home)
    print(f"{args.role} {args.name} " + ("made" if new else "has a new password"))
    return 0


def _remove(args, office, accounts, now):
    if not any(user[0] == args.name for user in accounts.users()):
        raise CommandError(f"there is no account {args.name!r}")
    accounts.audit.write(now, me(), "account removed", args.name)  # while it says whose home it is of
    accounts.remove(args.name)
    print(f"{args.name} removed")
    return 0


def _list(args, office, accounts, now):
    for name, role, made, home in accounts.users():
        print(f"{name}  {role}  since {iso(made)}" + (f"  home {home}" if home else "")
              + ("  second factor" if accounts.second.has(name) else ""))
    for name, role, _, until, revoked in accounts.tokens():
        state = f"ended {iso(revoked)}" if revoked is not None else f"until {iso(until)}" if until > now else "expired"
        print(f"{name}  token of a {role}  {state}")
    return 0


def _token(args, office, accounts, now):
    _check_name(args.name)
    print(accounts.make_token(args.name, args.role, args.days, now))
    accounts.audit.write(now, me(), "token made", args.name, purpose=args.role)
    return 0


def _end_token(args, office, accounts, now):
    if not accounts.revoke_token(args.name, now):
        raise CommandError(f"there is no token {args.name!r} that runs")
    accounts.audit.write(now, me(), "token ended", args.name)
    print(f"{args.name} ended")
    return 0


def _reset_second_factor(args, office, accounts, now):
    if not accounts.second.has(args.name):
        raise CommandError(f"{args.name!r} has no second factor")
    accounts.audit.write(now, me(), "second factor ended", args.name)
    accounts.second.remove(args.name)
    accounts.end_all(args.name)
    print(f"{args.name} logs in with the password alone until another is set up")
    return 0


def _second_factor(args, office, accounts, now):
    required = args.whom == "administrators"
    accounts.audit.write(now, me(), "second factor required" if required else "second factor not required", "all")
    accounts.second.require(required)
    print("administrators set up a second factor before anything else" if required else "who likes has a second factor")
    return 0


ACTIONS = {"add": _add, "remove": _remove, "list": _list, "token": _token, "end-token": _end_token,
           "reset-second-factor": _reset_second_factor, "second-factor": _second_factor}
