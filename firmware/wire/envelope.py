"""The envelope, head and answer: what a batch is sent in, not what each record needs.

A batch is a CBOR sequence (RFC 8742): one COSE_Sign1 (RFC 9052), the head, then the records in the exact bytes that
lie in the spool. The COSE payload is the SHA-256 of all that follows it (a hash envelope, RFC 9995), so that a gateway
signs 32 bytes however long the batch and streams it twice from flash in constant memory. `external_aad` names the
purpose and the works: what was signed for one serves no other.

The same envelope carries orders (works to gateway; their purpose is called `command`) and releases. Keys and clocks
belong to the caller.
"""

import hashlib
from collections import namedtuple

from . import CONTENT_TYPE, LAST_SEQ, WireError, cbor
from .cbor import CborError

VERSION = "netti/1"
PURPOSES = ("batch", "command", "release")
MAX_BOOT, MAX_CLOCK = 0xFFFFFFFF, 255  # of a head

_ALG_EDDSA, _HASH_SHA256 = -8, -16
_ALG, _KID, _HASH_ALG, _HASHED_TYPE = 1, 4, 258, 259

Envelope = namedtuple("Envelope", ("kid", "content_type", "digest", "signature", "to_verify", "end"))
# epoch: 8 bytes; boot: count; firmware: text; clock: CLOCK_*; first, last: seq of the records (0, 0: none).
Head = namedtuple("Head", ("epoch", "boot", "firmware", "clock", "first", "last"))
Answer = namedtuple("Answer", ("epoch", "through", "time", "commands"))


# --- identity -------------------------------------------------------------------------------------------------------

_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # RFC 4648


def kid(public_key):
    """The key identifier of a gateway: the first 10 bytes of the SHA-256 of its 32-byte Ed25519 public key."""
    return hashlib.sha256(public_key).digest()[:10]


def gateway_id(public_key):
    """The self-certifying gateway id: its kid in base32, 16 letters and digits."""
    return kid_text(kid(public_key))


def kid_text(kid_bytes):
    """A 10-byte kid as 16 base32 characters."""
    n = int.from_bytes(kid_bytes, "big")
    return "".join([_BASE32[n >> shift & 31] for shift in range(75, -1, -5)])


# --- envelope -------------------------------------------------------------------------------------------------------

def _protected(kid_bytes, content_type):
    # Label order of RFC 8949 4.2.1: 1, 4, 258, 259, then -16 is a value.
    return cbor.encode({_ALG: _ALG_EDDSA, _KID: kid_bytes, _HASH_ALG: _HASH_SHA256, _HASHED_TYPE: content_type})


def _sig_structure(protected, purpose, works, digest):
    if purpose not in PURPOSES:
        raise WireError("unknown purpose")
    aad = cbor.encode((VERSION, purpose, works))
    return cbor.encode(("Signature1", protected, aad, digest))


def to_sign(purpose, works, kid_bytes, digest, content_type=CONTENT_TYPE):
    """The bytes an Ed25519 signature is made over: the Sig_structure of RFC 9052 4.4 for a 32-byte digest."""
    return _sig_structure(_protected(kid_bytes, content_type), purpose, works, digest)


def envelope(kid_bytes, digest, signature, content_type=CONTENT_TYPE):
    """The COSE_Sign1 (untagged) of a digest and its 64-byte signature."""
    return cbor.encode((_protected(kid_bytes, content_type), {}, digest, signature))


def open_envelope(data, purpose, works):
    """Read the COSE_Sign1 at the start of `data` and check that its digest is that of the rest.

    Returns an Envelope; `to_verify` is what `signature` must sign with the key that `kid` names, `end` is where the
    content begins. Raises WireError. The signature itself is for the caller, who knows the keys.
    """
    try:
        parts, end = cbor.decode(data)
        if not isinstance(parts, list) or len(parts) != 4:
            raise WireError("not a COSE_Sign1")
        protected, unprotected, digest, signature = parts
        if not isinstance(protected, bytes) or unprotected != {}:
            raise WireError("unprotected header not empty")
        header = cbor.decode_all(protected)
    except CborError as e:
        raise WireError("envelope: " + e.reason)  # noqa: B904 - MicroPython keeps no cause
    # Labels may be of any kind: nothing here may compare them with each other.
    if (not isinstance(header, dict) or len(header) != 4
            or any(label not in header for label in (_ALG, _KID, _HASH_ALG, _HASHED_TYPE))):
        raise WireError("protected header is not {1, 4, 258, 259}")
    if header[_ALG] != _ALG_EDDSA or header[_HASH_ALG] != _HASH_SHA256:
        raise WireError("algorithm is not Ed25519 over SHA-256")
    kid_bytes, content_type = header[_KID], header[_HASHED_TYPE]
    if not isinstance(kid_bytes, bytes) or len(kid_bytes) != 10 or not isinstance(content_type, str):
        raise WireError("kid or content type malformed")
    if _protected(kid_bytes, content_type) != protected:
        raise WireError("protected header not in its one form")
    if not isinstance(digest, bytes) or len(digest) != 32 or not isinstance(signature, bytes) or len(signature) != 64:
        raise WireError("digest or signature has the wrong length")
    if hashlib.sha256(memoryview(data)[end:]).digest() != digest:
        raise WireError("digest is not that of the content")
    return Envelope(kid_bytes, content_type, digest, signature,
                    _sig_structure(protected, purpose, works, digest), end)


# --- head -----------------------------------------------------------------------------------------------------------

def head(epoch, boot, firmware, clock, first, last):
    """The head of one attempt to send; `first` and `last` are the seq of the records that follow, or 0, 0."""
    return cbor.encode((epoch, boot, firmware, clock, first, last))


def open_head(data, offset):
    """Read the head at `offset`; returns (Head, offset of the first record). Raises WireError."""
    try:
        fields, end = cbor.decode(data, offset)
    except CborError as e:
        raise WireError("head: " + e.reason)  # noqa: B904
    if not isinstance(fields, list) or len(fields) != 6:
        raise WireError("head: not six items")
    h = Head(fields[0], fields[1], fields[2], fields[3], fields[4], fields[5])
    if not isinstance(h.epoch, bytes) or len(h.epoch) != 8 or not isinstance(h.firmware, str) or len(h.firmware) > 64:
        raise WireError("head: epoch or firmware malformed")
    for n, most in ((h.boot, MAX_BOOT), (h.clock, MAX_CLOCK), (h.first, LAST_SEQ), (h.last, LAST_SEQ)):
        if isinstance(n, bool) or not isinstance(n, int) or not 0 <= n <= most:
            raise WireError("head: not a count")
    if h.first > h.last or (h.first == 0) != (h.last == 0):
        raise WireError("head: range runs backwards")
    return h, end


# --- answer ---------------------------------------------------------------------------------------------------------

def answer(epoch, through, time, commands=()):
    """The receiver's 200: all records of `epoch` up to seq `through` that it was sent are durable; its Unix time;
    signed commands, each an envelope with its content."""
    # The map by hand, its keys in their order: one goes out for every batch.
    return b"".join((b"\xa4\x64time", cbor.head(0, time), b"\x65epoch", cbor.encode(epoch), b"\x67through",
                     cbor.head(0, through), b"\x68commands", cbor.encode(list(commands))))


def open_answer(data):
    """Read an answer; raises WireError."""
    try:
        a = cbor.decode_all(data)
    except CborError as e:
        raise WireError("answer: " + e.reason)  # noqa: B904
    if (not isinstance(a, dict) or len(a) != 4
            or any(name not in a for name in ("commands", "epoch", "through", "time"))):
        raise WireError("answer: not {epoch, through, time, commands}")
    if (not isinstance(a["epoch"], bytes) or not isinstance(a["commands"], list)
            or isinstance(a["through"], bool) or not isinstance(a["through"], int) or a["through"] < 0
            or isinstance(a["time"], bool) or not isinstance(a["time"], int)):
        raise WireError("answer: field of the wrong kind")
    return Answer(a["epoch"], a["through"], a["time"], a["commands"])
