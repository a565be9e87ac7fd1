"""`netti keys`: bring meter keys into a receiver, see which are missing or wrong, rotate their encryption."""

import argparse
import os
import sys
import time
from pathlib import Path

import wmbus
from cloud_receiver.data.clock import Clock, iso
from cloud_receiver.office import kek
from cloud_receiver.office.key_csv import import_keys
from cloud_receiver.office.orders import OrderRefused
from cloud_receiver.operations import store_reader
from cloud_receiver.stores import NO_KEY, queries

from ..errors import CommandError
from ..office import has_stored, open_office, refusals

HELP = "import meter keys into a receiver, see which are missing or wrong, rotate their encryption"
EXAMPLE = "netti keys import keys.csv --dir works"
WATCH_S = 1.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommand's arguments."""
    sub = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    p = sub.add_parser("import", help="read a CSV: meter;key or manufacturer;id;version;type;key, a verdict per row")
    p.add_argument("file", type=Path, help="the CSV; - reads standard input")
    p.add_argument("--wait", action="store_true", help="show how many of the telegrams that waited are decoded by now")
    sub.add_parser("list", help="list the meters that have a key (never the keys)")
    sub.add_parser("report", help="list the meters whose key is missing, wrong or damaged, and what waits for it")
    p = sub.add_parser("remove", help="forget a meter's keys")
    p.add_argument("meter", help="as KAM-12345678-1B-16")
    p.add_argument("--earlier", action="store_true", help="only those before the present one")
    p = sub.add_parser("rotate", help="encrypt all meter keys anew under a new KEK; makes the first one where there is "
                       "none")
    p.add_argument("--to", type=Path, metavar="FILE", help="a file of 64 hex digits, to be the new KEK where it comes "
                   "from the environment or systemd; default: a new one in DIR.kek")
    for p in sub.choices.values():
        p.add_argument("--dir", type=Path, required=True, help="the receiver's directory")


def run(args) -> int:
    """Run one action; a bad row makes the exit status 1, the good ones are kept."""
    with refusals(args.dir), open_office(args.dir) as office:
        return ACTIONS[args.action](args, office, office.meter_keys)


def _import(args, office, keys):
    try:
        raw = sys.stdin.buffer.read() if str(args.file) == "-" else args.file.read_bytes()
    except OSError as e:
        raise CommandError(f"{args.file}: {e.strerror}") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")  # a spreadsheet's export; keys and meters are ASCII all the same
    now = Clock().seconds()
    waiting = _waiting(office) if args.wait else {}  # before: a receiver that runs begins to decode at once
    verdicts = import_keys(keys, text, now)
    counts: "dict[str, int]" = {}
    for v in verdicts:
        counts[v.verdict] = counts.get(v.verdict, 0) + 1
        if v.verdict == "bad":
            print(f"line {v.line}: {v.reason}", file=sys.stderr)
        else:
            print(f"line {v.line}: {v.meter} {v.verdict}")
    if not verdicts:
        raise CommandError(f"{args.file}: no rows")
    changed = {v.meter for v in verdicts if v.verdict in ("added", "replaced")}
    for gateway in office.enrolled.ids():
        if changed & office.homes.bound(gateway).keys():  # the home this meter belongs to has waited for its key
            try:
                office.orders.own_meters(gateway, now)
            except OrderRefused as e:  # bound by an earlier version, which did not count
                print(f"{gateway} is not told: {e}", file=sys.stderr)
    print(", ".join(f"{n} {verdict}" for verdict, n in sorted(counts.items())))
    if args.wait:
        _wait(office, changed, sum(waiting.get(meter, 0) for meter in changed))
    return 1 if counts.get("bad") else 0


def _waiting(office):
    """How many telegrams wait for a key, or for another one, by the meter's text."""
    counts: "dict[str, int]" = {}
    if has_stored(office):
        with store_reader.open_reader(office.directory, office.settings) as read:
            for row in read(queries.telegrams.without_key):
                counts[row["meter"]] = counts.get(row["meter"], 0) + row["telegrams"]
    return counts


def _wait(office, meters, waited):
    """Show how many of the telegrams that waited for these keys are decoded, until no more will be."""
    if not has_stored(office):
        print("nothing is stored yet that could wait for keys")
        return
    before = None
    with store_reader.open_reader(office.directory, office.settings) as read:
        while True:
            _, pending, closed = read(queries.telegrams.progress, meters)
            if (pending, closed) != before:
                decoded = max(0, waited - pending - closed)  # what has come meanwhile may be among those that wait
                print(f"{decoded} decoded, {pending} to go, {closed} not opened", flush=True)
            elif not pending:
                return
            before = (pending, closed)
            time.sleep(WATCH_S)


def _report(args, office, keys):
    """Per meter: what stands in the way of its telegrams, how many wait and since when, and since when it has a key."""
    since, damaged = dict(keys.meters()), keys.damaged()
    with store_reader.open_reader(office.directory, office.settings) as read:
        rows = read(queries.telegrams.without_key)
    for r in rows:
        what = "missing" if r["state"] == NO_KEY else "wrong"
        held = f"key of {iso(since[r['meter']])}" if r["meter"] in since else "no key"
        print(f"{r['meter']}  {what:7}  {r['telegrams']} telegrams from {iso(r['first'])} to {iso(r['last'])}, {held}")
    for meter in damaged:
        print(f"{meter}  damaged  its kept key does not open; import it again")
    print(f"{len({r['meter'] for r in rows} | set(damaged))} meters", file=sys.stderr)
    return 0


def _list(args, office, keys):
    for meter, added in keys.meters():
        print(f"{meter}  since {iso(added)}")
    return 0


def _remove(args, office, keys):
    try:
        meter = wmbus.meter_text(wmbus.parse_meter(args.meter))
    except wmbus.DecodeError as e:
        raise CommandError(e.reason) from None
    print(f"{meter}: {keys.remove(meter, args.earlier)} keys forgotten")
    return 0


def _rotate(args, office, keys):
    here = kek.file_of(office.directory.path)
    following = kek.new_of(here)
    elsewhere = any(os.environ.get(name) for name in ("NETTI_KEK", "NETTI_KEK_FILE"))
    if args.to is not None:
        n = keys.rotate(kek.read(args.to))
        print(f"{n} keys are now under the KEK of {args.to}; give the receiver this one before its next start")
        return 0
    if elsewhere:
        raise CommandError("the KEK comes from the environment: write a new one to a file and name it with --to")
    if not here.exists() and not following.exists():
        kek.make(here)
        keys.unlock()
        print(f"the meter keys are now encrypted under {here}; keep it apart from backups of {office.directory.path}")
        return 0
    if following.exists() and kek.read(following).id in keys.under():  # ended between the last two steps
        os.replace(following, here)
    new = kek.make(following)
    n = keys.rotate(new)
    os.replace(following, here)
    print(f"{n} keys are now under a new KEK in {here}; the one before opens nothing any more")
    return 0


ACTIONS = {"import": _import, "list": _list, "report": _report, "remove": _remove, "rotate": _rotate}
