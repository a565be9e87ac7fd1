"""Meter keys at rest: sealed under a KEK that lies elsewhere, rotated, migrated; damaged or moved ones do not open."""

import contextlib
import os
import shutil
import sqlite3
import subprocess

import pytest
from receiver_support import NOW, Meter, Process, make

from cloud_receiver.office import kek
from cloud_receiver.office.directory import Directory
from cloud_receiver.office.keyfile import KeyFile
from cloud_receiver.office.meter_keys import EARLIER, MeterKeys
from cloud_receiver.office.office import Office

A, B = Meter(12345678, key=bytes(range(16))), Meter(87654321, key=bytes(range(16, 32)))
OLD_SCHEMA = "CREATE TABLE meter_keys (meter TEXT PRIMARY KEY, key BLOB NOT NULL, added INTEGER NOT NULL) WITHOUT ROWID"


@pytest.fixture
def directory(tmp_path):
    return make(tmp_path / "works")


@contextlib.contextmanager
def opened(directory):
    with contextlib.closing(KeyFile(directory.keys)) as file:
        yield MeterKeys(file)


def fill(directory, *meters):
    with opened(directory) as keys:
        for meter in meters or (A, B):
            keys.put(meter.text, meter.key, NOW)


def netti(*arguments, environ=None, given=None):
    done = subprocess.run([Process.NETTI, *map(str, arguments)], input=given, capture_output=True, text=True,
                          env={**os.environ, **(environ or {})})
    assert "Traceback" not in done.stderr, done.stderr
    return done


def lies_open(directory, key):
    """The files of a directory in which a key stands, as bytes or in hex."""
    return [p.name for p in sorted(directory.path.rglob("*")) if p.is_file()
            and any(form in p.read_bytes().lower() for form in (key.lower(), key.hex().encode()))]


def test_keys_are_kept_sealed_and_open_again(directory):
    fill(directory)
    with opened(directory) as keys:
        assert keys.keys() == {A.text: A.key, B.text: B.key} and keys.key(A.text) == A.key
        assert [m for m, _ in keys.meters()] == sorted((A.text, B.text)) and keys.damaged() == []
        assert keys.put(A.text, A.key, NOW) == "unchanged" and keys.put(A.text, B.key, NOW) == "replaced"
    assert lies_open(directory, A.key) == lies_open(directory, B.key) == []
    assert os.stat(directory.keys).st_mode & 0o777 == os.stat(kek.file_of(directory.path)).st_mode & 0o777 == 0o600


def test_seen_where_a_key_is_kept_as_it_is(directory, monkeypatch):
    """Known-bad: nothing is encrypted."""
    monkeypatch.setattr(kek.Kek, "seal", lambda self, meter, key: key)
    fill(directory)
    assert lies_open(directory, A.key) == ["keys.sqlite"]


def test_the_kek_lies_outside_and_without_it_nothing_opens(directory, tmp_path):
    fill(directory)
    assert directory.path not in kek.file_of(directory.path).parents
    stolen = tmp_path / "backup" / "works"
    shutil.copytree(directory.path, stolen)
    with Office(Directory(stolen)) as office:
        keys = office.meter_keys
        for attempt in (keys.keys, keys.unlock, lambda: keys.key(A.text), lambda: keys.put(A.text, B.key, NOW)):
            with pytest.raises(kek.Locked, match="no KEK"):
                attempt()
        assert office.enrolled.revoke("A" * 16, NOW), "what needs no meter key goes on"
    done = netti("receiver", "serve", stolen, "--port", "0", "--web-port", "0")
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "no KEK" in done.stderr
    kek.make(kek.file_of(stolen))
    with opened(Directory(stolen)) as keys, pytest.raises(kek.Locked, match="not under"):
        keys.keys()


def test_a_row_moved_or_changed_does_not_open(directory):
    fill(directory)
    with opened(directory) as keys:
        sealed = dict(keys.file.db.execute("SELECT meter, sealed FROM sealed_keys"))
        keys.file.db.execute("UPDATE sealed_keys SET sealed = ? WHERE meter = ?", (sealed[A.text], B.text))
        assert keys.keys() == {A.text: A.key} and keys.damaged() == [B.text]
        for n in range(len(sealed[A.text])):
            bad = bytearray(sealed[A.text])
            bad[n] ^= 1
            keys.file.db.execute("UPDATE sealed_keys SET sealed = ? WHERE meter = ?", (bytes(bad), A.text))
            assert keys.key(A.text) is None
        assert keys.put(A.text, A.key, NOW) == "replaced" and keys.key(A.text) == A.key, "imported again it is well"


def test_seen_where_a_key_is_not_bound_to_its_meter(directory, monkeypatch):
    """Known-bad: no associated data."""
    monkeypatch.setattr(kek, "_bound_to", lambda meter: b"")
    fill(directory)
    with opened(directory) as keys:
        sealed = dict(keys.file.db.execute("SELECT meter, sealed FROM sealed_keys"))
        keys.file.db.execute("UPDATE sealed_keys SET sealed = ? WHERE meter = ?", (sealed[A.text], B.text))
        assert keys.keys()[B.text] == A.key


def test_nonces_differ(directory):
    with opened(directory) as keys:
        for n in range(200):
            keys.put(Meter(n).text, A.key, NOW)
        sealed = [row[0] for row in keys.file.db.execute("SELECT sealed FROM sealed_keys")]
    assert len({s[:kek.NONCE] for s in sealed}) == 200 and {len(s) for s in sealed} == {kek.NONCE + 16 + 16}


def test_where_the_kek_comes_from(directory, tmp_path):
    file = tmp_path / "other"
    file.write_text("ab" * 32 + "\n")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / kek.CREDENTIAL).write_text("cd" * 32)

    def source(**environ):
        return [k.source for k in kek.all_for(directory.path, environ)]
    assert source() == [str(kek.file_of(directory.path))]
    assert source(CREDENTIALS_DIRECTORY=str(credentials)) == [str(credentials / kek.CREDENTIAL)]
    assert source(NETTI_KEK_FILE=str(file), CREDENTIALS_DIRECTORY=str(credentials)) == [str(file)]
    assert source(NETTI_KEK="ef" * 32, NETTI_KEK_FILE=str(file)) == ["NETTI_KEK"]
    for bad in ("", "ab" * 31, "xy" * 32, "ab" * 33, "æ"):
        file.write_text(bad)
        with pytest.raises(kek.Locked) as e:
            source(NETTI_KEK_FILE=str(file))
        assert bad[:10] not in str(e.value) or not bad
    with pytest.raises(kek.Locked):
        source(NETTI_KEK_FILE=str(tmp_path / "none"))
    os.chmod(kek.file_of(directory.path), 0o640)
    with pytest.raises(kek.Locked, match="can be read by others"):
        source()


def test_rotation_of_the_kek(directory):
    fill(directory)
    before = kek.file_of(directory.path).read_text()
    done = netti("keys", "rotate", "--dir", directory.path)
    assert done.returncode == 0 and done.stdout.startswith("2 keys are now under a new KEK"), done.stderr
    assert kek.file_of(directory.path).read_text() != before and not kek.new_of(kek.file_of(directory.path)).exists()
    with opened(directory) as keys:
        assert keys.keys() == {A.text: A.key, B.text: B.key}
    kek.file_of(directory.path).write_text(before)
    with opened(directory) as keys, pytest.raises(kek.Locked):
        keys.keys()


def test_a_rotation_that_ends_anywhere_locks_nobody_out(directory, monkeypatch):
    fill(directory)
    here = kek.file_of(directory.path)
    kek.make(kek.new_of(here))  # ended before any key was sealed anew
    with opened(directory) as keys:
        assert keys.keys()[A.text] == A.key
    new = kek.make(kek.new_of(here))
    with opened(directory) as keys:
        keys.rotate(new)  # ended before the file took its place
    with opened(directory) as keys:
        assert keys.keys() == {A.text: A.key, B.text: B.key}
        assert keys.put(Meter(5).text, A.key, NOW) == "added" and keys.under() == {new.id}
    assert netti("keys", "rotate", "--dir", directory.path).returncode == 0
    with opened(directory) as keys:
        assert len(keys.keys()) == 3 and keys.under() != {new.id}
        with pytest.raises(kek.Locked), monkeypatch.context() as m:  # ended between two keys
            m.setattr(kek.Kek, "open", lambda self, meter, sealed: (_ for _ in ()).throw(ValueError("cut")))
            keys.rotate(new)
        assert len(keys.keys()) == 3


def test_rotation_to_a_kek_of_ones_own(directory, tmp_path):
    fill(directory)
    new = tmp_path / "next"
    new.write_text("12" * 32)
    assert netti("keys", "rotate", "--dir", directory.path, "--to", new).returncode == 0
    given = {"NETTI_KEK_FILE": str(new)}
    assert netti("keys", "import", "-", "--dir", directory.path, environ=given,
                 given=f"{A.text};{A.key.hex()}\n").stdout.startswith(f"line 1: {A.text} unchanged")
    done = netti("keys", "import", "-", "--dir", directory.path, given=f"{A.text};{A.key.hex()}\n")
    assert done.returncode == 2 and "not under the KEK" in done.stderr and A.key.hex() not in done.stderr
    assert netti("keys", "rotate", "--dir", directory.path, environ=given).returncode == 2


def plain(directory):
    """A key store as earlier releases made it."""
    with contextlib.closing(sqlite3.connect(directory.keys)) as db:
        db.execute(OLD_SCHEMA)
        db.executemany("INSERT INTO meter_keys VALUES (?,?,?)", [(m.text, m.key, NOW) for m in (A, B)])
        db.commit()


def test_a_store_in_plain_text_is_sealed_once_there_is_a_kek(directory):
    plain(directory)
    here = kek.file_of(directory.path)
    kept = here.read_text()
    here.unlink()
    done = netti("receiver", "serve", directory.path, "--port", "0", "--web-port", "0")
    assert done.returncode == 2 and "no KEK" in done.stderr, "it says what to do rather than serve them in plain text"
    assert lies_open(directory, A.key) == ["keys.sqlite"]
    done = netti("keys", "rotate", "--dir", directory.path)
    assert done.returncode == 0 and here.exists() and here.read_text() != kept
    with opened(directory) as keys:
        assert keys.keys() == {A.text: A.key, B.text: B.key} and keys.meters() == [(A.text, NOW), (B.text, NOW)]
        assert not keys.file.db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meter_keys'").fetchone()
    assert lies_open(directory, A.key) == lies_open(directory, B.key) == []


def test_seen_where_the_plain_text_stays_in_free_pages(directory, monkeypatch):
    """Known-bad: the old table is only dropped."""
    plain(directory)
    with opened(directory) as keys:
        keys.file.db.execute("PRAGMA secure_delete=OFF")
        keys.file.db.execute("DROP TABLE meter_keys")
    assert lies_open(directory, A.key) == ["keys.sqlite"]


def test_a_meters_earlier_keys_are_kept_for_their_time(directory):
    with opened(directory) as keys:
        for n in range(EARLIER + 3):
            keys.put(A.text, bytes([n]) * 16, NOW + n)
        ring = keys.rings()[A.text]
        assert [(k.key[0], k.replaced) for k in ring] == [(5, None), (4, NOW + 5), (3, NOW + 4), (2, NOW + 3)]
        assert keys.remove(A.text, earlier_only=True) == EARLIER and keys.keys() == {A.text: bytes([5]) * 16}
        assert keys.remove(A.text) == 1 and keys.keys() == {}


def test_a_bad_row_costs_itself_and_no_row_repeats_a_key(directory):
    key = "00112233445566778899AABBCCDDEEFF"
    rows = [f"{A.text};{key}", f"{key};{A.text}", f"KAM-{key}-1B-16;{key}", f"KAM;1;1B;16;{key}", f"{B.text};{key}00",
            f"{B.text};{key[:-1]}X", f"{key}", f"{B.text};{key};{key}", f"{A.text};{key[::-1]}", '"',
            f"{B.text};\x00{key}", f"KAM;{B.number};1B;16;{key}"]
    done = netti("keys", "import", "-", "--dir", directory.path, given="\n".join(rows) + "\n")
    assert done.returncode == 1
    assert key[:12] not in done.stdout + done.stderr and key[::-1][:12] not in done.stdout + done.stderr
    with opened(directory) as keys:
        assert [meter for meter, _ in keys.meters()] == [A.text]
