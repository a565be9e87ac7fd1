"""The alarms that stand: the list, filtered, sorted and taken out as CSV, the same on both stores."""

from lists_rig import METERS, rows_of


def test_alarms_with_since_when(listed):
    answer = listed.json("/v1/alarms")
    assert answer["found"] == 2 and [a["meter"] for a in answer["alarms"]] == [METERS[1].text, METERS[2].text]
    assert [a["since"] for a in listed.json("/v1/alarms?sort=since")["alarms"]] == [
        "2026-11-24T00:00:05Z", "2026-11-24T06:00:05Z"]
    assert listed.json("/v1/alarms?show=leak")["alarms"] == [] and len(
        listed.json("/v1/alarms?show=low_battery&q=10000001")["alarms"]) == 1
    assert [r["meter"] for r in rows_of(listed.web("/v1/alarms?format=csv"))] == [METERS[1].text, METERS[2].text]
    page = listed.web("/alarms?lang=nb").text
    assert page.count("lavt batteri") >= 2 and "24.11.2026 01:00" in page and "/v1/alarms?format=csv" in page


def test_the_list_is_written_in_pieces(listed, monkeypatch):
    whole = [listed.web(f"/v1/alarms?format={form}").body for form in ("csv", "json")]
    monkeypatch.setattr("cloud_receiver.features.alarms.api.PIECE", 1)
    assert [listed.web(f"/v1/alarms?format={form}").body for form in ("csv", "json")] == whole
