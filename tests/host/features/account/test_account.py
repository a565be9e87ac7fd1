"""Pages shown beyond this machine: nothing without a session, sessions that end, guesses that cost time."""

import contextlib
import re
import subprocess
import urllib.parse

import installed
import pytest
from access_rig import FORM
from account_rig import answers
from receiver_support import NOW, Process, Running, make

from cloud_receiver.features.account import page as account
from cloud_receiver.office import accounts

NAME, PASSWORD = "vakt", "riktig hest batteri stift"
PUBLIC = {"Host": "vann.example"}
PAGE, API = (installed.kept_to("administrator", {}, api)[0] for api in (False, True))


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


def test_log_in_look_log_out(receiver):
    known = session(receiver)
    page = receiver.web(PAGE, headers=known)
    assert page.status == 200 and NAME in page.text and receiver.web(API, headers=known).status == 200
    csrf = page.text.split('name="csrf" value="')[1].split('"')[0]
    form = {"Content-Type": "application/x-www-form-urlencoded", **known}
    assert receiver.web("/logout", "POST", "csrf=wrong", form).status == 403
    assert receiver.web("/logout", "POST", "csrf=" + csrf, {**form, "Origin": "https://evil.example"}).status == 403
    assert receiver.web(PAGE, headers=known).status == 200
    assert receiver.web("/logout", "POST", "csrf=" + csrf, {**form, "Origin": "https://vann.example"}).status == 303
    assert receiver.web(PAGE, headers=known).status == 303


def test_wrong_names_and_passwords_look_alike_and_cost_time(receiver):
    answers(receiver).by_name.clock = lambda: 1000.0  # no time passes, however slow the machine is
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
    assert receiver.web(PAGE, headers=known).status == 303
    receiver.clock.at = NOW
    known = session(receiver)
    done = subprocess.run([Process.NETTI, "user", "add", receiver.directory.path, NAME, "--role", "administrator"],
                          input="en ny og lang en\n", capture_output=True, text=True)
    assert done.stdout == f"administrator {NAME} has a new password\n", done.stderr
    assert receiver.web(PAGE, headers=known).status == 303
    assert log_in(receiver).status == 403 and log_in(receiver, password="en ny og lang en").status == 303


def test_the_form_is_shown_to_everybody_under_our_name(receiver):
    assert receiver.web("/login", headers=PUBLIC).status == 200
    assert receiver.web("/login", headers={"Host": "other.example"}).status == 421


def test_a_new_password_ends_the_sessions_and_is_in_the_log(town):
    body = f"csrf={town.csrf('operations')}&password={PASSWORD.replace(' ', '+')}&new=another+long+password"
    assert town.ask("operations", "/account", "POST", body, Origin="https://vann.example").status == 303
    assert town.ask("operations", town.page()).status == 303
    assert town.audit()[0].what == "password changed"


def test_guesses_are_slowed_by_address_and_by_account(town):
    def attempt(name, address, password="feil"):
        return town.receiver.web("/login", "POST", f"name={name}&password={password}", {
            "Host": town.host, "Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": address}).status
    for buckets in (answers(town.receiver).by_address, answers(town.receiver).by_name):
        buckets.clock = lambda: 1000.0  # no time passes, however slow the machine is
    assert [attempt("reader", f"198.51.100.{n}") for n in range(11)] == [403] * 10 + [429], "one account"
    statuses = [attempt(f"name{n}", "203.0.113.9") for n in range(31)]
    assert statuses == [403] * 30 + [429], "many accounts, one address"
    statuses = [attempt(f"name{n}", f"2001:db8::{n:x}") for n in range(100, 131)]
    assert statuses == [403] * 30 + [429], "an IPv6 network is one address"
    assert attempt("installer", "203.0.113.77", PASSWORD.replace(" ", "+")) == 303


def test_seen_where_nothing_slows_a_guesser(town, monkeypatch):
    monkeypatch.setattr(account.buckets.Buckets, "wait", lambda self, name: 0)
    monkeypatch.setattr(account, "password_hash", lambda password, salt: bytes(31))
    assert {town.receiver.web("/login", "POST", "name=reader&password=x", {
        "Host": town.host, "Content-Type": "application/x-www-form-urlencoded"}).status for _ in range(40)} == {403}


def test_a_password_that_is_good_once_is_replaced_before_anything_else(town):
    with town.receiver.people() as people:
        people.put("vakt", "good once and no more", NOW, "operations", once=1)
    headers = town.enter("vakt", "good once and no more")
    assert town.receiver.web(town.page(), headers=headers).headers["Location"] == "/account"
    assert town.receiver.web(town.api(), headers=headers).status == 303
    text = town.receiver.web("/account", headers={**headers, "Accept-Language": "en"}).text
    assert "good once" in text
    body = urllib.parse.urlencode({"csrf": re.search('name="csrf" value="(.*?)"', text)[1],
                                   "password": "good once and no more", "new": PASSWORD})
    assert town.receiver.web("/account", "POST", body, {**headers, **FORM}).status == 303
    assert town.receiver.web(town.page(), headers=town.enter("vakt", PASSWORD)).status == 200
    assert town.enter("vakt", "good once and no more") is None
    assert [(line.who, line.what, line.subject) for line in town.audit()] == [("vakt", "password changed", "vakt")]
