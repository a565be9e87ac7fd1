"""Envelopes of gateways known before: taken as the contract's own reader takes them, whatever is turned over."""

import random
import types

import pytest
from receiver_support import Gateway, Meter

from cloud_receiver.edge import envelopes
from firmware import wire
from firmware.wire import envelope

PLAIN = Meter(11111111)


def outcome(open_, body):
    """What a reader makes of a body."""
    try:
        return open_(body)
    except wire.WireError as e:
        return str(e)


def readers():
    """(one that has verified a batch of two gateways, what the contract's reader says, the gateways)."""
    known, gateways = envelopes.Envelopes("works"), [Gateway(), Gateway()]
    for gateway in gateways:
        body = gateway.telegrams([PLAIN.telegram(1)])
        known.verified(body, known.open(body))
    return known, lambda body: envelope.open_envelope(body, "batch", "works"), gateways


def differences(known, slowly, gateways):
    """Bodies that the two readers take otherwise."""
    rng, different = random.Random(7), []
    good = [bytes(g.telegrams([PLAIN.telegram(n)])) for n, g in enumerate(gateways)]
    end = slowly(good[0]).end
    bodies = [*good, good[0][:end] + good[1][end:], good[0][:end - 66] + good[1][end - 66:], b""]
    bodies += [good[0][:n] for n in range(0, len(good[0]), 7)]
    bodies += [gateways[0].sign(good[0][end:], **other) for other in (
        {"works": "other"}, {"purpose": "command"}, {"content_type": "application/json"}, {"content_type": "x" * 20})]
    for _ in range(2000):
        bad = bytearray(rng.choice(good))
        bad[rng.randrange(end + 4)] = rng.randrange(256)
        if rng.random() < 0.2:
            del bad[rng.randrange(len(bad)):]
        bodies.append(bytes(bad))
    for body in bodies:
        if outcome(known.open, body) != outcome(slowly, body):
            different.append(body)
    return different


def test_a_known_gateway_is_read_as_the_contract_says(monkeypatch):
    known, slowly, gateways = readers()
    assert differences(known, slowly, gateways) == []
    calls = []
    monkeypatch.setattr(envelope, "open_envelope", lambda *a: calls.append(a))
    assert known.open(gateways[0].telegrams([PLAIN.telegram(2)])).kid == envelope.kid(gateways[0].public)
    assert not calls, "it was taken apart again"


class Anything:
    """Equal to all."""

    def __ne__(self, other):
        return False

    def digest(self):
        return self


class ByLittle(dict):
    """Finds whatever begins with the same ten bytes."""

    def get(self, key):
        return next((value for there, value in self.items() if there[:10] == key[:10]), None)


def no_digest(monkeypatch, known):
    monkeypatch.setattr(envelopes, "hashlib", types.SimpleNamespace(sha256=lambda rest: Anything()))


def no_signature_head(monkeypatch, known):
    monkeypatch.setattr(envelopes, "_SIGNATURE", Anything())


def by_little(monkeypatch, known):
    known._verified = ByLittle(known._verified)


@pytest.mark.parametrize("mutant", [no_digest, no_signature_head, by_little])
def test_the_check_sees_one_that_looks_less(monkeypatch, mutant):
    known, slowly, gateways = readers()
    mutant(monkeypatch, known)
    assert differences(known, slowly, gateways)


def test_no_more_are_remembered_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr(envelopes, "MOST", 3)
    known = envelopes.Envelopes("works")
    for _ in range(10):
        body = Gateway().telegrams([PLAIN.telegram(1)])
        known.verified(body, known.open(body))
        assert len(known._verified) <= 3
