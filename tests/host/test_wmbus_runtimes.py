"""The same reading on both runtimes: every captured telegram, decoded by the real MicroPython and by CPython.

`NOT_ON_DEVICES` lists the meters whose rows a device can't read, and why; a row that joins or leaves fails the test.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import wmbus
from cloud_receiver.decoding.aes import aes
from firmware.port import aes as port_aes

ROOT = Path(__file__).resolve().parents[2]
CAPTURES = ROOT.parent / "shared" / "corpus" / "wmbus"
MICROPYTHON = Path(sys.executable).parent / "micropython"
NOT_ON_DEVICES = {"mode 2: DES-CBC, which MicroPython's cryptolib does not have": ["actislink"]}
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


@pytest.mark.needs("micropython", "captures")
@pytest.mark.parametrize("name", ["wmbusmeters_dev.jsonl", "encrypted_twins_dev.jsonl"])
def test_both_runtimes_read_the_same(name, tmp_path):
    script = tmp_path / "read.py"
    script.write_text(SCRIPT, encoding="ascii")
    ours = readings(sys.executable, script, CAPTURES / name)
    theirs = readings(str(MICROPYTHON), script, CAPTURES / name, "-X", "heapsize=192wK")
    assert ours.keys() == theirs.keys()
    different = {}
    for row, reading in ours.items():
        other = theirs[row]
        if reading.keys() != other.keys() or not all(same(reading[field], other[field]) for field in reading):
            different[row] = {field: (reading.get(field), other.get(field)) for field in reading.keys() | other.keys()
                              if reading.get(field) != other.get(field)}
    assert different == {}


@pytest.mark.needs("captures")
def test_the_rows_no_device_reads_are_listed():
    """What CPython reads with its own ciphers and a device's refuse."""
    found: dict = {reason: [] for reason in NOT_ON_DEVICES}
    for name in ("wmbusmeters_dev.jsonl", "encrypted_twins_dev.jsonl"):
        for row in map(json.loads, (CAPTURES / name).open(encoding="utf-8")):
            telegram = wmbus.strip_crc(bytes.fromhex(row["telegram_hex"]))
            key = bytes.fromhex(row["key"]) if row["key"] else None
            try:
                wmbus.decode(telegram, key, aes, {})
            except wmbus.DecodeError:
                continue
            try:
                wmbus.decode(telegram, key, port_aes, {})
            except (ValueError, wmbus.DecodeError):
                (reason,) = NOT_ON_DEVICES
                assert len(key or b"") == 8, row["id"]
                found[reason].append(row["driver"])
    assert found == NOT_ON_DEVICES
