"""What keeps a receiver running: health, metrics, logs, counts that an index finds."""

import contextlib
import json
import random
import re
import sqlite3
import subprocess
import sys
import types

import installed
from lists_rig import METERS
from receiver_support import DAY, NOW, Gateway, Meter, Process, make

from cloud_receiver.data import dayrows, usage
from cloud_receiver.office import disk
from cloud_receiver.operations import health, logs, metrics
from cloud_receiver.stores import open_store, queries


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
            db.executemany("INSERT INTO readings (day, meter, hours) VALUES (?,?,?)", rows)
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

def test_health_and_readiness(listed, monkeypatch):
    assert listed.json("/healthz") == {"status": "ok"}
    ready = listed.json("/readyz")
    assert ready == {"status": "ok", "checks": {"store": "ok", "keys": "ok", "disk": "ok", "serving": "ok"}}
    checked = listed.receiver
    for name, broken in (("store", lambda: monkeypatch.setattr(checked.store.writer, "submit", lambda *a: 1 / 0)),
                         ("keys", lambda: monkeypatch.setattr(checked.office.meter_keys, "unlock", lambda: 1 / 0)),
                         ("disk", lambda: monkeypatch.setattr(disk, "NEARLY_FULL", 2.0)),
                         ("serving", lambda: monkeypatch.setattr(checked.devices.ingest, "draining", True))):
        with monkeypatch.context():
            broken()
            monkeypatch.setattr(health, "AGAIN_S", 0.0)
            answer = listed.web("/readyz")
            assert answer.status == 503 and answer.json()["checks"][name] == "failed", name
        monkeypatch.undo()


def test_metrics_hold_counts_and_nothing_of_anybody(listed):
    text = listed.run(_metrics(listed.receiver))
    values = dict(re.findall(r"^(\S+) ([0-9.e+-]+)$", text, re.M))
    assert values['netti_meters{what="all"}'] == "8.0" and values['netti_meters{what="alarmed"}'] == "2.0"
    assert values['netti_meters{what="wrong"}'] == "1.0" and values["netti_store_up"] == "1.0"
    assert float(values['netti_batches_total{status="200"}']) >= 8
    before = float(values['netti_batches_total{status="401"}'])
    assert listed.send(Gateway().telegrams([METERS[0].telegram(1)])).status == 401
    text = listed.run(_metrics(listed.receiver))
    assert f'netti_batches_total{{status="401"}} {before + 1}' in text
    assert not re.search("KAM|1000000|Fyrveien|127\\.0|" + listed.a.id, text)


async def _metrics(listed):
    response = await metrics.Metrics(listed).get(None)
    return response.body.decode()


def test_metrics_without_the_store_still_say_so(listed, monkeypatch):
    async def gone(*args):
        raise OSError
    monkeypatch.setattr(listed.receiver.store, "read", gone)
    assert "netti_store_up 0.0" in listed.run(_metrics(listed.receiver))


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
        ids = {"meter": meter.text, "gateway": gateway.id}
        assert {receiver.web(path).status for path in installed.addresses(ids)} == {200}
        route = min(path for method, path in installed.ROUTES if path.startswith("/v1/") and "{id}" in path)
        broken = receiver.web(installed.address(route, ids), headers={"X-Boom": meter.text})
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
    assert error["exception"] == "ValueError" and route in error["text"] and error["at"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["time"]) for line in lines)
    for hidden in (meter.text, "31415926", meter.key.hex(), meter.key.hex().upper(), "127.0.0.1", "::1", "Fyrveien",
                   "s" * 43):
        assert hidden not in written, hidden


# What a defect's message may quote; the port that was free.
PLANTED = """
from cloud_receiver import app
from cloud_receiver.web import feature
real = feature.Answers.method
def method(self, *a):
    answer = real(self, *a)
    async def booming(request):
        if "X-Boom" in request.headers:
            raise ValueError(f"{{request.headers['X-Boom']}} 000102030405060708090A0B0C0D0E0F from {{request.remote}}")
        return await answer(request)
    return booming
feature.Answers.method = method
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


def test_an_exception_is_its_type_and_place_in_either_form():
    try:
        raise ValueError("what it choked on")
    except ValueError:
        record = logs.logging.LogRecord("netti", 40, "", 1, "not done", (), sys.exc_info())
    for formatter in (logs.JsonFormatter(), logs.TextFormatter("%(message)s")):
        text = formatter.format(record)
        assert "ValueError" in text and "test_operations.py" in text and "choked" not in text
        record.exc_text = None
