"""docs/wire.md and docs/wire.cddl against the code: every kind of message, the examples byte by byte, real gateways."""

import asyncio
import hashlib
import io
import json
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import cbor2
import needs
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from netti_tools.simulate import wmbus_encoder
from receiver_support import Running, make
from wire_schema import CDDL, fits

import wmbus
from cloud_receiver.data.clock import Clock
from cloud_receiver.decoding.aes import aes
from cloud_receiver.office import trust
from firmware import wire
from firmware.crypto import ed25519
from firmware.wire import cbor, enrolment
from firmware.wire import envelope as wire_envelope
from firmware.wire import records as wire_records

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs/wire.md").read_text(encoding="utf-8")

SEED, COMMAND_SEED = bytes(range(32)), bytes(range(32, 64))
METER_KEY = bytes(range(16))
T = 1795503600  # 2026-11-24T07:00:00Z


def items(data):
    """The encoded items of a CBOR sequence."""
    stream, parts = io.BytesIO(data), []
    decoder = cbor2.CBORDecoder(stream)
    while stream.tell() < len(data):
        start = stream.tell()
        decoder.decode()
        parts.append(data[start:stream.tell()])
    return parts


def check_batch(data, works):
    """Every item of a batch, its protected header and what is signed follow the schema; returns the records."""
    envelope, head, *records = items(data)
    assert fits("envelope", envelope) and fits("head", head)
    for record in records:
        assert fits("record", record), record.hex()
    opened = wire_envelope.open_envelope(data, "batch", works)
    assert fits("sig-structure", opened.to_verify)
    assert cbor2.loads(cbor2.loads(opened.to_verify)[2]) == ["netti/1", "batch", works]
    return [cbor2.loads(r) for r in records]


# --- the schema

def test_every_record_the_gateway_can_write_follows_the_schema():
    meter = bytes.fromhex("2d2c785634121b16")
    records = (
        wire_records.telegram(1, T, -71, bytes(46)), wire_records.heard(2, T, meter, T // 86400, 200, -60, -71),
        wire_records.han_hour(3, T, T - 3600, 1234, 0, False), wire_records.event(4, 99, "epoch", "values"),
        wire_records.status(5, T, [["heard", 12], ["relayed", 3]]), wire_records.boot(6, 0, 3, "start"),
        wire_records.clock(7, 40, T, wire_records.CLOCK_HAN), wire_records.lost(8, T, 1, 5, 5),
        wire_records.position(9, T, 599139000, -107522000, 12), wire_records.result(10, T, 3, 0, ""))
    assert [cbor2.loads(r)[0] for r in records] == list(range(1, 11))
    for record in records:
        assert fits("record", record), record.hex()


def test_the_schema_refuses_what_the_contract_refuses():
    kid = bytes(10)
    header = {1: -8, 4: kid, 258: -16, 259: "application/cbor-seq"}
    envelope = [cbor2.dumps(header), {}, bytes(32), bytes(64)]
    assert fits("envelope", cbor2.dumps(envelope))
    for bad in ([cbor2.dumps({**header, 1: -7}), *envelope[1:]], [cbor2.dumps({**header, 3: 0}), *envelope[1:]],
                [envelope[0], {4: kid}, *envelope[2:]], [*envelope[:2], bytes(31), envelope[3]], envelope[:3]):
        assert not fits("envelope", cbor2.dumps(bad))
    for bad in ([11, 1, T], [1, 0, T, -71, bytes(20)], [1, 1, T, -129, bytes(20)],
                [1, 1, T, -71, bytes(20), 0], [6, 1, 0, 3]):
        assert not fits("record", cbor2.dumps(bad)), bad
    head = [bytes(8), 1, "0.1.0", 2, 1, 1]
    assert fits("head", cbor2.dumps(head))
    for bad in (head[:5], [bytes(7), *head[1:]], [*head[:3], 5, 1, 1], [*head[:2], "x" * 65, *head[3:]]):
        assert not fits("head", cbor2.dumps(bad)), bad


def test_answers_follow_the_schema():
    assert fits("answer", wire_envelope.answer(bytes(8), 0, T))
    assert fits("answer", wire_envelope.answer(bytes(8), 41, T, (b"\x84", b"\x84")))
    assert not fits("answer", cbor2.dumps({"epoch": bytes(8), "through": 0, "time": T}))


def test_commands_are_a_closed_list():
    kid = bytes(10)
    meters = [{"meter": "KAM-12345678-1B-16", "key": METER_KEY}, {"meter": "AXI-00000007-10-07", "key": None}]
    for name, arguments in (
            ("interval", {"seconds": 900}), ("relay", {"window": 3600, "media": [6, 7], "meters": ["KAM-*"]}),
            ("relay", {"window": 3600, "media": [22], "meters": None}), ("own-meters", {"meters": meters}),
            ("own-meters", {"meters": []}), ("rewind", {"epoch": bytes(8), "after": 0}),
            ("trust", {"url": "https://works.example:8443", "anchors": ["PEM"], "command_keys": [bytes(32)]}),
            ("update", {"version": "1.2.0", "url": "https://works.example:8443/releases/1.2.0"}), ("close-valve", {})):
        assert fits("command", cbor.encode([kid, 1, T, name, arguments])), name
    for name, arguments in (
            ("open-valve", {}), ("close-valve", {"open": True}), ("interval", {"seconds": 9}),
            ("relay", {"window": 3600, "media": [2], "meters": None}), ("run", {"code": "x"})):
        assert not fits("command", cbor.encode([kid, 1, T, name, arguments])), name


# --- the examples of docs/wire.md

def example_telegram():
    """A cold water meter's hour in security mode 5."""
    meter = wmbus_encoder.address("KAM", "12345678", 0x1B, 0x16)
    return wmbus_encoder.link(meter, wmbus_encoder.mode_5(meter, 0x2A, 0, bytes.fromhex("041393300000"), METER_KEY))


def example_batch():
    """Example 1: three records, signed by the gateway whose seed is 00 01 .. 1f."""
    public = ed25519.public_key(SEED)
    content = wire_envelope.head(bytes.fromhex("c0ffee0123456789"), 3, "0.1.0", wire_records.CLOCK_HAN, 1, 3) \
        + wire_records.boot(1, 0, 3, "start") + wire_records.clock(2, 40, T, wire_records.CLOCK_HAN) \
        + wire_records.telegram(3, T + 12, -71, example_telegram())
    digest = hashlib.sha256(content).digest()
    signature = ed25519.sign(SEED, public, wire_envelope.to_sign("batch", "demo", wire_envelope.kid(public), digest))
    return wire_envelope.envelope(wire_envelope.kid(public), digest, signature) + content


def example_answer():
    """Example 2: all three are durable, and the interval is to be 1800 s from now on."""
    key = Ed25519PrivateKey.from_private_bytes(COMMAND_SEED)
    public = trust.public_bytes(key)
    command = cbor.encode([wire_envelope.kid(ed25519.public_key(SEED)), 7, T + 86400, "interval", {"seconds": 1800}])
    digest = hashlib.sha256(command).digest()
    signature = key.sign(wire_envelope.to_sign("command", "demo", wire_envelope.kid(public), digest,
                                               "application/cbor"))
    signed = wire_envelope.envelope(wire_envelope.kid(public), digest, signature, "application/cbor") + command
    return wire_envelope.answer(bytes.fromhex("c0ffee0123456789"), 3, T + 15, (signed,))


def printed(number):
    """The bytes of an example in docs/wire.md: the hex left of each line's `#`."""
    block = re.search(rf"^### Example {number}.*?^```\n(.*?)^```", PAGE, re.M | re.S)
    assert block, f"docs/wire.md has no example {number}"
    return bytes.fromhex("".join(line.split("#")[0] for line in block[1].splitlines()))


def test_example_1_is_what_our_encoder_writes():
    data = example_batch()
    assert printed(1) == data
    records = check_batch(data, "demo")
    reading = wmbus.decode(records[2][4], METER_KEY, aes)
    assert reading["total_m3"] == 12.435 and wmbus.meter_text(wmbus.meter(records[2][4])) == "KAM-12345678-1B-16"


def test_example_2_is_what_our_encoder_writes():
    data = example_answer()
    assert printed(2) == data and fits("answer", data)
    (command,) = wire_envelope.open_answer(data).commands
    opened = wire_envelope.open_envelope(command, "command", "demo")
    public = trust.public_bytes(Ed25519PrivateKey.from_private_bytes(COMMAND_SEED))
    assert ed25519.verify(public, opened.to_verify, opened.signature) and fits("command", command[opened.end:])


def test_the_ids_of_the_page_are_those_of_its_keys():
    for text in (ed25519.public_key(SEED).hex(), wire_envelope.gateway_id(ed25519.public_key(SEED)),
                 trust.public_bytes(Ed25519PrivateKey.from_private_bytes(COMMAND_SEED)).hex()):
        assert text in PAGE, text


def test_the_page_names_every_rule_of_the_schema_and_every_number_of_the_code():
    for number in (wire.MAX_RECORDS, wire.MAX_RECORD):
        assert re.search(rf"\b{number}\b", PAGE.replace(",", "")), number
    for path in (wire.PATH, "/v1/gateways", "/v1/anchors", wire.CONTENT_TYPE):
        assert path in PAGE, path
    for status in (200, 400, 401, 403, 409, 413, 429, 503):
        assert re.search(rf"^\| {status}\b", PAGE, re.M) or f", {status} |" in PAGE, status
    for kind in cbor_names():
        assert re.search(rf"^\| \d+ {kind} ", PAGE, re.M), kind


def cbor_names():
    """The record kinds of the schema."""
    return re.search(r"^record = (.*)$", CDDL, re.M)[1].split(" / ")


# --- real gateways

class Air:
    """The far end of a gateway's radio: sends it bursts until stopped."""

    def __init__(self, telegrams):
        self._telegrams = telegrams
        self._server = None
        self.port = 0

    async def start(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, _reader, writer):
        try:
            while True:
                for telegram, mode in self._telegrams:
                    raw = wmbus_encoder.burst(telegram, mode)
                    writer.write((len(raw) + 1).to_bytes(2, "big") + bytes((256 - 70,)) + raw)
                await writer.drain()
                await asyncio.sleep(0.2)
        except ConnectionError:
            pass


def gateway_command(runtime, folder):
    if runtime == "cpython":
        return [sys.executable, "-m", "firmware.main", str(folder)]
    needs.skip_without("micropython")
    return [needs.micropython(), "-X", "heapsize=192wK", "-m", "firmware.main", str(folder)]


@pytest.mark.parametrize("runtime", ["cpython", "micropython"])
def test_batches_of_a_real_gateway_follow_the_schema(tmp_path, runtime):
    """A gateway process enrols, hears three meters, and what it posts over HTTPS is checked byte for byte."""
    bodies = []
    clock = Clock(time.time(), T, 60)
    receiver = Running(make(tmp_path / "receiver", "demo"), clock)
    take = receiver.receiver.devices.ingest._verify

    async def note(body, *rest):
        bodies.append(body)
        return await take(body, *rest)

    receiver.receiver.devices.ingest._verify = note
    air = Air([(example_telegram(), "T1"),
               (wmbus_encoder.link(m := wmbus_encoder.address("AXI", "00000007", 0x10, 0x07),
                                   wmbus_encoder.plain(m, 1, 0, bytes.fromhex("041393300000"))), "C1A"),
               (wmbus_encoder.link(h := wmbus_encoder.address("KAM", "87654321", 0x30, 0x04),
                                   wmbus_encoder.plain(h, 1, 0, bytes.fromhex("040693300000"))), "C1B")])
    with receiver:
        receiver.run(air.start())
        folder = tmp_path / "gateway"
        url = f"https://localhost:{receiver.device_port}"
        token = enrolment.token_text("demo", url, receiver.token(), trust.anchors(receiver.directory.ca)[0])
        subprocess.run([sys.executable, "-m", "netti_tools.cli", "gateway", "enrol", token, "--dir", str(folder)],
                       check=True, cwd=ROOT, timeout=60, capture_output=True)
        (folder / "config.json").write_text(json.dumps({
            "kind": "home", "interval": 60, "simulated": {"scale": 60},
            "radios": [{"radio": "bursts", "port": f"tcp://127.0.0.1:{air.port}"}]}))
        process = subprocess.Popen(gateway_command(runtime, folder), cwd=ROOT, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        killer = threading.Timer(90, process.kill)
        killer.start()
        try:
            receiver.wait_for(lambda s: len(receiver.meters()) >= 2 and len(bodies) >= 3, 60)
        finally:
            process.send_signal(signal.SIGTERM if runtime == "cpython" else signal.SIGINT)
            output = process.communicate(timeout=30)[0]
            killer.cancel()
    assert b"Traceback" not in output, output.decode()
    assert bodies
    records = [r for body in bodies for r in check_batch(body, "demo")]
    kinds = {r[0] for r in records}
    assert {wire_records.TELEGRAM, wire_records.BOOT, wire_records.CLOCK} <= kinds
    telegrams = [r[4] for r in records if r[0] == wire_records.TELEGRAM]
    assert example_telegram() in telegrams
    # The heat meter stays in the home.
    assert not any(wmbus.meter(t).type == 0x04 for t in telegrams)


# --- the pages' own word

def test_the_files_the_pages_name_exist():
    for page in ("wire.md", "security.md", "architecture.md"):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        links = re.findall(r"\]\(([a-z./]+)\)", text)
        paths = re.findall(r"`((?:firmware|cloud_receiver|wmbus|tools|tests|bench)/[\w./*]*)`", text)
        for link in links:
            assert (ROOT / "docs" / link).exists(), (page, link)
        for path in paths:
            assert list(ROOT.glob(path)), (page, path)
        assert links and paths
