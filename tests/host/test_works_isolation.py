"""Two works on one machine: whoever or whatever belongs to one gets and gives nothing at the other."""

import contextlib
import os
import re
import signal
import ssl
import subprocess
import time

import installed
import pytest
from access_rig import Town, routes
from receiver_support import NOW, Caller, Gateway, Meter, Process, Running, make

from cloud_receiver.office import roles
from cloud_receiver.web.pages import Site
from firmware.wire import envelope

A, B = "a.example", "b.example"
PEOPLE = (*roles.ROLES, "token:reader", "token:operations", "token:installer")


@contextlib.contextmanager
def serving(*directories, names=(A, B)):
    """`netti receiver serve` for each works, as their services run it."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Process(
            directory, "--processes", "1", "--public-name", name, "--simulated-clock", f"{time.time():.0f}:{NOW}:1"))
            for directory, name in zip(directories, names)]


def towns(a, b):
    """Both works with people, programs, a home, a meter; nothing is the same but the roles' names."""
    both = Town(a, A, Meter(12345678), 137), Town(b, B, Meter(87654321), 991)
    for town in both:
        town.receiver.wait_for(lambda s: s["pending"] == 0)
    return both


def paths(town):
    """Addresses of every route, with the ids of a works."""
    return [(method, town.path(route)) for method, route in sorted({*installed.ROUTES, *installed.OTHERS[:2]})]


def totals(town):
    """A works' meter's reading, as pages and API write it."""
    cubic = (4_200_000 + 71 * town.step) / 1000
    return f"{cubic:.3f}", f"{cubic:,.3f}"


def crossings(here, there):
    """What who belongs to `here` gets at `there` beyond what nobody gets, or sees of `there` at home."""
    marks = (there.meter.text, there.gateway.id, there.host, *totals(there))
    crossed = []
    for who in PEOPLE:
        theirs = {**here.headers(who), "Host": there.host}
        for method, path in paths(there):
            body = "" if method == "POST" else None
            got = there.receiver.web(path, method, body, theirs)
            if method == "GET" and got.status != there.ask("nobody", path).status:
                crossed.append((who, path, got.status))
            if got.status == 200 and there.secret not in path and any(m in got.text for m in marks[:2]):
                crossed.append((who, path, "shown"))
            own = here.ask(who, path, method, body)
            if any(mark in own.text for mark in marks if mark not in path) \
                    or own.status == 200 and there.secret in path:
                crossed.append((who, path, "shown at home"))
        for _, path in paths(here):
            got = there.receiver.web(path, headers=here.headers(who))
            if got.status != 421:
                crossed.append((who, path, f"{got.status} under the other's name"))
    return crossed


@pytest.fixture
def directories(tmp_path):
    return make(tmp_path / "a", "works-a", "A vann"), make(tmp_path / "b", "works-b", "B vann")


def test_two_works_on_one_machine(directories):
    with serving(*directories) as running:
        a, b = towns(*running)
        assert crossings(a, b) == [] and crossings(b, a) == []
        # Each shows its own, so the above says something.
        assert shows(a) and shows(b)
        for path in installed.addresses(b.ids):
            if any(name in path.split("?")[0] for name in b.ids.values()):
                assert a.ask("administrator", path).status == 404, path
        gateways(a, b)
        files(running, *directories)
        assert [works.end() for works in running] == [0, 0]


def shows(town, meter=None):
    """Whether a works' pages show a meter, its own if none is named."""
    return any((meter or town.meter).text in town.ask("reader", path).text
               for path in installed.addresses(town.ids, "reader", api=False) if town.meter.text not in path)


def gateways(a, b):
    """What gateways of one works are to the other: nobody, on a line that does not even verify."""
    with pytest.raises(ssl.SSLCertVerificationError):
        Caller.device(Other(b.receiver, a.receiver), "GET", "/v1/anchors")
    stranger = Caller.send
    assert stranger(b.receiver, a.gateway.batch([])).status == 401
    both = Gateway(works="works-a")
    a.receiver.enrol(both)
    assert b.receiver.device("POST", "/v1/gateways", both.enrolment(a.receiver.token(), works="works-b")).status == 403
    b.receiver.device("POST", "/v1/gateways", both.enrolment(b.receiver.token(), works="works-b"))
    signed = both.telegrams([Meter(55555555).telegram(1)])
    assert b.receiver.send(signed).status == 403 and a.receiver.send(signed).status == 200
    assert envelope.open_envelope(signed, "batch", "works-a") is not None


class Other(Caller):
    """Calls one works with the anchors of another."""

    def __init__(self, called, trusted):
        self.directory, self.device_port, self.web_port = trusted.directory, called.device_port, called.web_port


def files(running, *directories):
    """No process has files of two works open, and each works' processes have its own."""
    for works in running:
        opened = {d.path.name for d in directories for pid in (works.process.pid, *descendants(works.process.pid))
                  if any(target.startswith(f"{d.path}/") for target in open_files(pid))}
        assert opened == {works.directory.path.name}, opened


def open_files(pid):
    """What a process has open."""
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            yield os.readlink(f"/proc/{pid}/fd/{fd}")


def descendants(pid):
    """The processes below one."""
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout.split()
    return [int(c) for c in children] + [g for c in children for g in descendants(c)]


@pytest.mark.parametrize("shared", ["access", "store", "keys"])
def test_seen_where_works_share_a_file(directories, shared):
    """Known-bad: a works' people, readings or keys are read from another's file."""
    a, b = directories
    with Running(a, public_name=A) as first:
        town = Town(first, A, Meter(12345678), 137)
    for suffix in ("", "-wal", "-shm"):  # the first has ended: its files are whole
        with contextlib.suppress(FileNotFoundError):
            os.replace(getattr(a, shared).with_name(getattr(a, shared).name + suffix),
                       getattr(b, shared).with_name(getattr(b, shared).name + suffix))
    with Running(b, public_name=B) as second:
        theirs = {"Host": B}
        if shared == "keys":
            assert second.device("POST", "/v1/gateways", Gateway("works-b").enrolment("x")).status == 403
            assert all(second.web(path, headers=theirs).status == 200 for path in installed.addresses(town.ids)
                       if town.secret in path)
        elif shared == "access":
            town.receiver = second
            town.host = B
            assert town.ask("administrator", town.page("administrator")).status == 200
        else:
            second_town = Town(second, B, Meter(87654321), 991)
            assert shows(second_town, town.meter)


def test_seen_where_the_name_asked_for_is_not_looked_at(directories, monkeypatch):
    """Known-bad: a works answers under any name."""
    with Running(directories[0], public_name=A) as first, Running(directories[1], public_name=B) as second:
        a, b = towns(first, second)
        assert crossings(a, b) == []
        assert {(m, p) for m, p in routes(first.receiver.web)} == set(first.rules)
        b.receiver.receiver.site._hosts = (*b.receiver.receiver.site._hosts, A)
        assert [c for c in crossings(a, b) if "other's name" in c[2]]
        assert isinstance(b.receiver.receiver.site, Site)


def test_a_works_that_ends_or_is_killed_leaves_the_other_alone_and_none_of_its_own(directories):
    with serving(*directories) as (a, b):
        below = descendants(a.process.pid)
        os.kill(below[0], signal.SIGKILL)
        assert a.process.wait(40) != 0
        for pid in below:
            b.wait_for_answer(lambda pid=pid: not alive(pid), 40)
        assert b.web("/healthz", headers={"Host": B}).status == 200
        below = descendants(b.process.pid)
        os.kill(b.process.pid, signal.SIGKILL)
        for pid in below:
            a.wait_for_answer(lambda pid=pid: not alive(pid), 40)


def alive(pid):
    """Whether a process runs (a zombie does not)."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as f:
        return re.search(r"\) (\S)", f.read()).group(1) != "Z"
    return False


def test_several_works_in_one_command_are_refused_with_the_commands_to_use(directories):
    """What earlier releases did is not dropped without a word: the line says what does the same."""
    a, b = (d.path for d in directories)
    done = subprocess.run([Process.NETTI, "receiver", "serve", a, b, "--public-name", A, "--public-name", B,
                           "--web-port", "9000", "--metrics-port", "9464"], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "docs/operator.md" in done.stderr
    assert f"netti receiver serve {a} --web-port 9000 --public-name {A} --metrics-port 9464" in done.stderr
    assert f"netti receiver serve {b} --web-port 9001 --public-name {B} --metrics-port 9465" in done.stderr
    twice = subprocess.run([Process.NETTI, "receiver", "serve", a, "--public-name", A, "--public-name", B],
                           capture_output=True, text=True)
    assert twice.returncode == 2 and twice.stderr == "netti receiver: a works has one --public-name\n"
