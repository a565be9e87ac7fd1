"""The receiver as a whole: enrol, send, decode now or when the key comes, ask; and what it must never show."""

import asyncio
import base64
import hashlib
import http.client
import json
import ssl
import subprocess
import warnings

import installed
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from receiver_support import HOUR, NOW, Gateway, Meter, Process, Running, make

import firmware.wire.records as records
import wmbus
from cloud_receiver.edge import enrolment
from cloud_receiver.office import trust
from cloud_receiver.office.office import Office
from cloud_receiver.stores import queries
from firmware.wire import enrolment as wire_enrolment
from firmware.wire import envelope


@pytest.fixture
def receiver(tmp_path):
    with Running(make(tmp_path / "works")) as running:
        yield running


def test_enrolled_gateway_delivers_and_the_meter_is_read(receiver):
    gateway = receiver.enrol(name="Fyrveien 3")
    meter = Meter(12345678, key=bytes(range(16)))
    receiver.put_key(meter)
    assert receiver.through(gateway.telegrams([meter.telegram(123456)], time=NOW - 60, rssi=-71)) == 1
    assert receiver.wait_for(lambda s: s["decoded"] == 1)["telegrams"] == 1
    [m] = receiver.meters()
    assert (m["id"], m["key"], m["total_ml"], m["heard_by"]) == ("KAM-12345678-1B-16", "known", 123_456_000, 1)
    assert m["last_heard"] == m["read_at"] == NOW - 60
    assert receiver.read(queries.readings.between, m["row"], NOW - HOUR, NOW) == [(NOW - 60, 123_456_000)]
    [g] = receiver.gateways()
    assert (g["id"], g["kind"], g["name"], g["last_contact"]) == (gateway.id, "home", "Fyrveien 3", NOW)
    assert [(e["epoch"], e["through"], e["gaps"]) for e in g["epochs"]] == [(gateway.epoch.hex().upper(), 1, [])]


def test_the_answer_carries_time_and_an_empty_batch_gets_one(receiver):
    gateway = receiver.enrol()
    answer = envelope.open_answer(receiver.send(gateway.batch([])).body)
    assert answer == envelope.Answer(gateway.epoch, 0, NOW, [])


def test_a_key_that_comes_later_decodes_what_waited(receiver):
    gateway, meter = receiver.enrol(), Meter(12345678, key=bytes(range(16)))
    receiver.through(gateway.telegrams([meter.telegram(n * 1000) for n in range(1, 6)], time=NOW - HOUR))
    assert receiver.wait_for(lambda s: s["no_key"] == 5)["decoded"] == 0
    [m] = receiver.meters()
    assert (m["key"], m["total_ml"]) == ("missing", None)
    right, meter.key = meter.key, bytes(16)
    receiver.put_key(meter)
    receiver.wait_for(lambda s: s["wrong_key"] == 5)
    assert receiver.meters()[0]["key"] == "wrong"
    meter.key = right
    receiver.put_key(meter)
    receiver.wait_for(lambda s: s["decoded"] == 5)
    [m] = receiver.meters()
    assert m["key"] == "known" and m["total_ml"] in range(1_000_000, 6_000_000, 1_000_000)


def test_keys_that_came_while_it_was_down_are_used(tmp_path):
    directory, meter = make(tmp_path / "works"), Meter(12345678, key=bytes(range(16)))
    with Running(directory) as receiver:
        gateway = receiver.enrol()
        receiver.through(gateway.telegrams([meter.telegram(5000)]))
        receiver.wait_for(lambda s: s["no_key"] == 1)
    with Office(directory) as office:
        office.meter_keys.put(meter.text, meter.key, NOW)
    with Running(directory) as receiver:
        receiver.wait_for(lambda s: s["decoded"] == 1)


def test_undecodable_is_kept_and_does_not_stop_the_others(receiver):
    gateway, meter = receiver.enrol(), Meter(12345678)
    good = meter.telegram(1000)
    bad = bytes((good[0] - 1,)) + good[1:-1]  # its record cut short
    receiver.through(gateway.telegrams([bad, good]))
    summary = receiver.wait_for(lambda s: s["pending"] == 0)
    assert (summary["decoded"], summary["undecodable"]) == (1, 1)


def test_a_compact_frame_before_its_full_frame_is_decoded_once_that_comes(receiver):
    """EN 13757-3 annex on compact frames: CI 79, format signature, full frame CRC, the values alone."""
    gateway, meter = receiver.enrol(), Meter(12345678)
    head, value = b"\x04\x13", (123456).to_bytes(4, "little")

    def telegram(rest):
        return bytes((9 + len(rest), 0x44)) + meter.address + rest

    signature, full = (wmbus.crc(part).to_bytes(2, "little") for part in (head, head + value))
    receiver.through(gateway.telegrams([telegram(b"\x79" + signature + full + value)], time=NOW - 7200))
    receiver.wait_for(lambda s: s["undecodable"] == 1)
    receiver.through(gateway.telegrams([telegram(b"\x78" + head + value)]))
    receiver.wait_for(lambda s: s["decoded"] == 2)


def test_alarms_are_seen_with_their_time(receiver):
    gateway, meter = receiver.enrol(), Meter(12345678)
    receiver.through(gateway.telegrams([meter.telegram(1000, status=0x04)], time=NOW - 600))
    receiver.wait_for(lambda s: s["decoded"] == 1)
    [m] = receiver.meters()
    assert m["alarms"] == [{"alarm": "low_battery", "since": NOW - 600}] and m["status"] == 4


def test_a_homes_electricity_is_nowhere_in_pages_and_api(receiver):
    """A gateway whose owner opted in sends HAN hours: they are stored for the homeowner, the works never sees them."""
    gateway = receiver.enrol(name="Fyrveien 3")
    meter = Meter(12345678)
    receiver.through(gateway.telegrams([meter.telegram(1)]))
    receiver.through(gateway.batch([records.han_hour(gateway.next(), NOW, NOW - HOUR, 7_654_321, 98_765, False)]))
    assert receiver.summary()["home_hours"] == 1
    # One that is not as it should be is opaque: its bytes are shown nowhere either.
    receiver.through(gateway.batch([records.record(records.HAN_HOUR, gateway.next(), NOW, (NOW, 7_654_321, "98765"))]))
    receiver.wait_for(lambda s: s["pending"] == 0)
    for path in installed.addresses({"gateway": gateway.id, "meter": meter.text}):
        answer = receiver.web(path)
        assert answer.status == 200
        text = answer.text.replace("\xa0", "").replace(",", "").replace("\u202f", "")
        for word in ("7654321", "7654.321", "98765", "98.765", "kWh", "import_wh", "import_kwh"):
            assert word not in text, (path, word)


def test_no_key_leaves_the_key_store(receiver, tmp_path):
    gateway, meter = receiver.enrol(), Meter(12345678, key=bytes.fromhex("8d3c5e1f00aa77bb9c01f2e3d4c5b6a7"))
    receiver.put_key(meter)
    receiver.through(gateway.telegrams([meter.telegram(1000)]))
    receiver.wait_for(lambda s: s["decoded"] == 1)
    for path in installed.addresses({"gateway": gateway.id, "meter": meter.text}):
        assert meter.key.hex() not in receiver.web(path).text.lower()
    listed = subprocess.run([Process.NETTI, "keys", "list", "--dir", receiver.directory.path], capture_output=True)
    assert meter.text.encode() in listed.stdout and meter.key.hex().encode() not in listed.stdout.lower()
    assert meter.key not in receiver.directory.store.read_bytes()
    assert receiver.directory.keys.stat().st_mode & 0o777 == 0o600


# --- enrolment

def test_a_token_is_for_one_gateway(receiver):
    token, gateway, thief = receiver.token(), Gateway(), Gateway()
    first = receiver.device("POST", "/v1/gateways", gateway.enrolment(token))
    again = receiver.device("POST", "/v1/gateways", gateway.enrolment(token))
    assert first.status == again.status == 200 and first.json() == again.json(), "a lost answer costs nothing"
    assert receiver.device("POST", "/v1/gateways", thief.enrolment(token)).status == 403
    assert receiver.send(thief.batch([])).status == 401


def test_the_enrolment_file(receiver):
    gateway = Gateway()
    file = receiver.device("POST", "/v1/gateways", gateway.enrolment(receiver.token())).json()
    assert file["gateway"] == gateway.id and file["works"] == "works" and len(file["anchors"]) == 2
    assert file["url"] == f"https://localhost:{receiver.device_port}" and len(file["command_keys"]) == 2
    assert (file["window"], file["interval"]) == (3600, 900)
    assert file["anchors"] == receiver.device("GET", "/v1/anchors").json()["anchors"]


def test_enrolment_refuses(receiver):
    def ask(body):
        answer = receiver.device("POST", "/v1/gateways", body)
        assert receiver.summary()["gateways"] == 0
        return answer.status

    gateway = Gateway()
    assert ask(gateway.enrolment("no such token")) == 403
    token = receiver.token()
    assert ask(gateway.enrolment(token, works="other")) == 403, "signed for another works"
    assert ask(gateway.enrolment(token, key=Gateway().key)) == 403, "signed by another key"
    good = json.loads(gateway.enrolment(token))
    for change in ({"kind": "toaster"}, {"public_key": "00"}, {"signature": "xyz"}, {"token": 5}, {"name": "x" * 81},
                   {"public_key": None}):
        assert ask(json.dumps({**good, **change}).encode()) == 400, change
    for body in (b"", b"[]", b"null", b"{", b"\xff", b"[" * 4000):
        assert ask(body) == 400, body
    assert ask(b"x" * 5000) == 413


P = 2 ** 255 - 19
SMALL = (0, 1, 0x5FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
         0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7, P - 1)


def under_a_key_of_small_order(receiver, encoded):
    """An enrolment nobody holds a key for: R = B, S = 1 fits every message of which k times the key is nothing."""
    base = (4 * pow(5, -1, P) % P).to_bytes(32, "little")
    for _ in range(40):
        secret = receiver.token()
        k = hashlib.sha512(base + encoded + wire_enrolment.to_sign("works", secret)).digest()
        if int.from_bytes(k, "little") % (2 ** 252 + 27742317777372353535851937790883648493) % 8 == 0:
            signature = base + (1).to_bytes(32, "little")
            return json.dumps({"token": secret, "public_key": encoded.hex(), "signature": signature.hex()}).encode()
    raise AssertionError("no luck")


def test_keys_that_are_nobodys_do_not_enrol(receiver, monkeypatch):
    receiver.receiver.devices.enrolment.by_address.burst = 1e9
    forged = [under_a_key_of_small_order(receiver, y.to_bytes(32, "little")) for y in SMALL]
    for body in forged:
        answer = receiver.device("POST", "/v1/gateways", body)
        assert (answer.status, answer.text) == (403, "public key is not one a gateway makes\n")
    good = json.loads(Gateway().enrolment(receiver.token()))
    for y in [y + P for y in range(19)] + list(SMALL):  # a second encoding of a point; and with the sign bit
        for form in (y, y | 1 << 255):
            assert not enrolment.good_key(form.to_bytes(32, "little"))
            body = json.dumps({**good, "public_key": form.to_bytes(32, "little").hex()}).encode()
            assert receiver.device("POST", "/v1/gateways", body).status == 403
    assert receiver.summary()["gateways"] == 0
    assert all(enrolment.good_key(Gateway().public) for _ in range(20))
    # Known-bad: without the check the library takes them.
    monkeypatch.setattr(enrolment, "good_key", lambda key: True)
    assert 200 in [receiver.device("POST", "/v1/gateways", body).status for body in forged]


def test_one_revoked_stays_revoked_however_often_it_enrols(receiver):
    gateway = receiver.enrol()
    with Office(receiver.directory) as office:
        office.enrolled.revoke(gateway.id, NOW)
    receiver.enrol(gateway)
    receiver.run(_revoked(receiver))
    assert receiver.send(gateway.batch([])).status == 401


async def _revoked(receiver):
    while not receiver.receiver.office.enrolled.revoked():
        await asyncio.sleep(0.05)


def test_reenrolment_keeps_history(receiver):
    gateway = receiver.enrol(name="Fyrveien 3")
    receiver.through(gateway.telegrams([Meter(12345678).telegram(1)]))
    receiver.enrol(gateway)
    [g] = receiver.gateways()
    assert g["name"] == "Fyrveien 3" and g["epochs"][0]["through"] == 1
    receiver.enrol(gateway, name="Fyrveien 5")
    [g] = receiver.gateways()
    assert g["name"] == "Fyrveien 5" and g["epochs"][0]["through"] == 1


def test_the_printed_token_leads_to_this_works(receiver):

    printed = subprocess.run([Process.NETTI, "receiver", "token", receiver.directory.path, "-n", "2"],
                             capture_output=True, text=True).stdout.split()
    assert len(set(printed)) == 2
    token = printed[0]
    assert token.startswith(wire_enrolment.PREFIX)
    raw = token[len(wire_enrolment.PREFIX):]
    fields = json.loads(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))
    anchors = receiver.device("GET", "/v1/anchors").json()["anchors"]
    assert fields["ca"] == wire_enrolment.fingerprint(anchors[0]) and fields["works"] == "works"
    assert fields["url"] == f"https://localhost:{receiver.device_port}"
    assert receiver.device("POST", "/v1/gateways", Gateway().enrolment(fields["secret"])).status == 200


def test_the_second_anchor_takes_over_without_losing_a_gateway(tmp_path):
    """An endpoint certificate of the stand-by anchor is trusted by who enrolled under the first."""
    directory = make(tmp_path / "works")
    trust.issue(directory.ca, "localhost", trust.ANCHORS[1])
    with Running(directory) as receiver:
        receiver.through(receiver.enrol().batch([]))


def test_certificates_hold_whatever_a_gateways_clock_says(receiver):
    """From 2000, where an ESP32's clock starts, for twenty years from now: a wrong clock must not bar the way to the
    right time. And TLS is 1.2 or newer, always."""
    for name in ("anchor1", "anchor2", "endpoint"):
        certificate = x509.load_pem_x509_certificate((receiver.directory.ca / f"{name}.pem").read_bytes())
        assert certificate.not_valid_before_utc.year == 2000
        assert certificate.not_valid_after_utc.year >= 2045
        assert isinstance(certificate.public_key().curve, ec.SECP256R1)
    old = receiver.context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    receiver.context = lambda: old
    with pytest.raises(OSError):
        receiver.send(b"")
    plain = http.client.HTTPConnection("localhost", receiver.device_port, timeout=5)
    with pytest.raises((http.client.HTTPException, OSError)):
        plain.request("GET", "/v1/anchors")
        plain.getresponse()


# --- the command line

def netti(*arguments, **more):
    return subprocess.run([Process.NETTI, *arguments], capture_output=True, text=True, timeout=60, **more)


def test_init_once_and_bad_input_is_one_line(tmp_path):
    made = netti("receiver", "init", tmp_path / "w", "--works", "demo", "--name", "Demo vannverk")
    assert made.returncode == 0 and "netti receiver serve" in made.stdout
    assert (tmp_path / "w" / "ca" / "anchor1.key").stat().st_mode & 0o777 == 0o600
    for arguments in (("init", tmp_path / "w"), ("init", tmp_path / "x", "--works", "Ø"),
                      ("init", tmp_path / "x", "--host", "a b"), ("token", tmp_path / "x"), ("serve", tmp_path / "x"),
                      ("token", tmp_path / "w", "-n", "0"), ("revoke", tmp_path / "w", "short"),
                      ("serve", tmp_path / "w", "--simulated-clock", "x")):
        done = netti("receiver", *arguments)
        assert done.returncode == 2 and done.stderr.startswith("netti receiver: ") and done.stderr.count("\n") == 1
    assert not (tmp_path / "x").exists()


def test_keys_import_has_a_verdict_per_row(tmp_path):
    directory = make(tmp_path / "works")
    key = "000102030405060708090A0B0C0D0E0F"
    file = tmp_path / "keys.csv"
    file.write_text(f"\ufeffmeter;key\r\nKAM-12345678-1B-16;{key}\r\nAXI;00000001;10;07;{key.lower()}\r\n\r\n"
                    f"KAM-12345678-1B-16;{key}\r\nKAM-1234-1B-16;{key}\r\nKAM-12345679-1B-16;{key[:-2]}\r\n"
                    f"KAM-12345679-1B-16;{key[:-1]}G\r\nKAM-12345678-1B-16;{key[::-1]}\r\na;b;c\r\n", encoding="utf-8")
    done = netti("keys", "import", file, "--dir", directory.path)
    assert done.returncode == 1
    assert done.stdout.splitlines() == ["line 2: KAM-12345678-1B-16 added", "line 3: AXI-00000001-10-07 added",
                                        "line 5: KAM-12345678-1B-16 unchanged", "2 added, 5 bad, 1 unchanged"]
    errors = done.stderr.splitlines()
    assert [e.split(":")[0] for e in errors] == ["line 6", "line 7", "line 8", "line 9", "line 10"]
    assert "30 characters" in errors[1] and "not hex" in errors[2] and "twice" in errors[3] and "columns" in errors[4]
    assert key not in done.stdout + done.stderr and key[:-2] not in done.stderr, "keys are not repeated"
    file.write_text(f"manufacturer,id,version,type,key\nKAM,12345678,1B,16,{key[::-1]}\n")
    done = netti("keys", "import", file, "--dir", directory.path)
    assert (done.returncode, done.stdout.splitlines()) == (0, ["line 2: KAM-12345678-1B-16 replaced", "1 replaced"])
    assert netti("keys", "import", "-", "--dir", directory.path, input="meter;key\n").returncode == 2
    assert netti("keys", "import", tmp_path / "none.csv", "--dir", directory.path).returncode == 2
    assert netti("keys", "list", "--dir", tmp_path / "none").returncode == 2


def test_gateways_are_listed_while_it_runs_and_when_it_does_not(tmp_path):
    directory = make(tmp_path / "works")
    assert netti("receiver", "gateways", directory.path).stdout == ""
    with Running(directory) as receiver:
        gateway = receiver.enrol(name="Fyrveien 3")
        assert netti("receiver", "gateways", directory.path).stdout.split()[:2] == [gateway.id, "home"]
        assert netti("receiver", "revoke", directory.path, gateway.id.lower()).stdout.endswith("revoked\n")
    assert "revoked" in netti("receiver", "gateways", directory.path).stdout
    assert netti("receiver", "revoke", directory.path, gateway.id, "--undo").stdout.endswith("reinstated\n")
