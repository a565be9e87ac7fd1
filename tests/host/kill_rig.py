"""Gateways that send while a receiver's processes are killed and started: what is missing, what is double."""

import http.client
import random
import sqlite3
import threading
import time

from receiver_support import NOW, Gateway, Meter, make

import firmware.wire.records as records
from firmware.wire import envelope

GATEWAYS = 4


class Sender(threading.Thread):
    """A gateway that sends batch after batch and repeats what was not answered; counts what was acknowledged."""

    def __init__(self, gateway, number):
        super().__init__(daemon=True)
        self.gateway, self.meter = gateway, Meter(30_000_000 + number)
        self.process = None
        self.acknowledged = 0
        self.sent = []
        self.ending = False
        self.unexpected = []  # answers that no gateway should get

    def run(self):
        rng = random.Random(self.gateway.id)
        while not self.ending:
            if self.acknowledged >= len(self.sent):
                for _ in range(rng.randrange(1, 30)):
                    n = len(self.sent) + 1
                    self.sent.append(records.telegram(n, NOW - 10_000_000 + n * 1000, -70, self.meter.telegram(n)))
            first = self.acknowledged + 1
            body = self.gateway.batch(self.sent[first - 1:], first=first, last=len(self.sent))
            try:
                answer = self.process.send(body)
                if answer.status == 200:
                    self.acknowledged = envelope.open_answer(answer.body).through
                elif answer.status == 401:
                    time.sleep(0.05)  # the mutant tells of gateways too before it has them, or forgets them
                elif answer.status not in (429, 503):
                    self.unexpected.append((answer.status, answer.text))
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)


def stored(process):
    """{gateway's meter: telegrams stored}, and how many rows there are of one content."""
    db = sqlite3.connect(process.directory.store)
    counts = dict(db.execute("SELECT m.meter, count(*) FROM telegrams t JOIN meters m ON m.id = t.meter GROUP BY 1"))
    doubles = db.execute("SELECT count(*) FROM (SELECT 1 FROM telegrams GROUP BY meter, data HAVING count(*) > 1)")
    result = counts, doubles.fetchone()[0]
    db.close()
    return result


def under_load(tmp_path, kills, start, end=lambda process: process.kill(), stored=stored):
    """Kill and start a receiver while gateways send; returns (acknowledged but missing, stored twice, acknowledged)."""
    directory = make(tmp_path / "works", port=0)
    process = start(directory)
    senders = [Sender(Gateway(), n) for n in range(GATEWAYS)]
    for s in senders:
        process.enrol(s.gateway)
        s.process = process
    for s in senders:
        s.start()
    rng = random.Random(4)
    for _ in range(kills):
        time.sleep(rng.uniform(0.2, 0.6))
        before, patience = sum(s.acknowledged for s in senders), time.monotonic() + 20
        while sum(s.acknowledged for s in senders) == before and time.monotonic() < patience:
            time.sleep(0.005)  # on a slow machine it may not have got to anything yet
        end(process)
        process = start(directory)
        for s in senders:
            s.process = process
    for s in senders:
        s.ending = True
    for s in senders:
        s.join(30)
    process.kill()
    assert [s.unexpected for s in senders] == [[]] * len(senders)
    counts, doubles = stored(process)
    missing = sum(max(0, s.acknowledged - counts.get(s.meter.text, 0)) for s in senders)
    return missing, doubles, sum(s.acknowledged for s in senders)


def children(process):
    """The process ids of a receiver's other processes, in the order they were started."""
    with open(f"/proc/{process.process.pid}/task/{process.process.pid}/children") as f:
        return [int(pid) for pid in f.read().split()]


def wait_gone(pid):
    """Until a process has ended."""
    end = time.monotonic() + 20
    while alive(pid):
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
