"""Start a gateway from its folder: `python -m firmware.main DIR`, the same under MicroPython.

    config.json   the owner's configuration      works.json   the enrolment file
    identity.json the key pair                   state.json   boot count, time floor, last command
    spool/        the two rings (or spool.flash) history/     the household's own hours
    han.json, own.json                           the hours that are running
    orders.json   what the works ordered         works.old.json   trusted until the new one has worked
"""

import asyncio
import sys

from . import port

port.tidy()  # before the imports: what compiling them leaves behind would lie all over a small heap

from .errors import ConfigError  # noqa: E402


def _made(folder, status, slots):
    # Apart, so that no frame of what goes on running has seen start.py, which is to be dropped.
    from .start import make
    return make(folder, status, slots)


async def _run(g):
    port.on_terminate(g.tasks.stop)
    await g.tasks.run()


def main(arguments):
    """Run the gateway of the folder in the arguments; returns the exit status, RESTART to be started again."""
    folders = [a for a in arguments if not a.startswith("-")]
    slots = [a[8:] for a in arguments if a.startswith("--slots=")]  # from boot.py
    if len(folders) != 1 or len(folders) + len(slots) + ("--status" in arguments) != len(arguments):
        print("usage: firmware.main DIR [--status]")
        return 2
    try:
        g = _made(folders[0].rstrip("/"), "--status" in arguments, slots[0] if slots else None)
    except ConfigError as e:
        print("gateway: %s" % e)
        from .console import refused
        refused(port, folders[0].rstrip("/"), str(e))
        return 2
    port.empty("firmware.start")  # it is not needed again, and would keep 12 KB with it
    try:
        asyncio.run(_run(g))
    except KeyboardInterrupt:
        # On MicroPython, where an interrupt strikes in the middle of anything.
        g.close()
    except Exception as e:
        g.watch.note(port.trace(e))
        raise
    if g.tasks.restarting:
        from .boot import RESTART
        return RESTART
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
