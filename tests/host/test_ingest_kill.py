"""A receiver in a process of its own, killed and ended under load: nothing it acknowledged is ever missing."""

import os
import signal
import subprocess

import pytest
from kill_rig import children, under_load, wait_gone
from receiver_support import Process, make

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


@pytest.mark.parametrize("which", range(4))
def test_where_one_of_its_processes_is_killed_all_end_and_nothing_is_lost(tmp_path, which):
    """The first one, the writer, one of those that take batches, the decoder: each alone."""
    def end(process):
        pids = [process.process.pid, *children(process)]
        assert len(pids) == 5
        os.kill(pids[which if which < 3 else 4], signal.SIGKILL)
        assert process.process.wait(30) != 0
        for pid in pids[1:]:
            wait_gone(pid)

    missing, doubles, acknowledged = under_load(tmp_path, 2, lambda d: Process(d, "--processes", "2"), end)
    assert (missing, doubles) == (0, 0) and acknowledged > 100


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
