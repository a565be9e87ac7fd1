"""`netti demo`: the whole way from meters to pages on a simulated street, with processes killed on the way."""

import argparse
import asyncio
import random
import shutil
import tempfile
from pathlib import Path

from ..demo import faults
from ..errors import CommandError

HELP = "run a receiver and three gateways on a simulated street, kill some of them, and judge the result"
EXAMPLE = "netti demo --once --seed 7"


def arguments(parser) -> None:
    """The options of `netti demo`."""
    parser.add_argument("--seed", type=int, help="everything is drawn from it (default: a random one, shown)")
    parser.add_argument("--once", action="store_true", help="end by itself instead of leaving the pages up")
    parser.add_argument("--fault", type=_faults, metavar="drop|dup|wrong[,...]",
                        help="plant this fault in the receiver, or these; the demo must find it and fail")
    parser.add_argument("--quick", action="store_true", help="one whole hour instead of two")
    parser.add_argument("--dir", type=Path, help="keep everything in this directory, which must not exist")


def _faults(text: str) -> str:
    if not set(text.split(",")) <= set(faults.KINDS):
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(faults.KINDS)}, with commas between several")
    return text


def run(args) -> int:
    """Run a demo; 0 when all it checks holds, 1 when it found something wrong, 130 when it was stopped."""
    from ..demo.processes import require_programs
    from ..demo.run import Demo
    require_programs()
    if args.dir and args.dir.exists():
        raise CommandError(f"{args.dir} is there already")
    seed = random.SystemRandom().randrange(1, 10_000) if args.seed is None else args.seed
    folder = args.dir or Path(tempfile.mkdtemp(prefix="netti-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        demo = Demo(folder.resolve(), seed, args.fault, args.quick, args.once)
        return asyncio.run(demo.run())
    finally:
        if not args.dir:
            shutil.rmtree(folder, ignore_errors=True)
