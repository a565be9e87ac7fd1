"""`netti meter`: the readings of one meter that are held back, and what a person decides about them."""

import argparse
import json
from pathlib import Path

import wmbus
from cloud_receiver.data.clock import Clock, iso, parse_clock, parse_time
from cloud_receiver.office import decisions
from cloud_receiver.operations import store_reader
from cloud_receiver.stores import queries

from ..errors import CommandError
from ..office import me, open_office, refusals

HELP = "the readings of a meter that are held back: list, accept, refuse; say that it was replaced"
EXAMPLE = "netti meter held works KAM-12345678-1B-16"
LATER = "the receiver carries it out now, or when it runs next"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommand's arguments."""
    sub = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(name, text):
        p = sub.add_parser(name, help=text)
        p.add_argument("dir", type=Path)
        p.add_argument("meter", help="as KAM-12345678-1B-16")
        p.add_argument("--simulated-clock", metavar="ORIGIN:START:SCALE", help=argparse.SUPPRESS)
        return p
    p = action("held", "the readings held back, the latest first")
    p.add_argument("--json", action="store_true", help="as JSON")
    p = action("accept", "a reading held back is the meter's, which goes on from there")
    p.add_argument("reading", type=int, help="its number in `netti meter held`")
    p.add_argument("--correct", action="store_true", help="and what is among its readings and contradicts it was not "
                   "the meter's: it is taken out")
    p = action("refuse", "a reading held back is not the meter's, or readings that were entered are not")
    p.add_argument("reading", type=int, nargs="?", help="its number in `netti meter held`")
    p.add_argument("--from", dest="start", metavar="TIME", help="take out what was entered from this time on ...")
    p.add_argument("--to", dest="end", metavar="TIME", help="... up to this one, instead of a reading held back")
    p = action("replaced", "it is another meter from a time on, or was set: what came before says nothing about what "
               "comes")
    p.add_argument("--at", metavar="TIME", help="default: now")
    p = action("q4", "the meter's overload flow Q4, above which a rise of its total is held back")
    p.add_argument("flow", type=float, help="m³/h, as on its face; 0: not known")


def run(args) -> int:
    """Run one action."""
    try:
        meter = wmbus.meter_text(wmbus.parse_meter(args.meter.strip().upper()))
    except wmbus.DecodeError:
        raise CommandError(f"{args.meter!r} is no meter (KAM-12345678-1B-16)") from None
    now = (parse_clock(args.simulated_clock) if args.simulated_clock else Clock()).seconds()
    with refusals(args.dir), open_office(args.dir) as office:
        with store_reader.open_reader(office.directory, office.settings) as read:
            stored = read(queries.meters.one, now // 86_400, meter)
            if stored is None:
                raise CommandError(f"no meter called {meter} has been heard")
            held = read(queries.claims.held, stored["row"])
        return ACTIONS[args.action](args, office, meter, held, now)


def _held(args, office, meter, held, now):
    if args.json:
        print(json.dumps([{"reading": h["telegram"], "time": iso(h["time"]), "reason": h["reason"],
                           "total_m3": None if h["total_ml"] is None else h["total_ml"] / 1_000_000}
                          for h in held], indent=1))
    else:
        for h in held:
            total = "" if h["total_ml"] is None else f"{h['total_ml'] / 1_000_000:.3f} m³"
            print(f"{h['telegram']:>10}  {iso(h['time'])}  {total:>18}  {h['reason']}")
        if not held:
            print(f"no reading of {meter} is held back")
    return 0


def _accept(args, office, meter, held, now):
    time = _time_of(args.reading, meter, held)
    act, what = ((decisions.CORRECT, "readings corrected") if args.correct else
                 (decisions.ACCEPT, "reading accepted"))
    return _decide(office, meter, act, what, now, args.reading, time)


def _refuse(args, office, meter, held, now):
    if args.reading is not None and args.start is None and args.end is None:
        return _decide(office, meter, decisions.REFUSE, "reading refused", now, args.reading,
                       _time_of(args.reading, meter, held))
    if args.reading is not None or args.start is None or args.end is None:
        raise CommandError("give the number of a reading held back, or --from and --to of what was entered")
    start, end = _time(args.start, now), _time(args.end, now)
    if not 0 <= start < end:
        raise CommandError("--from is not before --to")
    return _decide(office, meter, decisions.WITHDRAW, "readings withdrawn", now, None, start, end)


def _replaced(args, office, meter, held, now):
    at = _time(args.at, now)
    if at > now:
        raise CommandError("what has not happened cannot be said yet")
    return _decide(office, meter, decisions.REPLACED, "meter replaced", now, None, at)


def _q4(args, office, meter, held, now):
    if not 0 <= args.flow <= 100_000:
        raise CommandError("a Q4 is 0 to 100000 m³/h")
    return _decide(office, meter, decisions.Q4, "meter's Q4 set", now, None, now, round(args.flow * 1000))


def _decide(office, meter, act, what, now, telegram, time, until=None):
    # The log first: a decision that is not in it must not happen.
    office.accounts.audit.write(now, me(), what, meter, time, until if act == decisions.WITHDRAW else time)
    office.decisions.add(meter, act, now, telegram, time, until)
    print(f"{meter}: {what}; {LATER}")
    return 0


def _time_of(number, meter, held):
    for h in held:
        if h["telegram"] == number:
            return h["time"]
    raise CommandError(f"no reading {number} of {meter} is held back: netti meter held lists them")


def _time(text, otherwise):
    try:
        return otherwise if text is None else parse_time(text)
    except ValueError:
        raise CommandError(f"{text!r} is no time (2026-11-24 or 2026-11-24T07:00:00Z)") from None


ACTIONS = {"held": _held, "accept": _accept, "refuse": _refuse, "replaced": _replaced, "q4": _q4}
