"""The page of users: made, given roles, disabled; tokens; what is shown once; who may not; each change in the log."""

import contextlib
import re
import sqlite3
import urllib.parse

import installed
from access_rig import PASSWORD
from receiver_support import NOW
from statuses import OUT

from cloud_receiver.features.users import page as users
from cloud_receiver.office import accounts


def change(town, do, name, asking="administrator", **fields):
    """The answer to a change as somebody sends it from the page."""
    body = urllib.parse.urlencode({"csrf": town.csrf(asking), "do": do, "name": name, **fields})
    return town.ask(asking, "/users", "POST", body)


def secret(answer):
    """The password or token an answer shows."""
    assert answer.status == 200 and answer.headers["Cache-Control"] == "no-store"
    return re.search(r"<code>(.*?)</code>", answer.text)[1]


def test_a_user_is_made_with_a_password_that_is_good_once(town):
    password = secret(change(town, "add", "vakt", role="operations"))
    page = town.ask("administrator", "/users").text
    assert "vakt" in page and password not in page and password.encode() not in (
        town.receiver.directory.access.read_bytes())
    headers = town.enter("vakt", password)
    first = town.receiver.web(town.page(), headers=headers)
    assert (first.status, first.headers.get("Location")) == (
        (303, "/account") if installed.has("/account") else (403, None)), "nothing before an own password is chosen"
    assert town.receiver.web(town.api(), headers=headers).status == first.status
    assert [(line.who, line.what, line.subject, line.purpose) for line in town.audit()] == [
        ("administrator", "account made", "vakt", "operations")]


def test_a_role_is_taken_at_once_and_a_disabled_account_has_no_session(town):
    page = town.page("installer")
    assert town.ask("installer", page).status == 200 and town.ask("installer", town.page("administrator")).status == 403
    assert change(town, "role", "installer", role="administrator").status == 303
    assert town.ask("installer", town.page("administrator")).status == 200, "at once, and the session goes on"
    assert change(town, "role", "installer", role="reader").status == 303
    assert town.ask("installer", town.page("administrator")).status == 403
    assert change(town, "disable", "installer").status == 303
    assert town.ask("installer", page).status == OUT and town.enter("installer", PASSWORD) is None
    assert "Disabled" in town.ask("administrator", "/users").text
    assert change(town, "enable", "installer").status == 303 and town.enter("installer", PASSWORD)
    password = secret(change(town, "password", "installer"))
    assert town.enter("installer", PASSWORD) is None and town.enter("installer", password)
    assert [(line.what, line.subject, line.purpose) for line in town.audit()] == [
        ("account changed", "installer", "reader"), ("account enabled", "installer", ""),
        ("account disabled", "installer", ""), ("account changed", "installer", "reader"),
        ("account changed", "installer", "administrator")]
    [last] = [p.last for p in everybody(town)[0] if p.name == "administrator"]
    assert last == NOW


def everybody(town):
    with town.receiver.people() as kept:
        return kept.people(), kept.tokens()


def test_tokens_are_shown_once_and_end(town):
    token = secret(change(town, "token", "billing", role="reader", days="30"))
    town.bearers["billing"] = token
    assert town.ask("token:billing", town.api("reader")).status == 200
    assert token not in town.ask("administrator", "/users").text
    assert change(town, "end", "billing").status == 303
    assert town.ask("token:billing", town.api("reader")).status == 401
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
    assert town.enter("administrator", PASSWORD) is None


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
