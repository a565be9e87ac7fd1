"""The gateway's HAN port finds the serial setting of a line by itself, on both runtimes, and keeps it."""

import json
import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

import needs
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import han_vectors as v  # noqa: E402

SCRIPT = """
import asyncio, sys
from firmware import port
from firmware.clock import Clock
from firmware.home.han_port import HanPort
port.set_scale(100)
where, kept = sys.argv[1], sys.argv[2].encode()
def keep(data):
    print("kept", data.decode())
counts = []
def count(name):
    counts.append(name)
    print(name)
config = {"port": where, "ek": None, "ak": None, "p1_without_crc": False}
han = HanPort(config, Clock(port.uptime_ms, 0), kept, keep, None, count)
async def main():
    task = asyncio.create_task(han.run())
    while counts.count("han") < 4:
        await asyncio.sleep(0.05)
    task.cancel()
try:
    asyncio.run(main())
except asyncio.CancelledError:
    pass
"""


def running(python, tmp_path, kept=b""):
    """(process, master, slave) of a HAN port on a new pseudo terminal."""
    if python == "micropython":
        needs.skip_without("micropython")
        command = [needs.micropython()]
    else:
        command = [sys.executable]
    script = tmp_path / "port.py"
    script.write_text(SCRIPT)
    master, slave = pty.openpty()
    env = dict(os.environ, MICROPYPATH=f"{ROOT}:.frozen", PYTHONPATH=str(ROOT))
    process = subprocess.Popen([*command, script, os.ttyname(slave), kept.decode()], cwd=ROOT, env=env,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return process, master, slave


def play(process, master, slave, speed, wire):
    """Write a list every 50 ms, garbled unless the reader has set the right speed, until the process ends; returns the
    speeds it was at and what it printed."""
    speeds = []
    end = time.monotonic() + 60
    try:
        while process.poll() is None and time.monotonic() < end:
            now = termios.tcgetattr(slave)[4]
            if now not in speeds:
                speeds.append(now)
            if select.select([], [master], [], 0)[1]:
                os.write(master, wire if now == speed else bytes(b ^ 0x55 for b in wire[:40]))
            time.sleep(0.05)
        assert process.poll() == 0, process.communicate()
        return speeds, process.communicate()[0]
    finally:
        process.kill()
        process.wait()
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize("python", ["cpython", "micropython"])
def test_the_setting_is_found_and_kept(python, tmp_path):
    wire = v.telegram(v.P1_LINES)
    speeds, out = play(*running(python, tmp_path), termios.B115200, wire)
    assert termios.B2400 in speeds and speeds[-1] == termios.B115200
    kept = [line[5:] for line in out.splitlines() if line.startswith("kept ")][-1]
    assert json.loads(kept)["setting"] == [115200, 8, "N", 1, False]
    # The next start begins with it.
    speeds, _ = play(*running(python, tmp_path, kept.encode()), termios.B115200, wire)
    assert termios.B2400 not in speeds and speeds[-1] == termios.B115200


@pytest.mark.parametrize("python", ["cpython", "micropython"])
def test_seven_bits_and_parity_are_read_as_eight(python, tmp_path):
    """DSMR 2's 9600 7E1: the eighth bit is the parity."""
    wire = bytes(b | (b.bit_count() & 1) << 7 for b in v.telegram(v.P1_LINES))
    kept = b'{"hours": {}, "counters": [], "setting": [9600, 7, "E", 1, false]}'
    speeds, _ = play(*running(python, tmp_path, kept), termios.B9600, wire)
    assert speeds[-1] == termios.B9600
