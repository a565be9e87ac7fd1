"""What ingest answers: each line of the status table, and every hostile batch with its exact answer, nothing stored."""

import contextlib
import http.client
import os
import sqlite3
import zlib

import installed
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from receiver_support import NOW, Gateway, Meter, Running, make

import firmware.wire.records as wire_records
from cloud_receiver.data.prefixes import prefix
from cloud_receiver.edge.requests import Refused
from cloud_receiver.office.office import Office
from cloud_receiver.stores import Busy, StoreError, queries
from cloud_receiver.stores.jobs import batch, common_batch
from firmware import wire
from firmware.wire import envelope

PLAIN = Meter(11111111)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    with Running(make(tmp_path_factory.mktemp("receiver") / "works")) as running:
        # Many failures from one address are what these tests are about, but for the one on 429.
        running.receiver.devices.ingest.by_address.burst = 1e9
        running.receiver.devices.enrolment.by_address.burst = 1e9
        yield running


@pytest.fixture
def gateway(receiver):
    return receiver.enrol()


def refused(receiver, body, status, text=None):
    """The batch is refused with this status, and nothing of it is stored."""
    before = stored(receiver)
    answer = receiver.send(body)
    assert answer.status == status, (answer.status, answer.text)
    assert answer.headers["Content-Type"].startswith("text/plain") and answer.text.count("\n") == 1
    if text:
        assert text in answer.text
    assert stored(receiver) == before
    return answer


def stored(receiver):
    """The store's counts, but for how far the decoder has come."""
    return {name: n for name, n in receiver.summary().items() if name not in ("pending", "decoded", "held", "replayed")}


# --- the status table

def test_200_is_the_mark_and_the_time(receiver, gateway):
    answer = receiver.send(gateway.telegrams([PLAIN.telegram(n) for n in range(5)]))
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/cbor"
    assert envelope.open_answer(answer.body) == envelope.Answer(gateway.epoch, 5, NOW, [])


def test_400_a_head_that_cannot_be_read(receiver, gateway):
    refused(receiver, gateway.sign(b"\x80"), 400)
    refused(receiver, gateway.sign(envelope.head(gateway.epoch, 1, "0", 0, 1, 1)[:-1]), 400)
    refused(receiver, gateway.sign(b""), 400)


def test_401_unknown(receiver):
    refused(receiver, Gateway().telegrams([PLAIN.telegram(1)]), 401)


def test_401_revoked_and_taken_again_once_reinstated(receiver, gateway):
    body = gateway.telegrams([PLAIN.telegram(2)])
    office = Office(receiver.directory)
    office.enrolled.revoke(gateway.id, NOW)
    receiver.look()
    refused(receiver, body, 401)
    office.enrolled.reinstate(gateway.id)
    receiver.look()
    office.close()
    assert receiver.through(body) == 1


def test_403_signature(receiver, gateway):
    body = bytearray(gateway.telegrams([PLAIN.telegram(3)]))
    body[envelope.open_envelope(bytes(body), "batch", "works").end - 1] ^= 1
    refused(receiver, bytes(body), 403, "signature")


def test_409_same_range_other_content_and_a_new_epoch_delivers_it(receiver, gateway):
    first = gateway.telegrams([PLAIN.telegram(4)])
    assert receiver.through(first) == 1
    other = gateway.batch([wire_records.telegram(1, NOW, -70, PLAIN.telegram(44))])
    before = receiver.summary()
    assert receiver.send(other).status == 409
    after = receiver.summary()
    assert after["equivocations"] == before["equivocations"] + 1 and after["telegrams"] == before["telegrams"]
    assert receiver.through(first) == 1, "what was taken is still acknowledged"
    gateway.epoch = os.urandom(8)
    assert receiver.through(gateway.batch([wire_records.telegram(1, NOW, -70, PLAIN.telegram(44))])) == 1
    shown = receiver.gateway(gateway.id)
    twice = receiver.read(queries.rings.equivocations, shown["row"])
    assert [(q["first"], q["last"]) for q in twice] == [(1, 1)]
    assert [e["equivocations"] for e in shown["epochs"]] == [1, 0]


def test_413_bytes_and_records(receiver, gateway):
    refused(receiver, gateway.batch([bytes(wire.MAX_BATCH)], first=1, last=1), 413)
    many = [wire_records.event(gateway.next(), NOW, "e", "") for _ in range(wire.MAX_RECORDS + 1)]
    refused(receiver, gateway.batch(many), 413)
    gateway.seq = 0
    most = [wire_records.event(gateway.next(), NOW, "e", "") for _ in range(wire.MAX_RECORDS)]
    assert receiver.through(gateway.batch(most)) == wire.MAX_RECORDS


def test_413_without_a_length(receiver, gateway):
    """A chunked body is cut off where it gets too long; nobody has to read it to its end."""
    refused(receiver, (b"x" * 4096 for _ in range(64)), 413)


@pytest.fixture
def strict(receiver):
    """Three failures of each kind, and no time passes."""
    ingest = receiver.receiver.devices.ingest
    was = [(limits, limits.burst, limits.clock) for limits in (ingest.by_address, ingest.by_claim)]
    for limits, *_ in was:
        limits.burst, limits.clock = 3, lambda: 1000.0
        limits.clear()
    yield ingest
    for limits, burst, clock in was:
        limits.burst, limits.clock = burst, clock
        limits.clear()


def test_429_an_address_that_keeps_failing(receiver, strict):
    stranger = Gateway()
    assert [receiver.send(stranger.batch([])).status for _ in range(5)] == [401] * 3 + [429] * 2
    answer = refused(receiver, b"no envelope", 429)
    assert int(answer.headers["Retry-After"]) >= 1


def test_an_enrolled_gateways_batch_is_served_whatever_else_comes_from_its_address(receiver, strict):
    """A thousand batches forged in its name and a thousand of strangers, all behind one address (carrier NAT)."""
    victim, forger = receiver.enrol(), Gateway()
    forged = victim.sign(victim.content([]), key=forger.key)
    connection = http.client.HTTPSConnection("localhost", receiver.device_port, context=receiver.context(), timeout=20)
    with contextlib.closing(connection):
        for body, statuses in ((forged, {403}), (forger.batch([]), {401, 429})):
            for _ in range(1000):
                connection.request("POST", "/v1/batches", body, {"Content-Type": wire.CONTENT_TYPE})
                response = connection.getresponse()
                response.read()
                assert response.status in statuses
    assert receiver.through(victim.telegrams([PLAIN.telegram(5)])) == 1
    assert receiver.through(receiver.enrol().batch([])) == 0, "and one that was enrolled just now"


@pytest.mark.parametrize("rule", ["address", "claim"])
def test_seen_where_failures_lock_a_gateway_out(receiver, strict, monkeypatch, rule):
    """Known-bad: failures are asked about before the signature, by address or by whom a batch names."""
    real = type(strict)._verified

    async def verified(self, request, body):
        if rule == "address" and self.by_address.wait(prefix(request.remote)):
            raise Refused(429, "too many failed batches from this address", 1)
        if rule == "claim" and len(self.by_claim):
            raise Refused(429, "too many failed batches", 1)
        return await real(self, request, body)
    monkeypatch.setattr(type(strict), "_verified", verified)
    with pytest.raises(AssertionError):
        test_an_enrolled_gateways_batch_is_served_whatever_else_comes_from_its_address(receiver, strict)


def test_a_claim_that_fails_too_often_takes_turns_until_it_has_proved_itself(receiver, strict):
    victim = receiver.enrol()
    forged = victim.sign(victim.content([]), key=Gateway().key)
    turns = []
    real = strict._turn
    strict._turn = lambda address: (turns.append(address), real(address))[1]
    try:
        for _ in range(3):
            assert receiver.send(forged).status == 403
        assert not turns
        assert receiver.send(forged).status == 403 and len(turns) == 1
        connection = http.client.HTTPSConnection("localhost", receiver.device_port, context=receiver.context())
        with contextlib.closing(connection):
            for _ in range(3):
                connection.request("POST", "/v1/batches", victim.batch([]))
                response = connection.getresponse()
                assert response.status == 200 and response.read()
        assert len(turns) == 2, "the first of its connection"
    finally:
        strict._turn = real


def test_a_token_enrols_whatever_else_comes_from_its_address(receiver):
    limits = receiver.receiver.devices.enrolment.by_address
    was, limits.burst = limits.burst, 2
    limits.clear()
    try:
        for status in (403, 403, 429):
            assert receiver.device("POST", "/v1/gateways", Gateway().enrolment("none")).status == status
        assert receiver.through(receiver.enrol().batch([])) == 0
    finally:
        limits.burst = was
        limits.clear()


def test_429_a_gateway_that_sends_too_often(receiver, gateway):
    limits = receiver.receiver.devices.ingest.by_gateway
    was, limits.burst, limits.rate = (limits.burst, limits.rate), 2, 0.01
    limits.clear()
    try:
        for _ in range(2):
            receiver.through(gateway.batch([]))
        answer = refused(receiver, gateway.telegrams([PLAIN.telegram(5)]), 429)
        assert int(answer.headers["Retry-After"]) >= 1
        receiver.through(receiver.enrol().batch([]))
    finally:
        limits.burst, limits.rate = was
        limits.clear()


def test_503_while_the_disk_is_full_and_taken_when_it_is_not(receiver, gateway):
    def limit(db, pages):
        return db.execute(f"PRAGMA max_page_count={pages}").fetchone()[0]

    body = gateway.telegrams([PLAIN.telegram(10_000 + n) for n in range(400)])
    most = receiver.run(_submitted(receiver, limit, 1))  # SQLite takes the present size for less
    try:
        answer = refused(receiver, body, 503)
        assert int(answer.headers["Retry-After"]) >= 1
    finally:
        receiver.run(_submitted(receiver, limit, 1 << 30))
    assert most > 1 and receiver.through(body) == 400


async def _submitted(receiver, job, *args):
    return await receiver.receiver.store.writer.submit(job, *args)


def test_503_when_too_many_wait(receiver, gateway, monkeypatch):
    body = gateway.telegrams([PLAIN.telegram(6)])
    with monkeypatch.context() as m:
        m.setattr("cloud_receiver.stores.writer.MAX_WAITING", 0)
        assert int(refused(receiver, body, 503).headers["Retry-After"]) >= 1
    with monkeypatch.context() as m:
        m.setattr("cloud_receiver.edge.ingest.MAX_VERIFYING", 0)
        assert int(refused(receiver, body, 503).headers["Retry-After"]) >= 1
    assert receiver.through(body) == 1


@pytest.mark.parametrize("trouble", [StoreError("the database does not answer"), Busy(), sqlite3.OperationalError()])
def test_503_when_a_gateway_cannot_be_looked_up(receiver, monkeypatch, trouble):
    """One that has not sent before, while the database is away."""
    newcomer = receiver.enrol()
    body = newcomer.telegrams([PLAIN.telegram(15)])

    async def away(*arguments):
        raise trouble

    with monkeypatch.context() as m:
        m.setattr(receiver.receiver.store, "read", away)
        answer = receiver.send(body)
        assert answer.status == 503 and int(answer.headers["Retry-After"]) >= 1, (answer.status, answer.text)
    assert receiver.through(body) == 1


def test_503_when_the_store_stalls(receiver, gateway, monkeypatch):
    """A store that hangs is not waited for, and what it did store after all is known when it comes again."""
    body = gateway.telegrams([PLAIN.telegram(14)])
    store_batch, go_on = receiver.receiver.store.store_batch, []

    async def hangs(*arguments):
        import asyncio
        waiting = asyncio.ensure_future(store_batch(*arguments))  # as a job in the writer's queue: nobody calls it back
        go_on.append(waiting)
        await asyncio.Event().wait()

    with monkeypatch.context() as m:
        m.setattr(receiver.receiver.devices.ingest.deadline, "seconds", 0.05)
        m.setattr(receiver.receiver.store, "store_batch", hangs)
        answer = receiver.send(body)
        assert answer.status == 503 and int(answer.headers["Retry-After"]) >= 1, (answer.status, answer.text)
    receiver.run(_done(go_on[0]))
    before = receiver.summary()["telegrams"]
    assert receiver.through(body) == 1 and receiver.summary()["telegrams"] == before


async def _done(future):
    await future


# --- hostile batches

def test_cut_anywhere_is_refused(receiver, gateway):
    body = gateway.telegrams([PLAIN.telegram(7)])
    for n in list(range(0, len(body), 7)) + [len(body) - 1]:
        refused(receiver, body[:n], 403)
    assert receiver.through(body) == 1


def test_lengthened_is_refused(receiver, gateway):
    refused(receiver, gateway.telegrams([PLAIN.telegram(8)]) + b"\x00", 403)


def test_forged(receiver, gateway):
    """Another key under this gateway's name, and this key under another enrolled gateway's name."""
    content = gateway.content([wire_records.telegram(1, NOW, -70, PLAIN.telegram(9))], first=1, last=1)
    stranger = Ed25519PrivateKey.generate()
    refused(receiver, gateway.sign(content, key=stranger), 403)
    refused(receiver, gateway.sign(content, kid=envelope.kid(receiver.enrol().public)), 403)


def test_another_works_another_purpose_another_type(receiver, gateway):
    content = gateway.content([wire_records.telegram(1, NOW, -70, PLAIN.telegram(12))], first=1, last=1)
    refused(receiver, gateway.sign(content, works="other"), 403)
    refused(receiver, gateway.sign(content, purpose="command"), 403)
    refused(receiver, gateway.sign(content, purpose="release"), 403)
    refused(receiver, gateway.sign(content, content_type="application/json"), 403)


def test_downgraded_algorithm(receiver, gateway):
    """Another algorithm in the header is refused, whatever it is signed with."""
    content = gateway.content([], epoch=gateway.epoch)
    good = gateway.sign(content)
    for ours, theirs in ((b"\x01\x27", b"\x01\x05"), (b"\x01\x27", b"\x01\x26"),
                         (b"\x2f\x19\x01\x03", b"\x2e\x19\x01\x03")):
        assert good.count(ours) == 1
        refused(receiver, good.replace(ours, theirs), 403)


def test_every_flipped_bit_of_the_envelope_is_refused(receiver, gateway):
    body = gateway.telegrams([PLAIN.telegram(13)])
    end = envelope.open_envelope(body, "batch", "works").end
    statuses = set()
    for bit in range(0, end * 8, 5):
        bad = bytearray(body)
        bad[bit >> 3] ^= 1 << (bit & 7)
        statuses.add(receiver.send(bytes(bad)).status)
    assert statuses <= {401, 403}
    assert receiver.through(body) == 1


def test_replay_and_reordering_change_nothing(receiver, gateway):
    bodies = [gateway.telegrams([PLAIN.telegram(100 + n)], time=NOW - 5000 + n) for n in range(4)]
    before = receiver.summary()["telegrams"]
    assert [receiver.through(bodies[n]) for n in (2, 0, 3, 1, 0, 2, 3, 1)] == [3, 3, 4, 4, 4, 4, 4, 4]
    summary = receiver.summary()
    assert summary["telegrams"] == before + 4, "what a jump left out is taken when it comes"
    epoch = receiver.gateway(gateway.id)["epochs"][0]
    assert (epoch["through"], epoch["gaps"]) == (4, [])


def test_gaps_are_visible_until_they_are_filled(receiver, gateway):
    bodies = [gateway.telegrams([PLAIN.telegram(200 + 10 * n + k) for k in range(3)]) for n in range(4)]

    def gaps():
        return receiver.gaps(gateway.id)

    receiver.through(bodies[3])
    assert gaps() == [[1, 9]]
    receiver.through(bodies[1])
    assert gaps() == [[1, 3], [7, 9]]
    receiver.through(bodies[0])
    receiver.through(bodies[2])
    assert gaps() == []


def test_a_hole_inside_a_batch_is_a_gap(receiver, gateway):
    records = [wire_records.event(n, NOW, "e", "") for n in (1, 2, 5)]
    assert receiver.through(gateway.batch(records, first=1, last=6)) == 6
    assert receiver.gaps(gateway.id) == [[3, 4], [6, 6]]


def test_what_cannot_be_read_is_stored_and_acknowledged(receiver, gateway):
    """A signed batch is never refused for its content."""
    bad = [b"\x83\x18\x63\x01\x00",  # an unknown type
           b"\x85\x01\x02\x00\x00\x41\x00",  # a telegram too short to be one
           b"\xa0", b"\x81" * 40 + b"\x00", b"\xc1\x00", b"\x9f\xff", os.urandom(5) and b"\xff\xfe\xfd"]
    before = receiver.summary()
    for n, record in enumerate(bad, 1):
        assert receiver.through(gateway.batch([record], first=n, last=n)) == n
    after = receiver.summary()
    assert after["opaque"] == before["opaque"] + len(bad) and after["telegrams"] == before["telegrams"]


def test_lost_answer_and_resend_with_other_records_behind(receiver, gateway):
    """The answer was lost; meanwhile the ring grew, and the batch is cut differently."""
    records = [wire_records.telegram(gateway.next(), NOW - 60, -70, PLAIN.telegram(300 + n)) for n in range(10)]
    before = receiver.summary()["telegrams"]
    receiver.through(gateway.batch(records[:6], first=1, last=6))
    assert receiver.through(gateway.batch(records[:9], first=1, last=9)) == 9
    assert receiver.through(gateway.batch(records[2:], first=3, last=10)) == 10
    assert receiver.summary()["telegrams"] == before + 10


def test_nothing_is_unpacked(receiver, gateway):
    body = gateway.telegrams([PLAIN.telegram(9)])
    answer = receiver.device("POST", "/v1/batches", zlib.compress(body), {"Content-Encoding": "deflate"})
    assert answer.status == 403
    assert receiver.through(body) == 1


def test_a_body_that_does_not_come(receiver, monkeypatch):
    monkeypatch.setattr("cloud_receiver.edge.ingest.BODY_S", 0.2)
    answer = receiver.device("POST", "/v1/batches", None, {"Content-Length": "100"})
    assert answer.status == 408


@pytest.mark.parametrize("where", ["general", "common"])
def test_a_defect_of_ours_does_not_hold_up_a_spool(receiver, gateway, monkeypatch, where):
    def defect(*_):
        raise KeyError("nobody thought of this")

    before = receiver.summary()
    if where == "common":
        monkeypatch.setattr(common_batch, "enter", defect)
    else:
        monkeypatch.setattr(common_batch, "rows", lambda *_: None)
        monkeypatch.setitem(batch.ENTRIES, wire_records.TELEGRAM, defect)
    assert receiver.through(gateway.telegrams([PLAIN.telegram(9), PLAIN.telegram(10)])) == 2
    after = receiver.summary()
    assert (after["opaque"], after["telegrams"]) == (before["opaque"] + 2, before["telegrams"])


def test_figures_at_the_edge_break_no_page(receiver, gateway):
    """The largest figures the contract lets through, twice: every sum and every page still works."""
    most, seq = (1 << 62) - 1, wire.LAST_SEQ
    for _ in range(2):
        n = gateway.next
        records = [wire_records.telegram(n(), most, -128, PLAIN.telegram(1)),
                   wire_records.heard(n(), most, PLAIN.address, NOW // 86400, most, -1, -128),
                   wire_records.heard(n(), most, PLAIN.address, NOW // 86400, (1 << 32) - 1, -1, -128),
                   wire_records.heard(n(), 0, PLAIN.address, (1 << 20) - 1, (1 << 32) - 1, 127, 127),
                   wire_records.han_hour(n(), most, most, most, most, True),
                   wire_records.han_hour(n(), most, NOW, most >> 23, 0, True),
                   wire_records.event(n(), most, "x" * 512, ""), wire_records.status(n(), most,
                                                                                     [["a", most], ["b", -most]]),
                   wire_records.boot(n(), most, most, "x"), wire_records.clock(n(), most, most, 4),
                   wire_records.clock(n(), 0, most, most),
                   wire_records.lost(n(), most, 0, seq, most), wire_records.lost(n(), most, 0, seq, (1 << 40) - 1),
                   wire_records.position(n(), most, -most, most, most), wire_records.result(n(), most, most, -most,
                                                                                            "x")]
        gateway.boot = envelope.MAX_BOOT
        receiver.through(gateway.sign(gateway.content(records, clock=envelope.MAX_CLOCK)))
    assert receiver.through(gateway.batch([], first=seq, last=seq)) == seq
    for path in installed.addresses({"gateway": gateway.id, "meter": PLAIN.text}):
        assert receiver.web(path).status == 200, path


def test_unenrolled_paths_and_methods(receiver):
    assert receiver.device("GET", "/v1/batches").status == 405
    assert receiver.device("GET", "/v1/meters").status == 404, "the works' API is not on the gateways' port"
    assert receiver.web("/v1/batches", "POST", b"x").status == 404, "batches are not taken on the pages' port"


def test_digest_is_of_the_record_bytes(receiver, gateway):
    """The head is made per attempt: another boot count with the same records is a resend, not a conflict."""
    records = [wire_records.event(gateway.next(), NOW, "e", "x")]
    assert receiver.through(gateway.batch(records)) == 1
    gateway.boot += 1
    assert receiver.through(gateway.batch(records)) == 1
