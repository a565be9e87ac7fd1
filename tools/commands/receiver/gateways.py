"""`netti receiver token`, `gateways`, `revoke`, `bounds`: which gateways may send to this receiver, and how much."""

import sys
from pathlib import Path

from cloud_receiver.data import bounds
from cloud_receiver.data.clock import Clock, iso
from cloud_receiver.office import trust
from cloud_receiver.office.allowances import WORKS
from firmware.wire import enrolment

from ...errors import CommandError
from ...office import gateway_id, open_office, stored_gateways


def arguments(sub) -> None:
    """The arguments of token, gateways, revoke and bounds."""
    p = sub.add_parser("token", help="print one-time tokens for `netti gateway enrol`")
    p.add_argument("dir", type=Path)
    p.add_argument("-n", type=int, default=1, help="how many (default: 1)")

    p = sub.add_parser("gateways", help="list the enrolled gateways")
    p.add_argument("dir", type=Path)

    p = sub.add_parser("revoke", help="refuse a gateway from now on; what it sent stays")
    p.add_argument("dir", type=Path)
    p.add_argument("gateway", help="its id, 16 letters and digits")
    p.add_argument("--undo", action="store_true", help="take it back")

    p = sub.add_parser("bounds", help="show what a gateway may send in a day, or give it more")
    p.add_argument("dir", type=Path)
    p.add_argument("gateway", nargs="?", help="its id; without one: all gateways of the works")
    p.add_argument("--times", type=int, metavar="N", help=f"so many times its bounds, 1 to {bounds.MOST_TIMES}; 1: as "
                   "they are")


def token(args) -> int:
    """Print one-time tokens."""
    if not 1 <= args.n <= 10_000:
        raise CommandError("-n is 1 to 10000")
    with open_office(args.dir) as office:
        anchor = trust.anchors(office.directory.ca)[0]
        for _ in range(args.n):
            print(enrolment.token_text(office.settings.works, office.settings.url,
                                       office.enrolled.make_token(Clock().seconds()), anchor))
    return 0


def gateways(args) -> int:
    """List the enrolled gateways, in the order they came."""
    with open_office(args.dir) as office:
        revoked, rows = office.enrolled.revoked(), stored_gateways(office)
    if not rows:
        print(f"no gateways yet; print a token with: netti receiver token {args.dir}", file=sys.stderr)
    for g in rows:
        state = "revoked" if g["id"] in revoked else iso(g["last_contact"]) or "never heard from"
        print(f"{g['id']}  {g['kind']:12}  {state:20}  {g['name']}".rstrip())
    return 0


def revoke(args) -> int:
    """Refuse a gateway, or take it back."""
    with open_office(args.dir) as office:
        gateway = gateway_id(args.gateway)
        changed = (office.enrolled.reinstate(gateway) if args.undo
                   else office.enrolled.revoke(gateway, Clock().seconds()))
    print(f"{gateway}: " + (("reinstated" if args.undo else "revoked") if changed else "nothing to change"))
    return 0


def show_bounds(args) -> int:
    """Show the bounds of a gateway or of the works, or change how many times they are given."""
    with open_office(args.dir) as office:
        gateway = gateway_id(args.gateway) if args.gateway else WORKS
        if gateway and office.enrolled.get(gateway) is None:
            raise CommandError(f"no gateway {gateway} is enrolled")
        if args.times is not None:
            try:
                office.allowances.give(gateway, args.times, Clock().seconds())
            except ValueError as e:
                raise CommandError(f"--times: {e}") from None
        given, one = office.allowances, office.enrolled.get(gateway)
        kinds = [one.kind] if one else list(bounds.KINDS)
        for kind in kinds:
            allowed = bounds.of(kind, given.times(gateway))
            print(f"{kind}: " + ", ".join(f"{name} {value:,}" for name, value in zip(allowed._fields, allowed)))
        for name, times in sorted(given.all().items()):
            if gateway in (WORKS, name):
                print(f"{name or 'every gateway'}: {times} times")
    return 0


ACTIONS = {"token": token, "gateways": gateways, "revoke": revoke, "bounds": show_bounds}
