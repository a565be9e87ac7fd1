"""Every route for every role, with the exact status; no hours for who may not see them; changes need the CSRF token."""

import csv
import io

import pytest
from access_rig import PASSWORD, Town, routes
from receiver_support import HOUR, NOW, Running, make

from cloud_receiver.features.account import page as account
from cloud_receiver.office import accounts, audit, roles
from cloud_receiver.web import access, export, gate

WHO = ("nobody", "reader", "operations", "installer", "administrator", "homeowner", "token:reader", "token:operations",
       "token:installer", "token:expired", "token:ended")
# A token is for the API; on a page it is nobody.
PAGE = 303, 200, 200, 200, 200, 403, 303, 303, 303, 303, 303
ADMIN_PAGE = 303, 403, 403, 403, 200, 403, 303, 303, 303, 303, 303
ALL = (200,) * 11
API = 401, 200, 200, 200, 200, 403, 200, 200, 200, 401, 401
STATUSES = {
    ("GET", "/"): (303, 200, 200, 200, 200, 303, 303, 303, 303, 303, 303),
    ("GET", "/meters"): PAGE, ("GET", "/meters/{id}"): PAGE,
    ("GET", "/alarms"): PAGE, ("GET", "/gateways"): PAGE, ("GET", "/gateways/{id}"): PAGE,
    ("GET", "/home"): (303, 403, 403, 403, 403, 200, 303, 303, 303, 303, 303),
    ("GET", "/home/{secret}"): ALL, ("GET", "/static/{name}"): ALL, ("GET", "/login"): ALL,
    ("POST", "/login"): (403,) * 11,  # without name and password
    ("POST", "/logout"): (303, 403, 403, 403, 403, 403, 303, 303, 303, 303, 303),  # without the CSRF token
    ("GET", "/account"): (303, 200, 200, 200, 200, 200, 303, 303, 303, 303, 303),
    ("POST", "/account"): (303, 403, 403, 403, 403, 403, 303, 303, 303, 303, 303),
    ("GET", "/audit"): ADMIN_PAGE, ("GET", "/users"): ADMIN_PAGE,
    ("POST", "/users"): (303, 403, 403, 403, 403, 403, 303, 303, 303, 303, 303),  # without the CSRF token
    ("GET", "/v1/audit"): (401, 403, 403, 403, 200, 403, 403, 403, 403, 401, 401),
    ("GET", "/v1/summary"): API, ("GET", "/v1/gateways"): API, ("GET", "/v1/gateways/{id}"): API,
    ("GET", "/v1/meters"): API, ("GET", "/v1/meters/{id}"): API,
    ("GET", "/v1/alarms"): API, ("GET", "/healthz"): ALL, ("GET", "/readyz"): ALL,
    ("GET", "/v1/readings"): (401, 200, 200, 403, 200, 403, 200, 200, 403, 401, 401),
    # 400: a person says for what purpose, a token is its own.
    ("GET", "/v1/meters/{id}/readings"): (401, 403, 400, 403, 400, 403, 403, 200, 403, 401, 401),
}
HOURS_PAGE = 303, 403, 200, 403, 200, 403, 303, 303, 303, 303, 303


@pytest.fixture
def town(tmp_path):
    with Running(make(tmp_path / "works"), public_name="vann.example") as running:
        town = Town(running)
        wait(town)
        yield town


def wait(town):
    town.receiver.wait_for_answer(lambda: town.ask("token:reader", "/v1/summary").json()["pending"] == 0)


def matrix(town):
    """{(method, route): statuses} of every route there is, for WHO; an unlimited number of log-in attempts."""
    found = {}
    town.receiver.log_in.by_address.burst = town.receiver.log_in.by_name.burst = 1e9
    for method, canonical in sorted(routes(town.receiver.receiver.web)):
        found[method, canonical] = tuple(
            town.ask(who, town.path(canonical), method, "" if method == "POST" else None).status for who in WHO)
    return found


def test_every_route_for_every_role(town):
    found = matrix(town)
    assert found == STATUSES, [(k, found.get(k), STATUSES.get(k)) for k in {**found, **STATUSES}
                               if found.get(k) != STATUSES.get(k)]
    assert set(town.receiver.rules) == set(found)


def test_seen_where_no_role_is_asked_for(town, monkeypatch):
    """Known-bad: whoever is logged in may use every route."""
    for route, allowed in town.receiver.rules.items():
        monkeypatch.setitem(town.receiver.rules, route, allowed if allowed is roles.OPEN else frozenset(roles.ROLES))
    found = matrix(town)
    assert found != STATUSES and found["GET", "/audit"][3] == 200


def test_a_route_without_a_rule_is_shown_to_nobody(town, monkeypatch):
    monkeypatch.delitem(town.receiver.rules, ("GET", "/meters"))
    assert [town.ask(who, "/meters").status for who in WHO[:6]] == [303, 403, 403, 403, 403, 403]


# --- hours

def sees_hours(town, who):
    """The addresses at which somebody sees a value that only hours, or only readings, have."""
    hour, total = f">{town.step} ", ("4209.", "4,209.", "4 209,")
    found = []
    for method, canonical in sorted(routes(town.receiver.receiver.web)):
        for query in ("", "?view=hours", "?view=hours&purpose=leak", "?purpose=leak", "?view=months", "?format=csv",
                      "?resolution=hours", "?resolution=hours&purpose=leak"):
            if method != "GET" or canonical == "/home/{secret}":
                continue
            text = town.ask(who, town.path(canonical) + query).text.replace("\xa0", " ")
            if f">{town.step}<" in text or hour in text or "view=hours" in query and "Litres per hour" in text:
                found.append(canonical + query)
            elif any(t in text for t in total):
                found.append("total " + canonical + query)
    return found


def test_an_installer_sees_no_hours_and_no_readings_anywhere(town):
    assert sees_hours(town, "installer") == sees_hours(town, "token:installer") == sees_hours(town, "nobody") == []
    assert town.ask("installer", f"/meters/{town.meter.text}").text.count("dBm") > 0, "but how the meter is heard"
    found = town.ask("token:installer", f"/v1/meters/{town.meter.text}").json()
    assert (found["total_m3"], found["read_at"], found["latest"]) == (None, None, {}) and found["key"] == "plain"


def test_a_reader_sees_days_and_no_hours(town):
    found = sees_hours(town, "reader")
    assert found and all(f.startswith("total ") for f in found) and not any("{id}/readings" in f for f in found)
    assert "Litres per day" in town.ask("reader", f"/meters/{town.meter.text}").text


def test_a_homeowner_sees_the_own_home_alone(town):
    text = town.ask("homeowner", "/home").text.replace("\xa0", "").replace(",", "")
    assert "3918" in text and "audit" not in text and 'href="/meters"' not in text
    assert town.ask("homeowner", "/", Accept="text/html").headers["Location"] == "/home"


def test_seen_where_an_installer_gets_them(town, monkeypatch):
    """Known-bad: rows of meters as they are; everybody may see hours."""
    with monkeypatch.context() as m:
        m.setattr(access, "redacted_for", lambda request, meters: meters)
        assert "total /v1/meters" in sees_hours(town, "installer")
    for rights in ("HOURS", "USE"):
        monkeypatch.setattr(roles, rights, roles.STAFF)
    assert "/meters/{id}?view=hours&purpose=leak" in sees_hours(town, "installer")


def test_hours_are_shown_for_a_purpose_and_each_look_is_in_the_log(town):
    page = f"/meters/{town.meter.text}?view=hours&day=2026-11-23"
    assert tuple(town.ask(who, page + "&purpose=leak").status for who in WHO) == HOURS_PAGE
    looked = [(line.who, line.via, line.subject, line.purpose) for line in town.audit()]
    assert looked == [("administrator", "session", town.meter.text, "leak"),
                      ("operations", "session", town.meter.text, "leak")]
    assert [(line.start, line.end) for line in town.audit()] == [(1795388400, 1795388400 + 24 * HOUR)] * 2, "local day"
    for purpose in ("", "&purpose=", "&purpose=curiosity"):
        answer = town.ask("operations", page + purpose)
        assert answer.status == 200 and "Litres per hour" not in answer.text and "purpose=leak" in answer.text
    assert len(town.audit()) == 2
    readings = f"/v1/meters/{town.meter.text}/readings"
    assert town.ask("token:operations", readings).status == 200
    assert town.ask("operations", readings + "?purpose=billing").json()["readings"]
    assert [(line.who, line.via, line.purpose) for line in town.audit()[:2]] == [
        ("operations", "session", "billing"), ("program-operations", "token", "program-operations")]


def test_an_export_by_hour_is_a_look_at_everybody(town):
    ask = "/v1/readings?resolution=hours&purpose=billing"
    assert tuple(town.ask(who, ask).status for who in WHO) == (401, 403, 200, 403, 200, 403, 403, 200, 403, 401, 401)
    assert town.ask("operations", "/v1/readings?resolution=hours").status == 400
    assert [(line.who, line.what, line.subject) for line in town.audit()] == [
        ("program-operations", "export", "all"), ("administrator", "export", "all"), ("operations", "export", "all")]


def audited(town):
    """How many of the looks at hours are in the log; known-bad receivers show them and have fewer."""
    before = len(town.audit())
    for path in (f"/meters/{town.meter.text}?view=hours&purpose=leak", f"/v1/meters/{town.meter.text}/readings"
                 "?purpose=leak"):
        assert town.ask("operations", path).status == 200
    return len(town.audit()) - before


def test_seen_where_looks_are_not_logged(town, monkeypatch):
    assert audited(town) == 2

    async def forgets(*args):
        pass
    monkeypatch.setattr(audit.Audit, "note", forgets)
    assert audited(town) == 0


def test_nothing_is_shown_that_cannot_be_logged(town):
    town.log_in("operations")
    with town.receiver.locked_log():
        for path in ("?view=hours&purpose=leak", "/readings?purpose=leak"):
            base = "/v1/meters/" if "readings" in path else "/meters/"
            answer = town.ask("operations", base + town.meter.text + path)
            assert answer.status == 503 and "4209" not in answer.text and "Litres per hour" not in answer.text
        assert answer.text == "the audit log cannot be written, so nothing is shown\n", "a program reads why"


def test_the_administrator_reads_and_exports_the_log_and_nobody_shortens_it(town, monkeypatch):
    audited(town)
    page = town.ask("administrator", "/audit").text
    assert town.meter.text in page and "leak" in page
    assert town.meter.text not in town.ask("administrator", "/audit?q=nobody").text
    rows = list(csv.DictReader(io.StringIO(town.ask("administrator", "/v1/audit?format=csv").text)))
    assert [r["subject"] for r in rows] == [town.meter.text] * 2 and rows[0]["who"] == "operations"
    whole = town.ask("administrator", "/v1/audit").json()["audit"]
    assert len(whole) == 2 and rows[0]["purpose"] == whole[0]["purpose"] == "leak"
    monkeypatch.setattr("cloud_receiver.features.audit.api.PIECE", 1)
    assert town.ask("administrator", "/v1/audit").json()["audit"] == whole, "read in pieces it is the same"
    db = accounts.Accounts(town.receiver.directory.access).db
    for sql in ("DELETE FROM audit", "UPDATE audit SET who = 'x'"):
        with pytest.raises(accounts.sqlite3.IntegrityError):
            db.execute(sql)
    db.close()


def test_a_cell_of_an_export_is_no_formula():
    assert export.csv_text([("a", "b", "c", "d"), ("=1+1", "@x", 5, "")]) == "a,b,c,d\r\n'=1+1,'@x,5,\r\n"


# --- CSRF

def forged(town, role="operations"):
    """The changes that are made without the session's own CSRF token or from another site: none should be."""
    csrf, found = town.csrf(role), []
    attempts = {"no token": ("", {}), "wrong": ("csrf=wrong", {}), "empty": ("csrf=", {}),
                "another's": (f"csrf={town.csrf('reader')}", {}),
                "other origin": (f"csrf={csrf}", {"Origin": "https://evil.example"}),
                "no origin": (f"csrf={csrf}", {"Origin": "null"}),
                "plain": (f"csrf={csrf}", {"Origin": "http://vann.example"}),
                "cross-site": (f"csrf={csrf}", {"Sec-Fetch-Site": "cross-site"}),
                "header": ("", {"X-CSRF-Token": "wrong"}), "too long": ("csrf=" + csrf + "&x=" + "y" * 9000, {})}
    changes = [path for (method, path), rule in town.receiver.rules.items() if method != "GET" and role in rule
               and rule is not roles.OPEN]
    assert changes
    for path in changes:
        for name, (body, headers) in attempts.items():
            fields = f"&password={PASSWORD.replace(' ', '+')}&new=another+long+password"
            if town.ask(role, path, "POST", body + fields, **headers).status != 403:
                found.append((path, name))
                town.forget(role)
                return found
    return found


def test_no_change_without_the_csrf_token_of_the_session(town):
    assert forged(town) == forged(town, "administrator") == []
    assert town.ask("operations", "/meters").status == 200, "still logged in"
    body = f"csrf={town.csrf('operations')}&password={PASSWORD.replace(' ', '+')}&new=another+long+password"
    assert town.ask("operations", "/account", "POST", body, Origin="https://vann.example").status == 303
    assert town.ask("operations", "/meters").status == 303, "a new password ends the sessions"
    assert town.audit()[0].what == "password changed"


def test_seen_where_the_csrf_token_is_not_asked_for(town, monkeypatch):
    async def lets_pass(self, request, who):
        pass
    with monkeypatch.context() as m:
        m.setattr(gate.Gate, "_may_change", lets_pass)
        assert forged(town)
    monkeypatch.setattr(gate.Gate, "_same_origin", lambda self, request: None)
    assert forged(town, "installer") == [("/logout", "other origin")]


# --- tokens

def test_tokens_are_kept_as_hashes_and_end(town):
    raw = town.receiver.directory.access.read_bytes()
    assert not [t for t in town.bearers.values() if t.encode() in raw or t[6:].encode() in raw]
    ask = f"/v1/meters/{town.meter.text}/readings"
    assert town.ask("token:operations", ask).status == 200
    town.receiver.clock.at = NOW + 20 * 86_400
    assert town.ask("token:operations", ask).status == 401
    town.receiver.clock.at = NOW
    with town.receiver.people() as people:
        assert people.revoke_token("program-operations", NOW) and not people.revoke_token("program-operations", NOW)
    assert town.ask("token:operations", ask).status == 401
    for bad in ("", "Bearer", "Bearer ", "Basic x", "Bearer " + "x" * 9000, "bearer netti_x", "Bearer æ"):
        headers = {"Host": town.host, "Authorization": bad.encode("latin-1")}
        assert town.receiver.web("/v1/meters", headers=headers).status in (400, 401), bad[:20]


def test_a_session_is_not_carried_on_by_a_token_or_the_other_way_round(town):
    headers = {**town.headers("reader"), "Authorization": "Bearer " + town.bearers["ended"]}
    assert town.receiver.web("/v1/meters", headers=headers).status == 401, "what is given is what counts"
    headers = {"Host": town.host, "Authorization": "Bearer " + town.log_in("reader").split("=")[1]}
    assert town.receiver.web("/v1/meters", headers=headers).status == 401


# --- throttle

def test_guesses_are_slowed_by_address_and_by_account(town):
    def attempt(name, address, password="feil"):
        return town.receiver.web("/login", "POST", f"name={name}&password={password}", {
            "Host": town.host, "Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": address}).status
    for buckets in (town.receiver.log_in.by_address, town.receiver.log_in.by_name):
        buckets._clock = lambda: 1000.0  # no time passes, however slow the machine is
    assert [attempt("reader", f"198.51.100.{n}") for n in range(11)] == [403] * 10 + [429], "one account"
    found = [attempt(f"name{n}", "203.0.113.9") for n in range(31)]
    assert found == [403] * 30 + [429], "many accounts, one address"
    found = [attempt(f"name{n}", f"2001:db8::{n:x}") for n in range(100, 131)]
    assert found == [403] * 30 + [429], "an IPv6 network is one address"
    assert attempt("installer", "203.0.113.77", PASSWORD.replace(" ", "+")) == 303


def test_seen_where_nothing_slows_a_guesser(town, monkeypatch):
    monkeypatch.setattr(account.buckets.Buckets, "wait", lambda self, name: 0)
    monkeypatch.setattr(account, "password_hash", lambda password, salt: bytes(31))
    assert {town.receiver.web("/login", "POST", "name=reader&password=x", {
        "Host": town.host, "Content-Type": "application/x-www-form-urlencoded"}).status for _ in range(40)} == {403}
