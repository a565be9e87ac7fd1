"""`netti receiver bind`, `unbind`, `home`: which meters are a home's own, and the link of its page."""

from pathlib import Path

import wmbus
from cloud_receiver.data.clock import Clock
from cloud_receiver.office.orders import check
from firmware.wire.orders import OWN_METERS

from ...errors import CommandError
from ...office import enrolled, me, open_office


def arguments(sub) -> None:
    """The arguments of bind, unbind and home."""
    p = sub.add_parser("bind", help="say that meters are a home's own: their keys go to its gateway, no other")
    p.add_argument("dir", type=Path)
    p.add_argument("gateway", help="its id")
    p.add_argument("meter", nargs="+", help="as KAM-12345678-1B-16")
    p = sub.add_parser("unbind", help="take a binding back; the gateway is told to wipe the key")
    p.add_argument("dir", type=Path)
    p.add_argument("gateway", help="its id")
    p.add_argument("meter", nargs="+", help="as KAM-12345678-1B-16")

    p = sub.add_parser("home", help="print the secret link of a home's own page; an earlier one ends")
    p.add_argument("dir", type=Path)
    p.add_argument("gateway", help="its gateway's id")
    p.add_argument("--new-resident", action="store_true",
                   help="show nothing from before now, and wipe the former residents' electricity")
    p.add_argument("--public-name", default="", metavar="HOST", help="as given to serve: the link is then https://HOST")


def bind(args) -> int:
    """Bind meters to a gateway or take that back; the gateway is sent its own meters anew."""
    now = Clock().seconds()
    with open_office(args.dir) as office:
        homes, gateway = office.homes, enrolled(office, args.gateway)
        try:
            meters = [wmbus.meter_text(wmbus.parse_meter(m)) for m in args.meter]
        except wmbus.DecodeError as e:
            raise CommandError(e.reason) from None
        for meter in meters:
            other = next((g for g in office.enrolled.ids() if g != gateway and meter in homes.bound(g)), None)
            if args.action == "bind" and other is not None:
                raise CommandError(f"{meter} is bound to {other}; unbind it there first")
        if args.action == "bind":  # before anything is changed: its gateway would not take more
            check(OWN_METERS, {"meters": sorted({*homes.bound(gateway), *meters})})
        for meter in meters:
            changed = homes.bind(gateway, meter, now) if args.action == "bind" else homes.unbind(gateway, meter)
            what = ("bound to" if args.action == "bind" else "unbound from") if changed else "unchanged at"
            note = "" if meter in dict(office.meter_keys.meters()) else "; there is no key for it yet"
            print(f"{meter} {what} {gateway}{note}")
        office.orders.own_meters(gateway, now)
    return 0


def home(args) -> int:
    """Print the secret link of a home's page."""
    with open_office(args.dir) as office:
        homes, gateway = office.homes, enrolled(office, args.gateway)
        since = homes.since(gateway)
        if args.new_resident:
            since = Clock().seconds()
            homes.move_in(gateway, since)
            for name in office.accounts.of_home(gateway):
                office.accounts.remove(name)
                office.accounts.audit.write(since, me(), "account removed", name)
        elif since is None:
            since = next(g.since for g in office.enrolled.all() if g.id == gateway)
        where = f"https://{args.public_name}" if args.public_name else f"http://127.0.0.1:{office.settings.web_port}"
        print(f"{where}/home/{homes.make_link(gateway, since)}")
    return 0


ACTIONS = {"bind": bind, "unbind": bind, "home": home}
