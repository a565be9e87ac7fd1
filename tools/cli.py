"""The `netti` command: finds the subcommand's module by its name and runs it.

A command module has `HELP` (one line), `EXAMPLE`, `arguments(parser)` and `run(args) -> exit status`.
Bad input is a `CommandError`: one line on standard error, exit status 2.
"""

import argparse
import importlib
import pkgutil
import sys

from . import commands
from .errors import CommandError


def parser(only: str = "") -> argparse.ArgumentParser:
    """The whole command line; every module of `commands` is a subcommand. `only` leaves out all but one of them: a
    short command must not wait for what others import."""
    top = argparse.ArgumentParser(prog="netti", description="Meter gateway and receiver for water works.")
    sub = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    names = sorted(m.name for m in pkgutil.iter_modules(commands.__path__))
    for name in [only] if only in names else names:
        module = importlib.import_module(f"{commands.__name__}.{name}")
        p = sub.add_parser(name, help=module.HELP, description=module.HELP, epilog=f"example:\n  {module.EXAMPLE}",
                           formatter_class=argparse.RawDescriptionHelpFormatter)
        module.arguments(p)
        p.set_defaults(run=module.run)
    return top


def main(argv: "list[str] | None" = None) -> int:
    """Run one subcommand; returns the process's exit status."""
    argv = sys.argv[1:] if argv is None else argv
    args = parser(argv[0] if argv else "").parse_args(argv)
    try:
        return args.run(args) or 0
    except CommandError as e:
        print(f"netti {args.command}: {e}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`netti decode … | head`): not an error, but nothing more to say.
        sys.stderr.close()
        return 0


if __name__ == "__main__":
    sys.exit(main())
