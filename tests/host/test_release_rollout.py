"""Releases at the receiver: taken in whole, offered in stages, halted, served; who runs what."""

import contextlib
import hashlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from receiver_support import DAY, NOW, Gateway, Running, make
from release_rig import do, made, told

import firmware.wire.records as records
from cloud_receiver.office import releases as module
from cloud_receiver.office.office import Office

NETTI = Path(sys.executable).parent / "netti"


@pytest.fixture
def receiver(tmp_path):
    with Running(make(tmp_path / "works")) as running:
        yield running


def netti(*arguments):
    return subprocess.run([NETTI, "rollout", *map(str, arguments)], capture_output=True, text=True)


def waiting(receiver, gateway):
    """The counter of the one command that waits for a gateway."""
    async def find():
        return [c.counter for c in receiver.receiver.office.orders.open(gateway.id)]
    [counter] = receiver.run(find())
    return counter


def test_a_stage_tells_its_share_once(receiver, tmp_path):
    do(receiver, "add", made(tmp_path, "0.2.0"))
    gateways = [receiver.enrol() for _ in range(12)]
    assert [told(receiver, g) for g in gateways] == [[]] * 12, "nobody, before it is staged"
    do(receiver, "stage", "0.2.0", 40, "", NOW)
    among = [g for g in gateways if module.share("0.2.0", g.id) < 40]
    url = f"https://localhost:{receiver.device_port}/v1/releases/0.2.0"
    for g in gateways:
        assert told(receiver, g) == ([("update", "0.2.0", url)] if g in among else [])
    for g in among:
        counter = waiting(receiver, g)
        receiver.through(g.batch([records.result(g.next(), NOW, counter, 0, "")]))
        assert told(receiver, g) == [], "told once, whatever became of it"
    do(receiver, "stage", "0.2.0", 100, "", NOW)
    for g in gateways:
        assert len(told(receiver, g)) == (g not in among)
        assert told(receiver, g, "0.2.0") == told(receiver, g, "0.2.0")
    fresh = receiver.enrol()
    assert told(receiver, fresh, "0.2.0") == told(receiver, fresh, "0.10.0") == told(receiver, fresh, "ours") == []


def test_a_group_first(receiver, tmp_path):
    do(receiver, "add", made(tmp_path, "0.2.0"))
    ours, other = receiver.enrol(), receiver.enrol()
    with pytest.raises(module.ReleaseRefused, match="no gateway is in a group"):
        do(receiver, "stage", "0.2.0", 100, "trial", NOW)
    do(receiver, "group", "trial", [ours.id])
    do(receiver, "stage", "0.2.0", 100, "trial", NOW)
    assert told(receiver, other) == [] and len(told(receiver, ours)) == 1


def test_a_halt_takes_back_what_was_not_taken(receiver, tmp_path):
    do(receiver, "add", made(tmp_path, "0.2.0"))
    first, second, third = receiver.enrol(), receiver.enrol(), receiver.enrol()
    do(receiver, "stage", "0.2.0", 100, "", NOW)
    assert len(told(receiver, first)) == len(told(receiver, second)) == 1
    counter = waiting(receiver, first)
    receiver.through(first.batch([records.result(first.next(), NOW, counter, 0, "")]))
    assert do(receiver, "halt", "0.2.0", NOW + 60) == 1
    assert told(receiver, second) == told(receiver, third) == told(receiver, first) == []
    # Staged anew it goes on, with those that had not taken it.
    do(receiver, "stage", "0.2.0", 100, "", NOW + DAY)
    assert told(receiver, first) == [] and len(told(receiver, second)) == len(told(receiver, third)) == 1


def test_its_files_are_served_as_they_were_signed(receiver, tmp_path):
    source = made(tmp_path, "0.2.0")
    do(receiver, "add", source)
    for name in [p.name for p in source.iterdir() if p.name != "content"]:
        answer = receiver.device("GET", f"/v1/releases/0.2.0/{name}")
        assert answer.status == 200 and answer.body == (source / name).read_bytes()
        assert int(answer.headers["Content-Length"]) == len(answer.body)
    for path in ("0.2.0/content", "0.2.0/../../receiver.json", "0.2.0/..%2f..%2freceiver.json", "0.2.0/" + "0" * 64,
                 "0.2.1/manifest", "../ca/manifest", "0.2.0/"):
        assert receiver.device("GET", "/v1/releases/" + path).status == 404, path


def test_who_runs_what(receiver, tmp_path):
    do(receiver, "add", made(tmp_path, "0.2.0"))
    gateways = [receiver.enrol() for _ in range(3)]
    do(receiver, "stage", "0.2.0", 100, "", NOW)
    for g in gateways:
        told(receiver, g)
    told(receiver, gateways[0], "0.2.0")
    rows = {r["version"]: (r["run"], r["offered"]) for r in do(receiver, "spread", [
        {"id": g.id, "firmware": "0.2.0" if g is gateways[0] else "0.1.0"} for g in gateways])}
    assert rows == {"0.2.0": (1, 2), "0.1.0": (2, 0)}


def test_what_is_not_whole_is_not_taken(tmp_path):
    directory = make(tmp_path / "works", port=8443)

    def refused(*arguments):
        done = netti(*arguments)
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and done.stdout == "", (arguments, done)
        return done.stderr

    assert "no manifest here" in refused("add", directory.path, tmp_path / "nothing")
    for harm in ("missing", "changed", "manifest"):
        source = made(tmp_path / harm, "0.3.0")
        blob = source / hashlib.sha256(b"M\x06 fast").hexdigest()
        if harm == "missing":
            blob.unlink()
        elif harm == "changed":
            blob.write_bytes(b"M\x06 slow")
        else:
            data = bytearray((source / "manifest").read_bytes())
            data[-1] ^= 1
            (source / "manifest").write_bytes(data)
        assert ("not what was signed" in refused("add", directory.path, source)) == (harm != "manifest")
        assert not (directory.path / "releases" / "0.3.0").exists()
    source = made(tmp_path, "0.3.0")
    assert netti("add", directory.path, source).returncode == 0
    assert "here already" in refused("add", directory.path, source)
    assert "no release 0.4.0" in refused("stage", directory.path, "0.4.0")
    assert "percent" in refused("stage", directory.path, "0.3.0", "--percent", "101")
    assert "not staged" in refused("halt", directory.path, "0.4.0")
    assert "is enrolled" in refused("group", directory.path, "trial", "AAAAAAAAAAAAAAAA")
    assert "no receiver yet" in refused("list", tmp_path)
    assert "not staged" in netti("list", directory.path).stdout
    assert netti("stage", directory.path, "0.3.0", "--percent", "5").returncode == 0
    assert "5 % of all" in netti("list", directory.path).stdout
    assert netti("halt", directory.path, "0.3.0").returncode == 0
    assert "halted" in netti("list", directory.path).stdout


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_the_list_says_who_runs_what_whichever_store(tmp_path, engine):
    directory = make(tmp_path / "works", engine=engine)
    with Running(directory) as receiver:
        for firmware in ("0.2.0", "0.2.0", "0.1.0"):
            told(receiver, receiver.enrol(Gateway()), firmware)
        assert netti("add", directory.path, made(tmp_path, "0.2.0")).returncode == 0
        assert netti("stage", directory.path, "0.2.0", "--percent", "5").returncode == 0
        done = netti("list", directory.path)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[:2] for row in rows] == [["0.2.0", "2"], ["0.1.0", "1"]], done.stdout
    assert "5 % of all" in done.stdout.splitlines()[0]


def test_a_running_receiver_sees_what_the_command_line_decides(receiver, tmp_path):
    import time
    gateway = receiver.enrol(Gateway())
    assert netti("add", receiver.directory.path, made(tmp_path, "0.2.0")).returncode == 0
    assert netti("stage", receiver.directory.path, "0.2.0").returncode == 0
    end = time.monotonic() + 20
    while not told(receiver, gateway):
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_stage_outlives_the_store(tmp_path):
    """Stages are decisions: they lie with the keys, not with the readings."""
    directory = make(tmp_path / "works")
    with Running(directory) as receiver:
        do(receiver, "add", made(tmp_path, "0.2.0"))
        do(receiver, "stage", "0.2.0", 30, "", NOW)
    office = Office(directory)
    assert office.file.db.execute("SELECT version, percent FROM stages").fetchall() == [("0.2.0", 30)]
    office.close()
    with contextlib.closing(sqlite3.connect(directory.store)) as db:
        assert db.execute("SELECT 1 FROM sqlite_master WHERE name = 'stages'").fetchall() == []


def test_shares_are_fair_and_differ_by_version():
    ids = [f"GATEWAY{n:09d}" for n in range(3000)]
    for version in ("0.2.0", "0.3.0"):
        assert 220 < sum(module.share(version, i) < 10 for i in ids) < 380
    both = sum(module.share("0.2.0", i) < 10 and module.share("0.3.0", i) < 10 for i in ids)
    assert both < 80
