"""Mutated HAN messages in great number: what escapes, what is read that no check vouches for, how long it takes.

usage: bench/fuzz_han.py [--quick] [--json] [--mutants N] [--seed N] [--corpus FILE]

Mutants are those of the breakage study (flipped bits, cuts, lost and doubled bytes, garbage in front, flags inside, two
messages, shared flags, splices, and contents changed under right checks), of the captures beside the repository and of
the tests' own encoder. Each goes through a live reader in pieces, through `read_all` and through `explain`. JSON:
`mutants`; `escapes` (exceptions that are no DecodeError); `unvouched` (readings from a message one of whose checks is
wrong by independent arithmetic); `slow` (more than 20 ms of CPU time); `growth_kb` (live memory gained after the first
tenth); `read` (mutants that gave a reading).
"""

import argparse
import gc
import json
import os
import random
import sys
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# In place of this folder, where han.py would be taken for amshan's package.
sys.path[:1] = [str(ROOT), str(ROOT / "tests")]

import han_mutants  # noqa: E402

import han_reader  # noqa: E402

CORPUS = Path(os.environ.get("NETTI_CORPUS", ROOT.parent / "shared" / "corpus")) / "han" / "han_dev.jsonl"
SLOW_S = 0.020


def attempt(data, size):
    """(readings of a live reader, messages of it no check vouches for) of some bytes fed in pieces."""
    reader = han_reader.Reader()
    messages = []
    for at in range(0, len(data), size):
        messages += reader.feed(data[at:at + size])
    messages += reader.finish()
    readings = unvouched = 0
    for message in messages:
        good = message[0] == 0xDB or han_mutants.vouched(message)
        try:
            han_reader.decode(message)
            readings += 1
            unvouched += not good
        except han_reader.DecodeError:
            pass
    try:
        han_reader.read_all(data)
    except han_reader.DecodeError:
        pass
    return readings, unvouched


def resident_kb():
    """Resident memory of this process."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * (os.sysconf("SC_PAGE_SIZE") // 1024)


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--mutants", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    run(parser.parse_args())


def run(args):
    """Run with the arguments of `main`, or of fuzz.py, and print."""
    count = args.mutants or (60_000 if args.quick else 1_200_000)
    rng = random.Random(args.seed)
    pool = han_mutants.own()
    corpus = getattr(args, "corpus", CORPUS)
    if corpus.exists():
        pool += [bytes.fromhex(json.loads(line)["hex"]) for line in corpus.open(encoding="utf-8")]
    result = {"mutants": count, "escapes": 0, "unvouched": 0, "slow": 0, "read": 0}
    texts = []
    before = 0
    for number in range(count):
        if number == count // 10:
            gc.collect()
            before = resident_kb()
        kind, data = han_mutants.mutant(rng, pool)
        started = time.process_time()
        try:
            readings, unvouched = attempt(data, rng.choice((1 << 20, 64, 17)))
            result["read"] += readings > 0
            result["unvouched"] += unvouched
            if unvouched and len(texts) < 50:
                texts.append(f"unvouched, {kind}: {data.hex()}")
            if number % 8 == 0:
                han_reader.explain(data)
        except Exception:
            result["escapes"] += 1
            if len(texts) < 50:
                texts.append(f"{kind}: {data.hex()}\n{traceback.format_exc()}")
        if time.process_time() - started > SLOW_S:
            started = time.process_time()
            attempt(data, 64)
            result["slow"] += time.process_time() - started > SLOW_S
        if number % 100_000 == 99_999:
            print(f"{number + 1} mutants, {result}", file=sys.stderr)
    gc.collect()
    result["growth_kb"] = max(0, resident_kb() - before)
    print("\n".join(texts))
    print("{mutants} mutants: {escapes} escapes, {unvouched} unvouched, {slow} slow, {growth_kb} kB more memory at the "
          "end; {read} gave a reading".format(**result))
    if args.json:
        print(json.dumps(result))
    sys.exit(1 if result["escapes"] or result["unvouched"] else 0)


if __name__ == "__main__":
    main()
