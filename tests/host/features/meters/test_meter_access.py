"""Who may see which values of a meter: totals, days, hours for a purpose that is written to the audit log."""

from access_rig import sees_hours
from receiver_support import HOUR
from statuses import WHO, page

from cloud_receiver.office import audit, roles
from cloud_receiver.web import access

HOURS_PAGE = page(403, 200, 403, 200, 403)


def test_an_installer_sees_how_a_meter_is_heard_and_no_readings(town):
    assert town.ask("installer", f"/meters/{town.meter.text}").text.count("dBm") > 0
    answer = town.ask("token:installer", f"/v1/meters/{town.meter.text}").json()
    assert (answer["total_m3"], answer["read_at"], answer["latest"]) == (None, None, {}) and answer["key"] == "plain"


def test_a_reader_sees_days_and_no_hours(town):
    pages = sees_hours(town, "reader")
    assert pages and all(f.startswith("total ") for f in pages) and not any("{id}/readings" in f for f in pages)
    assert "Litres per day" in town.ask("reader", f"/meters/{town.meter.text}").text


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
