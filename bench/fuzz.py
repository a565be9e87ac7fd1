"""Mutated wM-Bus telegrams in great number: what escapes besides DecodeError, how long it takes, what memory stays.

usage: bench/fuzz.py [--codec wmbus|han] [--quick] [--json] [--mutants N] [--seed N]

Mutants are flipped bits, cut, spliced and lengthened telegrams and changes under a right CRC or cipher, from the
captures beside the repository and the tests' own encoder. JSON: `mutants`, `escapes` (exceptions that are no
DecodeError), `slow` (more than 20 ms of CPU time) and `growth_kb` (live memory gained after the first tenth). With
`--codec han` the same of HAN messages, by fuzz_han.py.
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
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import wmbus_cases as cases  # noqa: E402

import wmbus  # noqa: E402
from firmware.port import aes as new_aes  # noqa: E402
from wmbus import fragments  # noqa: E402

CORPUS = Path(os.environ.get("NETTI_CORPUS", ROOT.parent / "shared" / "corpus")) / "wmbus"
SLOW_S = 0.020
EDGES = bytes((0x00, 0x0D, 0x0F, 0x1F, 0x2F, 0x7C, 0x7F, 0x80, 0x8C, 0x8D, 0x8E, 0x8F, 0x90, 0xA0, 0xA2, 0xFB, 0xFC,
               0xFD, 0xFF))
_ciphers = {}


def aes(key):
    """As bench/wmbus.py: one cipher object per key, bounded."""
    if len(key) != 16:
        raise ValueError("no such cipher")
    if key not in _ciphers:
        if len(_ciphers) > 256:
            _ciphers.clear()
        _ciphers[key] = new_aes(key)
    return _ciphers[key]


def samples():
    """(telegram, key) of every capture there is and of the tests' encoder."""
    telegrams = [(telegram, cases.KEY) for telegram in (
        cases.short(), cases.long(), cases.mode5(), cases.mode7(), cases.mode10(), cases.long_frame(),
        cases.ell(b"\x78" + cases.RECORDS), cases.telegram(b"\x79\x01\x02\x03"), *cases.fragmented(cases.RECORDS * 4))]
    for name in ("wmbusmeters_dev.jsonl", "encrypted_twins_dev.jsonl"):
        if (CORPUS / name).exists():
            for line in (CORPUS / name).open(encoding="utf-8"):
                row = json.loads(line)
                telegrams.append((wmbus.strip_crc(bytes.fromhex(row["telegram_hex"])),
                              bytes.fromhex(row["key"]) if row["key"] else None))
    return telegrams


def mutant(rng, pool):
    """One mutated telegram and the key it is tried with."""
    telegram, key = rng.choice(pool)
    body = bytearray(telegram)
    kind = rng.randrange(8)
    if kind == 7:
        return sealed(rng)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(body) + 1)
        if kind <= 1 and at < len(body):
            body[at] ^= 1 << rng.randrange(8)
        elif kind == 2 and at < len(body):
            body[at] = rng.choice(EDGES)
        elif kind == 3:
            del body[at:at + rng.randrange(1, 16)]
        elif kind == 4:
            other = rng.choice(pool)[0]
            body[at:] = other[rng.randrange(len(other)):]
        elif kind == 5:
            body[at:at] = bytes(rng.choices(EDGES, k=rng.randrange(1, 12)))
        elif at < len(body):
            body[at] = rng.randrange(256)
    if body and rng.random() < 0.7:
        del body[256:]
        body[0] = len(body) - 1
    return bytes(body), key


def sealed(rng):
    """Mutated records under a right cipher, MAC or CRC."""
    records = bytearray(cases.RECORDS * rng.randrange(1, 4))
    for _ in range(rng.randrange(1, 6)):
        records[rng.randrange(len(records))] = rng.choice(EDGES) if rng.random() < 0.5 else rng.randrange(256)
    who = cases.address(rng.choice(("KAM", "QDS", "ZRI", "BMT", "EFE", "APA", "TCH", "SEN", "NET")), "12345678",
                        rng.randrange(256), rng.choice((2, 4, 6, 7, 8, 0x0C, 0x16, 0x1A, 0x1B, 0x37)))
    records = bytes(records)
    kind = rng.randrange(3)
    if kind == 0:
        return cases.ell(b"\x78" + records, who=who), cases.KEY
    if kind == 1:
        return cases.mode5(records, who=who), cases.KEY
    return cases.telegram(b"\x7a\x01\x00\x00\x00" + records, who), None


def beside(number, telegram, key, assembler):
    """What else takes a telegram off the air; every eighth is explained, which must never raise at all."""
    if number % 8 == 0:
        try:
            at = 0
            for start, end, _, _ in wmbus.explain(telegram, key, aes)["spans"]:
                assert start == at < end
                at = end
            assert at == len(telegram)
        except wmbus.DecodeError as error:
            raise AssertionError("explain raised: " + str(error)) from error
    if wmbus.summary(telegram).ci == 0x90:
        whole = assembler.add(telegram)
        if whole is not None:
            wmbus.decode(whole, key, aes)


def again(telegram, key):
    """CPU seconds of a second try: the first may have loaded a driver or waited for the collector."""
    started = time.process_time()
    try:
        wmbus.decode(telegram, key, aes)
    except wmbus.DecodeError:
        pass
    return time.process_time() - started


def resident_kb():
    """Resident memory of this process."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * (os.sysconf("SC_PAGE_SIZE") // 1024)


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--codec", choices=("wmbus", "han"), default="wmbus")
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--mutants", type=int)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if args.codec == "han":
        import fuzz_han
        return fuzz_han.run(args)
    count = args.mutants or (200_000 if args.quick else 2_500_000)
    rng = random.Random(args.seed)
    pool = samples()
    escapes = slow = before = 0
    texts = []
    formats = {}
    assembler = fragments.Assembler()
    for number in range(count):
        if number == count // 10:
            gc.collect()
            before = resident_kb()
        telegram, key = mutant(rng, pool)
        started = time.process_time()
        try:
            wmbus.decode(telegram, key, aes, formats)
        except wmbus.DecodeError:
            pass
        except Exception:
            escapes += 1
            if len(texts) < 200:
                texts.append(telegram.hex() + "\n" + traceback.format_exc())
        if time.process_time() - started > SLOW_S and again(telegram, key) > SLOW_S:
            slow += 1
        try:
            beside(number, telegram, key, assembler)
        except wmbus.DecodeError:
            pass
        except Exception:
            escapes += 1
            if len(texts) < 200:
                texts.append(telegram.hex() + "\n" + traceback.format_exc())
        if number % 200_000 == 199_999:
            print(f"{number + 1} mutants, {escapes} escapes, {slow} slow", file=sys.stderr)
    gc.collect()
    result = {"mutants": count, "escapes": escapes, "slow": slow, "growth_kb": max(0, resident_kb() - before)}
    print("\n".join(texts))
    print("{mutants} mutants: {escapes} escapes, {slow} slow, {growth_kb} kB more memory at the end".format(**result))
    if args.json:
        print(json.dumps(result))
    sys.exit(1 if escapes else 0)


if __name__ == "__main__":
    main()
