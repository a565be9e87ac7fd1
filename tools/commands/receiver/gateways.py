"""`netti receiver token`, `gateways`, `revoke`: which gateways may send to this receiver."""

import sys
from pathlib import Path

from cloud_receiver.data.clock import Clock, iso
from cloud_receiver.office import trust
from firmware.wire import enrolment

from ...errors import CommandError
from ...office import gateway_id, open_office, stored_gateways


def arguments(sub) -> None:
    """The arguments of token, gateways and revoke."""
    p = sub.add_parser("token", help="print one-time tokens for `netti gateway enrol`")
    p.add_argument("dir", type=Path)
    p.add_argument("-n", type=int, default=1, help="how many (default: 1)")

    p = sub.add_parser("gateways", help="list the enrolled gateways")
    p.add_argument("dir", type=Path)

    p = sub.add_parser("revoke", help="refuse a gateway from now on; what it sent stays")
    p.add_argument("dir", type=Path)
    p.add_argument("gateway", help="its id, 16 letters and digits")
    p.add_argument("--undo", action="store_true", help="take it back")


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


ACTIONS = {"token": token, "gateways": gateways, "revoke": revoke}
