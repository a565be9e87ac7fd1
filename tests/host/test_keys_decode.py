"""Keys at work: what waited is decoded when its key comes, wrong keys are told per meter, no key shows anywhere."""

import base64
import contextlib
import io
import json
import os
import subprocess
import sys

import installed
import pytest
from netti_tools import cli
from receiver_support import DAY, HOUR, NOW, Gateway, Meter, Process, Running, make

from cloud_receiver.decoding import decoder
from cloud_receiver.office import kek
from cloud_receiver.office.office import Office

KEY, WRONG, NEW = bytes.fromhex("8d3f1b7796c0452ea9d1135cf7be2460"), bytes(range(16)), bytes(range(100, 116))


@pytest.fixture
def receiver(tmp_path):
    with Running(make(tmp_path / "works")) as running:
        yield running


def netti(receiver, action, *arguments, given=None):
    done = subprocess.run([Process.NETTI, "keys", action, *arguments, "--dir", receiver.directory.path], input=given,
                          capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def put(receiver, meter, key, now=NOW):
    with Office(receiver.directory) as office:
        return office.meter_keys.put(meter.text, key, now)


def test_what_waited_is_decoded_when_its_key_comes_and_that_is_shown(receiver):
    gateway, meter, other = receiver.enrol(), Meter(12345678, key=KEY), Meter(11111111, key=NEW)
    receiver.through(gateway.telegrams([meter.telegram(1000 + n) for n in range(40)]))
    receiver.through(gateway.telegrams([other.telegram(5)]))
    receiver.wait_for(lambda s: s["no_key"] == 41)
    report = netti(receiver, "report")
    assert f"{meter.text}  missing  40 telegrams from 2026-11-24T07:00:00Z" in report.stdout
    assert report.stdout.count("\n") == 2 and report.stderr == "2 meters\n"
    done = netti(receiver, "import", "-", "--wait", given=f"{meter.text};{KEY.hex()}\n")
    assert done.returncode == 0 and "40 decoded, 0 to go, 0 not opened" in done.stdout, done.stdout + done.stderr
    summary = receiver.summary()
    assert (summary["decoded"], summary["no_key"]) == (40, 1)


class SlowReader(io.StringIO):
    """An output that takes the verdicts only once a receiver has decoded all that waited."""

    def __init__(self, receiver, decoded):
        super().__init__()
        self.receiver, self.decoded = receiver, decoded

    def write(self, text):
        if text.endswith(" added"):
            self.receiver.wait_for(lambda s: s["decoded"] == self.decoded)
        return super().write(text)


def test_what_is_decoded_while_the_import_still_runs_counts(receiver, tmp_path, monkeypatch):
    gateway, meter = receiver.enrol(), Meter(12345678, key=KEY)
    receiver.through(gateway.telegrams([meter.telegram(1000 + n) for n in range(7)]))
    receiver.wait_for(lambda s: s["no_key"] == 7)
    (tmp_path / "keys.csv").write_text(f"{meter.text};{KEY.hex()}\n")
    monkeypatch.setattr(sys, "stdout", SlowReader(receiver, 7))
    assert cli.main(["keys", "import", str(tmp_path / "keys.csv"), "--wait", "--dir",
                     str(receiver.directory.path)]) == 0
    assert sys.stdout.getvalue().endswith("7 decoded, 0 to go, 0 not opened\n"), sys.stdout.getvalue()


def test_waiting_where_nothing_is_stored_yet_says_so(tmp_path):
    directory = make(tmp_path / "works")
    (tmp_path / "keys.csv").write_text(f"{Meter(12345678).text};{KEY.hex()}\n")
    done = subprocess.run([Process.NETTI, "keys", "import", tmp_path / "keys.csv", "--wait", "--dir", directory.path],
                          capture_output=True, text=True)
    assert done.returncode == 0 and "1 added\nnothing is stored yet" in done.stdout, done.stderr


def test_a_wrong_key_is_told_per_meter_and_put_right(receiver):
    gateway, meter = receiver.enrol(), Meter(12345678, key=KEY)
    put(receiver, meter, WRONG)
    receiver.through(gateway.telegrams([meter.telegram(1000), meter.telegram(1001)]))
    receiver.wait_for(lambda s: s["wrong_key"] == 2)
    assert f"{meter.text}  wrong    2 telegrams" in netti(receiver, "report").stdout
    assert receiver.meter(meter.text)["key"] == "wrong"
    done = netti(receiver, "import", "-", "--wait", given=f"{meter.text};{KEY.hex()}\n")
    assert f"{meter.text} replaced" in done.stdout and "2 decoded, 0 to go, 0 not opened" in done.stdout
    assert netti(receiver, "report").stdout == ""
    with Office(receiver.directory) as office:
        office.file.db.execute("UPDATE sealed_keys SET sealed = zeroblob(44)")
    assert f"{meter.text}  damaged" in netti(receiver, "report").stdout


def late(receiver, meter, gateway):
    """A telegram under the meter's former key, heard before it was replaced and delivered after; one heard since."""
    old = Meter(meter.number, key=KEY)
    receiver.clock.at = NOW + 3 * HOUR
    receiver.through(gateway.telegrams([old.telegram(500, access=9)], time=NOW - 5 * DAY))
    receiver.through(gateway.telegrams([old.telegram(900, access=10)], time=NOW + HOUR))
    receiver.through(gateway.telegrams([Meter(meter.number, key=NEW).telegram(901, access=11)], time=NOW + 2 * HOUR))
    return receiver.wait_for(lambda s: s["pending"] == 0 and s["telegrams"] >= 4)


def test_a_meters_new_key_leaves_what_was_heard_before_readable_and_opens_nothing_else(receiver):
    gateway, meter = receiver.enrol(), Meter(12345678, key=KEY)
    put(receiver, meter, KEY, NOW - 90 * DAY)
    receiver.through(gateway.telegrams([meter.telegram(400)], time=NOW - 6 * DAY))
    receiver.wait_for(lambda s: s["decoded"] == 1)
    put(receiver, meter, NEW, NOW)
    readings = late(receiver, meter, gateway)
    assert (readings["decoded"], readings["wrong_key"]) == (3, 1), "under the old key since it was replaced: not opened"


def test_seen_where_earlier_keys_are_not_tried_or_have_no_end(receiver, monkeypatch):
    """Known-bad: only the present key; any earlier key at any time."""
    gateway, meter = receiver.enrol(), Meter(12345678, key=KEY)
    put(receiver, meter, KEY, NOW - 90 * DAY)
    put(receiver, meter, NEW, NOW)
    receiver.through(gateway.telegrams([meter.telegram(400)], time=NOW - 6 * DAY))
    receiver.wait_for(lambda s: s["decoded"] == 1)
    good = decoder.Decoder._decode
    monkeypatch.setattr(decoder.Decoder, "_decode", lambda self, text, data, ring, time: good(
        self, text, data, ring[:1], time))
    assert late(receiver, meter, gateway)["wrong_key"] == 2
    monkeypatch.setattr(decoder.Decoder, "_decode", lambda self, text, data, ring, time: good(
        self, text, data, [k._replace(replaced=None) for k in ring], time))
    other = Gateway()
    receiver.enrol(other)
    receiver.through(other.telegrams([Meter(meter.number, key=KEY).telegram(950, access=20)], time=NOW + 3 * HOUR))
    assert receiver.wait_for(lambda s: s["pending"] == 0 and s["telegrams"] == 5)["wrong_key"] == 2


def test_a_kek_rotated_under_a_running_receiver(receiver):
    gateway, meter = receiver.enrol(), Meter(12345678, key=KEY)
    put(receiver, meter, KEY)
    receiver.through(gateway.telegrams([meter.telegram(1)]))
    receiver.wait_for(lambda s: s["decoded"] == 1)
    assert netti(receiver, "rotate").returncode == 0
    other = Meter(22222222, key=NEW)
    put(receiver, other, NEW)
    receiver.through(gateway.telegrams([meter.telegram(2), other.telegram(3)]))
    assert receiver.wait_for(lambda s: s["pending"] == 0 and s["telegrams"] == 3)["decoded"] == 3


def forms(key):
    """How a key may be written."""
    return [key, key.hex().encode(), key.hex().upper().encode(), base64.b64encode(key).rstrip(b"="),
            base64.urlsafe_b64encode(key).rstrip(b"="), repr(key)[2:-1].encode(),
            json.dumps(repr(key)[2:-1])[1:-1].encode(),
            " ".join(f"{b:02x}" for b in key).encode(), str(list(key))[1:-1].encode()]


def shown(key, *places):
    """The names of those (name, bytes) in which a key stands."""
    return [name for name, data in places if any(form in data or form.lower() in data.lower() for form in forms(key))]


def everything(directory, process, logs, answers=()):
    """All that others than the receiver could read: its files, its output, its answers, what /proc says of it."""
    files = [(p.name, p.read_bytes()) for p in directory.path.rglob("*") if p.is_file()]
    proc = []
    for name in ("cmdline", "environ", "status", "maps", "limits", "mountinfo"):
        with open(f"/proc/{process.pid}/{name}", "rb") as f:
            proc.append((f"/proc/{name}", f.read()))
    for fd in os.listdir(f"/proc/{process.pid}/fd"):
        with contextlib.suppress(OSError):
            proc.append(("/proc/fd", os.readlink(f"/proc/{process.pid}/fd/{fd}").encode()))
    return [*files, *((p.name, p.read_bytes()) for p in logs), *proc, *answers]


def lived(directory, log, planted=""):
    """A receiver that was given keys in every way, right and wrong, and showed all its pages; what could be read."""
    meter, wrong = Meter(12345678, key=KEY), Meter(22222222, key=KEY)
    commands = []
    with open(log, "wb") as out, Process(directory, "--verbose", planted=planted, stderr=out) as running:
        gateway = running.enrol()
        running.through(gateway.telegrams([meter.telegram(1), meter.telegram(2), wrong.telegram(3)]))
        for given in (f"{meter.text};{KEY.hex()}\n{wrong.text};{NEW.hex()}\n", f"{KEY.hex()};{meter.text}\n",
                      f"{meter.text};{KEY.hex()}{KEY.hex()}\n", f"{meter.text};{KEY.hex()[:-1]}æ\n"):
            commands.append(netti(running, "import", "-", given=given))
        running.wait_for(lambda s: s["decoded"] == 2 and s["wrong_key"] == 1)
        commands += [netti(running, "list"), netti(running, "report")]
        shown = installed.addresses({"gateway": gateway.id, "meter": meter.text, "wrong": wrong.text})
        answers = [(path, running.web(path).body) for path in shown]
        commands.append(netti(running, "rotate"))
        answers += [(f"netti {c.args[1:3]}", (c.stdout + c.stderr).encode()) for c in commands]
        return everything(directory, running.process, [log], answers)


def test_no_key_shows_in_any_log_file_answer_or_in_proc(tmp_path):
    directory = make(tmp_path / "works")
    places = lived(directory, tmp_path / "log")
    assert {"store.sqlite", "keys.sqlite", "access.sqlite", "log", "/proc/cmdline", "/proc/environ",
            *installed.addresses({})} <= {
        name for name, _ in places}
    assert shown(KEY, *places) == shown(NEW, *places) == []
    kek_text = kek.file_of(directory.path).read_text().strip()
    assert shown(bytes.fromhex(kek_text), *places) == []


def test_seen_where_a_key_is_logged_or_kept(tmp_path):
    """Known-bad: the decoder logs the keys it reads."""
    planted = """
from cloud_receiver.decoding import decoder
good = decoder.Decoder._new_keys
def bad(self):
    changed = good(self)
    for meter in changed:
        decoder.log.warning("new key of %s: %r", meter, self._keys[meter])
    return changed
decoder.Decoder._new_keys = bad
"""
    places = lived(make(tmp_path / "works"), tmp_path / "log", planted)
    assert shown(KEY, *places) == ["log"]
    assert [n for n, _ in enumerate(forms(KEY)) if shown(KEY, ("x", b"..." + forms(KEY)[n] + b"..."))] == list(range(9))
