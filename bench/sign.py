"""What a signature costs a gateway: instructions of the real MicroPython, counted exactly (valgrind's callgrind).

    python bench/sign.py [--quick] [--json]

Prints per task (making the public key, signing, verifying) the total, the number of steps and the longest step: that
is how long the loop, and with it the radio, is held. Start-up and import are subtracted by counting only between
marks; steps that a collection of garbage fell into are shown apart, as its length depends on the heap.
--quick leaves out verifying. Needs valgrind and the micropython of the test extra.

x86-64 instructions. On RV32 (ESP32-C3, C6) plain Python costs the same within a third; big integers there have 16-bit
digits instead of 32, which makes a multiplication of 255 bits about three times as long.
"""

import argparse
import json
import os
import re
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from bench import _callgrind  # noqa: E402

MESSAGE = 112  # bytes of the Sig_structure of a batch, works "demo"

SCRIPT = """
import gc, sys
before = gc.mem_alloc() if not gc.collect() else 0
from firmware.crypto import ed25519
gc.collect()
imported = gc.mem_alloc() - before
seed, message = bytes(range(32)), bytes({size})
task = sys.argv[1]
if task == "verify":
    public = ed25519.public_key(seed)
    steps = ed25519.verify_steps(public, message, ed25519.sign(seed, public, message))
elif task == "sign":
    steps = ed25519.sign_steps(seed, ed25519.public_key(seed), message)
else:
    steps = ed25519.public_key_steps(seed)
mark = gc.isenabled
gc.collect()
print("imported", imported)
allocated = gc.mem_alloc()
try:
    while True:
        mark()
        next(steps)
        mark()
        allocated, was = gc.mem_alloc(), allocated
        print("step", allocated < was)
except StopIteration:
    mark()
    print("step False")
mark()
"""


def counts(task, folder):
    """([(instructions of a step, whether a collection fell into it)], bytes of heap that importing it took)."""
    script = os.path.join(folder, "steps.py")
    with open(script, "w") as f:
        f.write(SCRIPT.format(size=MESSAGE))
    if not _callgrind.tools():
        sys.exit("bench/sign.py: needs valgrind and micropython on the PATH")
    parts, printed = _callgrind.counts(script, task, path=ROOT)
    # Marks stand before and behind each step: the odd parts are steps.
    steps = parts[1::2]
    collected = [line == "step True" for line in printed.split("\n") if line.startswith("step")]
    assert len(steps) == len(collected), (len(steps), len(collected))
    return list(zip(steps, collected)), int(re.search(r"imported (\d+)", printed)[1])


def main():
    parser = argparse.ArgumentParser(description="instructions of signing and verifying on MicroPython")
    parser.add_argument("--quick", action="store_true", help="without verifying")
    parser.add_argument("--json", action="store_true", help="one JSON object on one line")
    args = parser.parse_args()
    result = {"unit": "x86-64 instructions", "message_bytes": MESSAGE}
    with tempfile.TemporaryDirectory() as folder:
        for task in ("public_key", "sign") + (() if args.quick else ("verify",)):
            steps, imported = counts(task, folder)
            collections = [n for n, collected in steps if collected]
            plain = [n for n, collected in steps if not collected]
            result[task] = {"total": sum(n for n, _ in steps), "steps": len(steps), "longest_step": max(plain),
                            "steps_with_collection": len(collections), "longest_collection": max(collections + [0])}
            result["import_heap_bytes"] = imported
    if args.json:
        print(json.dumps(result))
        return
    for task, r in result.items():
        if isinstance(r, dict):
            print("{:<11}{:>7.2f} M instructions in {} steps, longest {:.0f} k; {} with a collection, up to {:.0f} k"
                  .format(task, r["total"] / 1e6, r["steps"], r["longest_step"] / 1e3, r["steps_with_collection"],
                          r["longest_collection"] / 1e3))
    print("import takes", result["import_heap_bytes"], "bytes of a 64-bit heap")


if __name__ == "__main__":
    main()
