"""The operations view: each list filtered, sorted, paged and taken out as CSV, the same on both stores; readings of a
period as JSON and CSV; health, metrics, logs."""

import contextlib
import csv
import io
import json
import random
import re
import sqlite3
import subprocess
import types

import postgres
import pytest
from receiver_support import DAY, HOUR, NOW, Gateway, Meter, Process, Running, make

import firmware.wire.records as wire_records
from cloud_receiver.data import dayrows, usage
from cloud_receiver.office.directory import Settings
from cloud_receiver.office.office import Office
from cloud_receiver.operations import health, logs, metrics
from cloud_receiver.stores import open_store, queries

METERS = [Meter(10000000 + n) for n in range(6)]
LOCKED, WRONG = Meter(20000001, key=bytes(16)), Meter(20000002, key=b"\x01" * 16)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def receiver(request, tmp_path_factory):
    """Six plain meters with alarms and silence among them, two that do not open, three gateways."""
    directory = make(tmp_path_factory.mktemp(request.param) / "works")
    if request.param == "postgres":
        postgres.need()
        directory.save(Settings("works", "Prøveby vannverk", store=postgres.new_database(), port=0))
    WRONG.key = b"\x01" * 16  # it sends with another key than is put in below
    with Running(directory) as running:
        a, b = running.enrol(name="Fyrveien 3"), running.enrol(name="Åsen 7", kind="concentrator")
        running.enrol(name="Ny")
        records = [wire_records.telegram(a.next(), NOW - n * HOUR, -60 - k, m.telegram(1000 * (k + 1) - n))
                   for k, m in enumerate(METERS[:5]) for n in range(30)]
        for at in range(0, len(records), 100):
            running.through(a.batch(records[at:at + 100], first=at + 1, last=min(at + 100, len(records))))
        running.through(b.telegrams([METERS[0].telegram(1000, access=77)], time=NOW - 100, rssi=-90))
        running.through(b.telegrams([METERS[5].telegram(5)], time=NOW - 3 * DAY))
        running.through(a.telegrams([METERS[1].telegram(2001, status=4)], time=NOW - HOUR + 5))
        running.through(a.telegrams([METERS[2].telegram(3001, status=4)], time=NOW - 7 * HOUR + 5))
        running.through(a.telegrams([LOCKED.telegram(1), WRONG.telegram(1)], time=NOW - 60))
        WRONG.key = bytes(16)
        running.put_key(WRONG)
        b.seq += 7
        running.through(b.batch([wire_records.event(b.next(), NOW, "x", "y")]))
        running.a, running.b = a, b
        running.wait_for(lambda s: s["pending"] == 0 and s["wrong_key"] == 1)
        yield running


def ids(receiver, path, name="meters", key="id"):
    return [m[key][-14:-6] if name != "gateways" else m["name"] for m in receiver.json(path)[name]]


def rows_of(answer):
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/csv"), answer.text
    assert "attachment" in answer.headers["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_meters_are_filtered(receiver):
    def shown(show):
        return ids(receiver, f"/v1/meters?show={show}")
    assert len(shown("all")) == 8
    assert shown("silent") == ["10000005"] and shown("missing") == ["20000001"] and shown("wrong") == ["20000002"]
    assert shown("nokey") == ["20000001", "20000002"] and shown("alarm") == ["10000001", "10000002"]
    assert ids(receiver, "/v1/meters?q=kam+1000000") == [f"1000000{n}" for n in range(6)]
    assert ids(receiver, "/v1/meters?q=%25") == ids(receiver, "/v1/meters?q=_") == [], "a letter like any other"


def test_meters_are_sorted_both_ways_and_paged_without_overlap(receiver):
    every = ids(receiver, "/v1/meters")
    for order in queries.meters.ORDERS:
        up, down = (ids(receiver, f"/v1/meters?sort={sign}{order}") for sign in ("", "-"))
        assert sorted(up) == sorted(down) == sorted(every) and up != down, order
        pages = sum((ids(receiver, f"/v1/meters?sort={order}&limit=3&page={n}") for n in (1, 2, 3, 4)), [])
        assert pages == up, order
    assert ids(receiver, "/v1/meters?sort=-signal")[0] == "10000000"
    assert ids(receiver, "/v1/meters?sort=-by")[0] == "10000000"
    assert ids(receiver, "/v1/meters?sort=heard")[0] == "10000005"
    assert ids(receiver, "/v1/meters?sort=-reading")[0] == "10000004"
    for wrong in ("limit=0", "page=0", "limit=x", "format=xml"):
        assert receiver.web(f"/v1/meters?{wrong}").status == 400


def test_a_page_of_meters_is_what_the_whole_list_says(receiver):
    whole = {m["id"]: m for m in receiver.json("/v1/meters")["meters"]}
    assert whole[METERS[0].text]["heard_by"] == 2 and whole[METERS[0].text]["best_rssi_dbm"] == -60
    assert whole[METERS[0].text]["coverage_share"] == round(2 / 7, 4) and whole[METERS[5].text]["heard_by"] == 0
    [alarm] = whole[METERS[2].text]["alarms"]
    assert alarm == {"alarm": "low_battery", "since": "2026-11-24T00:00:05Z"}
    for m in whole.values():  # as the query for one meter finds it
        one = receiver.json(f"/v1/meters/{m['id']}")
        assert {k: one[k] for k in m if k != "coverage_share"} == {k: m[k] for k in m if k != "coverage_share"}


def test_alarms_with_since_when(receiver):
    found = receiver.json("/v1/alarms")
    assert found["found"] == 2 and [a["meter"] for a in found["alarms"]] == [METERS[1].text, METERS[2].text]
    assert [a["since"] for a in receiver.json("/v1/alarms?sort=since")["alarms"]] == [
        "2026-11-24T00:00:05Z", "2026-11-24T06:00:05Z"]
    assert receiver.json("/v1/alarms?show=leak")["alarms"] == [] and len(
        receiver.json("/v1/alarms?show=low_battery&q=10000001")["alarms"]) == 1
    assert [r["meter"] for r in rows_of(receiver.web("/v1/alarms?format=csv"))] == [METERS[1].text, METERS[2].text]
    page = receiver.web("/alarms?lang=nb").text
    assert page.count("lavt batteri") >= 2 and "24.11.2026 01:00" in page and "/v1/alarms?format=csv" in page


def test_gateways_are_filtered_and_sorted(receiver):
    def names(query):
        return ids(receiver, f"/v1/gateways?{query}", "gateways")
    assert sorted(names("")) == ["Fyrveien 3", "Ny", "Åsen 7"] and names("show=fault") == ["Åsen 7"]
    assert names("show=silent") == ["Ny"] and names("show=revoked") == [] and names("q=fyr") == ["Fyrveien 3"]
    assert names("q=%C3%A5sen") == names("q=%C3%85SEN") == ["Åsen 7"], "also beyond ASCII, in either case"
    assert names("sort=-heard")[0] == "Fyrveien 3" and names("sort=kind")[0] == "Åsen 7"
    for order in queries.gateways.ORDERS:
        assert sum((names(f"sort={order}&limit=2&page={n}") for n in (1, 2)), []) == names(f"sort={order}")
    for g in receiver.json("/v1/gateways")["gateways"]:  # as the query for one gateway finds it
        one = receiver.json(f"/v1/gateways/{g['id']}")
        assert {k: one[k] for k in one if k in g} == {k: g[k] for k in g if k in one} and g["epochs"] == one["epochs"]
    [row] = rows_of(receiver.web("/v1/gateways?format=csv&q=fyrveien"))
    assert row["meters_heard"] == "7" and row["coverage_share"] == "0.875" and row["gaps"] == "0"


def test_a_revoked_gateway_is_shown_as_that_and_in_no_list_of_what_is_wrong(receiver):
    gone = receiver.enrol(name="Borte")
    with Office(receiver.directory) as office:
        office.enrolled.revoke(gone.id, NOW)
    receiver.wait_for_answer(lambda: gone.id in receiver.receiver.office.enrolled.revoked())
    assert ids(receiver, "/v1/gateways?show=revoked", "gateways") == ["Borte"]
    assert ids(receiver, "/v1/gateways?show=silent", "gateways") == ["Ny"]
    assert "Borte" in receiver.web("/gateways?show=revoked").text and "Borte" not in receiver.web("/").text
    with Office(receiver.directory) as office:
        office.enrolled.reinstate(gone.id)


def test_a_name_is_no_formula_in_a_spreadsheet(receiver):
    receiver.enrol(name='=HYPERLINK("http://x")')
    names = [r["name"] for r in rows_of(receiver.web("/v1/gateways?format=csv"))]
    assert "'=HYPERLINK(\"http://x\")" in names and not any(n.startswith("=") for n in names)


def test_readings_of_a_period_by_day_and_by_hour(receiver):
    found = receiver.json("/v1/readings?from=2026-11-23&to=2026-11-24&resolution=hours")
    of_one = [r for r in found["readings"] if r["meter"] == METERS[4].text]
    assert [r["time"] for r in of_one][:2] == ["2026-11-23T02:00:00Z", "2026-11-23T03:00:00Z"] and len(of_one) == 22
    assert of_one[0]["total_m3"] == 4.971 and all("2026-11-23" in r["time"] for r in found["readings"])
    rows = rows_of(receiver.web("/v1/readings?from=2026-11-23&to=2026-11-24&resolution=hours&format=csv"))
    assert [(r["meter"], r["time"], float(r["total_m3"])) for r in rows] == [
        (r["meter"], r["time"], r["total_m3"]) for r in found["readings"]]
    days = receiver.json("/v1/readings?from=2026-11-20&to=2026-11-25")["readings"]
    assert len([r for r in days if r["meter"] == METERS[4].text]) == 2, "one a day"
    assert [r["time"] for r in days if r["meter"] == METERS[5].text] == ["2026-11-21T07:00:00Z"]
    assert receiver.json("/v1/readings?from=2020-01-01&to=2020-02-01")["readings"] == []
    for wrong in ("from=x", "from=2020-01-01", "resolution=minutes", "format=xml"):
        assert receiver.web(f"/v1/readings?{wrong}").status == 400, wrong
    one = f"/v1/meters/{METERS[4].text}/readings?from=2026-11-23&to=2026-11-24"
    assert len(rows_of(receiver.web(one + "&format=csv"))) == len(receiver.json(one)["readings"]) == 22


def test_an_export_is_read_in_pieces(receiver, monkeypatch):
    """Known-bad would be one query for all: with pieces of two the answer is the same, from more queries."""
    whole, asked, real = receiver.web("/v1/readings").body, [], queries.readings.of_day
    monkeypatch.setattr("cloud_receiver.features.meters.readings.PIECE", 2)
    monkeypatch.setattr(queries.readings, "of_day", lambda *a: asked.append(a[3]) or real(*a))
    assert receiver.web("/v1/readings").body == whole and len(asked) > 32 and set(asked) == {2}


def different_months(store, months=60):
    """Meters with a year of readings and holes of any length, whose use by month is not what all their readings say;
    and how many day rows were left out."""
    random_, bad, left = random.Random(5), [], 0
    bounds, near = usage.month_bounds(usage.local(NOW).date(), 13), usage.NEAR["month"]
    with contextlib.closing(sqlite3.connect(store.address, isolation_level=None)) as db:
        for meter in range(months):
            rows, day, total = [], NOW // DAY - random_.choice((20, 200, 420)), 0
            while day <= NOW // DAY:
                total += random_.randrange(10 ** 6)
                hour = random_.randrange(24)
                rows.append((day, meter, dayrows.pack([(5, total) if n == hour else None for n in range(24)])))
                day += 1 if meter % 2 and day % 97 else random_.choice((1, 1, 1, 1, 1, 1, 2, 3, 9, 45))
            db.execute("INSERT INTO meters VALUES (?,?,22,0,0,0,1,NULL,NULL,NULL,NULL,NULL)", (meter, str(meter)))
            db.executemany("INSERT INTO readings VALUES (?,?,?)", rows)
            whole = queries.readings.between(db, meter, bounds[0] - near, bounds[-1] + near)
            part = queries.readings.around(db, meter, bounds, near)
            left += len(whole) - len(part)
            bad += [meter] * (usage.uses(whole, bounds, near) != usage.uses(part, bounds, near))
    return bad, left


def test_a_year_by_month_is_the_same_from_a_part_of_its_readings(tmp_path, monkeypatch):
    """Known-bad: only what lies around the months' ends is read, also where it does not tell the total there."""
    with contextlib.closing(open_store(f"sqlite://{tmp_path / 'store.sqlite'}")) as store:
        bad, left = different_months(store)
        assert bad == [] and left > 1000
    with contextlib.closing(open_store(f"sqlite://{tmp_path / 'other.sqlite'}")) as store:
        monkeypatch.setattr(queries.readings, "usage", types.SimpleNamespace(at=lambda *a: 0))
        assert different_months(store)[0]


def test_lists_are_read_and_written_in_pieces(receiver, monkeypatch):
    """Known-bad would be all rows at once: with pieces of two the answers are the same, from more queries."""
    paths = [f"/v1/{name}?format={form}" for name in ("meters", "gateways", "alarms") for form in ("csv", "json")]
    whole, read = [receiver.web(path).body for path in paths], []
    monkeypatch.setattr("cloud_receiver.web.lists.PIECE", 2)
    for module in (queries.meters, queries.gateways):
        monkeypatch.setattr(module, "of_rows", lambda db, rows, *a, real=module.of_rows: read.append(len(rows)) or real(
            db, rows, *a))
    assert [receiver.web(path).body for path in paths] == whole
    assert len(read) >= 2 * 4 + 2 * 2 and set(read) == {1, 2}


def test_counts_are_bounded_and_say_where_they_stop(receiver, monkeypatch):
    exact = receiver.json("/v1/summary")
    assert exact["about"] == [] and exact["telegrams"] == exact["decoded"] + exact["no_key"] + exact["wrong_key"]
    monkeypatch.setattr(queries.summary, "MOST_COUNTED", 1)
    found = receiver.json("/v1/summary")
    assert {"telegrams", "decoded", "no_key", "wrong_key", "undecodable", "meters"} <= set(found["about"])
    assert found["telegrams"] == exact["telegrams"], "by the rows' numbers"
    assert found["meters"] == found["no_key"] + found["wrong_key"] == 1
    assert "1+" in receiver.web("/?lang=en").text, "of the two that are not decoded"


def test_what_is_counted_is_found_by_an_index(tmp_path):
    """Known-bad is a search through a whole table; `telegrams` and `records` grow with all that is sent."""
    with contextlib.closing(open_store(f"sqlite://{tmp_path / 'store.sqlite'}")) as store, \
            contextlib.closing(sqlite3.connect(store.address, isolation_level=None)) as db:
        for rows in (queries.telegrams.WAITING, queries.telegrams.CLOSED, "telegrams WHERE time IS NULL",
                     "records WHERE kind = 0",
                     "alarms WHERE ended IS NULL"):
            [(_, _, _, plan)] = db.execute(f"EXPLAIN QUERY PLAN SELECT 1 FROM {rows}").fetchall()
            assert " INDEX " in plan, (rows, plan)


# --- health, metrics

def test_health_and_readiness(receiver, monkeypatch):
    assert receiver.json("/healthz") == {"status": "ok"}
    found = receiver.json("/readyz")
    assert found == {"status": "ok", "checks": {"store": "ok", "keys": "ok", "disk": "ok", "serving": "ok"}}
    checked = receiver.receiver
    for name, broken in (("store", lambda: monkeypatch.setattr(checked.store.writer, "submit", lambda *a: 1 / 0)),
                         ("keys", lambda: monkeypatch.setattr(checked.office.meter_keys, "unlock", lambda: 1 / 0)),
                         ("disk", lambda: monkeypatch.setattr(health, "LEAST_FREE", 2.0)),
                         ("serving", lambda: monkeypatch.setattr(checked.devices.ingest, "draining", True))):
        with monkeypatch.context():
            broken()
            monkeypatch.setattr(health, "AGAIN_S", 0.0)
            answer = receiver.web("/readyz")
            assert answer.status == 503 and answer.json()["checks"][name] == "failed", name
        monkeypatch.undo()


def test_metrics_hold_counts_and_nothing_of_anybody(receiver):
    text = receiver.run(_metrics(receiver.receiver))
    values = dict(re.findall(r"^(\S+) ([0-9.e+-]+)$", text, re.M))
    assert values['netti_meters{what="all"}'] == "8.0" and values['netti_meters{what="alarmed"}'] == "2.0"
    assert values['netti_meters{what="wrong"}'] == "1.0" and values["netti_store_up"] == "1.0"
    assert float(values['netti_batches_total{status="200"}']) >= 8
    before = float(values['netti_batches_total{status="401"}'])
    assert receiver.send(Gateway().telegrams([METERS[0].telegram(1)])).status == 401
    text = receiver.run(_metrics(receiver.receiver))
    assert f'netti_batches_total{{status="401"}} {before + 1}' in text
    assert not re.search("KAM|1000000|Fyrveien|127\\.0|" + receiver.a.id, text)


async def _metrics(receiver):
    response = await metrics.Metrics(receiver).get(None)
    return response.body.decode()


def test_metrics_without_the_store_still_say_so(receiver, monkeypatch):
    async def gone(*args):
        raise OSError
    monkeypatch.setattr(receiver.receiver.store, "read", gone)
    assert "netti_store_up 0.0" in receiver.run(_metrics(receiver.receiver))


# --- as processes: the port, the logs

def test_a_receiver_of_processes_counts_over_all_of_them_and_logs_nothing_of_anybody(tmp_path):
    directory = make(tmp_path / "works")
    with open(tmp_path / "log", "w+", encoding="utf-8") as log, Process(
            directory, "--port", "0", "--processes", "2", "--metrics-port", "0", "--verbose", stderr=log,
            planted=PLANTED.format(port=tmp_path / "port")) as receiver:
        gateway, meter = receiver.enrol(name="Fyrveien 3"), Meter(31415926, key=bytes(range(16)))
        for n in range(6):
            receiver.through(gateway.telegrams([meter.telegram(n)]))
        receiver.put_key(meter)
        assert receiver.send(gateway.sign(b"\x00", works="other")).status == 403
        assert receiver.send(b"x").status == 403
        assert receiver.web("/home/" + "s" * 43).status == 404
        assert receiver.web(f"/meters/{meter.text}?day=x&view=hours").status == 200
        broken = receiver.web(f"/v1/meters/{meter.text}/readings", headers={"X-Boom": "1"})
        assert broken.status == 500 and meter.text not in broken.text
        text = subprocess.run(["curl", "-s", f"http://127.0.0.1:{(tmp_path / 'port').read_text()}/metrics"],
                              capture_output=True, text=True, timeout=20).stdout
        assert 'netti_batches_total{status="200"} 6.0' in text and 'netti_batches_total{status="403"} 2.0' in text
        receiver.end()
        log.seek(0)
        written = log.read()
    lines = [json.loads(line) for line in written.splitlines()]
    assert {"info", "error"} <= {line["level"] for line in lines}, written
    [error] = [line for line in lines if line["level"] == "error"]
    assert error["exception"] == "ValueError" and "/v1/meters/{id}/readings" in error["text"] and error["at"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["time"]) for line in lines)
    for hidden in (meter.text, "31415926", meter.key.hex(), meter.key.hex().upper(), "127.0.0.1", "::1", "Fyrveien",
                   "s" * 43):
        assert hidden not in written, hidden


# What a defect's message may quote; the port that was free.
PLANTED = """
from cloud_receiver import app
from cloud_receiver.features.meters import readings as module
real = module.Readings.of_meter
async def readings(self, request):
    if "X-Boom" in request.headers:
        raise ValueError(f"{{request.match_info['id']}} 000102030405060708090A0B0C0D0E0F from {{request.remote}}")
    return await real(self, request)
module.Readings.of_meter = readings
start = app.Receiver.start
async def started(self, *a):
    await start(self, *a)
    open("{port}", "w").write(str(self.metrics_port))
app.Receiver.start = started
"""


def test_what_is_taken_out_of_a_log():
    for text, left in (("KAM-12345678-1B-16 not read", "[meter] not read"), ("kam-12345678-1b-16", "[meter]"),
                       ("key " + "0F" * 16, "key [hex]"), ("GET /home/abc_DEF-1", "GET /home/[secret]"),
                       ("from 10.0.0.7:51234", "from [address]"), ("from ::1", "from [address]"),
                       ("from 2001:db8::1 port", "from [address] port"), ("to a.b@c.no", "to [mail]"),
                       ("netti1.eyJ3IjoiYSJ9", "[token]"), ("gateway ABCDEFGHIJKLMNOP: seq 7", None),
                       ("took 12:30:15", None), ("SQLite 3.40.1", None)):
        assert logs.without_personal_data(text) == (left or text)


def test_seen_where_logs_take_nothing_out(monkeypatch):
    """Known-bad: a formatter without the rule."""
    record = logs.logging.LogRecord("netti", 20, "", 1, "telegram of %s", ("KAM-12345678-1B-16",), None)
    assert "12345678" not in logs.JsonFormatter().format(record)
    monkeypatch.setattr(logs, "_TAKEN_OUT", ())
    assert "12345678" in logs.JsonFormatter().format(record)


def test_a_page_asks_for_its_rows_only(receiver, monkeypatch):
    """10,000 meters must not be read for a page of a hundred."""
    monkeypatch.setattr("cloud_receiver.web.lists.PAGE", 3)
    read, real = [], queries.meters.of_rows
    monkeypatch.setattr(queries.meters, "of_rows", lambda db, rows, *a: read.append(len(rows)) or real(db, rows, *a))
    text = receiver.web("/meters?page=2").text
    assert read == [3] and len(re.findall('<th scope="row">', text)) == 3 and 'rel="next"' in text
