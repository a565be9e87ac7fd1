"""Accounts, tokens, the log, export and erasure from the command line, against a receiver that runs."""

import contextlib
import csv
import io
import json
import os
import re
import sqlite3
import subprocess
import time

from access_rig import PASSWORD, Town
from netti_tools.commands import person
from receiver_support import DAY, HOUR, NOW, Gateway, Meter, Process, Running, make
from statuses import OUT

import firmware.wire.records as records
from cloud_receiver.office.accounts import Accounts, password_hash
from cloud_receiver.office.erasures import Erasures
from cloud_receiver.office.office import Office
from cloud_receiver.office.roles import Who
from firmware.wire import envelope

WHEN = f"{time.time():.0f}:{NOW}:1"


def netti(town, *arguments, given=None, status=0):
    done = subprocess.run([Process.NETTI, *map(str, arguments)], input=given, capture_output=True, text=True)
    assert "Traceback" not in done.stderr and done.returncode == status, (done.returncode, done.stderr)
    if status:
        assert done.stderr.count("\n") == 1, done.stderr
    return done.stdout


def look(town, purpose):
    """Somebody looks at a meter's hours for a purpose, and whoever shows them enters it."""
    with town.receiver.people() as people:
        people.audit.write(NOW, Who("operations", "operations", "session", "", None), "hours", town.meter.text,
                           NOW - DAY, NOW, purpose)


def linked(town):
    """The home that its residents' link leads to, None where it has ended."""
    with Office(town.receiver.directory) as office:
        return office.homes.by_link(town.secret)


def test_people_from_the_command_line(town):
    where = town.receiver.directory.path
    assert netti(town, "user", "add", where, "vakt", "--role", "operations", given=PASSWORD + "\n") \
        == "operations vakt made\n"
    headers = town.enter("vakt", PASSWORD)
    assert town.receiver.web(town.page(), headers=headers).status == 200
    assert netti(town, "user", "add", where, "vakt", "--role", "installer", given=PASSWORD + "2\n") \
        == "installer vakt has a new password\n"
    assert town.receiver.web(town.page(), headers=headers).status == OUT, "a new password ends sessions"
    headers = town.enter("vakt", PASSWORD + "2")
    assert town.receiver.web(town.page("administrator"), headers=headers).status == 403
    assert "vakt  installer" in netti(town, "user", "list", where)
    assert netti(town, "user", "remove", where, "vakt") == "vakt removed\n"
    assert town.receiver.web(town.page(), headers=headers).status == OUT
    assert town.enter("vakt", PASSWORD + "2") is None
    for bad in (("add", where, "Vakt", "--role", "reader"), ("add", where, "bolig", "--role", "homeowner"),
                ("add", where, "bolig", "--role", "reader", "--home", town.gateway.id), ("remove", where, "bolig"),
                ("add", where, "bolig", "--role", "homeowner", "--home", "A" * 16), ("end-token", where, "x"),
                ("token", where, "x", "--role", "reader", "--days", "0"), ("list", where / "none")):
        netti(town, "user", *bad, given=PASSWORD + "\n", status=2)
    netti(town, "user", "add", where, "bolig", "--role", "reader", given="short\n", status=2)
    log = netti(town, "audit", where, "--of", "vakt")
    assert [line.split("  ")[2] for line in log.splitlines()] == ["account made", "account changed", "account removed"]
    raw = town.receiver.directory.access.read_bytes()
    assert PASSWORD.encode() not in raw and os.stat(town.receiver.directory.access).st_mode & 0o777 == 0o600


def test_a_name_of_an_earlier_release_can_still_be_ended(town):
    """The page used to accept names that the command refused; what was made so is removed by the command."""
    where = town.receiver.directory.path
    with Office(town.receiver.directory) as office:
        office.accounts.put(".vakt", PASSWORD, NOW, "reader")
        office.accounts.make_token("-billing", "reader", 30, NOW)
    netti(town, "user", "add", where, ".vakt2", "--role", "reader", given=PASSWORD + "\n", status=2)
    assert netti(town, "user", "remove", where, ".vakt") == ".vakt removed\n"
    assert netti(town, "user", "end-token", where, "--", "-billing") == "-billing ended\n"


def test_tokens_from_the_command_line(town):
    where = town.receiver.directory.path
    token = netti(town, "user", "token", where, "billing", "--role", "reader").strip()
    headers = {"Host": town.host, "Authorization": f"Bearer {token}"}
    ask = town.api("reader")
    assert town.receiver.web(ask, headers=headers).status == 200
    assert town.receiver.web(town.page("reader"), headers=headers).status == OUT, "for the API"
    assert token not in netti(town, "user", "list", where) + netti(town, "audit", where)
    netti(town, "user", "token", where, "billing", "--role", "reader", status=2)
    assert netti(town, "user", "end-token", where, "billing") == "billing ended\n"
    assert town.receiver.web(ask, headers=headers).status == 401
    assert "token of a reader  ended" in netti(town, "user", "list", where)


def test_the_log_as_csv(town):
    look(town, "request")
    where = town.receiver.directory.path
    rows = list(csv.DictReader(io.StringIO(netti(town, "audit", where, "--csv"))))
    assert (rows[-1]["who"], rows[-1]["what"], rows[-1]["subject"], rows[-1]["purpose"]) == (
        "operations", "hours", town.meter.text, "request")
    assert netti(town, "audit", where, "--of", "nobody") == ""


def test_new_residents_end_the_former_ones_accounts(town):
    where = town.receiver.directory.path
    page = town.page("homeowner")
    assert town.ask("homeowner", page).status == 200
    netti(town, "receiver", "home", where, town.gateway.id, "--new-resident", "--public-name", town.host)
    assert town.ask("homeowner", page).status == OUT
    assert "homeowner" in netti(town, "audit", where)
    netti(town, "user", "add", where, "per", "--role", "homeowner", "--home", town.gateway.id, given=PASSWORD + "\n")
    assert town.receiver.web(page, headers=town.enter("per", PASSWORD)).status == 200


def exported(town, *more):
    return json.loads(netti(town, "person", "export", town.receiver.directory.path, town.gateway.id,
                            "--simulated-clock", WHEN, *more))


def other_home(town):
    """A second home with a meter of its own."""
    other, meter = Gateway(town.gateway.works), Meter(87654321)
    town.receiver.enrol(other, name="Fyrveien 5")
    town.receiver.through(other.telegrams([meter.telegram(777_000 + n) for n in range(3)], time=NOW - 2 * DAY))
    with Office(town.receiver.directory) as office:
        office.homes.bind(other.id, meter.text, NOW)
    return other, meter


def test_an_export_holds_all_of_one_home_and_nothing_of_others(town, tmp_path):
    other, meter = other_home(town)
    town.receiver.through(town.gateway.batch([records.event(town.gateway.next(), NOW, "leak", "kitchen")]))
    look(town, "leak")
    export = exported(town)
    assert export["gateway"] == town.gateway.id and export["gateway_name"] == "Fyrveien 3"
    assert export["accounts"] == ["homeowner"] and export["own_meters"] == [town.meter.text]
    assert [h["import_wh"] for h in export["home_hours"]] == [3_917_555]
    assert len(export["meters"]) == 1 and len(export["meters"][0]["readings"]) == 72
    assert export["meters"][0]["readings"][-1] == {"time": "2026-11-24T07:00:00Z", "litres": 4_209_727.0}
    assert any(bytes.fromhex(r["record"]).find(b"kitchen") > 0 for r in export["records"])
    assert [(w["who"], w["purpose"]) for w in export["who_looked"]] == [("operations", "leak")]
    text = json.dumps(export)
    assert not [s for s in (other.id, meter.text, "Fyrveien 5", "777") if s in text.replace(town.gateway.id, "")]
    with Office(town.receiver.directory) as office:
        office.file.db.execute("UPDATE homes SET since = ?", (NOW - 10 * HOUR,))
    assert len(exported(town)["meters"][0]["readings"]) == 11, "nothing from before the residents"
    assert len(exported(town, "--from", "2026-11-20")["meters"][0]["readings"]) == 72
    file = tmp_path / "vakt.json"
    netti(town, "person", "export", town.receiver.directory.path, town.gateway.id, "--out", file)
    assert os.stat(file).st_mode & 0o777 == 0o600
    netti(town, "person", "export", town.receiver.directory.path, town.gateway.id, "--out", file, status=2)
    assert "person exported" in netti(town, "audit", town.receiver.directory.path, "--of", town.gateway.id)


def test_erasure_takes_the_person_and_leaves_the_log_and_the_bill(town):
    other, meter = other_home(town)
    where = town.receiver.directory.path
    page = town.page("homeowner")
    assert linked(town) is not None and town.ask("homeowner", page).status == 200
    look(town, "leak")
    netti(town, "person", "erase", where, town.gateway.id, status=2)  # without --yes
    netti(town, "person", "erase", where, "nobody", "--yes", status=2)
    netti(town, "person", "erase", where, town.gateway.id, "--yes", "--until", "2099-01-01", status=2)
    assert len(exported(town)["meters"][0]["readings"]) == 72, "nothing so far"
    said = netti(town, "person", "erase", where, town.gateway.id, "--yes", "--simulated-clock", WHEN)
    assert "kept: one reading of each day" in said and "1 accounts" in said
    assert linked(town) is None and town.ask("homeowner", page).status == OUT
    town.receiver.wait_for(lambda s: s["home_hours"] == 0)
    # Bindings have ended, so what is left is asked for by meter.
    export = exported(town, "--from", "2026-11-01")
    assert (export["own_meters"], export["accounts"], export["gateway_name"], export["meters"]) == ([], [], "", [])
    left = json.loads(netti(town, "person", "export", where, town.meter.text))["meters"][0]["readings"]
    assert 4 <= len(left) <= 5 and left[-1]["litres"] == 4_209_727.0 and "72" not in str(len(left))
    assert town.receiver.summary()["telegrams"] == 3, "the other home's"
    log = netti(town, "audit", where)
    assert "person erased" in log and f"hours  {town.meter.text}" in log
    told = envelope.open_answer(town.receiver.send(town.gateway.batch([])).body).commands
    assert told, "the gateway is told to wipe the keys"
    files = town.receiver.directory
    with contextlib.closing(sqlite3.connect(files.keys)) as db:
        assert db.execute("SELECT count(*) FROM homes").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM bindings WHERE gateway = ?", (town.gateway.id,)).fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM bindings WHERE gateway = ?", (other.id,)).fetchone() == (1,)


def test_seen_where_an_erasure_is_not_carried_out(town, monkeypatch):
    """Known-bad: the receiver does not look at what is to be erased."""
    monkeypatch.setattr(Erasures, "due", lambda self, now: [])
    netti(town, "person", "erase", town.receiver.directory.path, town.gateway.id, "--yes", "--simulated-clock", WHEN)
    town.receiver.run(town.receiver.receiver.keeping.forget())
    assert town.receiver.summary()["home_hours"] == 1
    monkeypatch.undo()
    town.receiver.run(town.receiver.receiver.keeping.forget())
    assert town.receiver.summary()["home_hours"] == 0


def test_an_erasure_is_repeated_for_what_comes_late_and_then_ends(town):
    with Office(town.receiver.directory) as office:
        office.erasures.add(None, [town.meter.text], NOW, NOW)
        (number, *_), = office.erasures.due(NOW)
        office.erasures.done(number, NOW)
        assert office.erasures.due(NOW + HOUR) == [] and office.erasures.due(NOW + DAY + 1)
        office.erasures.done(number, NOW + 61 * DAY)
        assert office.erasures.due(NOW + 70 * DAY) == []


def gone(town):
    """Whether a home's electricity and telegrams are."""
    summary = town.receiver.summary()
    return (summary["home_hours"], summary["telegrams"]) == (0, 0)


def test_a_restored_backup_brings_nobody_back(tmp_path):
    directory = make(tmp_path / "works")
    with Running(directory, public_name="vann.example") as running:
        town = Town(running)
        running.wait_for(lambda s: s["pending"] == 0)
        netti(town, "backup", directory.path, "--readings", tmp_path / "saved")
        netti(town, "person", "erase", directory.path, town.gateway.id, "--yes", "--simulated-clock", WHEN)
        running.wait_for_answer(lambda: gone(town))
    (saved,) = (tmp_path / "saved").glob("readings-*")
    netti(town, "restore", directory.path, "--readings", saved)
    with contextlib.closing(sqlite3.connect(directory.store)) as db:
        assert db.execute("SELECT count(*) FROM home_hours").fetchone() == (1,), "the backup holds it"
    with Running(directory, public_name="vann.example") as running:
        town.receiver = running
        running.wait_for_answer(lambda: gone(town))


def test_what_an_erasure_leaves_is_said_in_the_help_too():
    assert "60 days" in person.KEPT and "audit log" in person.KEPT


def test_accounts_of_an_earlier_release_are_taken_over(tmp_path):
    directory = make(tmp_path / "works")
    salt = bytes(16)
    with contextlib.closing(sqlite3.connect(directory.keys)) as db:
        db.executescript("CREATE TABLE users (name TEXT PRIMARY KEY, salt BLOB, hash BLOB, role TEXT, made INTEGER);"
                         "CREATE TABLE sessions (hash BLOB PRIMARY KEY, user TEXT, csrf TEXT, until INTEGER);")
        db.execute("INSERT INTO users VALUES ('admin',?,?,'administrator',5)", (salt, password_hash(PASSWORD, salt)))
        db.commit()
    with Office(directory) as office:
        for _ in range(2):
            with contextlib.closing(Accounts(directory.access, office.file)) as accounts:
                assert accounts.users() == [("admin", "administrator", 5, None)]
        assert not office.file.db.execute("SELECT 1 FROM sqlite_master WHERE name IN ('users', 'sessions')").fetchone()


def test_first_administrator_and_kek_of_a_new_receiver(tmp_path):
    done = subprocess.run([Process.NETTI, "receiver", "init", tmp_path / "w"], capture_output=True, text=True)
    assert done.returncode == 0 and re.search(r"first administrator: admin, password \S{16}", done.stdout)
    assert "w.kek: encrypts the meter keys" in done.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["w", "w.kek"]
    kept = (tmp_path / "w.kek").read_text()
    assert (tmp_path / "w.kek").stat().st_mode & 0o777 == 0o600 and kept.strip() not in done.stdout
    again = subprocess.run([Process.NETTI, "receiver", "init", tmp_path / "w"], capture_output=True, text=True)
    assert again.returncode == 2 and (tmp_path / "w.kek").read_text() == kept


def test_the_first_administrator(tmp_path):
    done = subprocess.run([Process.NETTI, "receiver", "init", tmp_path / "w", "--works", "demo"], capture_output=True,
                          text=True)
    password = done.stdout.split("first administrator: admin, password ")[1].split()[0]
    with contextlib.closing(Accounts(tmp_path / "w" / "access.sqlite")) as people:
        salt, expected = people.salt_and_hash("admin")
    assert password_hash(password, salt) == expected
    assert password.encode() not in (tmp_path / "w" / "access.sqlite").read_bytes()
    for name, given in (("Ø", "x" * 20), ("husstand", "short")):
        done = subprocess.run([Process.NETTI, "user", "add", tmp_path / "w", name, "--role", "administrator"],
                              input=given + "\n", capture_output=True, text=True)
        assert done.returncode == 2 and done.stderr.count("\n") == 1
