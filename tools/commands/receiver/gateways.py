"""`netti receiver token`, `gateways`, `revoke`, `quarantine`, `bounds`: which gateways may send, and how much."""

import sys
from pathlib import Path

from cloud_receiver.data import bounds
from cloud_receiver.data.clock import Clock, iso, parse_time
from cloud_receiver.office import quarantines, trust
from cloud_receiver.office.allowances import WORKS
from cloud_receiver.operations import store_reader
from cloud_receiver.stores import queries
from firmware.wire import enrolment

from ...errors import CommandError
from ...office import gateway_id, has_stored, me, open_office, stored_gateways

MOST_LISTED = 100  # telegrams


def arguments(sub) -> None:
    """The arguments of token, gateways, revoke and bounds."""
    p = sub.add_parser("token", help="print one-time tokens for `netti gateway enrol`")
    p.add_argument("dir", type=Path)
    p.add_argument("-n", type=int, default=1, help="how many (default: 1)")

    p = sub.add_parser("gateways", help="list the enrolled gateways")
    p.add_argument("dir", type=Path)

    p = sub.add_parser("revoke", help="refuse a gateway from now on; what it sent stays, or from a day on is set aside",
                       epilog="example: netti receiver revoke works ABCDEFGHIJKLMNOP --since 2026-11-20")
    p.add_argument("dir", type=Path)
    p.add_argument("gateway", help="its id, 16 letters and digits")
    p.add_argument("--undo", action="store_true", help="take it back; what was set aside stays so")
    p.add_argument("--since", metavar="TIME", help="it was stolen then: set aside what it sent from this day or time "
                   "on, but for what other gateways heard too")

    p = sub.add_parser("quarantine", help="what is set aside of a stolen gateway: list it, let it in, or remove it")
    p.add_argument("dir", type=Path)
    p.add_argument("gateway", help="its id")
    what = p.add_mutually_exclusive_group()
    what.add_argument("--release", action="store_true", help="it was sent honestly: let it in")
    what.add_argument("--remove", action="store_true", help="delete it, which cannot be taken back")

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
    now = Clock().seconds()
    with open_office(args.dir) as office:
        gateway = gateway_id(args.gateway)
        if args.since is not None:
            _set_aside(args, office, gateway, now)
        changed = (office.enrolled.reinstate(gateway) if args.undo
                   else office.enrolled.revoke(gateway, now))
    print(f"{gateway}: " + (("reinstated" if args.undo else "revoked") if changed else "nothing to change"))
    return 0


def _set_aside(args, office, gateway, now):
    """Have set aside what a gateway sent from a time on, and say what that is."""
    try:
        since = parse_time(args.since)
    except ValueError:
        raise CommandError(f"{args.since!r} is no time (2026-11-24 or 2026-11-24T07:00:00Z)") from None
    if args.undo or since > now:
        raise CommandError("--since goes with a revocation, and with a time that has been")
    if office.enrolled.get(gateway) is None:
        raise CommandError(f"no gateway {gateway} is enrolled")
    if has_stored(office):
        with store_reader.open_reader(office.directory, office.settings) as read:
            n = read(queries.quarantine.affected, gateway, since)
        print(f"set aside, now or when the receiver runs next: {n.telegrams} telegrams received since {iso(since)}, "
              f"{n.readings} readings in them, of {n.meters} meters\n"
              f"{n.witnessed} telegrams that other gateways heard too stay\n"
              f"see them, let them in or remove them: netti receiver quarantine {args.dir} {gateway}")
    office.accounts.audit.write(now, me(), "gateway quarantined", gateway, since, now)
    office.quarantines.add(gateway, quarantines.SET_ASIDE, since, now)


def quarantine(args) -> int:
    """List what is set aside of a gateway, let it in, or remove it."""
    now = Clock().seconds()
    with open_office(args.dir) as office:
        gateway = gateway_id(args.gateway)
        if not has_stored(office):
            raise CommandError("nothing is stored yet")
        with store_reader.open_reader(office.directory, office.settings) as read:
            count, meters, first, last = read(queries.quarantine.set_aside, gateway)
            rows = read(queries.quarantine.listed, gateway, MOST_LISTED)
        print(f"{gateway}: {count} telegrams of {meters} meters are set aside"
              + (f", received {iso(first)} to {iso(last)}" if count else ""))
        if not (args.release or args.remove):
            for meter, received, time, data in rows:
                print(f"{meter}  received {iso(received)}  {iso(time) or 'without a time':20}  {data.hex()}")
            if count > len(rows):
                print(f"and {count - len(rows)} more")
            return 0
        act = quarantines.RELEASE if args.release else quarantines.REMOVE
        office.accounts.audit.write(now, me(), "quarantine released" if args.release else "quarantine removed", gateway)
        office.quarantines.add(gateway, act, 0, now)
        print(("let in" if args.release else "removed") + " now, or when the receiver runs next")
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


ACTIONS = {"token": token, "gateways": gateways, "revoke": revoke, "quarantine": quarantine, "bounds": show_bounds}
