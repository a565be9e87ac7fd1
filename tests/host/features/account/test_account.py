"""Pages shown beyond this machine: nothing without a session, sessions that end, guesses that cost time."""

import contextlib
import subprocess
import urllib.parse

import pytest
from receiver_support import NOW, Meter, Process, Running, make

from cloud_receiver.office import accounts
from cloud_receiver.office.office import Office

NAME, PASSWORD = "vakt", "riktig hest batteri stift"
PUBLIC = {"Host": "vann.example"}


@pytest.fixture
def receiver(tmp_path):
    with Running(make(tmp_path / "works"), public_name="vann.example") as running:
        put(running, NAME)
        yield running


def put(receiver, name, role="administrator", home=None):
    with contextlib.closing(accounts.Accounts(receiver.directory.access)) as people:
        people.put(name, PASSWORD, NOW, role, home)


def log_in(receiver, name=NAME, password=PASSWORD, **headers):
    body = urllib.parse.urlencode({"name": name, "password": password})
    headers = {"Content-Type": "application/x-www-form-urlencoded", **PUBLIC, **headers}
    return receiver.web("/login", "POST", body, headers)


def session(receiver):
    answer = log_in(receiver)
    assert answer.status == 303 and answer.headers["Location"] == "/"
    cookie = answer.headers["Set-Cookie"]
    for part in ("__Host-netti=", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie
    return {"Cookie": cookie.split(";")[0], **PUBLIC}


def test_nothing_is_shown_without_a_session(receiver):
    gateway = receiver.enrol()
    receiver.through(gateway.telegrams([Meter(12345678).telegram(1)]))
    for host in (PUBLIC, {"Host": "localhost"}, {"Host": "127.0.0.1"}):
        for path in ("/", "/meters", "/gateways", f"/gateways/{gateway.id}", "/meters/KAM-12345678-1B-16"):
            answer = receiver.web(path, headers=host)
            assert (answer.status, answer.headers["Location"], answer.body) == (303, "/login", b""), path
        for path in ("/v1/meters", "/v1/summary", "/v1/gateways"):
            assert receiver.web(path, headers=host).status == 401
        assert receiver.web("/", headers={**host, "Cookie": "__Host-netti=guess"}).status == 303
    assert receiver.web("/login", headers=PUBLIC).status == 200
    assert receiver.web("/static/netti.css", headers=PUBLIC).status == 200
    assert receiver.web("/login", headers={"Host": "other.example"}).status == 421


def test_log_in_look_log_out(receiver):
    known = session(receiver)
    page = receiver.web("/", headers=known)
    assert page.status == 200 and NAME in page.text and receiver.web("/v1/meters", headers=known).status == 200
    csrf = page.text.split('name="csrf" value="')[1].split('"')[0]
    form = {"Content-Type": "application/x-www-form-urlencoded", **known}
    assert receiver.web("/logout", "POST", "csrf=wrong", form).status == 403
    assert receiver.web("/logout", "POST", "csrf=" + csrf, {**form, "Origin": "https://evil.example"}).status == 403
    assert receiver.web("/", headers=known).status == 200
    assert receiver.web("/logout", "POST", "csrf=" + csrf, {**form, "Origin": "https://vann.example"}).status == 303
    assert receiver.web("/", headers=known).status == 303


def test_wrong_names_and_passwords_look_alike_and_cost_time(receiver):
    receiver.log_in.by_name._clock = lambda: 1000.0  # no time passes, however slow the machine is
    wrong, unknown = log_in(receiver, password="feil"), log_in(receiver, name="husstand")
    assert wrong.status == unknown.status == 403
    assert wrong.text.replace(NAME, "") == unknown.text.replace("husstand", "") and "Set-Cookie" not in wrong.headers
    assert log_in(receiver, Origin="https://evil.example").status == 403
    for _ in range(10):
        last = log_in(receiver, password="feil")
    assert last.status == 429
    assert log_in(receiver).status == 429, "also for the right password, until the time is up"
    assert log_in(receiver, name="husstand").status == 403, "but not for others"


def test_a_session_ends_with_its_time_and_with_a_new_password(receiver):
    known = session(receiver)
    receiver.clock.at = NOW + accounts.SESSION_S + 1
    assert receiver.web("/", headers=known).status == 303
    receiver.clock.at = NOW
    known = session(receiver)
    done = subprocess.run([Process.NETTI, "user", "add", receiver.directory.path, NAME, "--role", "administrator"],
                          input="en ny og lang en\n", capture_output=True, text=True)
    assert done.stdout == f"administrator {NAME} has a new password\n", done.stderr
    assert receiver.web("/", headers=known).status == 303
    assert log_in(receiver).status == 403 and log_in(receiver, password="en ny og lang en").status == 303


def test_a_homes_link_needs_no_session_and_a_guesser_blocks_only_himself(receiver):
    gateway = receiver.enrol()
    office = Office(receiver.directory)
    path = f"/home/{office.homes.make_link(gateway.id, 0)}"
    office.close()
    guesser = {**PUBLIC, "X-Forwarded-For": "10.0.0.1, 198.51.100.7"}
    for _ in range(40):
        last = receiver.web("/home/guess", headers=guesser).status
    assert last == 429
    assert receiver.web(path, headers={**PUBLIC, "X-Forwarded-For": "198.51.100.7, 203.0.113.5"}).status == 200


def test_the_first_administrator(tmp_path):
    done = subprocess.run([Process.NETTI, "receiver", "init", tmp_path / "w", "--works", "demo"], capture_output=True,
                          text=True)
    password = done.stdout.split("first administrator: admin, password ")[1].split()[0]
    with contextlib.closing(accounts.Accounts(tmp_path / "w" / "access.sqlite")) as people:
        salt, expected = people.salt_and_hash("admin")
    assert accounts.password_hash(password, salt) == expected
    assert password.encode() not in (tmp_path / "w" / "access.sqlite").read_bytes()
    for name, given in (("Ø", "x" * 20), ("husstand", "short")):
        done = subprocess.run([Process.NETTI, "user", "add", tmp_path / "w", name, "--role", "administrator"],
                              input=given + "\n", capture_output=True, text=True)
        assert done.returncode == 2 and done.stderr.count("\n") == 1
