"""Attacks on a running receiver and on gateway processes: which succeed, and which go unnoticed without a defence.

    python bench/redteam.py [--quick] [--json] [--only NAME ...] [--store sqlite|postgres] [--no-mutants] [--list]

Each attack is carried out on a receiver as its users run it (`netti receiver serve`, its own processes), over SQLite
and over PostgreSQL, or on a gateway process, on CPython and on the real MicroPython. Then each defence is taken away,
one at a time, and the attack that it stops must succeed. The attacks: tests/host/attacks/.

--quick, a minute: attacks of a shorter list over SQLite, and over PostgreSQL those whose defence lies in the store;
gateways on MicroPython; and some of the mutants, several in one receiver. --only NAME: these attacks, or the mutants of
these names, on every kind of target.

An attack counts once, however many targets and parameters it has. One that could not be carried out is neither held nor
succeeded: `failed`, and the exit status is not 0.
"""

import argparse
import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "host"), str(ROOT / "tests"), str(ROOT)]

from attacks import campaign, mutants  # noqa: E402
from attacks.catalogue import ATTACKS  # noqa: E402


def chosen(args):
    """(attacks, mutants) to be tried, by name."""
    if args.only:
        unknown = [name for name in args.only if name not in ATTACKS and name not in mutants.MUTANTS]
        if unknown:
            sys.exit(f"there is no attack and no mutant {', '.join(unknown)}: --list")
        return [name for name in args.only if name in ATTACKS], \
               [name for name in args.only if name in mutants.MUTANTS]
    names = [name for name, a in ATTACKS.items() if a.quick or not args.quick]
    planted = [] if args.no_mutants else [name for name, m in mutants.MUTANTS.items() if m.quick or not args.quick]
    return names, planted


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="about a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--only", action="append", metavar="NAME", help="this attack or mutant (may be repeated)")
    parser.add_argument("--store", choices=campaign.STORES, help="receivers over this store only")
    parser.add_argument("--no-mutants", action="store_true", help="take no defence away")
    parser.add_argument("--list", action="store_true", help="the attacks, who tries them, and the mutants")
    args = parser.parse_args()
    if args.list:
        for name, a in ATTACKS.items():
            print(f"{name} ({a.who}, at a {a.at}{', quick' if a.quick else ''}): {' '.join(a.run.__doc__.split())}")
        for name, m in mutants.MUTANTS.items():
            print(f"without {name}: {m.attack}")
        return
    began, told = time.monotonic(), campaign.printer()
    names, planted = chosen(args)
    stores = (args.store,) if args.store else campaign.STORES
    quick = args.quick and not args.only
    runtimes = ("micropython",) if quick else campaign.RUNTIMES
    with campaign.folder() as path:
        folder = Path(path)
        wanted = [ATTACKS[name] for name in names]
        if quick:
            results, without = campaign.quickly(wanted, planted, folder, told)
        else:
            results = campaign.all_of(wanted, stores, runtimes, folder, told)
            if planted:
                print("with a defence taken away:", flush=True)
            without = campaign.all_without(planted, stores, runtimes, folder, told)
    missed = sorted({name for (name, _), result in without.items() if result.kind != campaign.SUCCEEDED})
    by_name = {name: [r for r in results if r.name == name] for name in names}
    succeeded = sorted({r.name for r in results if r.kind == campaign.SUCCEEDED})
    failed = sorted({r.name for r in results if r.kind == campaign.FAILED})
    held = sorted(name for name, of_it in by_name.items() if of_it and all(r.kind == campaign.HELD for r in of_it))
    result = {"attacks": len(names), "succeeded": len(succeeded), "mutants": len(planted),
              "mutants_missed": len(missed), "held": held,
              "succeeded_names": succeeded, "failed": failed, "mutants_missed_names": missed,
              "stores": list(stores), "runtimes": list(runtimes), "seconds": round(time.monotonic() - began)}
    print(f"{len(names)} attacks: {len(held)} held, {len(succeeded)} succeeded, {len(failed)} could not be carried "
          f"out; {len(missed)} of {len(planted)} mutants missed; {result['seconds']} s")
    for label, those in (("succeeded", succeeded), ("not carried out", failed), ("mutants missed", missed)):
        if those:
            print(f"{label}: {', '.join(those)}")
    if args.json:
        print(json.dumps(result))
    sys.exit(1 if succeeded or failed or missed else 0)


if __name__ == "__main__":
    main()
