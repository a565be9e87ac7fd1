"""Backups made while the receiver runs, readings and keys apart; restored by drill, and gateways bring the rest."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import postgres
import receiver_support
import street_rig as rig
import wmbus_cases as cases
from receiver_support import DAY, NOW, Gateway, Meter, Running, make

import firmware.wire.records as wire_records
from cloud_receiver.office import kek
from cloud_receiver.office.directory import Directory
from cloud_receiver.office.office import Office
from cloud_receiver.operations import backup
from cloud_receiver.stores import queries

NETTI = receiver_support.Process.NETTI
NEXT = "NET-00000003-01-07"
KEY = bytes(range(100, 116))


def netti(*arguments):
    return subprocess.run([NETTI, *arguments], capture_output=True, text=True, timeout=60)


def saved(*arguments):
    """The paths a backup prints."""
    done = netti("backup", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@rig.both
def test_drill_an_older_backup_is_restored_and_a_real_gateways_spool_brings_the_rest(tmp_path, runtime):
    with rig.Street(tmp_path, runtime) as street:
        street.gateway.start()
        street.until(street.contact, "first contact")
        street.hear(rig.OWN)
        street.until(lambda: street.receiver.summary()["telegrams"] == 1, "relayed")
        [readings] = saved(street.works, "--readings", tmp_path / "safe")
        street.hear(rig.LISTED, rig.OTHER)
        street.until(lambda: street.receiver.summary()["telegrams"] == 3, "relayed after the backup")
        busy = netti("restore", street.works, "--readings", readings)
        assert busy.returncode == 2 and "being served" in busy.stderr
        street.receiver.kill()
        done = netti("restore", street.works, "--readings", readings)
        assert done.returncode == 0, done.stderr
        with contextlib.closing(sqlite3.connect(street.works / "store.sqlite")) as db:
            assert db.execute("SELECT count(*) FROM telegrams").fetchone() == (1,), "the older state is there"
        street.receiver = receiver_support.Process(Directory(street.works), "--simulated-clock", street.clock)
        street.hear(NEXT)  # what it hears next comes behind a gap
        street.until(lambda: street.receiver.summary()["telegrams"] == 4, "brought again")
        names = {m["id"] for m in street.receiver.meters()}
        assert names == {rig.OWN, rig.LISTED, rig.OTHER, NEXT}
        epochs = street.receiver.gateway(street.id)["epochs"]
        street.until(lambda: not any(e["gaps"] for e in street.receiver.gateway(street.id)["epochs"]),
                     epochs)


@rig.both
def test_drill_a_gateway_that_hears_nothing_new_brings_what_the_backup_lacks(tmp_path, runtime):
    with rig.Street(tmp_path, runtime) as street:
        street.gateway.start()
        street.until(street.contact, "first contact")
        street.hear(rig.OWN)
        street.until(lambda: street.receiver.summary()["telegrams"] == 1, "relayed")
        [readings] = saved(street.works, "--readings", tmp_path / "safe")
        street.hear(rig.LISTED, rig.OTHER)
        street.until(lambda: street.receiver.summary()["telegrams"] == 3, "relayed after the backup")
        street.receiver.kill()
        assert netti("restore", street.works, "--readings", readings).returncode == 0
        street.receiver = receiver_support.Process(Directory(street.works), "--simulated-clock", street.clock)
        street.until(lambda: street.receiver.summary()["telegrams"] == 3, "brought again")


def drill_postgres(tmp_path, directory, folder, url):
    """Readings and keys are saved, more comes, the machine is lost; returns what an empty database is given back."""
    fields = json.loads(directory.settings_file.read_text())
    directory.settings_file.write_text(json.dumps(dict(fields, store=url)))
    gateway, meter = Gateway(), Meter(12345678)
    records = [wire_records.telegram(n, NOW - 1000 + n, -70, meter.telegram(n)) for n in range(1, 31)]
    with receiver_support.Process(directory) as receiver:
        receiver.enrol(gateway)
        receiver.through(gateway.batch(records[:10], first=1, last=10))
        [readings, keys] = saved(directory.path, "--readings", folder / "a", "--keys", folder / "b")
        receiver.through(gateway.batch(records[10:20], first=11, last=20))
    return gateway, records, readings, keys


def test_drill_on_postgresql_its_own_tools_save_and_an_empty_database_is_filled(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{postgres.programs()}:{os.environ['PATH']}")
    directory = make(tmp_path / "works")
    gateway, records, readings, keys = drill_postgres(tmp_path, directory, tmp_path, postgres.new_database())
    assert readings.endswith(".dump") and Path(readings).stat().st_mode & 0o077 == 0
    assert directory.backup_stamp.exists(), "the metric of its age"
    full = netti("restore", directory.path, "--readings", readings)
    assert full.returncode == 2 and "not empty" in full.stderr and full.stderr.count("\n") == 1
    new = Directory(tmp_path / "elsewhere" / "works")
    new.path.parent.mkdir()
    shutil.copy(kek.file_of(directory.path), kek.file_of(new.path))
    settings = json.loads((Path(keys) / "receiver.json").read_text())
    (Path(keys) / "receiver.json").write_text(json.dumps(dict(settings, store=postgres.new_database())))
    with Office(Directory(keys)) as office:
        office.erasures.add(None, [Meter(1).text], NOW - DAY, NOW)
        office.erasures.done(1, NOW)
    done = netti("restore", new.path, "--readings", readings, "--keys", keys)
    assert done.returncode == 0, done.stderr
    with Office(new) as office:
        assert len(office.erasures.due(NOW)) == 1, "what was erased since is erased again"
    with receiver_support.Process(new) as receiver:
        assert receiver.summary()["telegrams"] == 10, "the older state is there"
        assert gateway.id in netti("receiver", "gateways", new.path).stdout
        assert receiver.through(gateway.batch([])) == 10, "by which a gateway knows what to send again"
        assert receiver.through(gateway.batch(records[10:], first=11, last=30)) == 30
        assert receiver.summary()["telegrams"] == 30



def test_what_is_no_copy_of_a_store_in_postgresql_changes_nothing(tmp_path, monkeypatch):
    programs = postgres.programs()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    directory, url = make(tmp_path / "works"), postgres.new_database()
    _, _, readings, _ = drill_postgres(tmp_path, directory, tmp_path, url)
    whole = Path(readings).read_bytes()
    (tmp_path / "cut.dump").write_bytes(whole[:len(whole) * 2 // 3])
    (tmp_path / "text.dump").write_text("no dump")
    subprocess.run([f"{programs}/pg_dump", "--format=custom", f"--file={tmp_path / 'other.dump'}",
                    f"--dbname={postgres.new_database()}"], check=True)
    empty = postgres.new_database()
    fields = json.loads(directory.settings_file.read_text())
    directory.settings_file.write_text(json.dumps(dict(fields, store=empty)))
    for name, said in (("cut.dump", ""), ("text.dump", "archive"), ("other.dump", "no backup"),
                       ("none.dump", "no such")):
        done = netti("restore", directory.path, "--readings", tmp_path / name)
        assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1, (name, done.stderr)
    done = netti("restore", directory.path, "--readings", readings)
    assert done.returncode == 0, done.stderr  # the database was left empty
    directory.settings_file.write_text(json.dumps(dict(fields, store="postgres://nobody@127.0.0.1:1/none")))
    for arguments in (("backup", directory.path, "--readings", tmp_path / "c"),
                      ("restore", directory.path, "--readings", readings)):
        done = netti(*arguments)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert list((tmp_path / "c").iterdir()) == []
    monkeypatch.setenv("PATH", str(tmp_path))
    done = netti("backup", directory.path, "--readings", tmp_path / "c")
    assert done.returncode == 2 and "pg_dump is not here" in done.stderr


def test_a_lost_machine_is_made_anew_from_readings_keys_and_the_kek(tmp_path):
    directory, meter = make(tmp_path / "works"), Meter(12345678, key=KEY)
    with Running(directory) as receiver:
        receiver.put_key(meter)
        gateway = receiver.enrol(name="Fyrveien 3")
        gone = receiver.enrol()
        receiver.through(gateway.telegrams([meter.telegram(1000)]))
        with Office(directory) as office:
            office.enrolled.revoke(gone.id, NOW)
        readings, folder = saved(directory.path, "--readings", tmp_path / "a", "--keys", tmp_path / "b")
    new = Directory(tmp_path / "elsewhere" / "works")
    new.path.parent.mkdir()
    shutil.copy(kek.file_of(directory.path), kek.file_of(new.path))
    done = netti("restore", new.path, "--readings", readings, "--keys", folder)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(directory.path)
    with Running(new) as receiver:
        receiver.through(gateway.telegrams([meter.telegram(1001)], time=NOW))
        receiver.wait_for(lambda s: s["decoded"] == 2)
        assert receiver.send(gone.telegrams([meter.telegram(2)])).status == 401, "revoked stays revoked"
        assert receiver.meters()[0]["total_ml"] == 1_001_000


def test_readings_and_keys_are_apart_and_the_kek_is_in_neither(tmp_path):
    directory, meter = make(tmp_path / "works"), Meter(12345678, key=KEY)
    with Running(directory) as receiver:
        receiver.put_key(meter)
        receiver.through(receiver.enrol().telegrams([meter.telegram(1000)]))
        receiver.wait_for(lambda s: s["decoded"] == 1)
        readings, folder = saved(directory.path, "--readings", tmp_path / "a", "--keys", tmp_path / "b")
    secret = kek.file_of(directory.path).read_text().strip()
    everything = {p: p.read_bytes() for where in ("a", "b") for p in (tmp_path / where).rglob("*") if p.is_file()}
    for path, data in everything.items():
        private = path.stat().st_mode & 0o077 == 0
        assert private or path.name in [p.name for p in directory.texts] or "ca" in path.parts, path
        for hidden in (KEY, KEY.hex().encode(), KEY.hex().upper().encode(), secret.encode(), bytes.fromhex(secret)):
            assert hidden not in data, path
    with contextlib.closing(sqlite3.connect(readings)) as db:
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
        assert "telegrams" in tables and not tables & {"sealed_keys", "tokens", "users"}
    with contextlib.closing(sqlite3.connect(f"{folder}/keys.sqlite")) as db:
        assert "telegrams" not in {row[0] for row in db.execute("SELECT name FROM sqlite_master")}


def test_a_backup_under_writing_is_one_state_and_disturbs_nobody(tmp_path):
    directory = make(tmp_path / "works")
    with Running(directory) as receiver:
        gateway = receiver.enrol(kind="concentrator")
        for n in range(40):
            receiver.through(gateway.telegrams([Meter(1000 + n * 50 + k).telegram(k) for k in range(50)]))
            if n == 20:
                process = subprocess.Popen([NETTI, "backup", directory.path, "--readings", tmp_path / "a"],
                                           stdout=subprocess.PIPE, text=True)
        [path] = process.communicate(timeout=60)[0].split()
        assert process.returncode == 0
        through = receiver.gateway(gateway.id)["epochs"][0]["through"]
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        count, mark = db.execute("SELECT count(*), max(seq) FROM telegrams").fetchone()
        assert db.execute("SELECT through FROM epochs").fetchone() == (mark,) and count == mark <= through == 2000
        assert count >= 21 * 50, "what was acknowledged before it is in it"


def test_of_many_backups_the_newest_stay(tmp_path):
    directory = make(tmp_path / "works")
    with Running(directory) as receiver:
        receiver.through(receiver.enrol().telegrams([Meter(1).telegram(1)]))
    for n in range(4):
        backup.save_readings(directory, tmp_path / "a", "works", NOW + n)
    (tmp_path / "a" / "mine.txt").write_text("not ours")
    assert len(backup.thin(tmp_path / "a", 2)) == 2
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == [
        "mine.txt", "readings-works-20261124T070002Z.sqlite", "readings-works-20261124T070003Z.sqlite"]


def test_what_cannot_be_done_is_said_in_one_line_and_changes_nothing(tmp_path):
    directory = make(tmp_path / "works")
    with Running(directory) as receiver:
        receiver.through(receiver.enrol().telegrams([Meter(1).telegram(1)]))
    before = directory.store.read_bytes()
    (tmp_path / "broken.sqlite").write_bytes(before[:5000] + b"\xff" * 8000 + before[13000:])
    (tmp_path / "text.sqlite").write_text("no database")
    with contextlib.closing(sqlite3.connect(tmp_path / "other.sqlite")) as db:
        db.execute("CREATE TABLE x (y)")
    place = directory.path
    for arguments, said in (
            (("backup", place), "say where to"),
            (("backup", place, "--readings", tmp_path / "a", "--keys", tmp_path / "a"), "belong apart"),
            (("backup", place, "--readings", tmp_path / "a", "--keep", "0"), "--keep"),
            (("backup", tmp_path / "nowhere", "--keys", tmp_path / "a"), "no receiver"),
            (("restore", place), "say what"),
            (("restore", place, "--readings", tmp_path / "broken.sqlite"), "broken.sqlite"),
            (("restore", place, "--readings", tmp_path / "text.sqlite"), "not a database"),
            (("restore", place, "--readings", tmp_path / "other.sqlite"), "no backup"),
            (("restore", place, "--readings", tmp_path / "none.sqlite"), "none.sqlite"),
            (("restore", place, "--keys", tmp_path), "no backup of keys"),
            (("restore", tmp_path / "new", "--readings", directory.store), "restore its keys as well")):
        done = netti(*arguments)
        assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1, (arguments, done.stderr)
    assert directory.store.read_bytes() == before


def test_the_batch_that_a_backup_lacks_is_seen_as_a_gap_and_asked_for(tmp_path):
    """Without the drill's processes: the older store asks for exactly what it lacks."""
    directory, gateway = make(tmp_path / "works"), Gateway()
    records = [wire_records.telegram(n, NOW - 1000 + n, -70, Meter(1).telegram(n)) for n in range(1, 31)]
    with Running(directory) as receiver:
        receiver.enrol(gateway)
        receiver.through(gateway.batch(records[:10], first=1, last=10))
        [path] = saved(directory.path, "--readings", tmp_path / "a")
        receiver.through(gateway.batch(records[10:20], first=11, last=20))
    assert netti("restore", directory.path, "--readings", path).returncode == 0
    with Running(directory) as receiver:
        receiver.through(gateway.batch(records[20:21], first=21, last=21))
        assert receiver.gaps(gateway.id) == [[11, 20]]
        assert [c["name"] for c in receiver.orders(gateway.id)] == ["rewind"]
        assert receiver.through(gateway.batch(records[10:30], first=11, last=30)) == 30
        assert receiver.summary()["telegrams"] == 30


def test_what_rose_and_what_people_decided_survive_an_older_backup(tmp_path):
    """The older store knows less of what must rise: the gateway brings it back, a replay in between does not pass for
    the latest, and a person's decisions are carried out again."""
    directory, gateway = make(tmp_path / "works"), Gateway()
    address = cases.address("NET", "12345678")
    meter, name = Meter(12345678), "NET-12345678-01-07"

    def sends(litres, counter):
        return cases.mode7(b"\x04\x13" + litres.to_bytes(4, "little"), KEY, counter.to_bytes(4, "little"), address)

    def total(receiver, of):
        return next(m["total_ml"] for m in receiver.meters() if m["id"] == of)
    with Running(directory) as receiver:
        with Office(directory) as office:
            office.meter_keys.put(name, KEY, NOW)
        receiver.enrol(gateway)
        hours = [wire_records.telegram(n + 1, NOW - (10 - n) * 3600, -70, sends(1000 + n, 100 + n)) for n in range(10)]
        receiver.through(gateway.batch(hours[:3], first=1, last=3))
        other = receiver.enrol()
        receiver.through(other.telegrams([meter.telegram(9000)], time=NOW - 5 * 3600))
        receiver.through(other.telegrams([meter.telegram(50)], time=NOW - 4 * 3600))
        receiver.wait_for(lambda s: s["decoded"] == 4 and s["held"] == 1)
        [path] = saved(directory.path, "--readings", tmp_path / "a")
        receiver.through(gateway.batch(hours[3:8], first=4, last=8))
        with Office(directory) as office:
            telegram, time = receiver.read(lambda db: db.execute("SELECT telegram, time FROM held").fetchone())
            office.decisions.add(meter.text, "accept", NOW, telegram, time)
        receiver.wait_for(lambda s: s["decoded"] == 10 and s["held"] == 0)
    assert netti("restore", directory.path, "--readings", path).returncode == 0
    with Running(directory) as receiver:
        receiver.wait_for(lambda s: s["decoded"] == 5 and s["held"] == 0)
        assert total(receiver, meter.text) == 50_000, "decided anew"
        receiver.through(other.telegrams([sends(1001, 101)], time=NOW - 1800))  # of before the backup, played again
        receiver.through(gateway.batch(hours[8:9], first=9, last=9))
        assert receiver.gaps(gateway.id) == [[4, 8]]
        assert receiver.through(gateway.batch(hours[3:10], first=4, last=10)) == 10
        receiver.wait_for(lambda s: s["pending"] == 0 and s["decoded"] == 12 and s["replayed"] == 1)
        assert total(receiver, name) == 1_009_000
        row = next(m["row"] for m in receiver.meters() if m["id"] == name)
        readings = receiver.read(queries.readings.between, row, NOW - DAY, NOW + DAY)
        assert [ml // 1000 for _, ml in readings] == list(range(1000, 1010))
