"""The wire contract between gateway and receiver: envelope, head, records, answer. Pure, for both runtimes.

A batch is a CBOR sequence (RFC 8742): one COSE_Sign1 (RFC 9052), the head, then the records in the exact bytes that
lie in the spool. The COSE payload is the SHA-256 of all that follows it (a hash envelope, RFC 9995), so that a gateway
signs 32 bytes however long the batch and streams it twice from flash in constant memory. `external_aad` names the
purpose and the works: what was signed for one serves no other.

The same envelope carries commands (works to gateway) and releases. Keys and clocks belong to the caller.
"""

import hashlib
from collections import namedtuple
from struct import pack_into

from . import cbor
from .cbor import CborError

VERSION = "netti/1"
PATH = "/v1/batches"
CONTENT_TYPE = "application/cbor-seq"
ANSWER_TYPE = "application/cbor"
MAX_BATCH = 32 * 1024  # bytes of a request body
MAX_RECORDS = 500
MAX_RECORD = 1024  # bytes; a telegram is at most 256
PURPOSES = ("batch", "command", "release")

# Record types: the first item of every record.
TELEGRAM, HEARD, HAN_HOUR, EVENT, STATUS, BOOT, CLOCK, LOST, POSITION, RESULT = range(1, 11)

# A record's time is Unix seconds from here on (2004-01-10), below it seconds since the boot record before it.
UNIX_FROM = 1 << 30

# Where the gateway's time comes from, worst first: the head's clock quality.
CLOCK_NONE, CLOCK_FLOOR, CLOCK_ANSWER, CLOCK_SNTP, CLOCK_HAN = range(5)

_ALG_EDDSA, _HASH_SHA256 = -8, -16
_ALG, _KID, _HASH_ALG, _HASHED_TYPE = 1, 4, 258, 259

Envelope = namedtuple("Envelope", ("kid", "content_type", "digest", "signature", "to_verify", "end"))
# epoch: 8 bytes; boot: count; firmware: text; clock: CLOCK_*; first, last: seq of the records (0, 0: none).
Head = namedtuple("Head", ("epoch", "boot", "firmware", "clock", "first", "last"))
Answer = namedtuple("Answer", ("epoch", "through", "time", "commands"))


class WireError(ValueError):
    """The bytes do not follow the contract; the text says which rule."""


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
    if hashlib.sha256(data[end:]).digest() != digest:
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
    for n in (h.boot, h.clock, h.first, h.last):
        if isinstance(n, bool) or not isinstance(n, int) or not 0 <= n < 1 << 63:
            raise WireError("head: not a count")
    if h.first > h.last or (h.first == 0) != (h.last == 0):
        raise WireError("head: range runs backwards")
    return h, end


# --- records --------------------------------------------------------------------------------------------------------
# Each is a CBOR array [type, seq, time, ...]; the fields behind time are those of the function's arguments, in order.

def record(kind, seq, time, fields=()):
    """The bytes of any record: its type, seq (from 1), time (see UNIX_FROM) and further fields."""
    return cbor.encode((kind, seq, time) + tuple(fields))


# A telegram's record up to its bytes, with room for seq, time, RSSI and length: filled in anew for each, by one thread.
_SHORT = bytearray(b"\x85\x01\x19\0\0\x1a\0\0\0\0\x38\0\x58\0")
_LONG = bytearray(b"\x85\x01\x1a\0\0\0\0\x1a\0\0\0\0\x38\0\x58\0")


def telegram(seq, time, rssi, data):
    """A relayed telegram as received, CRCs stripped, still encrypted; RSSI in dBm (0: unknown)."""
    size = len(data)
    if 23 < size < 256 and -257 < rssi < -24 and 0xFFFF < time <= 0xFFFFFFFF and 0xFF < seq <= 0xFFFFFFFF:
        # By far the commonest, at a fraction of the work.
        if seq < 0x10000:
            head = _SHORT
            head[3] = seq >> 8
            head[4] = seq & 255
        else:
            head = _LONG
            pack_into(">I", head, 3, seq)
        pack_into(">I", head, -8, time)
        head[-3] = -1 - rssi
        head[-1] = size
        return head + data
    return _telegram(seq, time, rssi, data)


def _telegram(seq, time, rssi, data):
    return b"".join((b"\x85\x01", cbor.head(0, seq), cbor.head(0, time),
                     cbor.head(1, -1 - rssi) if rssi < 0 else cbor.head(0, rssi), cbor.head(2, len(data)), data))


def heard(seq, time, meter, day, count, best, median):
    """How a meter was heard in one day: its 8 address bytes (M, ID, version, type), day (Unix days), good telegrams,
    best and median RSSI in dBm."""
    return record(HEARD, seq, time, (meter, day, count, best, median))


def han_hour(seq, time, hour, import_wh, export_wh, estimated):
    """One clock hour of electricity: its start (Unix seconds), energy in Wh, whether it was integrated rather than
    read from the meter's own register. Leaves a home only with the owner's consent."""
    return record(HAN_HOUR, seq, time, (hour, import_wh, export_wh, estimated))


def event(seq, time, name, detail):
    """Something that happened, by its short name; detail is a text."""
    return record(EVENT, seq, time, (name, detail))


def status(seq, time, counters):
    """The gateway's counters since boot: a list of [name, count]."""
    return record(STATUS, seq, time, (counters,))


def boot(seq, time, count, cause):
    """A start of the gateway; `time` is 0 unless the clock was already right. Times below UNIX_FROM count from here."""
    return record(BOOT, seq, time, (count, cause))


def clock(seq, uptime, unix, quality):
    """The clock was set or stepped by over 2 s: at `uptime` seconds since the boot record it is `unix`."""
    return record(CLOCK, seq, uptime, (unix, quality))


def lost(seq, time, first, last, count):
    """Records overwritten before they were acknowledged: their seq range and how many."""
    return record(LOST, seq, time, (first, last, count))


def position(seq, time, latitude, longitude, accuracy):
    """A Drive-By's place: degrees times 10^7, accuracy in metres."""
    return record(POSITION, seq, time, (latitude, longitude, accuracy))


def result(seq, time, counter, code, text):
    """What became of the command with this counter; code 0 is done."""
    return record(RESULT, seq, time, (counter, code, text))


# --- answer ---------------------------------------------------------------------------------------------------------

def answer(epoch, through, time, commands=()):
    """The receiver's 200: all records of `epoch` up to seq `through` that it was sent are durable; its Unix time;
    signed commands, each an envelope with its content."""
    return cbor.encode({"epoch": epoch, "through": through, "time": time, "commands": list(commands)})


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
