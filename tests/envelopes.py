"""Envelopes to be taken and envelopes to be refused, for both ends of the wire and both runtimes.

`matrix()` yields (name, body, status): what POST /v1/batches must answer for that body. The keys are fixed, so that
every run sends the same bytes. Nothing here uses the code under test to make a hostile envelope beyond `cbor.encode`
and signing itself.
"""

import hashlib

from firmware import wire
from firmware.crypto import ed25519
from firmware.wire import cbor, envelope, records

WORKS = "works"
SEED, OTHER_SEED, STRANGER_SEED = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32
PUBLIC, OTHER, STRANGER = [ed25519.public_key(seed) for seed in (SEED, OTHER_SEED, STRANGER_SEED)]
EPOCH = bytes(range(8))
TIME = 1795503540  # 2026-11-24T06:59:00Z
L = (1 << 252) + 27742317777372353535851937790883648493
# A real frame's shape: L 44 M ID version type CI 7A access status configuration, and a volume in plain text.
TELEGRAM = bytes.fromhex("1444 2d2c 78563412 1b16 7a 01 00 0000 0c13 34120000".replace(" ", ""))


def content(first=1, count=1, rssi=-71):
    """Head and `count` telegram records from seq `first`."""
    head = envelope.head(EPOCH, 1, "0.1.0", records.CLOCK_ANSWER, first if count else 0,
                         first + count - 1 if count else 0)
    return head + b"".join([records.telegram(first + i, TIME, rssi, TELEGRAM) for i in range(count)])


def sig_structure(protected, purpose, works, digest, version="netti/1"):
    """RFC 9052 4.4, written out here a second time."""
    return cbor.encode(["Signature1", protected, cbor.encode([version, purpose, works]), digest])


def protected_header(kid, alg=-8, hash_alg=-16, content_type="application/cbor-seq"):
    """The bytes of the protected header."""
    return cbor.encode({1: alg, 4: kid, 258: hash_alg, 259: content_type})


def made(body=None, seed=SEED, public=PUBLIC, kid=None, purpose="batch", works=WORKS, protected=None, version="netti/1",
         **header):
    """(protected, digest, signature, body) of a properly signed envelope with anything in it changed before signing."""
    body = content() if body is None else body
    if protected is None:
        protected = protected_header(kid or envelope.kid(public), **header)
    digest = hashlib.sha256(body).digest()
    signature = ed25519.sign(seed, public, sig_structure(protected, purpose, works, digest, version))
    return protected, digest, signature, body


def put(protected, digest, signature, body):
    """The bytes of an envelope and what it signs."""
    return cbor.encode([protected, {}, digest, signature]) + body


def _array(*items):
    return bytes((0x80 | len(items),)) + b"".join(items)


def matrix():
    """Yield (name, body, status)."""
    good = made()
    protected, digest, signature, body = good
    p, d, s = cbor.encode(protected), cbor.encode(digest), cbor.encode(signature)
    kid = envelope.kid(PUBLIC)
    yield "good", put(*good), 200
    yield "good, the same again", put(*good), 200

    # Forged.
    yield "signature of zeros", put(protected, digest, bytes(64), body), 403
    yield "signature by a key of no one", put(protected, digest, made(seed=STRANGER_SEED, public=STRANGER,
                                                                      kid=kid)[2], body), 403
    yield "signature of another message", put(protected, digest, made(content(2))[2], body), 403
    more = int.from_bytes(signature[32:], "little") + L
    yield "s not below the order", put(protected, digest, signature[:32] + more.to_bytes(32, "little"), body), 403
    yield "r of small order", put(protected, digest, b"\x01" + bytes(31) + signature[32:], body), 403
    for at in (0, 31, 32, 63):
        bad = bytearray(signature)
        bad[at] ^= 1
        yield "signature byte %d" % at, put(protected, digest, bytes(bad), body), 403
    louder = content(rssi=-30)
    yield "content changed", put(protected, digest, signature, louder), 403
    yield "content and digest changed", put(protected, hashlib.sha256(louder).digest(), signature, louder), 403
    yield "record added", put(protected, digest, signature, body + records.telegram(2, TIME, -71, TELEGRAM)), 403
    head = content(count=0)
    yield "records taken away", put(protected, digest, signature, head), 403
    two = made(content(count=2))
    one = records.telegram(1, TIME, -71, TELEGRAM)
    swapped = two[3][:-2 * len(one)] + two[3][-len(one):] + two[3][-2 * len(one):-len(one)]
    yield "records reordered", put(two[0], two[1], two[2], swapped), 403

    # Somebody else's name.
    yield "kid of another gateway", put(protected_header(envelope.kid(OTHER)), digest, signature, body), 403
    yield "signed for another gateway's kid", put(*made(kid=envelope.kid(OTHER))), 403
    yield "a gateway nobody enrolled", put(*made(seed=STRANGER_SEED, public=STRANGER)), 401
    yield "kid too short", put(*made(kid=kid[:9])), 403
    yield "kid too long", put(*made(kid=kid + b"\0")), 403
    yield "kid as text", put(*made(kid=envelope.gateway_id(PUBLIC))), 403

    # Signed for something else.
    for purpose in ("command", "release", "Batch", ""):
        yield "purpose " + repr(purpose), put(*made(purpose=purpose)), 403
    for works in ("other", "Works", "works2", ""):
        yield "works " + repr(works), put(*made(works=works)), 403
    yield "another version", put(*made(version="netti/2")), 403
    plain = cbor.encode(["Signature1", protected, b"", digest])
    yield "no external_aad", put(protected, digest, ed25519.sign(SEED, PUBLIC, plain), body), 403
    yield "content type", put(*made(content_type="application/cbor")), 403

    # Downgraded or embellished.
    for alg in (-7, -19, -257, 5, 0, None, True):
        yield "algorithm %s" % alg, put(*made(alg=alg)), 403
    for alg in (-14, -15, -43, -44, None):
        yield "hash algorithm %s" % alg, put(*made(hash_alg=alg)), 403
    full = {1: -8, 4: kid, 258: -16, 259: wire.CONTENT_TYPE}
    for left_out in sorted(full):
        fewer = {label: full[label] for label in full if label != left_out}
        yield "without header %d" % left_out, put(*made(protected=cbor.encode(fewer))), 403
    for label, value in ((2, [99]), (3, "application/cbor"), (5, b"iv"), (260, "https://example.org/x"), ("x", 0)):
        extra = dict(full)
        extra[label] = value
        yield "with header %s" % label, put(*made(protected=cbor.encode(extra))), 403
    pairs = [cbor.encode(label) + cbor.encode(full[label]) for label in sorted(full)]
    for name, other in (("order", b"\xa4" + pairs[1] + pairs[0] + pairs[2] + pairs[3]),
                        ("duplicate key", b"\xa5" + pairs[0] + b"".join(pairs)),
                        ("indefinite length", b"\xbf" + b"".join(pairs) + b"\xff"),
                        ("long integer", b"\xa4\x01\x38\x07" + b"".join(pairs[1:])),
                        ("long length", b"\xb8\x04" + b"".join(pairs)),
                        ("trailing byte", cbor.encode(full) + b"\0"),
                        ("cut short", cbor.encode(full)[:-1]),
                        ("empty", b""), ("empty map", b"\xa0"), ("an array", b"\x80"),
                        ("deep", b"\x81" * 40 + b"\x80")):
        yield "protected header: " + name, put(*made(protected=other)), 403

    # Another structure.
    header_map = cbor.encode(full)
    for name, opening in (
            ("tagged", b"\xd2" + _array(p, b"\xa0", d, s)),
            ("tagged as Mac0", b"\xd1" + _array(p, b"\xa0", d, s)),
            ("kid unprotected", _array(p, cbor.encode({4: kid}), d, s)),
            ("counter-signature unprotected", _array(p, cbor.encode({11: signature}), d, s)),
            ("protected as a map", _array(header_map, b"\xa0", d, s)),
            ("unprotected as bytes", _array(p, b"\x41\xa0", d, s)),
            ("unprotected nil", _array(p, b"\xf6", d, s)),
            ("payload nil", _array(p, b"\xa0", b"\xf6", s)),
            ("payload too long", _array(p, b"\xa0", cbor.encode(digest + b"\0"), s)),
            ("payload as text", _array(p, b"\xa0", b"\x78\x20" + b"a" * 32, s)),
            ("a MAC for a signature", _array(p, b"\xa0", d, cbor.encode(digest))),
            ("several signers", _array(p, b"\xa0", d, _array(_array(p, b"\xa0", s)))),
            ("three items", _array(p, b"\xa0", d)),
            ("five items", _array(p, b"\xa0", d, s, s)),
            ("indefinite array", b"\x9f" + p + b"\xa0" + d + s + b"\xff"),
            ("indefinite signature", _array(p, b"\xa0", d, b"\x5f" + s + b"\xff")),
            ("long array length", b"\x98\x04" + p + b"\xa0" + d + s),
            ("long signature length", _array(p, b"\xa0", d, b"\x59\x00\x40" + signature)),
            ("depth", b"\x81" * 9 + b"\x80"),
            ("a length beyond the body", b"\x9b\x7f" + b"\xff" * 7),
            ("a map", b"\xa0"),
            ("JSON", b'{"epoch": 1}')):
        yield "structure: " + name, opening + body, 403
    whole = put(*good)
    yield "an envelope around an envelope", put(*made(whole)), 400
    for n in (0, 1, 2, 60, len(whole) - len(body) - 1, len(whole) - len(body), len(whole) - 1):
        yield "cut to %d bytes" % n, whole[:n], 403
    yield "trailing byte", whole + b"\0", 403
    yield "the head is nonsense, well signed", put(*made(b"\x80")), 400
