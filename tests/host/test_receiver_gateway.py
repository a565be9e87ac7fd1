"""A real receiver process and real gateway processes of both runtimes: every command of the list, from the command
line to its effect, its result on the gateway's page and in the API; each executed once, whatever is killed."""

import json
import os
import signal
import sqlite3
import stat
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
        return {c["counter"]: c for c in self.receiver.json(f"/v1/gateways/{self.id}")["commands"]}

    def now(self):
        """Unix seconds of the receiver's clock."""
        real, simulated, scale = (float(x) for x in self.clock.split(":"))
        return simulated + (time.time() - real) * scale

    def contact(self):
        return self.receiver.json(f"/v1/gateways/{self.id}")["last_contact"]

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


@both
def test_every_command_from_the_command_line_to_its_result(tmp_path, runtime):
    with Street(tmp_path, runtime) as street:
        street.gateway.start()
        street.until(street.contact, "first contact")
        street.hear(OTHER)
        street.until(lambda: street.receiver.summary()["telegrams"] == 1, "relayed")
        keys = tmp_path / "keys.csv"
        keys.write_text(f"{OWN};{cases.KEY.hex()}\n")
        netti("keys", "import", keys, "--dir", street.works)
        epochs = street.receiver.json(f"/v1/gateways/{street.id}")["epochs"]
        counters = [street.command("interval", "40"),
                    street.command("relay", "--window", "7200", "--media", "7", "--meters", LISTED, OWN)]
        netti("receiver", "bind", street.works, street.id, OWN)
        counters += [street.command("trust"), street.command("rewind", epochs[-1]["epoch"], "0"),
                     street.command("update", "0.9.9", "https://localhost/update")]
        no_consent = street.command("close-valve")
        street.until(lambda: len(street.commands()) == 7 and all(c["answered"] for c in street.commands().values()),
                     "results")
        found = street.commands()
        assert {c["name"] for c in found.values()} == {"interval", "relay", "own-meters", "trust", "rewind", "update",
                                                       "close-valve"}
        *done, update = counters
        assert all(found[c]["state"] == "done" for c in done), found
        # A gateway that does not run from a slot cannot be updated, and says so.
        assert found[update]["result"] == "tried and failed: this gateway does not run from a slot"
        assert (found[no_consent]["state"], found[no_consent]["result"]) == ("refused", "the owner has not consented")
        # Each told once, and executed: in force, and kept.
        assert sorted(street.results()) == sorted(
            [(c, 0) for c in found if c not in (update, no_consent)] + [(update, 6), (no_consent, 1)])
        assert orders(street)["interval"] == 40 and orders(street)["relay"]["meters"] == [LISTED, OWN]
        assert orders(street)["own_meters"] == [{"meter": OWN, "key": cases.KEY.hex()}]
        # Keys are the owner's only to read; MicroPython knows no modes, and has the folder's.
        assert stat.S_IMODE(street.home.stat().st_mode) == 0o700
        assert runtime == "micropython" or stat.S_IMODE((street.home / "orders.json").stat().st_mode) == 0o600
        assert stat.S_IMODE((street.home / "identity.json").stat().st_mode) == 0o600
        assert not (street.home / "valve").exists()
        street.until(lambda: not (street.home / "works.old.json").exists(), "the new trust was tried")
        street.hear(LISTED, OTHER, OWN)
        assert street.gateway.status()["own"] == 1 and street.gateway.status()["foreign"] == 1
        street.until(lambda: street.receiver.summary()["telegrams"] == 3, "only what is on the list")
        # The page, in both languages, and the key nowhere.
        for language, words in (("en", ("close-valve", "done", "the owner has not consented")),
                                ("nb", ("steng kran", "utført", "eieren har ikke samtykket"))):
            page = street.receiver.web(f"/gateways/{street.id}", headers={"Accept-Language": language}).text
            assert all(w in page.lower() for w in words), (language, [w for w in words if w not in page.lower()])
            assert cases.KEY.hex() not in page.lower()
        # Unbinding wipes the key on the gateway.
        netti("receiver", "unbind", street.works, street.id, OWN)
        street.until(lambda: orders(street)["own_meters"] == [], "wiped")
        assert cases.KEY.hex() not in "".join(p.read_text("latin-1") for p in street.home.rglob("*") if p.is_file())
        assert street.gateway.errors == ""


@both
def test_killed_while_it_executes_a_command_is_not_executed_twice(tmp_path, runtime):
    """With consent the valve closes; the gateway is killed at once, and what comes again is only answered."""
    with Street(tmp_path, runtime, consent={"valve": True}) as street:
        street.gateway.start()
        street.until(street.contact, "first contact")
        state, valve = street.home / "state.json", street.home / "valve"
        counters = []
        for n in range(3):
            # Before its first answer a gateway has no good clock, and would refuse: that is not what is tested here.
            street.until(lambda: street.gateway.status().get("clock") == "answer", "clock")
            counters.append(street.command("close-valve"))
            street.until(lambda: json.loads(state.read_text())["counter"] == counters[-1], "taken")
            time.sleep(0.002 * n)
            street.gateway.kill()
            lines = len(valve.read_text().splitlines()) if valve.exists() else 0
            assert lines <= n + 1
            street.gateway.start()
            street.until(lambda: street.commands()[counters[-1]]["answered"], "answered")
        # One cut off between its result and the note of it tells a second one: the first counts.
        codes: "dict[int, int]" = {}
        for counter, code in street.results():
            codes.setdefault(counter, code)
        # 5: it came with the first answer after a start, when there was no good clock yet; then nothing was executed.
        assert sorted(codes) == counters and set(codes.values()) <= {0, 5, 7}
        lines = len(valve.read_text().splitlines()) if valve.exists() else 0
        assert sum(code == 0 for code in codes.values()) <= lines <= 3
        assert all(c["result"] in ("", "no good clock", "interrupted by a restart") for c in street.commands().values())


@both
def test_what_was_heard_before_the_clock_was_known_has_its_right_time_at_the_receiver(tmp_path, runtime):
    """The receiver stands still until the gateway has heard two meters: only its first answer tells the time."""
    with Street(tmp_path, runtime) as street:
        group = street.receiver.process.pid
        os.killpg(group, signal.SIGSTOP)
        heard = {}
        try:
            street.gateway.start()
            for meter in (LISTED, OTHER):
                street.hear(meter)
                heard[meter] = street.now()
                time.sleep(5)
            assert street.gateway.status()["time"] is None and street.gateway.status()["clock"] == "floor"
            time.sleep(1)
        finally:
            os.killpg(group, signal.SIGCONT)
        street.until(lambda: street.receiver.summary()["telegrams"] == 2, "relayed")
        street.until(lambda: street.gateway.status()["clock"] == "answer", "clock")
        street.until(lambda: street.receiver.summary()["untimed"] == 0, "timed")
        db = sqlite3.connect(f"file:{street.works}/store.sqlite?mode=ro", uri=True)
        rows = db.execute("SELECT m.meter, t.raw_time, t.time, t.received FROM telegrams t "
                          "JOIN meters m ON m.id = t.meter ORDER BY t.id").fetchall()
        db.close()
        assert [row[0] for row in rows] == [LISTED, OTHER]
        for meter, raw, at, received in rows:
            assert raw < 1 << 30, "the gateway did not know the time"
            # A second of the test's own delay is 20 here; a time of arrival would be off by more.
            assert abs(at - heard[meter]) <= 4 * SCALE < received - heard[meter], (meter, at - heard[meter])
        assert street.gateway.errors == ""
