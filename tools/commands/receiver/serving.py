"""`netti receiver serve`: one works, in processes of its own."""

import argparse
import asyncio
import logging
import os
import re
import resource
import sys
from pathlib import Path

from cloud_receiver.data.clock import Clock, parse_clock
from cloud_receiver.office.directory import Directory
from cloud_receiver.operations import logs

from ...errors import CommandError

FILES = 8192  # that one process may have open


def arguments(sub) -> None:
    """The arguments of serve."""
    p = sub.add_parser("serve", help="run it until SIGTERM or Ctrl-C")
    p.add_argument("dir", type=Path, nargs="+", help="its directory")
    p.add_argument("--port", type=int, help="port for gateways, 0: any free one (default: as set up)")
    p.add_argument("--web-port", type=int, default=8080,
                   help="port for pages and API (default: 8080)")
    p.add_argument("--web-host", default="127.0.0.1", help=argparse.SUPPRESS)
    p.add_argument("--public-name", action="append", default=[], metavar="HOST",
                   help="name under which a proxy with TLS on this machine shows the pages; people then have to log in "
                        "(localhost: on this machine, without a proxy)")
    p.add_argument("--processes", type=int, metavar="N",
                   help="processes that take gateways' batches, beside those that write, decode and show; 0: one "
                        "process does everything (default: one per core, at most 4)")
    p.add_argument("--simulated-clock", metavar="ORIGIN:START:SCALE", help=argparse.SUPPRESS)
    p.add_argument("--metrics-port", type=int, metavar="PORT",
                   help="port for Prometheus on this machine, /metrics (default: none)")
    p.add_argument("--log", choices=("json", "text"),
                   help="form of the log on standard error (default: text on a terminal, else json)")
    p.add_argument("--verbose", action="store_true", help="log refused batches as well")


def serve(args) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    if len(args.dir) > 1:
        raise CommandError("each works is served by a command of its own, as a service: docs/operator.md; here: "
                           + ", ".join(_apart(args)))
    if len(args.public_name) > 1:
        raise CommandError("a works has one --public-name")
    public_name = args.public_name[0] if args.public_name else ""
    from cloud_receiver import app, processes  # here: the other actions do not wait for the whole receiver
    [path] = args.dir
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
        print(f"netti receiver: devices {receiver.settings.url}  pages http://127.0.0.1:{receiver.web_port}",
              flush=True)

    if public_name and not re.fullmatch(r"[a-z0-9.-]{1,253}", public_name):
        raise CommandError(f"{public_name!r} is no host name")
    app.require_loopback(args.web_host)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the meter keys
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files[0] != resource.RLIM_INFINITY and files[0] < FILES:  # a connection is one; 1024 is what shells give
        most = FILES if files[1] == resource.RLIM_INFINITY else min(FILES, files[1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(files[0], most), files[1]))
    ingest = min(4, os.cpu_count() or 1) if args.processes is None else args.processes
    if not 0 <= ingest <= 64:
        raise CommandError("--processes is 0 to 64")
    workers = processes.start(directory, clock, port, ingest) if ingest else None
    asyncio.run(app.serve(directory, clock, port, args.web_port, args.web_host, ready=ready, public_name=public_name,
                          workers=workers, metrics_port=args.metrics_port))
    return 0


def _apart(args):
    """The commands that do what one for several works did: the next port of each kind for the next works."""
    for n, path in enumerate(args.dir):
        words = ["netti receiver serve", str(path), f"--web-port {args.web_port and args.web_port + n}"]
        if n < len(args.public_name):
            words.append(f"--public-name {args.public_name[n]}")
        if args.metrics_port is not None:
            words.append(f"--metrics-port {args.metrics_port and args.metrics_port + n}")
        yield " ".join(words)


ACTIONS = {"serve": serve}
