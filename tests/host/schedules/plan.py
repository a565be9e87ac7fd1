"""Draws schedules: lists of orders that JSON can hold, from a seed.

    hear [meter, ...]       telegrams from the radio           wait s        time passes, housekeeping runs
    event                   a record for the values ring       clock d|null  a system clock that is d seconds off
    round faults hears      the uplink's turn; per request a fault and what is heard meanwhile
    stop | crash mode n     an orderly end | a kill or power cut, and a new start
    cut mode n order        the n-th byte that this order writes is the last
    backup | restore i k    of the receiver (k: its key store too; i -1: the store is gone)
    copy | older i          of the gateway's flash: keep one | put an older one in its place
    kill                    of the receiver, at rest           revoke b      the gateway, or not
    command name n          the works orders something
    storm n                 n meters at once: the spool overflows if it is small
"""

import random

METERS = 6
STATUSES = (400, 401, 403, 409, 413, 429, 500, 503)
GARBAGE = ("empty", "noise", "fields", "epoch", "nothing", "far", "html", "long", "header")
COMMANDS = ("interval", "update", "close-valve", "relay", "own-meters", "trust")


def fault(r):
    """What happens to one request."""
    kind = r.choices(("ok", "unheard", "unanswered", "torn", "broken", "kill", "status", "garbage", "twin", "step"),
                     (40, 8, 14, 5, 6, 10, 12, 6, 3, 1))[0]
    if kind == "torn":
        return [kind, r.randrange(1, 120)]
    if kind == "broken":
        return [kind, r.randrange(0, 1500)]
    if kind == "kill":
        return [kind, r.choice(("before", "after"))]
    if kind == "status":
        return [kind, r.choice(STATUSES), r.choice((None, 0, 30, 10**9, "soon"))]
    if kind == "garbage":
        return [kind, r.choice(GARBAGE)]
    if kind == "step":
        return [kind, r.choice((-7200, -1, 3, 3700))]
    return [kind]


def order(r, small):
    """One order."""
    name = r.choices(("hear", "wait", "event", "round", "stop", "crash", "cut", "backup", "restore", "kill", "revoke",
                      "command", "storm", "clock"),
                     (30, 22, 4, 24, 3, 6, 9, 3, 3, 2, 1, 6, 3 if small else 0, 1))[0]
    if name == "hear":
        return [name, [r.randrange(METERS) for _ in range(r.randrange(1, 5))]]
    if name == "wait":
        return [name, r.choice((5, 10, 60, 300, 1000, 3599, 3600, 5000, 86400))]
    if name == "round":
        n = r.randrange(0, 5)
        return [name, [fault(r) for _ in range(n)],
                [[r.randrange(METERS) for _ in range(r.choice((0, 0, 1, 2)))] for _ in range(n)]]
    if name == "crash":
        return [name, r.choice(("kill", "power")), r.randrange(1000)]
    if name == "cut":
        inner = ["event"]
        while inner[0] not in ("hear", "wait", "round", "stop", "crash", "storm"):
            inner = order(r, small)
        return [name, r.choice(("kill", "power")), r.choice((r.randrange(8), r.randrange(150), r.randrange(2000))),
                r.randrange(1000), inner]
    if name == "restore":
        return [name, r.randrange(-1, 5), r.random() < 0.3]
    if name == "revoke":
        return [name, r.random() < 0.4]
    if name == "command":
        return [name, r.choice(COMMANDS)]
    if name == "storm":
        return [name, r.randrange(100, 400)]
    if name == "clock":
        return [name, r.choice((None, 0, 3, -4000, 90000))]
    return [name]


def draw(seed, runtime="cpython"):
    """The schedule of a seed."""
    r = random.Random(seed)
    small = r.random() < 0.15
    orders = [order(r, small) for _ in range(r.randrange(8, 40))]
    while r.random() < 0.3:
        at = r.randrange(len(orders))
        orders.insert(r.randrange(at, len(orders)) + 1, ["older", r.randrange(3)])
        orders.insert(at, ["copy"])
    return {"seed": seed, "runtime": runtime, "small": small, "orders": orders}
