"""A real receiver process and real gateway processes of both runtimes: every command of the list, from the command
line to its effect, its result on the gateway's page and in the API; each executed once, whatever is killed."""

import json
import os
import signal
import sqlite3
import stat
import time

import installed
import wmbus_cases as cases
from street_rig import LISTED, OTHER, OWN, SCALE, Street, both, netti, orders


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
        epochs = street.receiver.gateway(street.id)["epochs"]
        counters = [street.command("interval", "40"),
                    street.command("relay", "--window", "7200", "--media", "7", "--meters", LISTED, OWN)]
        netti("receiver", "bind", street.works, street.id, OWN)
        counters += [street.command("trust"), street.command("rewind", epochs[-1]["epoch"], "0"),
                     street.command("update", "0.9.9", "https://localhost/update")]
        no_consent = street.command("close-valve")
        street.until(lambda: len(street.commands()) == 7 and all(c["answered"] for c in street.commands().values()),
                     "results")
        commands = street.commands()
        assert {c["name"] for c in commands.values()} == {"interval", "relay", "own-meters", "trust", "rewind",
                                                          "update",
                                                       "close-valve"}
        *done, update = counters
        assert all(commands[c]["state"] == "done" for c in done), commands
        # A gateway that does not run from a slot cannot be updated, and says so.
        assert commands[update]["result"] == "tried and failed: this gateway does not run from a slot"
        assert (commands[no_consent]["state"], commands[no_consent]["result"]) == ("refused",
                                                                                   "the owner has not consented")
        # Each told once, and executed: in force, and kept.
        assert sorted(street.results()) == sorted(
            [(c, 0) for c in commands if c not in (update, no_consent)] + [(update, 6), (no_consent, 1)])
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
        for path in installed.addresses({"gateway": street.id, "meter": OWN}):
            assert cases.KEY.hex() not in street.receiver.web(path).text.lower(), path
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
