"""`netti replay` to a receiver: as an enrolled gateway, against a real receiver over HTTPS."""

import datetime
import json
import re
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from netti_tools import cli
from own_vectors import KEY, RECORDS, kaifa_list_1, telegram
from receiver_support import Caller

from cloud_receiver.office.directory import Directory
from cloud_receiver.stores import queries

NETTI = [sys.executable, "-m", "netti_tools.cli"]


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    """A receiver that runs, and the directory of a gateway enrolled there."""
    folder = tmp_path_factory.mktemp("receiver")
    works, gateway = folder / "works", folder / "gateway"
    subprocess.run([*NETTI, "receiver", "init", works, "--works", "ours"], check=True, capture_output=True)
    # Each replay is a ring of its own, of which a home's gateway may begin few in a day.
    subprocess.run([*NETTI, "receiver", "bounds", works, "--times", "50"], check=True, capture_output=True)
    process = subprocess.Popen([*NETTI, "receiver", "serve", works, "--port", "0", "--web-port", "0"],
                               stdout=subprocess.PIPE, text=True)
    try:
        [devices] = re.search(r"devices (\S+)", process.stdout.readline()).groups()
        token = subprocess.run([*NETTI, "receiver", "token", works], check=True, capture_output=True, text=True).stdout
        # The token names the port the receiver was set up with; this one took any free port.
        subprocess.run([*NETTI, "gateway", "enrol", _at(token.split()[-1], devices), "--dir", gateway], check=True,
                       capture_output=True)
        stored = Caller()
        stored.directory = Directory(works)
        yield SimpleNamespace(url=devices, gateway=gateway, works=works, stored=stored)
    finally:
        process.terminate()
        process.wait(20)


def _at(token, url):
    import base64
    head, _, body = token.partition(".")
    fields = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    fields["url"] = url
    return head + "." + base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")


def replay(receiver, capsys, path, *options, url=None):
    status = cli.main(["replay", str(path), "--to", url or receiver.url, "--gateway", str(receiver.gateway), *options])
    return status, capsys.readouterr().err.splitlines()


def test_telegrams_arrive_whole_and_once(receiver, capsys, tmp_path):
    rows = [telegram(KEY, number=f"{n % 20 + 1:08d}", access_number=n % 256,
                     records=RECORDS[:2] + (100_000 + n).to_bytes(4, "little")) for n in range(700)]
    rows += [telegram(medium=4), rows[0][:20]]
    path = tmp_path / "street"
    path.write_text("".join(row.hex() + "\n" for row in rows) + kaifa_list_1().hex() + "\n")
    status, err = replay(receiver, capsys, path, "--fast")
    assert status == 0 and err[-1].startswith("netti replay: 700 telegrams in 2 batches taken by https://")
    for words in ("1 of another medium", "1 of a HAN port", "1 damaged"):
        assert words in err[-1]
    gateway = receiver.stored.gateways()[0]
    assert [(e["through"], e["gaps"]) for e in gateway["epochs"]] == [(700, [])]
    meters = receiver.stored.meters()
    assert [m["id"] for m in meters] == [f"NET-{n + 1:08d}-01-07" for n in range(20)]
    # Again is another replay: the same telegrams in an epoch of their own.
    assert replay(receiver, capsys, path, "--fast")[0] == 0
    assert len(receiver.stored.gateways()[0]["epochs"]) == 2


def readings(receiver, meter, count):
    """[(Unix seconds, ml)] of a meter, once there are so many."""
    row, end = receiver.stored.meter(meter)["row"], time.monotonic() + 60
    period = int(time.time()) - 3 * 86_400, int(time.time()) + 3600
    while len(rows := receiver.stored.read(queries.readings.between, row, *period)) < count:
        assert time.monotonic() < end, rows
        time.sleep(0.1)
    return rows


def hours(tmp_path, number, base=0):
    """A capture of five hours of one meter."""
    path = tmp_path / "hours"
    rows = [telegram(number=number, access_number=n, records=RECORDS[:2] + (100_000 + n).to_bytes(4, "little"))
            for n in range(5)]
    path.write_text("".join(f"telegram=|{row.hex()}|+{base + 3600 * n}\n" for n, row in enumerate(rows)))
    return path


def test_a_capture_s_distances_are_kept_however_fast_it_is_played(receiver, capsys, tmp_path):
    status, err = replay(receiver, capsys, hours(tmp_path, "50000001"), "--fast")
    became = re.fullmatch(r"netti replay: times: the capture's count from its start, which becomes (\S+)Z", err[-2])
    assert status == 0 and became, err
    began = datetime.datetime.fromisoformat(became[1] + "+00:00").timestamp()
    rows = readings(receiver, "NET-50000001-01-07", 5)
    assert [(at - began, total) for at, total in rows] == [(3600 * n, 100_000_000 + 1000 * n) for n in range(5)]
    assert rows[-1][0] <= time.time() + 1


def test_times_of_day_can_be_kept_as_they_are(receiver, capsys, tmp_path):
    base = int(time.time()) // 3600 * 3600 - 86_400
    status, err = replay(receiver, capsys, hours(tmp_path, "50000002", base), "--fast", "--times", "captured")
    assert status == 0 and "as captured, from " in err[-2], err
    assert [at for at, _ in readings(receiver, "NET-50000002-01-07", 5)] == [base + 3600 * n for n in range(5)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_on_its_way_the_receiver_has_all_that_was_played(receiver, tmp_path, number):
    def epochs():
        return {e["epoch"]: e["through"] for e in receiver.stored.gateways()[0]["epochs"]}
    path = tmp_path / "street"
    path.write_text("".join(telegram(number="50000003", access_number=n % 256).hex() + "\n" for n in range(3000)))
    before = epochs()
    process = subprocess.Popen([*NETTI, "replay", path, "--to", receiver.url, "--gateway", receiver.gateway,
                                "--interval", "0.05"], stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while not set(epochs()) - set(before):  # a first batch is there
        assert time.monotonic() < end
        time.sleep(0.1)
    process.send_signal(number)
    _, err = process.communicate()
    last = re.match(r"netti replay: stopped after (\d+) of 3000 telegrams in \d+ batches taken by ",
                    err.splitlines()[-1])
    assert process.returncode == 0 and last and "not taken" not in err, err
    ((_, through),) = [row for row in epochs().items() if row[0] not in before]
    assert through == int(last[1]) > 0


def test_another_name_than_the_certificate_s_is_refused(receiver, capsys, tmp_path):
    path = tmp_path / "one"
    path.write_text(telegram().hex())
    port = receiver.url.rsplit(":", 1)[1]
    status, err = replay(receiver, capsys, path, url=f"https://127.0.0.3:{port}")
    assert status == 2 and len(err) == 1 and "certificate" in err[0]


def test_who_is_not_enrolled_is_told_how(receiver, capsys, tmp_path):
    path = tmp_path / "one"
    path.write_text(telegram().hex())
    stranger = SimpleNamespace(url=receiver.url, gateway=tmp_path / "nobody")
    status, err = replay(stranger, capsys, path)
    assert status == 2 and len(err) == 1 and "netti gateway enrol" in err[0]


def test_nothing_of_a_han_port_is_sent(receiver, capsys, tmp_path):
    path = tmp_path / "one"
    path.write_text(kaifa_list_1().hex())
    status, err = replay(receiver, capsys, path)
    assert status == 2 and "HAN port, which a gateway does not send" in err[-1]
    assert replay(receiver, capsys, path, "--only", "han")[0] == 2


def test_a_revoked_gateway_is_told_so(receiver, capsys, tmp_path):
    path = tmp_path / "one"
    path.write_text(telegram().hex())
    name = json.loads((receiver.gateway / "identity.json").read_text())["gateway"]
    subprocess.run([*NETTI, "receiver", "revoke", receiver.works, name], check=True, capture_output=True)
    end = time.monotonic() + 30  # the receiver looks every second or so
    while (done := replay(receiver, capsys, path, "--fast"))[0] == 0:
        assert time.monotonic() < end
        time.sleep(0.2)
    status, err = done
    assert status == 2 and len(err) == 1 and "revoked" in err[0]
