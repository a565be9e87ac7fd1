"""Envelopes with our own Ed25519: the matrix of what must be refused, at the codec, on both runtimes."""

from envelopes import EPOCH, OTHER, OTHER_SEED, PUBLIC, SEED, WORKS, made, matrix, put

from firmware import wire
from firmware.crypto import ed25519
from firmware.wire import WireError, cbor, records
from firmware.wire import envelope as envelope_module
from firmware.wire import envelope as wire_envelope

ENROLLED = {wire_envelope.kid(PUBLIC): PUBLIC, wire_envelope.kid(OTHER): OTHER}


def verdict(body, purpose="batch", works=WORKS, verify=ed25519.verify):
    """What a receiver answers, short of storing."""
    try:
        envelope = wire_envelope.open_envelope(body, purpose, works)
    except WireError:
        return 403
    if envelope.content_type != wire.CONTENT_TYPE:
        return 403
    public = ENROLLED.get(envelope.kid)
    if public is None:
        return 401
    if not verify(public, envelope.to_verify, envelope.signature):
        return 403
    try:
        wire_envelope.open_head(body, envelope.end)
    except WireError:
        return 400
    return 200


def wrong(verdict_of):
    """The names of the matrix that a receiver answers otherwise than it must."""
    return [name for name, body, status in matrix() if verdict_of(body) != status]


def test_every_envelope_of_the_matrix_gets_its_answer():
    assert wrong(verdict) == []


def test_the_matrix_sees_a_receiver_that_does_not_verify():
    assert len(wrong(lambda body: verdict(body, verify=lambda *_: True))) > 20


def test_the_matrix_sees_what_is_not_bound_to_purpose_or_works():
    right = envelope_module._sig_structure
    for forget in ("purpose", "works"):
        def lax(protected, purpose, works, digest, forget=forget):
            purposes = ("batch", "command", "release") if forget == "purpose" else (purpose,)
            names = ("works", "other") if forget == "works" else (works,)
            return [right(protected, p, w, digest) for p in purposes for w in names]

        envelope_module._sig_structure = lax
        try:
            missed = wrong(lambda body: verdict(body, verify=lambda public, messages, signature: any(
                ed25519.verify(public, m, signature) for m in messages)))
        finally:
            envelope_module._sig_structure = right
        assert missed == (["purpose 'command'", "purpose 'release'"] if forget == "purpose" else ["works 'other'"])


def test_the_matrix_sees_a_lenient_parser():
    """A receiver that takes the protected header as it comes and looks only at the kid."""
    right = wire_envelope.open_envelope

    def lenient(body, purpose, works):
        parts, end = cbor.decode(body)
        protected, _, digest, signature = parts
        kid = cbor.decode(protected)[0][4]
        return wire_envelope.Envelope(kid, wire.CONTENT_TYPE, digest, signature,
                              envelope_module._sig_structure(protected, purpose, works, digest), end)

    def tried(body):
        try:
            return verdict(body)
        except (WireError, cbor.CborError, ValueError, KeyError, TypeError, IndexError):
            return 403

    wire_envelope.open_envelope = lenient
    try:
        missed = wrong(tried)
    finally:
        wire_envelope.open_envelope = right
    for name in ("algorithm -7", "hash algorithm -14", "without header 1", "with header 2", "content changed",
                 "structure: kid unprotected", "protected header: order"):
        assert name in missed, name


def test_a_command_serves_no_other_purpose_works_or_gateway():
    """The other direction: a gateway opens what the works signed with its command key."""
    command = put(*made(b"\x80", seed=OTHER_SEED, public=OTHER, purpose="command", content_type="application/cbor"))
    for purpose, works, good in (("command", WORKS, True), ("batch", WORKS, False), ("release", WORKS, False),
                                 ("command", "other", False)):
        envelope = wire_envelope.open_envelope(command, purpose, works)
        assert ed25519.verify(OTHER, envelope.to_verify, envelope.signature) is good
        assert not ed25519.verify(PUBLIC, envelope.to_verify, envelope.signature)


def test_our_own_writer_makes_what_the_matrix_calls_good():
    content = wire_envelope.head(EPOCH, 1, "0.1.0", records.CLOCK_ANSWER, 0, 0)
    protected, digest, signature, body = made(content)
    kid = wire_envelope.kid(PUBLIC)
    assert ed25519.sign(SEED, PUBLIC, wire_envelope.to_sign("batch", WORKS, kid, digest)) == signature
    assert wire_envelope.envelope(kid, digest, signature) + content == put(protected, digest, signature, body)
