"""A receiver in a process of its own, killed and ended under load: nothing it acknowledged is ever missing."""

import http.client
import os
import random
import signal
import sqlite3
import subprocess
import threading
import time

import pytest
from receiver_support import NOW, Gateway, Meter, Process, make

import firmware.wire.records as records
from firmware.wire import envelope

GATEWAYS = 4

# Known-bad: whoever waits is told before the commit, and the commit takes its time.
TELLS_BEFORE_COMMIT = """
import time
from cloud_receiver.stores import remote, writer
def commit(self, connection):
    time.sleep(0.3)
    connection.execute("COMMIT")
run = writer.Groups._run
def tell_at_once(self, connection, job, args):
    result = run(self, connection, job, args)
    remote._tell(self.selector, [(self.ticket, result)], 0)
    return result
next_job = writer.Groups._next
def remember(self):
    found = next_job(self)
    self.ticket = found[0]
    return found
take_in = remote._take_in
def with_selector(selector, groups, seconds):
    groups.selector = selector
    take_in(selector, groups, seconds)
group = writer.Groups._group
def told(self, connection):
    group(self, connection)
    return []
remote._take_in = with_selector
writer.Groups._commit, writer.Groups._run, writer.Groups._next = commit, tell_at_once, remember
writer.Groups._group = told
"""


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


def under_load(tmp_path, kills, start, end=lambda process: process.kill()):
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
        time.sleep(rng.uniform(0.4, 1.0))
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


def test_killed_under_load_nothing_acknowledged_is_missing_or_double(tmp_path):
    missing, doubles, acknowledged = under_load(tmp_path, 5, Process)
    assert (missing, doubles) == (0, 0) and acknowledged > 100


class Mutant(Process):
    """The receiver with TELLS_BEFORE_COMMIT."""

    def __init__(self, directory):
        super().__init__(directory, planted=TELLS_BEFORE_COMMIT)


def test_the_check_sees_a_receiver_that_answers_before_commit(tmp_path):
    missing, _, acknowledged = under_load(tmp_path, 3, Mutant)
    assert missing > 0 and acknowledged > 0


def test_sigterm_answers_what_is_in_progress_and_ends_well(tmp_path):
    ends = []

    def end(process):
        ends.append(process.end())

    missing, doubles, acknowledged = under_load(tmp_path, 2, Process, end)
    assert (missing, doubles) == (0, 0) and acknowledged > 100
    assert ends == [0, 0]


def test_sigterm_to_all_its_processes_ends_well_too(tmp_path):
    """As a supervisor sends it to the whole control group."""
    ends = []

    def end(process):
        os.killpg(process.process.pid, signal.SIGTERM)
        ends.append(process.process.wait(30))

    missing, doubles, acknowledged = under_load(tmp_path, 2, Process, end)
    assert (missing, doubles) == (0, 0) and acknowledged > 100
    assert ends == [0, 0]


def children(process):
    """The process ids of a receiver's other processes, in the order they were started."""
    with open(f"/proc/{process.process.pid}/task/{process.process.pid}/children") as f:
        return [int(pid) for pid in f.read().split()]


@pytest.mark.parametrize("which", range(4))
def test_where_one_of_its_processes_is_killed_all_end_and_nothing_is_lost(tmp_path, which):
    """The first one, the writer, one of the ears, the decoder: each alone."""
    def end(process):
        pids = [process.process.pid, *children(process)]
        assert len(pids) == 5
        os.kill(pids[which if which < 3 else 4], signal.SIGKILL)
        assert process.process.wait(30) != 0
        for pid in pids[1:]:
            wait_gone(pid)

    missing, doubles, acknowledged = under_load(tmp_path, 2, lambda d: Process(d, "--processes", "2"), end)
    assert (missing, doubles) == (0, 0) and acknowledged > 100


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


def test_one_process_does_it_all(tmp_path):
    missing, doubles, acknowledged = under_load(tmp_path, 2, lambda d: Process(d, "--processes", "0"))
    assert (missing, doubles) == (0, 0) and acknowledged > 100


def test_one_process_per_directory(tmp_path):
    directory = make(tmp_path / "works")
    with Process(directory):
        second = subprocess.run([Process.NETTI, "receiver", "serve", directory.path, "--web-port", "0"],
                                capture_output=True, text=True, timeout=30)
        assert second.returncode == 2 and "already being served" in second.stderr


def test_a_port_that_is_taken_is_one_clear_line(tmp_path):
    with Process(make(tmp_path / "a")) as first:
        second = subprocess.run([Process.NETTI, "receiver", "serve", make(tmp_path / "b").path, "--web-port", "0",
                                 "--port", str(first.device_port)], capture_output=True, text=True, timeout=30)
        assert second.returncode == 2 and second.stderr.count("\n") == 1
        assert f"cannot listen on port {first.device_port}" in second.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_pages_are_for_loopback_only(tmp_path, host):
    done = subprocess.run([Process.NETTI, "receiver", "serve", make(tmp_path / "works").path, "--web-host", host],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "not loopback" in done.stderr


def test_sigint_ends_it_too(tmp_path):
    process = Process(make(tmp_path / "works"))
    process.process.send_signal(signal.SIGINT)
    assert process.process.wait(20) == 0
    process.process.stdout.close()
