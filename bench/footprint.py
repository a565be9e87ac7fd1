"""What a gateway's firmware takes of a device: bytes of flash per compiled module, bytes of heap per imported one.

    python bench/footprint.py [--quick] [--json]

The modules are compiled by mpy-cross as `netti release build` does it. The heap is that of the real MicroPython, which
makes a home's gateway from those files (a radio, the HAN port, one own meter) and gives it a telegram and a message, so
that what the first of a kind loads is loaded. Each module is given what its import kept, less what the modules it
imported first kept. What is used rarely (tasks.RARELY) is dropped again by the housekeeping. --quick lists only what
a home loads.

The heap is one of 64-bit words: a 32-bit chip takes about half. JSON: `modules` (name, mpy_bytes, heap_bytes or null
where a home does not load it), `total_mpy_bytes`, `home_mpy_bytes`, `import_heap_bytes`, `first_heap_bytes`,
`live_heap_bytes` (before and after that), `dropped`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import han_vectors  # noqa: E402
import wmbus_cases  # noqa: E402
from netti_tools.release import build  # noqa: E402

from firmware import identity  # noqa: E402

ARCHITECTURE = "rv32imc"  # whose machine code is counted
OWN = wmbus_cases.address("KAM", "12345678", 0x1B, 0x16)
OWN_TEXT = "KAM-12345678-1B-16"
HOME = {"radios": [{"radio": "bursts", "port": "tcp://127.0.0.1:1"}], "han": {"port": "tcp://127.0.0.1:1"},
        "own_meters": [{"meter": OWN_TEXT, "key": wmbus_cases.KEY.hex()}]}

# On MicroPython an override of __import__ is called for every import statement.
SCRIPT = """
import builtins, gc, json, sys
folder = sys.argv[1]
with open("heard.json") as f:
    telegram, message = json.load(f)
original = builtins.__import__
children, heap = [0], dict()

def ours(name):
    return name.split(".")[0] in ("firmware", "wmbus", "han_reader")

def counted(name, scope=None, *rest):
    known = set(sys.modules)
    gc.collect()
    before = gc.mem_alloc()
    children.append(0)
    try:
        return original(name, scope, *rest)
    finally:
        gc.collect()
        grown = gc.mem_alloc() - before
        inner = children.pop()
        children[-1] += grown
        new = [m for m in sys.modules if m not in known and m not in heap]
        # What was new and not told by an import inside this one is this one's.
        for m in new:
            heap[m] = 0
        if new:
            heap[max(new, key=len)] = grown - inner

gc.collect()
start = gc.mem_alloc()
builtins.__import__ = counted
from firmware import main
from firmware.start import make
g = make(folder)
del make
if g.radios or g.own:
    g.telegram(bytes.fromhex(telegram), -70)
if g.han:
    g.han.feed(bytes.fromhex(message))
builtins.__import__ = original
gc.collect()
first = gc.mem_alloc() - start
loaded = [m for m in sys.modules if ours(m)]
g.tasks.tick()
gc.collect()
print(json.dumps(dict(heap=[[m, heap[m]] for m in heap if ours(m)], loaded=loaded,
                      kept=[m for m in sys.modules if ours(m)], first=first,
                      live=gc.mem_alloc() - start, counters=g.counters)))
"""


def compiled():
    """All files of a release, with machine code for the chip and for here."""
    return build.compile_all("0.0.1", 1767225600, [bytes(32)], (ARCHITECTURE, "x64"))


def measure(files, config):
    """Run a gateway with a configuration in MicroPython, from compiled files or, where that is None, from the sources;
    returns what SCRIPT prints."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for f in files or ():
            if f.architecture in ("", "x64"):
                path = folder / "slot" / f.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(f.data)
        where = ROOT if files is None else folder / "slot"
        me = identity.of_seed(bytes(range(32)))
        (folder / "g").mkdir()
        (folder / "g" / "identity.json").write_bytes(identity.dump(me))
        (folder / "g" / "works.json").write_text(json.dumps({
            "works": "demo", "url": "https://localhost:1", "anchors": ["-----BEGIN CERTIFICATE-----"],
            "gateway": me.gateway}))
        (folder / "g" / "config.json").write_text(json.dumps(config))
        (folder / "script.py").write_text(SCRIPT)
        binary = Path(sys.executable).parent / "micropython"
        if not binary.exists():
            sys.exit("bench/footprint.py: needs the micropython of the dev extra")
        telegram = wmbus_cases.mode5(who=OWN)
        message = han_vectors.frame(han_vectors.LLC + han_vectors.kamstrup(2))
        (folder / "heard.json").write_text(json.dumps([telegram.hex(), message.hex()]))
        done = subprocess.run([str(binary), "-X", "heapsize=192wK", "script.py", "g"], cwd=folder, env=dict(
            os.environ, MICROPYPATH=f"{where}:.frozen"), capture_output=True, text=True)
        if done.returncode or not done.stdout.strip():
            sys.exit("bench/footprint.py: " + (done.stdout + done.stderr)[-3000:])
        return json.loads(done.stdout.strip().split("\n")[-1])


def figures(files, config):
    """The whole result for a configuration."""
    measured = measure(files, config)
    sizes = {f.path[:-4].replace("/", ".").replace(".__init__", ""): len(f.data) for f in files
             if f.architecture in ("", ARCHITECTURE)}
    heap = dict(measured["heap"])
    modules = [{"name": name, "mpy_bytes": sizes[name], "heap_bytes": heap.get(name)} for name in sorted(sizes)]
    return {"modules": modules, "total_mpy_bytes": sum(sizes.values()),
            "home_mpy_bytes": sum(sizes[name] for name in measured["loaded"]),
            "import_heap_bytes": sum(heap.values()), "first_heap_bytes": measured["first"],
            "live_heap_bytes": measured["live"],
            "dropped": sorted(set(heap) - set(measured["kept"])), "word_bytes": 8,
            "counters": {name: n for name, n in measured["counters"].items() if n}}


def main():
    parser = argparse.ArgumentParser(description="flash and heap per module of a home's gateway")
    parser.add_argument("--quick", action="store_true", help="only the modules a home loads are listed")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    args = parser.parse_args()
    result = figures(compiled(), HOME)
    for row in result["modules"]:
        if row["heap_bytes"] is not None or not args.quick:
            print("{:<30}{:>7} B flash {:>8} B heap".format(
                row["name"], row["mpy_bytes"], "-" if row["heap_bytes"] is None else row["heap_bytes"]))
    print("all modules {total_mpy_bytes} B of flash; a home loads {home_mpy_bytes} B, which take {import_heap_bytes} B "
          "of a 64-bit heap; live with its state {first_heap_bytes} B, {live_heap_bytes} B once what is rarely used is "
          "dropped".format(**result))
    if args.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
