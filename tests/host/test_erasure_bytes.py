"""After an erasure no byte of what somebody sent is left: in the receiver's folder and in PostgreSQL's, while the
receiver runs and after it has stopped."""

import asyncio
import json
import os
import subprocess
from pathlib import Path

import postgres
import pytest
from access_rig import PASSWORD
from receiver_support import DAY, HOUR, NOW, Gateway, Meter, Process, Running, make

import firmware.wire.records as wire_records
from cloud_receiver.data import dayrows
from cloud_receiver.office.office import Office
from cloud_receiver.operations import scrubbing
from cloud_receiver.stores import base, queries
from cloud_receiver.stores import postgres as postgres_store
from cloud_receiver.stores import sqlite as sqlite_store

NAME, PERSON, EVENT, RESULT = "Fyrtaarnveien 4711", "kari.fyrtaarn@example", "tap in the kitchen", "kitchen is unhappy"
IMPORT, EXPORT = 0x5A6B7C8D, 0x4A3B2C1D  # Wh of an hour
WHEN = ("--simulated-clock", f"0:{NOW}:1e-9")


@pytest.fixture(scope="module")
def cluster():
    """Where PostgreSQL keeps the bytes of these tests, and of no others."""
    postgres.need()
    with postgres.alone() as folder:
        yield folder


@pytest.fixture(params=["sqlite", "postgres"])
def home(request, tmp_path):
    """A running receiver with a home and its neighbour, on each store."""
    folders = [request.getfixturevalue("cluster")] if request.param == "postgres" else []
    directory = make(tmp_path / "works", engine=request.param)
    with Running(directory, public_name="vann.example") as running:
        yield Home(running, request.param, folders)


class Home:
    """A home that was read every hour for three days, and what of it is to be gone."""

    def __init__(self, running, engine, folders):
        self.receiver, self.engine = running, engine
        self.folders = [running.directory.path, *folders]  # where bytes may lie
        self.meter, self.other = Meter(12345678), Meter(87654321)
        self.gateway = running.enrol(Gateway(), name=NAME)
        neighbour = running.enrol(Gateway(), name="Nabo")
        self.telegrams, self.kept = [], []
        for gateway, meter, start, power, told in ((self.gateway, self.meter, 1_000_000, 2, self.telegrams),
                                                   (neighbour, self.other, 77_000_000, 1, self.kept)):
            for day in range(3):
                records = []
                for n in range(24):
                    at = NOW - 3 * DAY + day * DAY + n * HOUR
                    told.append(meter.telegram(start + (day * 24 + n) ** power))
                    records.append(wire_records.telegram(gateway.next(), at, -70, told[-1]))
                if meter is self.meter:
                    records += [wire_records.han_hour(gateway.next(), NOW, NOW - (3 - day) * DAY + n * HOUR, IMPORT,
                                                      EXPORT, False) for n in range(24)]
                    records += [wire_records.event(gateway.next(), NOW - HOUR, "leak", EVENT)]
                running.through(gateway.batch(records))
        running.wait_for(lambda s: s["pending"] == 0)
        with Office(running.directory) as office:
            office.homes.bind(self.gateway.id, self.meter.text, NOW)
            office.homes.make_link(self.gateway.id, NOW - 30 * DAY)
            counter = office.orders.own_meters(self.gateway.id, NOW)
            office.accounts.put(PERSON, PASSWORD, NOW, "homeowner", self.gateway.id)
        running.look()
        running.through(self.gateway.batch([wire_records.result(self.gateway.next(), NOW, counter, 2, RESULT)]))
        row = running.meter(self.meter.text)["row"]
        self.hours = [blob for _, blob in running.read(queries.readings.day_rows, row, 0, NOW // DAY)]
        assert len(self.hours) >= 3 and self.telegrams[5] in self.bytes_of_all()

    def gone(self):
        """What is to be gone, by what it is: bytes as they are stored."""
        number = b"".join(n.to_bytes(4, "big") if self.engine == "sqlite" else n.to_bytes(8, "little")
                          for n in (IMPORT, EXPORT))
        kept = b"".join(self.kept)
        pieces = {}
        for blob in self.hours:
            daily = dayrows.daily(0, blob)
            totals = blob[58:]
            pieces.update({totals[n:n + 16]: "hours" for n in range(0, len(totals), 16)
                           if totals[n:n + 16] not in daily and all(any(totals[m:m + 4]) for m in range(n, n + 16, 4))})
        pieces.update({t[11:]: "telegram" for t in self.telegrams[::9] if t[11:] not in kept})
        pieces.update({EVENT.encode(): "event", NAME.encode(): "name", PERSON.encode(): "account",
                       RESULT.encode(): "result", number: "electricity"})
        return pieces

    def bytes_of_all(self):
        """Every byte of every file, one after the other."""
        return b"\n".join(path.read_bytes() for folder in self.folders for path in sorted(folder.rglob("*"))
                          if path.is_file() and not path.is_socket())

    def found(self):
        """What of it is found, and where."""
        there, gone = set(), self.gone()
        for folder in self.folders:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    data = path.read_bytes()
                    there |= {(what, path.name) for piece, what in gone.items() if piece in data}
        return sorted(there)

    def erase(self):
        done = subprocess.run([Process.NETTI, "person", "erase", self.receiver.directory.path, self.gateway.id, "--yes",
                               *WHEN], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        self.receiver.look()
        self.receiver.run(self.receiver.receiver.keeping.forget())
        return done.stdout


def test_no_byte_is_left(home):
    assert {what for what, _ in home.found()} == {"hours", "telegram", "event", "name", "account", "result",
                                                  "electricity"}
    home.erase()
    assert home.found() == [], "while it runs"
    assert home.kept[5] in home.bytes_of_all() and home.receiver.meter(home.meter.text)["total_ml"]
    home.receiver.stop()
    assert home.found() == [], "after it has stopped"


@pytest.mark.parametrize("home", ["sqlite"], indirect=True)  # what is tried is who else has SQLite's file open
def test_no_byte_is_left_by_a_receiver_of_several_processes(home):
    home.receiver.stop()
    with Process(home.receiver.directory, "--public-name", "vann.example") as process:
        assert process.web("/healthz").status == 200
        assert home.found()
        subprocess.run([Process.NETTI, "person", "erase", home.receiver.directory.path, home.gateway.id, "--yes",
                        "--until", str(NOW + 60)], check=True, capture_output=True)
        home.receiver.wait_for_answer(lambda: home.found() == [])
        assert process.end() == 0
    assert home.found() == []


@pytest.mark.parametrize("mutant", ["nothing", "pages"])
def test_seen_where_bytes_are_left(home, monkeypatch, mutant):
    """Known-bad: the rows are deleted and that is all; the log of writes is emptied, the pages are left."""
    if mutant == "nothing":
        async def scrub(self, most):
            return []
        monkeypatch.setattr(base.BaseStore, "scrub", scrub)
    elif home.engine == "sqlite":
        home.receiver.run(run_job(home.receiver.receiver.store, insecure))
        monkeypatch.setattr(sqlite_store.Connection, "scrub",
                            lambda self: self.execute("PRAGMA wal_checkpoint(TRUNCATE)") and [])
    else:
        monkeypatch.setattr(postgres_store.Session, "scrub",
                            lambda self: self._run(overwrite(self._dsn)) or [])
    home.erase()
    assert home.found()


async def run_job(store, job):
    return await store.writer.submit(job)


def insecure(db):
    """A job: what is deleted is not overwritten."""
    db.execute("PRAGMA secure_delete=OFF")


async def overwrite(dsn):
    connection = await postgres_store.asyncpg.connect(dsn)
    await postgres_store._overwrite_log(connection)
    await connection.close()


def test_the_log_names_a_homes_account_by_its_gateway(home):
    people = subprocess.run([Process.NETTI, "user", "remove", home.receiver.directory.path, PERSON],
                            capture_output=True, text=True)
    assert people.returncode == 0, people.stderr
    with home.receiver.people() as accounts:
        assert accounts.audit.latest()[0][5:7] == ("account removed", home.gateway.id)


@pytest.mark.parametrize("home", ["sqlite"], indirect=True)  # pg_dump is tried with the backups
def test_an_erasure_names_the_backups_that_still_hold_it(home, tmp_path):
    directory = home.receiver.directory
    done = subprocess.run([Process.NETTI, "backup", directory.path, "--readings", tmp_path / "saved", "--keys",
                           tmp_path / "keys"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = home.erase()
    for path in done.stdout.split():
        assert f"  {path}: " in said and "days old" in said, said
    Path(done.stdout.split()[0]).unlink()
    assert done.stdout.split()[0] not in "".join(scrubbing.said_of_backups(directory, NOW))
    assert [m.kind for m in scrubbing.backups(directory)] == ["keys"]


def test_notices_forget_too(tmp_path):
    directory = make(tmp_path / "works")
    with scrubbing.contextlib.closing(scrubbing.sqlite3.connect(directory.notices)) as db:
        db.executescript("CREATE TABLE standing (what TEXT PRIMARY KEY, since INTEGER NOT NULL);"
                         "CREATE TABLE outbox (id INTEGER PRIMARY KEY, body TEXT NOT NULL)")
        for names in (["A"], ["A", "B"], ["B"]):
            body = json.dumps({"notices": [{"meter": n} for n in names]})
            db.execute("INSERT INTO outbox (body) VALUES (?)", (body,))
        db.executemany("INSERT INTO standing VALUES (?,1)", [("alarm A leak",), ("alarm B leak",), ("gateway A",)])
        db.commit()
    scrubbing.small_files(directory, "A", ["A"])
    with scrubbing.contextlib.closing(scrubbing.sqlite3.connect(directory.notices)) as db:
        left = [json.loads(row[0])["notices"] for row in db.execute("SELECT body FROM outbox")]
        assert left == [[{"meter": "B"}]] * 2 and db.execute("SELECT what FROM standing").fetchall() == [
            ("alarm B leak",)]


def test_nothing_is_written_anew_where_nothing_was_erased(home, monkeypatch):
    def scrub(self):
        raise AssertionError("written anew")
    monkeypatch.setattr(sqlite_store.Connection, "scrub", scrub)
    monkeypatch.setattr(postgres_store.Session, "scrub", scrub)
    home.receiver.run(home.receiver.receiver.keeping.forget())
    assert asyncio.iscoroutinefunction(base.BaseStore.scrub) and os.path.exists(home.receiver.directory.path)
