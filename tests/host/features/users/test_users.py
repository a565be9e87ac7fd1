"""The page of users: made, given roles, disabled; tokens; what is shown once; who may not; each change in the log."""

import contextlib
import re
import sqlite3
import urllib.parse

import installed
import pytest
from access_rig import FORM, PASSWORD, Town
from receiver_support import NOW, Running, make

from cloud_receiver.features.users import page as users
from cloud_receiver.office import accounts


@pytest.fixture
def town(tmp_path):
    with Running(make(tmp_path / "works"), public_name="vann.example") as running:
        installed.without_limits(running)
        yield Town(running)


def change(town, do, name, asking="administrator", **fields):
    """The answer to a change as somebody sends it from the page."""
    body = urllib.parse.urlencode({"csrf": town.csrf(asking), "do": do, "name": name, **fields})
    return town.ask(asking, "/users", "POST", body)


def secret(answer):
    """The password or token an answer shows."""
    assert answer.status == 200 and answer.headers["Cache-Control"] == "no-store"
    return re.search(r"<code>(.*?)</code>", answer.text)[1]


def enters(town, name, password):
    """The headers of a new session; None where there is none."""
    body = urllib.parse.urlencode({"name": name, "password": password})
    answer = town.receiver.web("/login", "POST", body, {"Host": town.host, **FORM})
    return None if answer.status != 303 else {"Host": town.host, "Cookie": answer.headers["Set-Cookie"].split(";")[0]}


def test_a_user_is_made_with_a_password_that_is_good_once(town):
    password = secret(change(town, "add", "vakt", role="operations"))
    page = town.ask("administrator", "/users").text
    assert "vakt" in page and password not in page and password.encode() not in (
        town.receiver.directory.access.read_bytes())
    headers = enters(town, "vakt", password)
    assert town.receiver.web("/meters", headers=headers).headers["Location"] == "/account"
    assert town.receiver.web("/v1/meters", headers=headers).status == 303
    text = town.receiver.web("/account", headers={**headers, "Accept-Language": "en"}).text
    assert "good once" in text
    body = urllib.parse.urlencode({"csrf": re.search('name="csrf" value="(.*?)"', text)[1], "password": password,
                                   "new": PASSWORD})
    assert town.receiver.web("/account", "POST", body, {**headers, **FORM}).status == 303
    assert town.receiver.web("/meters", headers=enters(town, "vakt", PASSWORD)).status == 200
    assert enters(town, "vakt", password) is None
    assert [(line.who, line.what, line.subject, line.purpose) for line in town.audit()] == [
        ("vakt", "password changed", "vakt", ""), ("administrator", "account made", "vakt", "operations")]


def test_a_role_is_taken_at_once_and_a_disabled_account_has_no_session(town):
    assert town.ask("installer", "/meters").status == 200
    assert change(town, "role", "installer", role="reader").status == 303
    assert town.ask("installer", "/v1/readings").status == 200, "a reader may, and the session goes on"
    assert change(town, "disable", "installer").status == 303
    assert town.ask("installer", "/meters").status == 303 and enters(town, "installer", PASSWORD) is None
    assert "Disabled" in town.ask("administrator", "/users").text
    assert change(town, "enable", "installer").status == 303 and enters(town, "installer", PASSWORD)
    password = secret(change(town, "password", "installer"))
    assert enters(town, "installer", PASSWORD) is None and enters(town, "installer", password)
    assert [(line.what, line.subject, line.purpose) for line in town.audit()] == [
        ("account changed", "installer", "reader"), ("account enabled", "installer", ""),
        ("account disabled", "installer", ""), ("account changed", "installer", "reader")]
    [last] = [p.last for p in everybody(town)[0] if p.name == "administrator"]
    assert last == NOW


def everybody(town):
    with town.receiver.people() as kept:
        return kept.people(), kept.tokens()


def test_tokens_are_shown_once_and_end(town):
    token = secret(change(town, "token", "billing", role="reader", days="30"))
    town.bearers["billing"] = token
    assert town.ask("token:billing", "/v1/meters").status == 200
    assert token not in town.ask("administrator", "/users").text
    assert change(town, "end", "billing").status == 303
    assert town.ask("token:billing", "/v1/meters").status == 401
    assert [(line.what, line.subject) for line in town.audit()] == [("token ended", "billing"),
                                                                    ("token made", "billing")]


REFUSED = (("add", "reader", {"role": "reader"}), ("add", "Åse", {"role": "reader"}), ("add", "", {"role": "reader"}),
           ("add", ".vakt", {"role": "reader"}), ("add", "a" * 65, {"role": "reader"}),
           ("token", "-billing", {"role": "reader", "days": "9"}),
           ("add", "new", {"role": "homeowner"}), ("add", "new", {}), ("role", "administrator", {"role": "reader"}),
           ("role", "homeowner", {"role": "administrator"}), ("role", "reader", {"role": "x"}),
           ("role", "nobody", {"role": "reader"}), ("disable", "administrator", {}), ("password", "administrator", {}),
           ("token", "program-reader", {"role": "reader", "days": "9"}), ("nonsense", "reader", {}),
           ("token", "new", {"role": "administrator", "days": "9"}), ("token", "new", {"role": "reader", "days": "0"}),
           ("token", "new", {"role": "reader", "days": "1096"}), ("end", "ended", {}), ("end", "nobody", {}))


def test_what_is_refused_changes_nothing_and_is_not_in_the_log(town):
    town.csrf("administrator")
    before = everybody(town)
    for do, name, fields in REFUSED:
        answer = change(town, do, name, **fields)
        assert answer.status == 400 and 'role="alert"' in answer.text, (do, name, fields)
    assert everybody(town) == before and town.audit() == []


def test_seen_where_the_own_account_can_be_disabled(town, monkeypatch):
    """Known-bad: nothing keeps the last administrator from locking the works out."""
    monkeypatch.setattr(users.Page, "_other", lambda self, who, name: [
        p for p in self.accounts.people() if p.name == name][0])
    assert change(town, "disable", "administrator").status == 303
    assert enters(town, "administrator", PASSWORD) is None


def test_nobody_else_may_and_nothing_changes_without_its_line_in_the_log(town):
    for who in ("reader", "operations", "installer", "homeowner"):
        assert change(town, "add", "vakt", who, role="administrator").status == 403
    town.csrf("administrator")
    with town.receiver.locked_log():
        assert change(town, "disable", "reader").status == 503
    assert [p.disabled for p in everybody(town)[0]] == [None] * 5


def test_a_file_of_an_earlier_release_gets_the_new_columns(tmp_path):
    path = tmp_path / "access.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE users (name TEXT PRIMARY KEY, salt BLOB NOT NULL, hash BLOB NOT NULL, role TEXT NOT "
                   "NULL, made INTEGER NOT NULL, home TEXT) WITHOUT ROWID")
        db.execute("INSERT INTO users VALUES ('admin', x'00', x'01', 'administrator', 5, NULL)")
        db.commit()
    for _ in range(2):
        with contextlib.closing(accounts.Accounts(path)) as opened:
            assert opened.people() == [("admin", "administrator", 5, None, None, None, 0)]
            assert opened.begin("admin", b"\x01", NOW)
            opened.db.execute("UPDATE users SET last = NULL")
