"""Carries out attacks, many at one process where they may be, also where a defence is gone."""

import tempfile
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import mutants
from .catalogue import ATTACKS
from .ground import Ground
from .homes import Homes

STORES = ("sqlite", "postgres")
RUNTIMES = ("cpython", "micropython")
TOGETHER = 4  # attacks at once at one receiver
AT_ONCE = 3  # targets: most of what is done is waiting
HELD, SUCCEEDED, FAILED = "held", "succeeded", "failed"


class Result:
    """What became of one attack at one kind of target. kind: HELD, SUCCEEDED or FAILED; seen: what was seen, or why it
    could not be carried out."""

    def __init__(self, name, where, kind, seen, seconds):
        self.name, self.where, self.kind, self.seen, self.seconds = name, where, kind, seen, seconds


def carried_out(attack, target, where):
    """Carry out an attack at a target; a Result."""
    began = time.monotonic()
    try:
        seen = attack.run(target)
        kind = HELD if seen is None else SUCCEEDED
    except Exception as e:  # noqa: BLE001 - of anything: it was not carried out
        kind = FAILED
        lines = traceback.extract_tb(e.__traceback__)
        at = next((f"{Path(f.filename).name}:{f.lineno}" for f in reversed(lines) if "attacks" in f.filename), "")
        seen = f"{type(e).__name__} at {at}: {str(e)[:400]}"
    return Result(attack.name, where, kind, seen or "", time.monotonic() - began)


def at_receivers(store, attacks, folder, told, lacks=(), together=TOGETHER):
    """Carry out attacks at receivers over one kind of store: one for those that may share it, one for each other."""
    results = []
    shared = [a for a in attacks if not a.alone]
    if shared:
        with Ground(folder / f"{store}-shared-{time.monotonic_ns()}", store, lacks) as ground, \
                ThreadPoolExecutor(together) as pool:
            for result in pool.map(lambda a: carried_out(a, ground, store), shared):
                results.append(told(result))
            if not ground.alive():
                results.append(told(Result("the receiver afterwards", store, FAILED, "it does not answer", 0)))
    for attack in attacks:
        if attack.alone:
            with Ground(folder / f"{store}-{attack.name}-{time.monotonic_ns()}", store, lacks) as ground:
                results.append(told(carried_out(attack, ground, store)))
    return results


def at_gateways(runtime, attacks, folder, told, lacks="none", together=TOGETHER):
    """Carry out attacks at gateway processes of one runtime."""
    with ThreadPoolExecutor(together) as pool:
        return list(pool.map(lambda a: told(carried_out(a, Homes(folder / f"{runtime}-{a.name}-{time.monotonic_ns()}",
                                                                  runtime, lacks), runtime)), attacks))


def all_of(attacks, stores, runtimes, folder, told):
    """Carry out attacks at every kind of target; the results."""
    receivers, homes = ([a for a in attacks if a.at == at] for at in ("receiver", "gateway"))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        work = [pool.submit(at_receivers, store, receivers, folder, told) for store in stores]
        work += [pool.submit(at_gateways, runtime, homes, folder, told) for runtime in runtimes]
        return [result for w in work for result in w.result()]


def all_without(planted, stores, runtimes, folder, told):
    """{(mutant, target): Result} of the attacks where one defence is gone."""
    pairs = [(name, where) for name in planted
             for where in (stores if mutants.MUTANTS[name].at == "receiver" else runtimes)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(pairs, pool.map(lambda pair: caught([pair[0]], pair[1], folder, told)[pair[0]], pairs)))


# Of the quick campaign, over PostgreSQL: those whose defence is in the jobs that store and settle.
QUICK_POSTGRES = ("yesterday_played_again", "implausible_totals_of_a_plain_meter", "replay_ends_an_alarm",
                  "first_reading_that_cannot_be", "batch_sent_again", "equivocation", "untimed_copy_comes_first",
                  "yesterdays_hours_rewritten", "readings_from_the_future")


def quickly(attacks, planted, folder, told):
    """The quick campaign: (results of attacks, {(mutant, target): Result}). All targets at once; over PostgreSQL
    QUICK_POSTGRES only, gateways on MicroPython; defences whose attacks share a receiver are gone in it together, of
    which none hides another's."""
    receivers = [a for a in attacks if a.at == "receiver"]
    shared = [name for name in planted if mutants.MUTANTS[name].at == "receiver"]
    homes = [name for name in planted if name not in shared]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        work = [pool.submit(at_gateways, "micropython", [a for a in attacks if a.at == "gateway"], folder, told),
                pool.submit(at_receivers, "sqlite", receivers, folder, told),
                pool.submit(at_receivers, "postgres", [a for a in receivers if a.name in QUICK_POSTGRES], folder, told)]
        without = {("sqlite", tuple(shared)): pool.submit(caught, shared, "sqlite", folder, told)} if shared else {}
        for name in homes:
            without["micropython", (name,)] = pool.submit(caught, [name], "micropython", folder, told)
        results = [result for w in work for result in w.result()]
        return results, {(name, where): result for (where, _), w in without.items()
                         for name, result in w.result().items()}


def caught(names, where, folder, told):
    """The results of the attacks that some mutants of one kind of target (a store or a runtime) must let through, where
    all of these defences are gone at once: {mutant: Result}."""
    chosen = {name: ATTACKS[mutants.MUTANTS[name].attack] for name in names}
    wanted = list({a.name: a for a in chosen.values()}.values())
    if where in STORES:
        results = at_receivers(where, wanted, folder, told, names)
    else:
        [name] = names
        results = at_gateways(where, wanted, folder, told, name)
    by_name = {r.name: r for r in results}
    return {name: by_name[attack.name] for name, attack in chosen.items()}


def folder():
    """Where the targets' files lie: in memory if there is such a place."""
    return tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None, prefix="attacks-",
                                       ignore_cleanup_errors=True)


def printer(out=print):
    """Tells of each result, one line."""
    lock = threading.Lock()

    def told(result):
        with lock:
            out(f"{result.kind:9} {result.name} ({result.where}, {result.seconds:.1f} s)"
                + (f": {result.seen}" if result.seen else ""), flush=True)
        return result
    return told
