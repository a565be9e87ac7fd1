"""What the tests of lists share: a receiver with six plain meters, alarms and silence among them, two that do not open,
three gateways; on both stores."""

import contextlib
import csv
import io

from receiver_support import DAY, HOUR, NOW, Meter, Running, make

import firmware.wire.records as wire_records

METERS = [Meter(10000000 + n) for n in range(6)]
LOCKED, WRONG = Meter(20000001, key=bytes(16)), Meter(20000002, key=b"\x01" * 16)


@contextlib.contextmanager
def with_lists(store, folder):
    """The receiver, on `sqlite` or `postgres`."""
    directory = make(folder / "works", engine=store)
    WRONG.key = b"\x01" * 16  # it sends with another key than is put in below
    with Running(directory) as running:
        a, b = running.enrol(name="Fyrveien 3"), running.enrol(name="Åsen 7", kind="concentrator")
        running.enrol(name="Ny")
        # How many of the latest tell of a low battery, which two of them told of first just before.
        low = {METERS[1]: 1, METERS[2]: 7}
        records = [wire_records.telegram(a.next(), NOW - n * HOUR, -60 - k, m.telegram(
                       1000 * (k + 1) - n, status=4 if n < low.get(m, 0) else 0))
                   for k, m in enumerate(METERS[:5]) for n in range(30)]
        for at in range(0, len(records), 100):
            running.through(a.batch(records[at:at + 100], first=at + 1, last=min(at + 100, len(records))))
        running.through(b.telegrams([METERS[0].telegram(1000, access=77)], time=NOW - 100, rssi=-90))
        running.through(b.telegrams([METERS[5].telegram(5)], time=NOW - 3 * DAY))
        running.through(a.telegrams([METERS[1].telegram(2001, status=4)], time=NOW - HOUR + 5))
        running.through(a.telegrams([METERS[2].telegram(2993, status=4)], time=NOW - 7 * HOUR + 5))
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
