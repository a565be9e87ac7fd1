"""`netti receiver serve`: one works in the processes of its own, or several beside each other."""

import argparse
import asyncio
import functools
import logging
import os
import re
import resource
import sqlite3
import sys
from pathlib import Path

from cloud_receiver.data.clock import Clock, parse_clock
from cloud_receiver.office.directory import Directory, SettingsError
from cloud_receiver.operations import logs
from cloud_receiver.stores import StoreError

from ...errors import CommandError


def arguments(sub) -> None:
    """The arguments of serve."""
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


def serve(args) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    from cloud_receiver import works  # here: the other actions do not wait for the whole receiver
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
    from cloud_receiver import app, processes
    directory = Directory(path)
    settings = directory.load()
    try:
        clock = parse_clock(args.simulated_clock) if args.simulated_clock else Clock()
    except ValueError as e:
        raise CommandError(f"--simulated-clock is ORIGIN:START:SCALE: {e}") from None
    logs.set_up(args.log or ("text" if sys.stderr.isatty() else "json"),
                logging.INFO if args.verbose else logging.WARNING)
    port = settings.port if args.port is None else args.port

    def ready(receiver):
        print(f"netti receiver: devices {receiver.settings.url}  pages http://127.0.0.1:{receiver.web_port}\n",
              end="", flush=True)  # in one piece: another works may print its own

    if public_name and not re.fullmatch(r"[a-z0-9.-]{1,253}", public_name):
        raise CommandError(f"{public_name!r} is no host name")
    app.require_loopback(args.web_host)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the meter keys
    ingest = min(4, os.cpu_count() or 1) if args.processes is None else args.processes
    if not 0 <= ingest <= 64:
        raise CommandError("--processes is 0 to 64")
    workers = processes.start(directory, clock, port, ingest) if ingest else None
    asyncio.run(app.serve(directory, clock, port, web_port, args.web_host, ready=ready, public_name=public_name,
                          workers=workers, metrics_port=metrics_port))
    return 0


ACTIONS = {"serve": serve}
