"""How many telegrams a second of CPU time the wM-Bus decoder reads, each telegram alone, key and AES included.

usage: bench/wmbus.py [--quick] [--json] [--corpus FILE]

Rows are the captured telegrams of the corpus beside the repository; where it is absent, telegrams built by the tests'
own encoder. Every repeat of a row has another access number and, in modes 5 and 7 and the ELL, other cipher text, so
that nothing but what depends on key and layout can be reused.
"""

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import wmbus_cases as cases  # noqa: E402

import wmbus  # noqa: E402
from firmware.port import aes as new_aes  # noqa: E402

CORPUS = Path(os.environ.get("NETTI_CORPUS", ROOT.parent / "shared" / "corpus")) / "wmbus" / "wmbusmeters_dev.jsonl"
VARIANTS = 8
_ciphers = {}


def aes(key):
    """One cipher object per key, as a caller is asked to keep them; bounded, for modes 7 and 10 draw fresh keys."""
    cipher = _ciphers.get(key)
    if cipher is None:
        if len(_ciphers) > 256:
            _ciphers.clear()
        cipher = _ciphers[key] = new_aes(key)
    return cipher


def own_rows():
    """(name, telegrams, key) from the tests' encoder."""
    yield "plain", [cases.short(access=i) for i in range(VARIANTS)], None
    yield "mode 5", [cases.mode5(access=i) for i in range(VARIANTS)], cases.KEY
    yield "ell ctr", [cases.ell(b"\x78" + cases.RECORDS, session=bytes((0x20, i, 3, 0x27))) for i in range(VARIANTS)], \
        cases.KEY
    yield "mode 7", [cases.mode7(counter=bytes((i, 0, 0, 0))) for i in range(VARIANTS)], cases.KEY


def corpus_rows(path):
    """(name, telegrams, key) of every row of a corpus that can be read."""
    with open(path, encoding="utf-8") as rows:
        for line in rows:
            row = json.loads(line)
            if row["expected"] is None:
                continue
            key = bytes.fromhex(row["key"]) if row["key"] else None
            if key is not None and len(key) != 16:
                continue
            telegram = wmbus.strip_crc(bytes.fromhex(row["telegram_hex"]))
            yield row["id"] + " " + row["driver"], variants(telegram, key), key


def variants(telegram, key):
    """The telegram with other access numbers, re-encrypted where mode 5 asks for it."""
    if telegram[10] != 0x7A or telegram[0] != len(telegram) - 1:
        return [telegram]
    made = []
    for access in range(VARIANTS):
        changed = telegram[:11] + bytes((access,)) + telegram[12:]
        if telegram[14] & 31 == 5 and key is not None:
            who = telegram[2:10]
            size = telegram[13] & 0xF0 or (len(telegram) - 15) & -16
            sealed = telegram[15:15 + size]
            plain = cases.xor(new_aes(key).ecb_decrypt(sealed), (who + telegram[11:12] * 8 + sealed)[:len(sealed)])
            changed = changed[:15] + cases.cbc(key, who + bytes((access,)) * 8, plain) + telegram[15 + size:]
        made.append(changed)
    return made


def rate(telegrams, key, seconds):
    """Telegrams per second of CPU time, or None where they can't be read."""
    formats = {}
    decode = wmbus.decode
    try:
        for telegram in telegrams:
            decode(telegram, key, aes, formats)
    except wmbus.DecodeError:
        return None
    count = 0
    start = time.process_time()
    while True:
        for _ in range(25):
            for telegram in telegrams:
                decode(telegram, key, aes, formats)
        count += 25 * len(telegrams)
        used = time.process_time() - start
        if used > seconds:
            return count / used


def link_rates(seconds):
    """Bytes of a receiver's stream per second of CPU time, by link mode."""
    sample = cases.mode5(cases.RECORDS * 4)
    rates = {}
    for (_, burst), name in zip(cases.bursts(sample), ("t1", "c1_a", "c1_b")):
        reader = wmbus.Reader()
        count = 0
        start = time.process_time()
        while time.process_time() - start < seconds:
            for _ in range(50):
                assert reader.feed(burst)
            count += 50
        rates["link_" + name] = round(count / (time.process_time() - start))
    return rates


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    args = parser.parse_args()
    seconds = 0.03 if args.quick else 0.3
    if args.corpus.exists():
        rows = corpus_rows(args.corpus)
    else:
        print(f"no captures at {args.corpus}: measuring the project's own telegrams", file=sys.stderr)
        rows = own_rows()
    rates = {}
    unread = 0
    for name, telegrams, key in rows:
        found = rate(telegrams, key, seconds)
        if found is None:
            unread += 1
            continue
        rates[name] = found
    ordered = sorted(rates.values())
    result = {"rows": len(rates), "unread": unread, "median": round(statistics.median(ordered)),
              "harmonic": round(statistics.harmonic_mean(ordered)), "slowest": round(ordered[0])}
    result.update(link_rates(seconds * 5))
    for name, value in sorted(rates.items(), key=lambda item: item[1])[:10]:
        print(f"{value:10.0f}/s  {name}")
    print("{rows} rows: median {median}/s, harmonic mean {harmonic}/s, slowest {slowest}/s; {unread} not read".format(
        **result))
    if args.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
