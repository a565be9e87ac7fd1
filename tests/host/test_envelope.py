"""Our envelopes against other people's COSE and CBOR, and against a running receiver."""

import hashlib
import io

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from envelopes import EPOCH, OTHER_SEED, PUBLIC, SEED, TELEGRAM, TIME, WORKS, content, made, matrix, put
from hypothesis import given, settings
from hypothesis import strategies as st
from pycose.algorithms import EdDSA
from pycose.headers import KID, Algorithm
from pycose.keys import OKPKey
from pycose.keys.curves import Ed25519
from pycose.messages import Sign1Message
from receiver_support import FixedClock, Gateway, Running, make

from cloud_receiver.data.content import read
from firmware import wire
from firmware.crypto import ed25519
from firmware.wire import cbor
from firmware.wire import envelope as wire_envelope
from firmware.wire import records as wire_records

KID_BYTES = wire_envelope.kid(PUBLIC)
AAD = cbor2.dumps(["netti/1", "batch", WORKS])


def items(data):
    """The items of a CBOR sequence, as cbor2 reads them."""
    stream, parts = io.BytesIO(data), []
    decoder = cbor2.CBORDecoder(stream)
    while stream.tell() < len(data):
        parts.append(decoder.decode())
    return parts


def ours():
    """A batch as a gateway writes it: our CBOR, our SHA-512, our Ed25519."""
    body = wire_envelope.head(EPOCH, 3, "0.1.0", wire_records.CLOCK_HAN, 1, 3) + wire_records.boot(1, 0, 3, "start") \
        + wire_records.clock(2, 40, TIME, wire_records.CLOCK_HAN) + wire_records.telegram(3, TIME, -71, TELEGRAM)
    digest = hashlib.sha256(body).digest()
    signature = ed25519.sign(SEED, PUBLIC, wire_envelope.to_sign("batch", WORKS, KID_BYTES, digest))
    return wire_envelope.envelope(KID_BYTES, digest, signature) + body


def test_pycose_verifies_our_batch():
    data = ours()
    envelope = items(data)[0]
    message = Sign1Message.from_cose_obj(list(envelope), True)
    message.key = OKPKey(crv=Ed25519, x=PUBLIC)
    message.external_aad = AAD
    assert message.verify_signature()
    assert message.phdr[Algorithm] is EdDSA and message.phdr[KID] == KID_BYTES
    assert message.phdr[258] == -16 and message.phdr[259] == "application/cbor-seq" and not message.uhdr
    assert message.payload == hashlib.sha256(data[len(cbor2.dumps(envelope)):]).digest()
    message.external_aad = cbor2.dumps(["netti/1", "command", WORKS])
    assert not message.verify_signature()


def test_a_batch_of_pycose_verifies_here():
    body = content()
    message = Sign1Message(phdr={Algorithm: EdDSA, KID: KID_BYTES, 258: -16, 259: "application/cbor-seq"},
                           payload=hashlib.sha256(body).digest(), external_aad=AAD)
    message.key = OKPKey(crv=Ed25519, x=PUBLIC, d=SEED)
    data = message.encode(tag=False) + body
    envelope = wire_envelope.open_envelope(data, "batch", WORKS)
    assert envelope.kid == KID_BYTES and data[envelope.end:] == body
    assert ed25519.verify(PUBLIC, envelope.to_verify, envelope.signature)
    # Ed25519 is deterministic, the protected header has one form: it is the very same batch.
    assert data == put(*made(body))


def test_cbor2_and_cryptography_alone_verify_our_batch():
    """What docs/wire.md tells a stranger to do, done with nothing of ours."""
    data = ours()
    protected, unprotected, digest, signature = items(data)[0]
    header = cbor2.loads(protected)
    assert header == {1: -8, 4: KID_BYTES, 258: -16, 259: "application/cbor-seq"} and unprotected == {}
    assert cbor2.dumps(header, canonical=True) == protected
    end = len(cbor2.dumps([protected, {}, digest, signature]))
    assert hashlib.sha256(data[end:]).digest() == digest
    Ed25519PublicKey.from_public_bytes(PUBLIC).verify(signature, cbor2.dumps(["Signature1", protected, AAD, digest]))
    assert items(data)[1:] == [[EPOCH, 3, "0.1.0", 4, 1, 3], [6, 1, 0, 3, "start"], [7, 2, 40, TIME, 4],
                               [1, 3, TIME, -71, TELEGRAM]]


def test_cbor2_and_cryptography_alone_make_a_batch_that_verifies_here():
    body = cbor2.dumps([EPOCH, 1, "x", 0, 1, 1]) + cbor2.dumps([4, 1, 5, "door", "open"])
    protected = cbor2.dumps({1: -8, 4: KID_BYTES, 258: -16, 259: "application/cbor-seq"})
    digest = hashlib.sha256(body).digest()
    key = Ed25519PrivateKey.from_private_bytes(SEED)
    signature = key.sign(cbor2.dumps(["Signature1", protected, AAD, digest]))
    data = cbor2.dumps([protected, {}, digest, signature]) + body
    envelope = wire_envelope.open_envelope(data, "batch", WORKS)
    assert ed25519.verify(PUBLIC, envelope.to_verify, envelope.signature)
    assert wire_envelope.open_head(data, envelope.end)[0].firmware == "x"


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    with Running(make(tmp_path_factory.mktemp("receiver"), WORKS), FixedClock(TIME + 60)) as running:
        for seed in (SEED, OTHER_SEED):
            running.enrol(Gateway(WORKS, seed))
        yield running


def test_the_matrix_at_a_running_receiver(receiver):
    """Each body gets its exact answer, and only what was answered 200 is stored."""
    # Refusals cost an address its budget; that is another test's matter.
    receiver.receiver.devices.ingest.by_address.burst = 1e6
    receiver.receiver.devices.ingest.by_address.clear()
    got, want = {}, {}
    for name, body, status in matrix():
        answer = receiver.send(body)
        got[name], want[name] = answer.status, status
        if answer.status == 200:
            a = wire_envelope.open_answer(answer.body)
            assert (a.epoch, a.through, a.commands) == (EPOCH, 1, [])
        else:
            assert answer.text.endswith("\n") and answer.text.count("\n") == 1 and b"Traceback" not in answer.body
    assert got == want
    gateways = {g["id"]: g for g in receiver.gateways()}
    mine = gateways.pop(wire_envelope.gateway_id(PUBLIC))
    assert [(e["epoch"], e["through"]) for e in mine["epochs"]] == [(EPOCH.hex().upper(), 1)]
    assert all(g["epochs"] == [] and g["last_contact"] is None for g in gateways.values())
    assert receiver.meters()[0]["heard_by"] == 1


KINDS = {  # kind of a hostile batch -> (how the names of its rows in the matrix begin, the one answer)
    "forged": (("signature", "content changed", "content and digest", "record added", "s not", "r of small"), 403),
    "truncated": (("cut to", "records taken away"), 403),
    "cross-works": (("works ",), 403),
    "cross-purpose": (("purpose ", "content type"), 403),
    "downgraded": (("algorithm", "hash algorithm"), 403),
    "swapped kid": (("kid of another", "signed for another"), 403),
    "reordered": (("records reordered",), 403),
    "unknown": (("a gateway nobody",), 401),
    "good": (("good",), 200),
}


def test_the_matrix_has_every_kind():
    """Oversized, replayed and reordered as a whole: the two tests below; commands: tests/test_gateway_orders.py."""
    rows = [(name, status) for name, _body, status in matrix()]
    for kind, (starts, status) in KINDS.items():
        for start in starts:
            statuses = [s for name, s in rows if name.startswith(start)]
            assert statuses and set(statuses) == {status}, (kind, start, statuses)


def test_replayed_and_reordered_batches_are_taken_once_each(receiver):
    """Whole batches, well signed, by whoever recorded them: in any order and again, every record is there once."""
    gateway = receiver.enrol()

    def sent(first, count):
        bodies = [wire_records.event(seq, TIME, "e", str(seq)) for seq in range(first, first + count)]
        return gateway.batch(bodies, first=first, last=first + count - 1)
    one, two, three = sent(1, 2), sent(3, 2), sent(5, 2)
    for body, through in ((three, 6), (one, 6), (three, 6), (two, 6), (one, 6), (two, 6)):
        answer = receiver.send(body)
        assert answer.status == 200 and wire_envelope.open_answer(answer.body).through == through
    kept = receiver.run(receiver.receiver.store.read(lambda db: db.execute(
        "SELECT r.seq FROM records r JOIN epochs e ON e.id = r.epoch WHERE e.epoch = ? ORDER BY r.seq",
        (gateway.epoch,)).fetchall()))
    assert [row[0] for row in kept] == [1, 2, 3, 4, 5, 6]


def test_other_content_is_seen_in_any_range_that_was_taken_before(receiver):
    """A gateway that was cut off before it heard its 409 has more to send by now: the range is not the same."""
    gateway = receiver.enrol()

    def records(first, last, text=""):
        return [wire_records.event(seq, TIME, "e", f"{seq}{text}") for seq in range(first, last + 1)]

    def status(bodies, first):
        return receiver.send(gateway.batch(bodies, first=first, last=first + len(bodies) - 1)).status
    assert status(records(1, 3), 1) == status(records(4, 6), 4) == 200
    for first, bodies in ((1, records(1, 2) + records(3, 3, "x") + records(4, 8)), (4, records(4, 9, "x")),
                          (2, records(2, 3) + records(4, 6, "x"))):
        assert status(bodies, first) == 409, first
    assert [e["through"] for e in receiver.gateway(gateway.id)["epochs"]] == [6]
    assert status(records(1, 8), 1) == 200  # the same again, with more behind it
    # A record that its flash has lost since is no other content.
    answer = receiver.send(gateway.batch(records(1, 1) + records(3, 9), first=1, last=9))
    assert answer.status == 200 and wire_envelope.open_answer(answer.body).through == 9


def test_too_large_and_equivocating_batches(receiver):
    receiver.send(put(*made()))
    assert receiver.send(put(*made(content() + bytes(wire.MAX_BATCH)))).status == 413
    assert receiver.send(put(*made(content(1, wire.MAX_RECORDS + 1)))).status == 413
    assert receiver.send(put(*made(content(rssi=-30)))).status == 409
    assert receiver.send(put(*made())).status == 200


# Whatever CBOR can say, of kinds nobody expects, at every place where the contract expects something else.
scalars = st.one_of(st.none(), st.booleans(), st.integers(-(1 << 64), (1 << 64) - 1), st.binary(max_size=70),
                    st.text(max_size=20), st.sampled_from([1, 4, 258, 259, -8, -16, "epoch", "through", "time",
                                                           "commands", KID_BYTES, bytes(32), bytes(64), EPOCH]))
anything = st.recursive(scalars, lambda inner: st.one_of(st.lists(inner, max_size=7),
                                                         st.dictionaries(scalars, inner, max_size=5)), max_leaves=12)


def only_wire_errors(function, *args):
    """What a function returns, or None where it raised the one error it may raise."""
    try:
        return function(*args)
    except wire.WireError:
        return None


@settings(max_examples=400)
@given(anything, anything, anything, anything, st.binary(max_size=40))
def test_no_value_in_an_envelope_does_more_than_be_refused(header, unprotected, digest, signature, rest):
    for opening in ([cbor2.dumps(header), unprotected, digest, signature],
                    [cbor2.dumps(header), {}, hashlib.sha256(rest).digest(), bytes(64)],
                    [header, unprotected, digest, signature], header):
        outcome = only_wire_errors(wire_envelope.open_envelope, cbor2.dumps(opening) + rest, "batch", WORKS)
        assert outcome is None or header == {1: -8, 4: outcome.kid, 258: -16, 259: outcome.content_type}


@settings(max_examples=400)
@given(anything, st.lists(anything, max_size=6), st.binary(max_size=40))
def test_no_value_in_a_head_record_or_answer_does_more_than_be_refused(value, fields, rest):
    for item in (value, fields, [EPOCH, 1, "0.1.0", 1, *fields], {"epoch": EPOCH, "through": 1, "time": 1, "x": value}):
        raw = cbor2.dumps(item)
        only_wire_errors(wire_envelope.open_head, raw + rest, 0)
        only_wire_errors(wire_envelope.open_answer, raw)
    for item in (value, fields, *([kind, 1, 99, *fields] for kind in range(1, 12))):
        records_read = read(cbor2.dumps(item) + rest, 1, 500)
        assert b"".join(r.body for r in records_read) == cbor2.dumps(item) + rest


@settings(max_examples=300)
@given(st.binary(max_size=300))
def test_no_bytes_do_more_than_be_refused(data):
    assert only_wire_errors(wire_envelope.open_envelope, data, "batch", WORKS) is None
    only_wire_errors(wire_envelope.open_head, data, 0)
    only_wire_errors(wire_envelope.open_answer, data)
    try:
        value = cbor.decode_all(data)
    except cbor.CborError:
        return
    assert cbor.encode(value) == data or isinstance(value, dict)
