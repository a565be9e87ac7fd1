"""What the office's own modules promise: files are named once, one object opens all, a change is seen by the others."""

import ast
import asyncio
import contextlib
import json
import subprocess
import typing
from pathlib import Path

import pytest
from receiver_support import NOW, FixedClock, Gateway, Process, make

from cloud_receiver.edge import enrolment
from cloud_receiver.edge.counts import Counts
from cloud_receiver.edge.devices import Devices
from cloud_receiver.office import trust
from cloud_receiver.office.directory import Directory, Settings, SettingsError
from cloud_receiver.office.office import Office
from firmware import config

ROOT = Path(__file__).parents[2]


def names():
    """The names of a receiver's files and folders that nothing else is called."""
    return {path.name for path in vars(Directory("works")).values()} - {"works", "ca", "releases"}


def told(source):
    """Which of them a module says, outside docstrings."""
    tree = ast.parse(source)
    docstrings = {node.body[0].value for node in ast.walk(tree) if isinstance(
        node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and node.body and isinstance(
        node.body[0], ast.Expr)}
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and node not in docstrings
            } & names()


def test_no_module_but_directory_names_a_file_of_the_receiver():
    named = {str(path.relative_to(ROOT)): told(path.read_text()) for top in ("cloud_receiver", "tools/commands")
             for path in (ROOT / top).rglob("*.py")}
    assert {path for path, there in named.items() if there} == {"cloud_receiver/office/directory.py"}
    assert named["cloud_receiver/office/directory.py"] == names() and len(names()) == 10


@pytest.mark.parametrize("line", ['path / "backup.stamp"', 'FILES = ("x", "notices.json")'])
def test_seen_where_one_does(line):
    """Known-bad."""
    assert told(f'"""It is about receiver.json."""\n{line}\n')


# --- one object for all

def test_what_another_process_decides_is_taken_up_once(tmp_path):
    gateway = Gateway().id
    directory = make(tmp_path / "works")
    with Office(directory) as here, Office(directory) as there:
        assert not here.reload_if_changed()
        there.enrolled.revoke(gateway, NOW)
        there.orders.make(gateway, "interval", {"seconds": 60}, NOW)
        assert here.enrolled.revoked() == {} and here.orders.open(gateway) == [], "as it was read"
        assert here.reload_if_changed() and here.enrolled.revoked() == {gateway: NOW}
        assert [o.name for o in here.orders.open(gateway)] == ["interval"]
        assert not here.reload_if_changed(), "nothing since"
        here.enrolled.reinstate(gateway)
        assert here.enrolled.revoked() == {} and not here.reload_if_changed(), "the own changes are known"


def test_seen_where_the_stamp_is_taken_after_reading(tmp_path):
    """Known-bad: a change between reading and the stamp is never taken up."""
    directory, late = make(tmp_path / "works"), Gateway().id
    with Office(directory) as office, Office(directory) as there:
        there.enrolled.revoke(late, NOW)
        office._stamp = office.file.stamp()
        assert not office.reload_if_changed() and office.enrolled.revoked() == {}
    with Office(directory) as office:
        assert office.enrolled.revoked() == {late: NOW}


def test_an_office_opens_no_accounts_and_no_command_key_until_asked(tmp_path):
    directory = make(tmp_path / "works")
    with Office(directory) as office:
        office.enrolled.make_token(NOW)
        assert not directory.access.exists()
        with pytest.raises(ValueError, match="no command key"):
            office.orders.sign(bytes(10), 1, NOW, "interval", {"seconds": 60})
        office.accounts.put("admin", "a long password", NOW)
    assert directory.access.exists()
    with Office(directory, signs=True) as office:
        assert office.orders.sign(bytes(10), 1, NOW, "interval", {"seconds": 60})


def test_a_decision_is_taken_up_while_certificates_are_half_replaced(tmp_path, caplog):
    directory, gateway = make(tmp_path / "works"), Gateway().id
    endpoint = directory.ca / "endpoint.pem"
    whole = endpoint.read_bytes()
    with Office(directory, signs=True) as office, Office(directory) as there, contextlib.closing(
            Devices(office, FixedClock(), None, Counts())) as devices:
        there.enrolled.revoke(gateway, NOW)
        endpoint.write_bytes(b"half")
        assert asyncio.run(devices.reload_if_changed()) and office.enrolled.revoked() == {gateway: NOW}
        assert "not readable" in caplog.text
        endpoint.write_bytes(whole)
        assert not asyncio.run(devices.reload_if_changed()), "only certificates"
        assert devices._trust_stamp == trust.stamp(directory.ca)


# --- what people write

@pytest.mark.parametrize("change, says", [
    ({"port": "8443"}, "port: expected int, got str"), ({"port": 70_000}, "port: expected int <= 65535"),
    ({"interval": 0}, "interval: expected int >= 1"), ({"name": None}, "name: expected str, got null"),
    ({"keep_telegrams": -1}, "keep_telegrams: expected int >= 0"), ({"prot": 1}, "there is no field prot"),
])
def test_settings_are_checked_and_the_line_names_the_field(tmp_path, change, says):
    directory = make(tmp_path / "works")
    there = json.loads(directory.settings_file.read_text())
    directory.settings_file.write_text(json.dumps({**there, **change}))
    with pytest.raises(SettingsError) as e:
        directory.load()
    assert str(e.value) == f"{directory.settings_file}: {says}; correct it there"


@pytest.mark.parametrize("text, says", [("{", "it ends too soon"), ("[]", "expected object, got array"),
                                        ('{"works": "a"}', "name is missing"), ("[" * 100_000, "")])
def test_a_file_that_holds_no_settings_is_one_line(tmp_path, text, says):
    directory = Directory(tmp_path)
    directory.settings_file.write_text(text)
    with pytest.raises(SettingsError) as e:
        directory.load()
    assert "\n" not in str(e.value) and says in str(e.value)
    done = subprocess.run([Process.NETTI, "receiver", "gateways", directory.path], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr == f"netti receiver: {e.value}\n", done.stderr


def test_settings_come_back_as_they_were_saved(tmp_path):
    directory = Directory(tmp_path)
    settings = Settings("works", "Prøveby vannverk", "receiver.example", 9443, keep_hours=3650)
    directory.save(settings)
    assert directory.load() == settings and "Prøveby" in directory.settings_file.read_text(encoding="utf-8")


def test_a_gateway_may_be_of_every_kind_it_can_be_set_up_as():
    kind = typing.get_type_hints(enrolment.Request)["kind"]
    assert typing.get_args(kind) == config.KINDS


# --- one day

def numbers(source):
    """Where a module writes out how many seconds an hour or a day has."""
    return [node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)
            and type(node.value) is int and node.value in (3600, 86_400)]


def test_how_long_an_hour_and_a_day_are_stands_in_one_place():
    written = {str(path.relative_to(ROOT)): numbers(path.read_text())
             for path in (ROOT / "cloud_receiver").rglob("*.py")}
    assert {path for path, lines in written.items() if lines} == {"cloud_receiver/data/clock.py"}
    assert numbers("GIVE_UP_S = 3 * 86400\n"), "known-bad"
