"""`netti receiver`: make a receiver's directory, serve it, hand out enrolment tokens, list and revoke gateways."""

import argparse
import asyncio
import contextlib
import functools
import logging
import os
import re
import resource
import secrets
import sqlite3
import sys
from pathlib import Path

import wmbus
from cloud_receiver import app, processes, works
from cloud_receiver.data.clock import Clock, iso, parse_clock
from cloud_receiver.edge import enrolment
from cloud_receiver.office import kek, trust
from cloud_receiver.office.accounts import Accounts
from cloud_receiver.office.directory import Directory, Settings, SettingsError
from cloud_receiver.office.keys import KeyStore
from cloud_receiver.office.orders import OrderRefused, Orders, state
from cloud_receiver.operations import logs, metrics, store_reader
from cloud_receiver.stores import StoreError, queries

from ...errors import CommandError
from .. import user

HELP = "take gateways' batches, decode them, show them"
EXAMPLE = "netti receiver init works && netti receiver serve works"


ADMINISTRATOR = "admin"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommand's arguments."""
    sub = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    p = sub.add_parser("init", help="make a receiver: settings, the works' CA, key store")
    p.add_argument("dir", type=Path)
    p.add_argument("--works", default="works", metavar="ID",
                   help="the works' id: a-z, 0-9 and -, 1 to 32 (default: works)")
    p.add_argument("--name", default="", metavar="TEXT", help="the works' name, as people read it")
    p.add_argument("--host", default="localhost", help="name or address gateways reach it at (default: localhost)")
    p.add_argument("--port", type=int, default=8443, help="port gateways reach it at (default: 8443)")

    p = sub.add_parser("serve", help="run it until SIGTERM or Ctrl-C")
    p.add_argument("dir", type=Path, nargs="+", help="several: each works in processes of its own, nothing shared")
    p.add_argument("--port", type=int, help="port for gateways, 0: any free one (default: as set up)")
    p.add_argument("--web-port", type=int, default=8080,
                   help="port for pages and API; the next one for the next works (default: 8080)")
    p.add_argument("--web-host", default="127.0.0.1", help=argparse.SUPPRESS)
    p.add_argument("--public-name", action="append", default=[], metavar="HOST",
                   help="name under which a proxy with TLS on this machine shows the pages; people then have to log in "
                        "(localhost: on this machine, without a proxy). For several works once for each, in order")
    p.add_argument("--processes", type=int, metavar="N",
                   help="processes that take gateways' batches, beside those that write, decode and show; 0: one "
                        "process does everything (default: one per core, at most 4)")
    p.add_argument("--simulated-clock", metavar="ORIGIN:START:SCALE", help=argparse.SUPPRESS)
    p.add_argument("--metrics-port", type=int, metavar="PORT",
                   help="port for Prometheus on this machine, /metrics; the next for the next works (default: none)")
    p.add_argument("--log", choices=("json", "text"),
                   help="form of the log on standard error (default: text on a terminal, else json)")
    p.add_argument("--verbose", action="store_true", help="log refused batches as well")

    p = sub.add_parser("token", help="print one-time tokens for `netti gateway enrol`")
    p.add_argument("dir", type=Path)
    p.add_argument("-n", type=int, default=1, help="how many (default: 1)")

    p = sub.add_parser("gateways", help="list the enrolled gateways")
    p.add_argument("dir", type=Path)

    p = sub.add_parser("revoke", help="refuse a gateway from now on; what it sent stays")
    p.add_argument("dir", type=Path)
    p.add_argument("gateway", help="its id, 16 letters and digits")
    p.add_argument("--undo", action="store_true", help="take it back")

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

    p = sub.add_parser("command", help="queue a command for a gateway's next answer",
                       epilog="example: netti receiver command works all interval 1800")
    p.add_argument("dir", type=Path)
    p.add_argument("gateway", help="its id, or all")
    p.add_argument("--simulated-clock", metavar="ORIGIN:START:SCALE", help=argparse.SUPPRESS)
    _command_arguments(p.add_subparsers(dest="name", metavar="COMMAND", required=True))

    p = sub.add_parser("rotate", help="let the stand-by anchor or command key take over, and tell the gateways")
    p.add_argument("dir", type=Path)
    p.add_argument("what", choices=("anchor", "command-key"))
    p.add_argument("--force", action="store_true", help="even if a gateway has not taken the last change: it is lost")

    p = sub.add_parser("commands", help="list commands and what became of them")
    p.add_argument("dir", type=Path)
    p.add_argument("gateway", nargs="?", help="of this gateway only")


def _command_arguments(sub):
    """A parser for each command of the closed list."""
    p = sub.add_parser("interval", help="time between its regular batches")
    p.add_argument("seconds", type=int, help="10 to 86400")
    p = sub.add_parser("relay", help="which telegrams of water meters it relays, and how often")
    p.add_argument("--window", type=int, default=3600, help="seconds per relayed telegram (default: 3600)")
    p.add_argument("--media", type=int, nargs="+", default=[6, 7, 21, 22], help="of 6 7 21 22 (default: all)")
    p.add_argument("--meters", nargs="+", help="only these meters or makes (KAM-*); default: all")
    sub.add_parser("own-meters", help="the home's own meters and keys once more, as bound (bind, unbind do it too)")
    sub.add_parser("trust", help="the anchors and command keys as they are now (rotate does it too)")
    p = sub.add_parser("rewind", help="send again what its ring still holds (done by itself where a gap is seen)")
    p.add_argument("epoch", help="the ring, 16 hex digits as its page shows it")
    p.add_argument("after", type=int, help="the record before the first that is wanted; 0: all")
    p = sub.add_parser("update", help="tell it that an update of Netti is there; it checks the release's own signature")
    p.add_argument("version")
    p.add_argument("url", help="https://...")
    sub.add_parser("close-valve", help="close the main valve: only where the owner has agreed on the gateway, and only "
                   "if it calls within four minutes; nothing opens it from afar")


def run(args) -> int:
    """Run one action."""
    try:
        return ACTIONS[args.action](args)
    except (SettingsError, StoreError, OrderRefused, sqlite3.Error) as e:
        raise CommandError(str(e)) from None
    except OSError as e:
        raise CommandError(f"{e.filename or args.dir}: {e.strerror}") from None


def _init(args):
    directory = Directory(args.dir)
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", args.works):
        raise CommandError(f"works id {args.works!r} is not 1 to 32 of a-z, 0-9 and -")
    if not re.fullmatch(r"[A-Za-z0-9.:-]{1,253}", args.host):
        raise CommandError(f"{args.host!r} is no host name or address")
    if not 0 <= args.port < 65536:
        raise CommandError(f"{args.port} is no port")
    if directory.settings_file.exists():
        raise CommandError(f"{args.dir} is a receiver already; nothing was changed")
    directory.path.mkdir(parents=True, exist_ok=True)
    trust.make(directory.ca, args.works, args.name or args.works, args.host)
    password = secrets.token_urlsafe(12)
    keks = kek.found(directory.path) or [kek.make(kek.file_of(directory.path))]
    KeyStore(directory.keys).close()
    with contextlib.closing(Accounts(directory.access)) as accounts:
        accounts.put(ADMINISTRATOR, password, Clock().seconds())
    # The settings come last: a directory has them only once everything else is there.
    settings = Settings(args.works, args.name or args.works, args.host, args.port)
    directory.save(settings)
    print(f"receiver of works {args.works} made in {args.dir}\n"
          f"  gateways will reach it at {settings.url}\n"
          f"  {directory.ca}: the works' CA; keep anchor2.key offline, it replaces the first if that is ever lost\n"
          f"  {keks[0].source}: encrypts the meter keys; keep it, and not with backups of {args.dir}: without it they\n"
          f"  have to be imported anew, with both they lie open (docs/security.md, KEK)\n"
          f"  first administrator: {ADMINISTRATOR}, password {password} (shown this once; see serve --public-name)\n"
          f"next: netti receiver serve {args.dir}, then netti receiver token {args.dir}")
    return 0


def _serve(args):
    names = args.public_name or [""] * len(args.dir)
    if len(names) != len(args.dir) or len(set(filter(None, names))) != len(list(filter(None, names))):
        raise CommandError("each works needs a --public-name of its own, or none has one")
    if len({d.resolve() for d in args.dir}) != len(args.dir):
        raise CommandError("a works can be served once only")
    if len(args.dir) == 1:
        return _serve_one(args, args.dir[0], args.web_port, names[0], args.metrics_port)
    if args.port:
        raise CommandError("several works have a port for gateways each, as set up (netti receiver init --port)")
    for path in args.dir:
        Directory(path).load()

    def nth(port, n):
        return port + n if port else port
    return works.serve_all([functools.partial(_serve_in_child, args, path, nth(args.web_port, n), name,
                                              nth(args.metrics_port, n))
                            for n, (path, name) in enumerate(zip(args.dir, names))])


def _serve_in_child(args, *values):
    try:
        return _serve_one(args, *values)
    except (CommandError, SettingsError, StoreError, sqlite3.Error, OSError) as e:
        print(f"netti receiver: {values[0]}: {e}", file=sys.stderr)
        return 2


def _serve_one(args, path, web_port, public_name, metrics_port):
    directory = Directory(path)
    settings = directory.load()
    try:
        clock = parse_clock(args.simulated_clock) if args.simulated_clock else Clock()
    except ValueError as e:
        raise CommandError(f"--simulated-clock is ORIGIN:START:SCALE: {e}") from None
    logs.set_up(args.log or ("text" if sys.stderr.isatty() else "json"),
                logging.INFO if args.verbose else logging.WARNING)
    metrics.begin()
    port = settings.port if args.port is None else args.port

    def ready(receiver):
        print(f"netti receiver: devices {receiver.settings.url}  pages http://127.0.0.1:{receiver.web_port}\n",
              end="", flush=True)  # in one piece: another works may print its own

    if public_name and not re.fullmatch(r"[a-z0-9.-]{1,253}", public_name):
        raise CommandError(f"{public_name!r} is no host name")
    app.require_loopback(args.web_host)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the meter keys
    ears = min(4, os.cpu_count() or 1) if args.processes is None else args.processes
    if not 0 <= ears <= 64:
        raise CommandError("--processes is 0 to 64")
    shared = processes.start(directory, clock, port, ears) if ears else None
    asyncio.run(app.serve(directory, clock, port, web_port, args.web_host, ready=ready, public_name=public_name,
                          shared=shared, metrics_port=metrics_port))
    return 0


def _token(args):
    directory = Directory(args.dir)
    settings = directory.load()
    if not 1 <= args.n <= 10_000:
        raise CommandError("-n is 1 to 10000")
    keys = KeyStore(directory.keys)
    anchor = trust.anchors(directory.ca)[0]
    for _ in range(args.n):
        print(enrolment.token_text(settings.works, settings.url, keys.make_token(Clock().seconds()), anchor))
    keys.close()
    return 0


def _gateways(args):
    directory = Directory(args.dir)
    settings = directory.load()
    keys = KeyStore(directory.keys)
    revoked = keys.revoked()
    keys.close()
    rows = []
    if settings.store or directory.store.exists():
        with store_reader.opened(directory, settings) as read:
            rows = [(g["id"], g["kind"], g["name"], g["last_contact"])
                    for g in sorted(read(queries.gateways.every), key=lambda g: g["enrolled"])]
    if not rows:
        print(f"no gateways yet; print a token with: netti receiver token {args.dir}", file=sys.stderr)
    for gateway, kind, name, contact in rows:
        state = "revoked" if gateway in revoked else iso(contact) or "never heard from"
        print(f"{gateway}  {kind:12}  {state:20}  {name}".rstrip())
    return 0


def _revoke(args):
    directory = Directory(args.dir)
    directory.load()
    gateway = _gateway_id(args.gateway)
    keys = KeyStore(directory.keys)
    changed = keys.reinstate(gateway) if args.undo else keys.revoke(gateway, Clock().seconds())
    keys.close()
    print(f"{gateway}: " + (("reinstated" if args.undo else "revoked") if changed else "nothing to change"))
    return 0


def _gateway_id(text):
    gateway = text.strip().upper()
    if not re.fullmatch(r"[A-Z2-7]{16}", gateway):
        raise CommandError(f"{text!r} is no gateway id (16 letters and digits)")
    return gateway


@contextlib.contextmanager
def _office(args):
    """(settings, key store, its orders, the enrolled gateways' ids) of a directory."""
    directory = Directory(args.dir)
    settings = directory.load()
    with contextlib.closing(KeyStore(directory.keys)) as keys:
        yield settings, keys, Orders(keys, settings.works), [row[0] for row in keys.enrolled()]


def _enrolled(text, enrolled):
    gateway = _gateway_id(text)
    if gateway not in enrolled:
        raise CommandError(f"no gateway {gateway} is enrolled")
    return gateway


def _bind(args):
    now = Clock().seconds()
    with _office(args) as (_, keys, orders, enrolled):
        gateway = _enrolled(args.gateway, enrolled)
        try:
            meters = [wmbus.meter_text(wmbus.parse_meter(m)) for m in args.meter]
        except wmbus.DecodeError as e:
            raise CommandError(e.reason) from None
        for meter in meters:
            other = next((g for g in enrolled if g != gateway and meter in keys.bound(g)), None)
            if args.action == "bind" and other is not None:
                raise CommandError(f"{meter} is bound to {other}; unbind it there first")
        for meter in meters:
            changed = keys.bind(gateway, meter, now) if args.action == "bind" else keys.unbind(gateway, meter)
            what = ("bound to" if args.action == "bind" else "unbound from") if changed else "unchanged at"
            note = "" if meter in dict(keys.meters()) else "; there is no key for it yet"
            print(f"{meter} {what} {gateway}{note}")
        orders.make(gateway, "own-meters", {"meters": sorted(keys.bound(gateway))}, now)
    return 0


def _home(args):
    with _office(args) as (settings, keys, _, enrolled):
        gateway = _enrolled(args.gateway, enrolled)
        since = keys.home_since(gateway)
        if args.new_resident:
            since = Clock().seconds()
            keys.move_in(gateway, since)
            with user.opened(Directory(args.dir)) as accounts:
                for name in accounts.of_home(gateway):
                    accounts.remove(name)
                    accounts.audit.write(since, user.me(), "account removed", name)
        elif since is None:
            since = next(row[4] for row in keys.enrolled() if row[0] == gateway)
        where = f"https://{args.public_name}" if args.public_name else f"http://127.0.0.1:{settings.web_port}"
        print(f"{where}/home/{keys.home_link(gateway, since)}")
    return 0


def _command(args):
    directory = Directory(args.dir)
    now = (parse_clock(args.simulated_clock) if args.simulated_clock else Clock()).seconds()
    if args.name == "close-valve" and args.gateway == "all":
        raise CommandError("a valve is closed at one gateway, not at all")
    with _office(args) as (settings, keys, orders, enrolled):
        gateways = enrolled if args.gateway == "all" else [_enrolled(args.gateway, enrolled)]
        revoked = keys.revoked()
        for gateway in gateways:
            if gateway in revoked and args.gateway == "all":
                print(f"{gateway} is revoked: skipped")
                continue
            counter = orders.make(gateway, args.name, _order(args, directory, settings, keys.bound(gateway)), now)
            print(f"{gateway} {args.name} queued as {counter}"
                  + (", for four minutes" if args.name == "close-valve" else ""))
    return 0


def _order(args, directory, settings, bound):
    """The arguments of a command as the wire carries them, own meters without their keys."""
    if args.name == "interval":
        return {"seconds": args.seconds}
    if args.name == "relay":
        return {"window": args.window, "media": args.media, "meters": args.meters}
    if args.name == "own-meters":
        return {"meters": sorted(bound)}
    if args.name == "trust":
        return _trusted(directory, settings)
    if args.name == "rewind":
        if not re.fullmatch("[0-9a-fA-F]{16}", args.epoch):
            raise CommandError(f"{args.epoch!r} is no epoch (16 hex digits)")
        return {"epoch": bytes.fromhex(args.epoch), "after": args.after}
    return {"version": args.version, "url": args.url} if args.name == "update" else {}


def _trusted(directory, settings):
    return {"url": settings.url, "anchors": trust.anchors(directory.ca),
            "command_keys": [bytes.fromhex(k) for k in trust.command_public_keys(directory.ca)]}


def _rotate(args):
    directory, now = Directory(args.dir), Clock().seconds()
    with _office(args) as (settings, keys, orders, enrolled):
        gateways = [g for g in enrolled if g not in keys.revoked()]
        behind = [g for g in gateways if _behind(orders.of(g))]
        if behind and not args.force:
            raise CommandError(f"{len(behind)} gateways have not taken the last change yet ({behind[0]}, ...); see "
                               f"netti receiver commands {args.dir}")
        if args.what == "anchor":
            trust.rotate_anchor(directory.ca, settings.works, settings.name, settings.host)
            print("the stand-by anchor has taken over; keep the new anchor2.key offline\n"
                  "tokens printed before are void: print new ones")
        else:
            trust.rotate_command_key(directory.ca)
            print("the successor has taken over as command key")
        for gateway in gateways:
            orders.make(gateway, "trust", _trusted(directory, settings), now)
        print(f"{len(gateways)} gateways will be told with their next answer")
    return 0


def _behind(orders):
    """Whether the last trust command of a gateway (newest first) was not carried out."""
    last = next((c for c in orders if c.name == "trust"), None)
    return last is not None and last.code != 0


def _commands(args):
    now = Clock().seconds()
    with _office(args) as (_, _, orders, enrolled):
        for gateway in enrolled if args.gateway is None else [_enrolled(args.gateway, enrolled)]:
            for c in orders.of(gateway):
                print(f"{gateway}  {c.counter}  {c.name:11}  {state(c, now):8}  {iso(c.made)}  {c.text or ''}".rstrip())
    return 0


ACTIONS = {"init": _init, "serve": _serve, "token": _token, "gateways": _gateways, "revoke": _revoke, "bind": _bind,
           "unbind": _bind, "home": _home, "command": _command, "commands": _commands,
           "rotate": _rotate}
