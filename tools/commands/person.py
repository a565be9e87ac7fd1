"""`netti person`: hand over or erase what a receiver knows of the people of one home or behind one meter."""

import argparse
import json
import sys
from pathlib import Path

import wmbus
from cloud_receiver.data.clock import Clock, iso, parse_clock, parse_time
from cloud_receiver.office import audit
from cloud_receiver.office.files import write_private
from cloud_receiver.operations import scrubbing, store_reader
from cloud_receiver.stores import queries
from firmware.wire.orders import OWN_METERS

from ..errors import CommandError
from ..office import me, open_office, refusals

HELP = "hand over or erase what is known of the people of a home"
EXAMPLE = "netti person export works ABCDEFGHIJKLMNOP --out person.json"
KEPT = """kept: one reading of each day (bills stand on it), who heard the meter how well, the meter's number and that
it was erased, the audit log (which names homes by their gateway), and backups made before;
raw telegrams the gateway delivers late are erased as they come, for 60 days"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommand's arguments."""
    sub = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    export = sub.add_parser("export", help="all that is stored of the present residents, as JSON")
    erase = sub.add_parser("erase", help="forget the residents up to now: electricity, hours, telegrams, link, "
                           "accounts, bindings; one reading a day stays for billing")
    for p in (export, erase):
        p.add_argument("dir", type=Path)
        p.add_argument("--simulated-clock", metavar="ORIGIN:START:SCALE", help=argparse.SUPPRESS)
        p.add_argument("whose", help="the home's gateway (its id), or a meter (KAM-12345678-1B-16)")
    export.add_argument("--from", dest="start", metavar="TIME", help="default: since they moved in")
    export.add_argument("--to", dest="end", metavar="TIME", help="default: now")
    export.add_argument("--out", type=Path, help="a new file, 0600 (default: standard output)")
    erase.add_argument("--until", dest="end", metavar="TIME", help="default: now")
    erase.add_argument("--yes", action="store_true", help="really; it cannot be taken back")


def run(args) -> int:
    """Run one action."""
    with refusals(args.dir), open_office(args.dir) as office:
        gateway, meters = _whose(args.whose, office)
        now = (parse_clock(args.simulated_clock) if args.simulated_clock else Clock()).seconds()
        return ACTIONS[args.action](args, office, gateway, meters, _time(args.end, now), now)


def _whose(text, office):
    """(gateway id or None, meters) of a home or a single meter."""
    gateway = text.strip().upper()
    if office.enrolled.get(gateway) is not None:
        return gateway, sorted(office.homes.bound(gateway))
    try:
        return None, [wmbus.meter_text(wmbus.parse_meter(gateway))]
    except wmbus.DecodeError:
        raise CommandError(f"{text!r} is neither an enrolled gateway nor a meter") from None


def _time(text, otherwise):
    try:
        return otherwise if text is None else parse_time(text)
    except ValueError:
        raise CommandError(f"{text!r} is no time (2026-11-24 or 2026-11-24T07:00:00Z)") from None


def _export(args, office, gateway, meters, end, now):
    accounts, enrolled = office.accounts, office.enrolled.get(gateway)
    since = office.homes.since(gateway) if gateway else None
    if since is None:
        since = enrolled.since if gateway else 0
    start = _time(args.start, since)
    with store_reader.open_reader(office.directory, office.settings) as read:
        person = read(queries.people.person, gateway, meters, start, end)
    person["home_hours"] = [{"hour": iso(h), "import_wh": i, "export_wh": e, "estimated": bool(x)}
                           for h, i, e, x in person["home_hours"]]
    person["records"] = [{"time": iso(t), "kind": k, "record": body} for t, k, body in person["records"]]
    for m in person["meters"]:
        m.update(first_heard=iso(m["first_heard"]), last_heard=iso(m["last_heard"]),
                 readings=[{"time": iso(t), "litres": ml / 1000} for t, ml in m["readings"]],
                 alarms=[{"alarm": a, "since": iso(s), "last": iso(x), "ended": iso(e)} for a, s, x, e in m["alarms"]],
                 held_back=[{"time": iso(t), "litres": None if ml is None else ml / 1000, "reason": why}
                            for t, ml, why in m["held_back"]])
    subjects = [s for s in (gateway, *meters, "all") if s]
    whole = {"works": office.settings.name, "made": iso(now), "from": iso(start), "to": iso(end), "gateway": gateway,
             "gateway_name": enrolled.name if gateway else None,
             "accounts": accounts.of_home(gateway) if gateway else [], "own_meters": meters, **person,
             "who_looked": [{k: v for k, v in audit.exported(line).items() if k != "id"}
                            for line in accounts.audit.lines() if line.subject in subjects]}
    accounts.audit.write(now, me(), "person exported", args.whose.strip().upper(), start, end)
    text = json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
    if args.out is None:
        sys.stdout.write(text)
    elif args.out.exists():
        raise CommandError(f"{args.out} is there already; nothing was written")
    else:
        write_private(args.out, text)
        print(f"written to {args.out}")
    return 0


def _erase(args, office, gateway, meters, end, now):
    if not args.yes:
        raise CommandError("this cannot be taken back; give --yes to go on, and see netti person export first")
    if end > now:
        raise CommandError("what has not happened cannot be erased yet")
    accounts = office.accounts
    removed = accounts.of_home(gateway) if gateway else []
    # The log first: an erasure that is not in it must not happen.
    accounts.audit.write(now, me(), "person erased", args.whose.strip().upper(), None, end)
    for name in removed:
        accounts.remove(name)
    office.erasures.add(gateway, meters, end, now)
    if gateway:
        office.orders.forget(gateway)
        office.orders.make(gateway, OWN_METERS, {"meters": []}, now)
    office.close()  # the files are written anew
    scrubbing.small_files(office.directory, gateway, meters)
    print(f"{args.whose}: link, {len(removed)} accounts and {len(meters) if gateway else 0} bindings ended\n"
          "the receiver erases electricity, hours, alarms and telegrams now, or when it runs next, and leaves nothing\n"
          "of their bytes (a store of more than 2 GB is written anew between 1 and 4 at night)\n" + KEPT)
    print("\n".join(scrubbing.said_of_backups(office.directory, now)))
    return 0


ACTIONS = {"export": _export, "erase": _erase}
