"""A street: a real receiver process, a real gateway process of either runtime and a radio bridge, on a fast clock."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import cbor2
import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import gateway_rig  # noqa: E402
import receiver_support  # noqa: E402
import wmbus_cases as cases  # noqa: E402

from cloud_receiver.office.directory import Directory  # noqa: E402

SCALE = 20
OWN, LISTED, OTHER = "NET-12345678-01-07", "NET-00000001-01-07", "NET-00000002-01-07"
NETTI = receiver_support.Process.NETTI
both = pytest.mark.parametrize("runtime", gateway_rig.RUNTIMES)


def netti(*arguments):
    done = subprocess.run([NETTI, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout.strip()


class GatewayProcess(gateway_rig.Process):
    """A gateway process with a valve."""

    def start(self):
        tests = str(gateway_rig.ROOT / "tests")
        runtime = [str(gateway_rig.MICROPYTHON), "-X", "heapsize=192wK"] if self.runtime == "micropython" \
            else [sys.executable]
        environment = dict(os.environ, MICROPYPATH=f"{gateway_rig.ROOT}:{tests}:.frozen")
        if self.runtime == "cpython":
            environment["PYTHONPATH"] = f"{gateway_rig.ROOT}:{tests}"
        self.lines = []
        self.process = subprocess.Popen([*runtime, "-m", "valve_gateway", str(self.folder)], cwd=gateway_rig.ROOT,
                                        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        gateway_rig.threading.Thread(target=self._read, args=(self.process,), daemon=True).start()


class Street:
    """A works made, served and enrolled at by the command line; times run fast."""

    def __init__(self, folder, runtime, **settings):
        self.works, self.home = folder / "works", folder / "home"
        netti("receiver", "init", self.works, "--works", "demo")
        self.clock = f"{time.time()}:{int(time.time())}:{SCALE}"
        self.receiver = receiver_support.Process(Directory(self.works), "--port", "0", "--simulated-clock", self.clock)
        self.bridge = gateway_rig.Bridge()
        token = netti("receiver", "token", self.works)
        netti("gateway", "enrol", token, "--dir", self.home, "--name", "Fyrveien 3")
        path = self.home / "config.json"
        path.write_text(json.dumps({"interval": 60, "simulated": {"scale": SCALE}, "radios": [
            {"radio": "bursts", "port": f"tcp://127.0.0.1:{self.bridge.port}"}], **settings}))
        self.gateway = GatewayProcess(self.home, runtime)
        self.id = json.loads((self.home / "identity.json").read_text())["gateway"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.gateway.process is not None and self.gateway.process.poll() is None:
            self.gateway.kill()
        self.bridge.close()
        self.receiver.__exit__()

    def until(self, true, what="", seconds=45):
        end = time.monotonic() + seconds
        while not true():
            assert self.gateway.process.poll() is None, self.gateway.errors[-2000:]
            assert time.monotonic() < end, (what, self.gateway.status(), self.commands(), self.gateway.errors[-1500:])
            time.sleep(0.02)

    def command(self, *line):
        """Queue a command; its counter."""
        said = netti("receiver", "command", "--simulated-clock", self.clock, self.works, self.id, *line)
        return int(said.split(" queued as ")[1].split(",")[0])

    def commands(self):
        return {c["counter"]: c for c in self.receiver.orders(self.id, self.now())}

    def now(self):
        """Unix seconds of the receiver's clock."""
        real, simulated, scale = (float(x) for x in self.clock.split(":"))
        return simulated + (time.time() - real) * scale

    def contact(self):
        return self.receiver.gateway(self.id)["last_contact"]

    def results(self):
        """(counter, code) of every result record that came."""
        db = sqlite3.connect(f"file:{self.works}/store.sqlite?mode=ro", uri=True)
        rows = [cbor2.loads(row[0]) for row in db.execute("SELECT body FROM records WHERE kind = 10 ORDER BY id")]
        db.close()
        return [(r[3], r[4]) for r in rows]

    def hear(self, *meters):
        before = self.gateway.status().get("heard", 0)
        sent = [cases.mode5(who=cases.address(number=m.split("-")[1])) for m in meters]
        self.until(lambda: self.bridge.send(sent), "no radio")
        self.until(lambda: self.gateway.status().get("heard", 0) >= before + len(sent), "heard")


def orders(street):
    return json.loads((street.home / "orders.json").read_text())
