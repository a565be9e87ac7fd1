"""`netti simulate`: a street of meters on TCP ports, or as files."""

import asyncio
import sys
import time
from pathlib import Path

from ..errors import CommandError

HELP = "simulate a street: water meters, foreign meters, HAN streams and the radio between them"
EXAMPLE = "netti simulate --seed 7 --scale 60 --hours 2 --out street/"


def arguments(parser):
    parser.add_argument("--seed", type=int, default=1, help="everything is drawn from it (default 1)")
    parser.add_argument("--homes", type=int, default=34, help="number of homes, 12 to 400 (default 34)")
    parser.add_argument("--hours", type=float, default=24, help="simulated hours to run (default 24)")
    parser.add_argument("--scale", type=float, default=1, help="simulated seconds to a real one (default 1)")
    parser.add_argument("--port", type=int, default=7001, help="first TCP port; 0 takes free ones (default 7001)")
    parser.add_argument("--dialects", default="aidon,kaifa,kamstrup",
                        help="HAN dialects of the homes with a stream: aidon, kaifa, kamstrup, p1")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write keys, telegrams, HAN streams and the truth here")
    parser.add_argument("--offline", action="store_true", help="serve nothing: write the files at once (needs --out)")


def run(args):
    from ..simulate.han_encoder import DIALECTS
    dialects = tuple(args.dialects.split(","))
    if not 12 <= args.homes <= 400:
        raise CommandError("--homes must be from 12 to 400")
    if not 0 < args.hours <= 24 * 31 or args.scale <= 0:
        raise CommandError("--hours must be above 0 and at most 744, --scale above 0")
    if len(dialects) < 2 or any(d not in DIALECTS for d in dialects):
        raise CommandError(f"--dialects takes two or more of {', '.join(DIALECTS)}")
    if args.offline and not args.out:
        raise CommandError("--offline needs --out DIR")
    if not 0 <= args.port <= 65000:
        raise CommandError("--port must be from 0 to 65000")
    try:
        return _offline(args, dialects) if args.offline else asyncio.run(_serve(args, dialects))
    except OSError as e:
        raise CommandError(str(e)) from None


def _span(args) -> "tuple[float, float]":
    """Simulated start and end: so far in the past that the end is about now."""
    end = int(time.time())
    return end - args.hours * 3600, end


def _offline(args, dialects) -> int:
    from ..simulate.files import Files
    from ..simulate.meters import Meter
    from ..simulate.street import Street
    from ..simulate.truth import Truth
    start, end = _span(args)
    street = Street(args.seed, start, end, args.homes, dialects)
    files = Files(args.out, street)
    truth = Truth(args.out / "truth.jsonl", keep=False)
    sent = heard = lists = 0
    shown = time.monotonic()
    for due in street.schedule():
        if isinstance(due.source, Meter):
            one, receptions = street.transmit(due.source, due.at, truth)
            files.transmission(one, receptions)
            sent += 1
            heard += len(receptions)
        else:
            files.line(due.source, street.push(due.source, due.which, due.at)[0])
            lists += 1
        if sys.stderr.isatty() and time.monotonic() - shown > 0.5:
            shown = time.monotonic()
            print(f"\r{(due.at - start) / (end - start):6.1%}  {sent} telegrams", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    files.close()
    truth.close()
    print(f"{len(street.water_meters())} water meters, {len(street.meters) - len(street.water_meters())} others: "
          f"{sent} telegrams, {heard} times heard, {lists} HAN lists -> {args.out}")
    return 0


async def _serve(args, dialects) -> int:
    from rich.console import Console
    from rich.live import Live

    from ..simulate.clock import SimulatedClock
    from ..simulate.files import Files, gateway_config
    from ..simulate.serve import Server
    from ..simulate.street import Street
    from ..simulate.summary import Summary
    from ..simulate.truth import Truth
    start, end = _span(args)
    real = time.time()
    # The end is about now in simulated time; in real time it is hours / scale from now.
    start, end = start + (end - start) / args.scale, end + (end - start) / args.scale
    clock = SimulatedClock(real, start, args.scale)
    street = Street(args.seed, start, end, args.homes, dialects)
    truth = Truth(args.out / "truth.jsonl" if _folder(args.out) else None, keep=False)
    server = Server(street, clock, truth)
    await server.listen(args.port)
    configs = {site.name: gateway_config(
        street, site, [server.url(server.radios[site.name, r]) for r in range(len(site.radios))],
        server.url(server.han[site.name]) if site.han else None, args.scale) for site in street.sites}
    summary = Summary(server)
    server.watch.append(summary.heard)
    files = None
    if args.out:
        files = Files(args.out, street)
        files.gateways(configs)
        server.watch.append(files.transmission)
        server.watch_line.append(files.line)
    console = Console()
    console.print(summary.ports(), highlight=False)
    console.print(f"clock {clock.triple()}" + (f"   keys, settings and truth in {args.out}" if args.out else ""),
                  highlight=False)
    task = asyncio.create_task(server.run())
    try:
        if console.is_terminal:
            with Live(console=console, auto_refresh=False) as live:
                while not task.done():
                    live.update(summary.table(), refresh=True)
                    await asyncio.wait([task], timeout=0.5)
                live.update(summary.table(), refresh=True)
        else:
            while not task.done():
                await asyncio.wait([task], timeout=5)
                print(summary.line(), flush=True)
        await task
    finally:
        task.cancel()
        server.close()
        truth.close()
        if files:
            files.close()
    print(summary.line())
    return 0


def _folder(path: "Path | None") -> bool:
    if path is None:
        return False
    path.mkdir(parents=True, exist_ok=True)
    return True
