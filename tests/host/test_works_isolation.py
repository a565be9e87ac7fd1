"""Two works under one command: whoever or whatever belongs to one gets and gives nothing at the other."""

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


class Served(Caller):
    """One of the works of a command that serves several."""

    def __init__(self, directory):
        self.directory = directory
        settings = directory.load()
        self.device_port, self.web_port = settings.port, settings.web_port


@contextlib.contextmanager
def serving(*directories, names=(A, B)):
    """`netti receiver serve A B`; its process and the works."""
    arguments = [f"--public-name={name}" for name in names]
    process = subprocess.Popen(
        [Process.NETTI, "receiver", "serve", *(d.path for d in directories), "--web-port", "0", "--processes", "1",
         "--simulated-clock", f"{time.time():.0f}:{NOW}:1", *arguments], stdout=subprocess.PIPE, text=True,
        start_new_session=True)
    try:
        for _ in directories:
            assert process.stdout.readline().startswith("netti receiver: devices https://")
        yield process, [Served(d) for d in directories]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def towns(a, b):
    """Both works with people, programs, a home, a meter; nothing is the same but the roles' names."""
    found = Town(a, A, Meter(12345678), 137), Town(b, B, Meter(87654321), 991)
    for town in found:
        town.receiver.wait_for(lambda s: s["pending"] == 0)
    return found


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
    found = []
    for who in PEOPLE:
        theirs = {**here.headers(who), "Host": there.host}
        for method, path in paths(there):
            body = "" if method == "POST" else None
            got = there.receiver.web(path, method, body, theirs)
            if method == "GET" and got.status != there.ask("nobody", path).status:
                found.append((who, path, got.status))
            if got.status == 200 and there.secret not in path and any(m in got.text for m in marks[:2]):
                found.append((who, path, "shown"))
            own = here.ask(who, path, method, body)
            if any(mark in own.text for mark in marks if mark not in path) \
                    or own.status == 200 and there.secret in path:
                found.append((who, path, "shown at home"))
        for _, path in paths(here):
            got = there.receiver.web(path, headers=here.headers(who))
            if got.status != 421:
                found.append((who, path, f"{got.status} under the other's name"))
    return found


@pytest.fixture
def directories(tmp_path):
    return make(tmp_path / "a", "works-a", "A vann"), make(tmp_path / "b", "works-b", "B vann")


def test_two_works_under_one_command(directories):
    with serving(*directories) as (process, (a, b)):
        a, b = towns(a, b)
        assert crossings(a, b) == [] and crossings(b, a) == []
        # Each shows its own, so the above says something.
        assert shows(a) and shows(b)
        for path in installed.addresses(b.ids):
            if any(name in path.split("?")[0] for name in b.ids.values()):
                assert a.ask("administrator", path).status == 404, path
        gateways(a, b)
        files(process.pid, *directories)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def shows(town, meter=None):
    """Whether a works' pages show a meter, its own if none is named."""
    return any((meter or town.meter).text in town.ask("reader", path).text
               for path in installed.addresses(town.ids, "reader", api=False) if town.meter.text not in path)


def gateways(a, b):
    """What gateways of one works are to the other: nobody, on a line that does not even verify."""
    with pytest.raises(ssl.SSLCertVerificationError):
        Served.device(Other(b.receiver, a.receiver), "GET", "/v1/anchors")
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


def files(parent, *directories):
    """No process has files of two works open, and each works has some."""
    seen = {d.path.name: 0 for d in directories}
    for pid in descendants(parent):
        opened = set()
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                target = os.readlink(f"/proc/{pid}/fd/{fd}")
                opened |= {d.path.name for d in directories if target.startswith(str(d.path) + "/")}
        assert len(opened) <= 1, (pid, opened)
        for name in opened:
            seen[name] += 1
    assert all(seen.values())


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


def test_a_works_that_ends_ends_the_others_and_a_killed_parent_leaves_none(directories):
    with serving(*directories) as (process, works):
        os.kill(descendants(process.pid)[0], signal.SIGKILL)
        assert process.wait(40) != 0
    with serving(*directories) as (process, works):
        below = descendants(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        end = time.monotonic() + 40
        while any(os.path.exists(f"/proc/{pid}") and alive(pid) for pid in below):
            assert time.monotonic() < end
            time.sleep(0.1)


def alive(pid):
    """Whether a process runs (a zombie does not)."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as f:
        return re.search(r"\) (\S)", f.read()).group(1) != "Z"
    return False


def test_what_cannot_be_served_is_said(directories):
    def serve(*arguments):
        done = subprocess.run([Process.NETTI, "receiver", "serve", *map(str, arguments)], capture_output=True,
                              text=True)
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and "Traceback" not in done.stderr, done.stderr
        return done.stderr
    a, b = (d.path for d in directories)
    assert "name of its own" in serve(a, b, "--public-name", A)
    assert "name of its own" in serve(a, b, "--public-name", A, "--public-name", A)
    assert "once only" in serve(a, a) and "as set up" in serve(a, b, "--port", "9")
    assert "no receiver yet" in serve(a, b.with_name("c"))
