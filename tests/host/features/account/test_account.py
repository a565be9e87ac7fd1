"""Pages shown beyond this machine: nothing without a session, sessions that end, guesses that cost time."""

import contextlib
import re
import subprocess
import urllib.parse

import installed
import pytest
from access_rig import FORM
from account_rig import stop_time
from receiver_support import NOW, Process, Running, make

from cloud_receiver.features.account import limits as account_limits
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
    go = stop_time(receiver)
    wrong, unknown = log_in(receiver, password="feil"), log_in(receiver, name="husstand")
    assert wrong.status == unknown.status == 403
    assert wrong.text.replace(NAME, "") == unknown.text.replace("husstand", "") and "Set-Cookie" not in wrong.headers
    assert log_in(receiver, Origin="https://evil.example").status == 403
    for _ in range(100):
        last = log_in(receiver, password="feil")
    assert last.status == 429
    assert log_in(receiver).status == 429, "also for the right password, until the time is up"
    go(60)
    assert log_in(receiver).status == 303, "a minute at most"
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


def attempt(town, name, address, password="feil", **headers):
    return town.receiver.web("/login", "POST", f"name={name}&password={password.replace(' ', '+')}", {
        "Host": town.host, **FORM, "X-Forwarded-For": address, **headers})


def test_guesses_are_slowed_by_account_and_address(town):
    go = stop_time(town.receiver)
    found = [attempt(town, "reader", f"198.51.100.{n}").status for n in range(7)]
    assert found == [403] * account_limits.FREE + [429] * 2, "an IPv4 network is one sender"
    found = [attempt(town, "reader", f"2001:db8::{n:x}").status for n in range(7)]
    assert found == [403] * account_limits.FREE + [429] * 2, "so is an IPv6 one"
    assert attempt(town, "reader", "::ffff:198.51.100.9").status == 429, "however the address is written"
    for wait in (1, 2, 4, 8, 16, 32, 60, 60):
        go(wait - 1)
        assert wait == 1 or attempt(town, "reader", "198.51.100.1").status == 429, wait
        go(1)
        assert attempt(town, "reader", "198.51.100.1").status == 403, wait
    found = [attempt(town, f"name{n}", "203.0.113.9").status for n in range(61)]
    assert found == [403] * 60 + [429], "many accounts, one sender"


def test_who_knows_a_name_does_not_keep_its_owner_out(town):
    go = stop_time(town.receiver)
    home, guesser = "203.0.113.77", "198.51.100.7"
    first = attempt(town, "installer", guesser, PASSWORD)
    browser = first.headers.get_all("Set-Cookie")[1].split(";")[0]
    assert browser.startswith("__Host-netti-browser=")
    for _ in range(200):
        attempt(town, "installer", guesser)
        go(1)
    while attempt(town, "installer", guesser).status != 429:
        pass
    assert attempt(town, "installer", home, PASSWORD).status == 303, "from another address at once"
    assert attempt(town, "installer", guesser, PASSWORD, Cookie=browser).status == 303, "from a browser of his at once"
    assert attempt(town, "reader", guesser, PASSWORD, Cookie=browser).status == 303, "which is no other account's"
    assert attempt(town, "installer", guesser, PASSWORD).status == 429
    go(account_limits.LONGEST_S)
    assert attempt(town, "installer", guesser, PASSWORD).status == 303, "from a new one after a minute at most"


def test_seen_where_an_owner_is_kept_out(town, monkeypatch):
    """Known-bad: failures are counted by account alone."""
    monkeypatch.setattr(account_limits.Limits, "key", lambda self, name, whence: name)
    with pytest.raises(AssertionError, match="from another address"):
        test_who_knows_a_name_does_not_keep_its_owner_out(town)


def test_seen_where_nothing_slows_a_guesser(town, monkeypatch):
    monkeypatch.setattr(account_limits.Limits, "wait", lambda self, attempt: 0)
    monkeypatch.setattr(account, "password_hash", lambda password, salt: bytes(31))
    assert {attempt(town, "reader", "198.51.100.7").status for _ in range(40)} == {403}


def test_a_browser_is_forgotten_with_a_new_password(town):
    with town.receiver.people() as people:
        cookie = people.browsers.remember("reader", NOW)
        assert people.browsers.known(cookie, "reader", NOW) and not people.browsers.known(cookie, "vakt", NOW)
        people.put("reader", PASSWORD, NOW, "reader")
        assert people.browsers.known(cookie, "reader", NOW) is None


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
