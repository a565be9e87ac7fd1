"""Every route for every role, with the exact status; no hours for who may not see them; changes need the CSRF token."""

import re

import installed
import pytest
from access_rig import PASSWORD, routes, sees_hours
from receiver_support import NOW
from statuses import EVERYBODY, OUT, WHO

from cloud_receiver.office import roles
from cloud_receiver.web import export, gate


def statuses():
    """{(method, route): the statuses for WHO} of every route: as features' tests tell, and those of none."""
    wanted = {**installed.told("STATUSES"), **dict.fromkeys(installed.OTHERS, EVERYBODY)}
    if ("GET", "/") not in wanted:  # everybody is sent to where their menu begins
        wanted["GET", "/"] = tuple(OUT if n == 0 or n > 5 else 303 if installed.starts(who) else 404
                                  for n, who in enumerate(WHO))
    return wanted


def matrix(town):
    """{(method, route): statuses} of every route there is, for WHO, however often they ask."""
    statuses_of = {}
    installed.without_limits(town.receiver)
    for method, canonical in sorted(routes(town.receiver.receiver.web)):
        statuses_of[method, canonical] = tuple(
            town.ask(who, town.path(canonical), method, "" if method == "POST" else None).status for who in WHO)
    return statuses_of


def test_every_route_for_every_role(town):
    answered, wanted = matrix(town), statuses()
    assert answered == wanted, [(k, answered.get(k), wanted.get(k)) for k in {**answered, **wanted}
                             if answered.get(k) != wanted.get(k)]
    assert set(town.receiver.rules) == set(answered)


def test_seen_where_no_role_is_asked_for(town, monkeypatch):
    """Known-bad: whoever is logged in may use every route."""
    for route, allowed in town.receiver.rules.items():
        monkeypatch.setitem(town.receiver.rules, route, allowed if allowed is roles.OPEN else frozenset(roles.ROLES))
    answered, wanted = matrix(town), statuses()
    more = [route for route in answered if answered[route] != wanted[route]]
    assert any(method == "GET" and (wanted[method, path][5], answered[method, path][5]) == (403, 200)
               for method, path in more), "a homeowner sees what is the staff's"


def test_a_route_without_a_rule_is_shown_to_nobody(town, monkeypatch):
    method, route = max((key for key in town.receiver.rules if key[0] == "GET" and key[1] in installed.told("ADDRESSES")
                         and key[1] != "/"), key=lambda key: len(town.receiver.rules[key]))
    path = town.path(route)
    assert [town.ask(who, path).status for who in WHO[1:6]].count(200) >= 4, "those it is for see it"
    monkeypatch.delitem(town.receiver.rules, (method, route))
    assert [town.ask(who, path).status for who in WHO[:6]] == [OUT, 403, 403, 403, 403, 403]


def test_nothing_is_shown_without_a_session(town):
    closed = [*installed.kept_to("administrator", town.ids), *installed.kept_to("operations", town.ids, api=True)]
    for host in (town.host, "localhost", "127.0.0.1"):
        for address in closed:
            answer = town.receiver.web(address, headers={"Host": host})
            assert answer.status == (401 if address.startswith("/v1/") else OUT), address
            said = answer.text.replace(address.partition("?")[0], "")  # a link back to what was asked for tells nothing
            assert town.meter.text not in said and (OUT != 303 or address.startswith("/v1/") or (
                answer.headers["Location"], answer.body) == ("/login", b"")), address
        page = town.receiver.web(town.page(), headers={"Host": host, "Cookie": "__Host-netti=guess"})
        assert page.status == OUT
    assert town.receiver.web("/static/netti.css", headers={"Host": town.host}).status == 200
    assert town.receiver.web("/static/netti.css", headers={"Host": "other.example"}).status == 421


def test_a_menu_entry_leads_to_a_page_its_roles_may_see():
    for f in installed.FEATURES.values():
        if f.menu:
            route = installed.ROUTES["GET", f.menu.path]
            assert f.menu.roles <= route.roles and f.menu.log_in >= route.log_in, f.name


def test_an_installer_sees_no_hours_and_no_readings_anywhere(town):
    assert sees_hours(town, "installer") == sees_hours(town, "token:installer") == sees_hours(town, "nobody") == []


def test_a_cell_of_an_export_is_no_formula():
    assert export.csv_text([("a", "b", "c", "d"), ("=1+1", "@x", 5, "")]) == "a,b,c,d\r\n'=1+1,'@x,5,\r\n"


# --- CSRF

def changes(town, role):
    """Where somebody can change something."""
    return [path for (method, path), rule in town.receiver.rules.items() if method != "GET" and role in rule]


def forged(town, role):
    """The changes that are made without the session's own CSRF token or from another site: none should be."""
    csrf, accepted = town.csrf(role), []
    attempts = {"no token": ("", {}), "wrong": ("csrf=wrong", {}), "empty": ("csrf=", {}),
                "another's": (f"csrf={town.csrf('reader' if role != 'reader' else 'operations')}", {}),
                "other origin": (f"csrf={csrf}", {"Origin": "https://evil.example"}),
                "no origin": (f"csrf={csrf}", {"Origin": "null"}),
                "plain": (f"csrf={csrf}", {"Origin": "http://vann.example"}),
                "cross-site": (f"csrf={csrf}", {"Sec-Fetch-Site": "cross-site"}),
                "header": ("", {"X-CSRF-Token": "wrong"}), "too long": ("csrf=" + csrf + "&x=" + "y" * 9000, {})}
    for path in changes(town, role):
        for name, (body, headers) in attempts.items():
            fields = f"&password={PASSWORD.replace(' ', '+')}&new=another+long+password"
            if town.ask(role, re.sub(r"{\w+}", town.meter.text, path), "POST", body + fields, **headers).status != 403:
                accepted.append((path, name))
                town.forget(role)
                return accepted
    return accepted


@pytest.fixture
def changing(town):
    """The roles that can change something."""
    return [role for role in roles.ROLES if changes(town, role)] or pytest.skip("no feature changes anything")


def test_no_change_without_the_csrf_token_of_the_session(town, changing):
    for role in changing:
        assert forged(town, role) == []
        page = town.page(role)
        assert town.ask(role, page).status == 200, "still logged in"


def test_seen_where_the_csrf_token_is_not_asked_for(town, changing, monkeypatch):
    async def lets_pass(self, request, who):
        pass
    with monkeypatch.context() as m:
        m.setattr(gate.Gate, "_may_change", lets_pass)
        assert forged(town, changing[-1])
    monkeypatch.setattr(gate.Gate, "_same_origin", lambda self, request: None)
    assert [name for _, name in forged(town, changing[-1])] == ["other origin"]


# --- tokens

def test_tokens_are_kept_as_hashes_and_end(town):
    raw = town.receiver.directory.access.read_bytes()
    assert not [t for t in town.bearers.values() if t.encode() in raw or t[6:].encode() in raw]
    ask = town.api("operations")
    assert town.ask("token:operations", ask).status == 200
    town.receiver.clock.at = NOW + 20 * 86_400
    assert town.ask("token:operations", ask).status == 401
    town.receiver.clock.at = NOW
    with town.receiver.people() as people:
        assert people.revoke_token("program-operations", NOW) and not people.revoke_token("program-operations", NOW)
    assert town.ask("token:operations", ask).status == 401
    for bad in ("", "Bearer", "Bearer ", "Basic x", "Bearer " + "x" * 9000, "bearer netti_x", "Bearer æ"):
        headers = {"Host": town.host, "Authorization": bad.encode("latin-1")}
        assert town.receiver.web(ask, headers=headers).status in (400, 401), bad[:20]


def test_a_session_is_not_carried_on_by_a_token_or_the_other_way_round(town):
    ask = town.api("reader")
    headers = {**town.headers("reader"), "Authorization": "Bearer " + town.bearers["ended"]}
    assert town.receiver.web(ask, headers=headers).status == 401, "what is given is what counts"
    headers = {"Host": town.host, "Authorization": "Bearer " + town.log_in("reader").split("=")[1]}
    assert town.receiver.web(ask, headers=headers).status == 401
