"""The real MicroPython and CPython give the same reading of every capture and of the encoder's own messages."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import needs

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import han_mutants
import han_rows
import han_vectors as v
import support

import han_reader

SCRIPT = """
import gc, json, sys
import han_reader, han_vectors
with open(sys.argv[1]) as f:
    for line in f:
        row = json.loads(line)
        keys = [bytes.fromhex(k) if k else None for k in row[1:]]
        try:
            print(json.dumps(han_reader.read_all(bytes.fromhex(row[0]), keys[0], keys[1], han_vectors.aes)))
        except han_reader.DecodeError as e:
            print(json.dumps({"error": e.reason}))
        row = line = None
        gc.collect()
"""


def same(a, b):
    """Equal, numbers to the last digits of a double."""
    if isinstance(a, dict) and isinstance(b, dict):
        return set(a) == set(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9)
    return a == b


def compare(rows, tmp_path):
    """Read every row on both runtimes."""
    needs.skip_without("micropython")
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    script = tmp_path / "read.py"
    script.write_text(SCRIPT)
    env = dict(os.environ, MICROPYPATH=f"{ROOT}:{ROOT / 'tests'}:.frozen")
    done = subprocess.run([needs.micropython(), "-X", "heapsize=192wK", script, source], cwd=ROOT, capture_output=True,
                          text=True, env=env, timeout=300)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-500:]
    theirs = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(theirs) == len(rows)
    for row, theirs_of_row in zip(rows, theirs):
        keys = [bytes.fromhex(k) if k else None for k in row[1:]]
        try:
            ours = json.loads(json.dumps(han_reader.read_all(bytes.fromhex(row[0]), *keys, v.aes)))
        except han_reader.DecodeError as e:
            ours = {"error": e.reason}
        assert same(ours, theirs_of_row), (row[0][:80], ours, theirs_of_row)


def test_own_messages(tmp_path):
    compare([[wire.hex(), None, None] for wire in han_mutants.own()], tmp_path)
    compare(asked(han_rows.rows()), tmp_path)


def test_captures(tmp_path):
    compare(asked(support.corpus("han/han_dev.jsonl")), tmp_path)


def asked(rows):
    """[hex, EK, AK] of each row."""
    return [[row["hex"]] + [(row["keys"] or {}).get(name) for name in ("ek", "ak")] for row in rows]
