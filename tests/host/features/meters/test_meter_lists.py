"""Lists of meters and their readings, filtered, sorted, paged and taken out as CSV, the same on both stores."""

import re

from lists_rig import METERS, ids, rows_of

from cloud_receiver.stores import queries


def test_meters_are_filtered(listed):
    def shown(show):
        return ids(listed, f"/v1/meters?show={show}")
    assert len(shown("all")) == 8
    assert shown("silent") == ["10000005"] and shown("missing") == ["20000001"] and shown("wrong") == ["20000002"]
    assert shown("nokey") == ["20000001", "20000002"] and shown("alarm") == ["10000001", "10000002"]
    assert ids(listed, "/v1/meters?q=kam+1000000") == [f"1000000{n}" for n in range(6)]
    assert ids(listed, "/v1/meters?q=%25") == ids(listed, "/v1/meters?q=_") == [], "a letter like any other"


def test_meters_are_sorted_both_ways_and_paged_without_overlap(listed):
    every = ids(listed, "/v1/meters")
    for order in queries.meters.ORDERS:
        up, down = (ids(listed, f"/v1/meters?sort={sign}{order}") for sign in ("", "-"))
        assert sorted(up) == sorted(down) == sorted(every) and up != down, order
        pages = sum((ids(listed, f"/v1/meters?sort={order}&limit=3&page={n}") for n in (1, 2, 3, 4)), [])
        assert pages == up, order
    assert ids(listed, "/v1/meters?sort=-signal")[0] == "10000000"
    assert ids(listed, "/v1/meters?sort=-by")[0] == "10000000"
    assert ids(listed, "/v1/meters?sort=heard")[0] == "10000005"
    assert ids(listed, "/v1/meters?sort=-reading")[0] == "10000004"
    for wrong in ("limit=0", "page=0", "limit=x", "format=xml"):
        assert listed.web(f"/v1/meters?{wrong}").status == 400


def test_a_page_of_meters_is_what_the_whole_list_says(listed):
    whole = {m["id"]: m for m in listed.json("/v1/meters")["meters"]}
    assert whole[METERS[0].text]["heard_by"] == 2 and whole[METERS[0].text]["best_rssi_dbm"] == -60
    assert whole[METERS[0].text]["coverage_share"] == round(2 / 7, 4) and whole[METERS[5].text]["heard_by"] == 0
    [alarm] = whole[METERS[2].text]["alarms"]
    assert alarm == {"alarm": "low_battery", "since": "2026-11-24T00:00:05Z"}
    for m in whole.values():  # as the query for one meter finds it
        one = listed.json(f"/v1/meters/{m['id']}")
        assert {k: one[k] for k in m if k != "coverage_share"} == {k: m[k] for k in m if k != "coverage_share"}


def test_readings_of_a_period_by_day_and_by_hour(listed):
    answer = listed.json("/v1/readings?from=2026-11-23&to=2026-11-24&resolution=hours")
    of_one = [r for r in answer["readings"] if r["meter"] == METERS[4].text]
    assert [r["time"] for r in of_one][:2] == ["2026-11-23T02:00:00Z", "2026-11-23T03:00:00Z"] and len(of_one) == 22
    assert of_one[0]["total_m3"] == 4.971 and all("2026-11-23" in r["time"] for r in answer["readings"])
    rows = rows_of(listed.web("/v1/readings?from=2026-11-23&to=2026-11-24&resolution=hours&format=csv"))
    assert [(r["meter"], r["time"], float(r["total_m3"])) for r in rows] == [
        (r["meter"], r["time"], r["total_m3"]) for r in answer["readings"]]
    days = listed.json("/v1/readings?from=2026-11-20&to=2026-11-25")["readings"]
    assert len([r for r in days if r["meter"] == METERS[4].text]) == 2, "one a day"
    assert [r["time"] for r in days if r["meter"] == METERS[5].text] == ["2026-11-21T07:00:00Z"]
    assert listed.json("/v1/readings?from=2020-01-01&to=2020-02-01")["readings"] == []
    for wrong in ("from=x", "from=2020-01-01", "resolution=minutes", "format=xml"):
        assert listed.web(f"/v1/readings?{wrong}").status == 400, wrong
    one = f"/v1/meters/{METERS[4].text}/readings?from=2026-11-23&to=2026-11-24"
    assert len(rows_of(listed.web(one + "&format=csv"))) == len(listed.json(one)["readings"]) == 22


def test_an_export_is_read_in_pieces(listed, monkeypatch):
    """Known-bad would be one query for all: with pieces of two the answer is the same, from more queries."""
    whole, asked, real = listed.web("/v1/readings").body, [], queries.readings.of_day
    monkeypatch.setattr("cloud_receiver.features.meters.readings.PIECE", 2)
    monkeypatch.setattr(queries.readings, "of_day", lambda *a: asked.append(a[3]) or real(*a))
    assert listed.web("/v1/readings").body == whole and len(asked) > 32 and set(asked) == {2}


def test_the_list_is_read_and_written_in_pieces(listed, monkeypatch):
    """Known-bad would be all rows at once: with pieces of two the answers are the same, from more queries."""
    paths = [f"/v1/meters?format={form}" for form in ("csv", "json")]
    whole, read, real = [listed.web(path).body for path in paths], [], queries.meters.of_rows
    monkeypatch.setattr("cloud_receiver.web.lists.PIECE", 2)
    monkeypatch.setattr(queries.meters, "of_rows", lambda db, rows, *a: read.append(len(rows)) or real(db, rows, *a))
    assert [listed.web(path).body for path in paths] == whole
    assert len(read) >= 2 * 4 and set(read) <= {1, 2}


def test_a_page_asks_for_its_rows_only(listed, monkeypatch):
    """10,000 meters must not be read for a page of a hundred."""
    monkeypatch.setattr("cloud_receiver.web.lists.PAGE", 3)
    read, real = [], queries.meters.of_rows
    monkeypatch.setattr(queries.meters, "of_rows", lambda db, rows, *a: read.append(len(rows)) or real(db, rows, *a))
    text = listed.web("/meters?page=2").text
    assert read == [3] and len(re.findall('<th scope="row">', text)) == 3 and 'rel="next"' in text
