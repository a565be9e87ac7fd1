"""Several works on one machine under one command: each in processes of its own, with nothing between them.

A works is a directory: its own readings, keys, accounts, CA, ports. None of its processes ever opens another's files,
so there is no check that could be forgotten. A proxy that shows them all gives each a name of its own.
"""

import ctypes
import logging
import os
import signal
import sys

log = logging.getLogger("netti.receiver")

_PR_SET_PDEATHSIG = 1  # prctl(2)


def serve_all(runs) -> int:
    """Run each of `runs` (a function that returns an exit status) in a process until SIGTERM or SIGINT, which they are
    told; where one ends by itself, all end. Returns the worst exit status."""
    sys.stdout.flush()
    children: "dict[int, int]" = {}
    told = False

    def tell(*_):
        nonlocal told
        told = True
        for child in children:
            os.kill(child, signal.SIGTERM)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, tell)
    for n, run in enumerate(runs):
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            os._exit(_child(run, parent))
        children[child] = n
    worst = 0
    while children:
        try:
            child, status = os.waitpid(-1, 0)
        except InterruptedError:
            continue
        if child not in children:
            continue
        del children[child]
        code = os.waitstatus_to_exitcode(status)
        worst = max(worst, code if code >= 0 else 128 - code)
        if not told:
            log.error("a works has ended by itself; the others end with it")
            worst = worst or 1
            tell()
    return worst


def _child(run, parent):
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)  # a killed parent leaves no works running
    if os.getppid() != parent:
        return 1
    try:
        return run() or 0
    except KeyboardInterrupt:
        return 130
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
