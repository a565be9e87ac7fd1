"""The same reading on both runtimes: every telegram, captured or our own, decoded by MicroPython and by CPython.

`NOT_ON_DEVICES` lists the meters whose rows a device can't read: they are of mode 2, DES-CBC, which MicroPython's
cryptolib does not have. A row that joins or leaves fails the test.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import wmbus_vectors as own

import wmbus
from cloud_receiver.decoding.aes import aes
from firmware.port import aes as port_aes

ROOT = Path(__file__).resolve().parents[2]
CAPTURES = ROOT.parent / "shared" / "corpus" / "wmbus"
MICROPYTHON = Path(sys.executable).parent / "micropython"
NOT_ON_DEVICES = {"own": ["mode 2"], "captures": ["actislink"]}
CAPTURED = ("wmbusmeters_dev.jsonl", "encrypted_twins_dev.jsonl")
SCRIPT = """
import json, sys
sys.path[:0] = [".", "tests"]
import wmbus_rows as rows
import wmbus
for line in open(sys.argv[1]):
    row = json.loads(line)
    try:
        reading = rows.read(row, {})
    except wmbus.DecodeError as error:
        reading = {"error": str(error)}
    print(json.dumps([row["id"], reading]))
    rows.unload()
"""


def readings(binary, script, path, *options):
    """{row id: reading} as one runtime gives them."""
    env = dict(os.environ, MICROPYPATH=f"{ROOT}:.frozen")
    done = subprocess.run([binary, *options, str(script), str(path)], cwd=ROOT, env=env, capture_output=True, text=True,
                          timeout=300)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-2000:]
    return dict(json.loads(line) for line in done.stdout.splitlines())


def same(a, b):
    """Equal, floats to 12 digits."""
    if isinstance(a, float) or isinstance(b, float):
        return abs(a - b) <= 1e-12 * max(1, abs(a))
    return a == b


def own_rows():
    """Ours, with the one that no device reads."""
    return [*own.rows(), *own.twins(), dict(own.row("mode 2", own.DES, own.DES_KEY), driver="mode 2")]


def captured():
    return [json.loads(line) for name in CAPTURED for line in (CAPTURES / name).open(encoding="utf-8")]


both = pytest.mark.parametrize("source", ["own", pytest.param("captures", marks=pytest.mark.needs("captures"))])
ROWS = {"own": own_rows, "captures": captured}


@pytest.mark.needs("micropython")
@both
def test_both_runtimes_read_the_same(source, tmp_path):
    script = tmp_path / "read.py"
    script.write_text(SCRIPT, encoding="ascii")
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS[source]()), encoding="ascii")
    ours = readings(sys.executable, script, path)
    theirs = readings(str(MICROPYTHON), script, path, "-X", "heapsize=192wK")
    assert ours.keys() == theirs.keys()
    different = {}
    for row, reading in ours.items():
        other = theirs[row]
        if reading.keys() != other.keys() or not all(same(reading[field], other[field]) for field in reading):
            different[row] = {field: (reading.get(field), other.get(field)) for field in reading.keys() | other.keys()
                              if reading.get(field) != other.get(field)}
    assert different == {}


@both
def test_the_rows_no_device_reads_are_listed(source):
    """What CPython reads with its own ciphers and a device's refuse."""
    unread = []
    for row in ROWS[source]():
        telegram = wmbus.strip_crc(bytes.fromhex(row["telegram_hex"]))
        key = bytes.fromhex(row["key"]) if row["key"] else None
        try:
            wmbus.decode(telegram, key, aes, {})
        except wmbus.DecodeError:
            continue
        try:
            wmbus.decode(telegram, key, port_aes, {})
        except (ValueError, wmbus.DecodeError):
            assert len(key or b"") == 8, row["id"]
            unread.append(row["driver"])
    assert unread == NOT_ON_DEVICES[source]
