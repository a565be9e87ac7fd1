"""Opening the envelopes of batches: those of gateways that were verified before without taking them apart again.

A gateway's envelopes are alike but for digest and signature, which are their last bytes and of fixed length. What
stands before them is compared, so nothing passes here that open_envelope would not take.
"""

import hashlib

from firmware.wire import envelope

MOST = 100_000  # gateways remembered

_Envelope = envelope.Envelope  # looked up once
_SIGNATURE = b"\x58\x40"  # the CBOR head of 64 bytes
_END = len(envelope.envelope(bytes(10), bytes(32), bytes(64)))
_DIGEST = _END - 64 - len(_SIGNATURE) - 32  # where it begins


class Envelopes:
    """The envelopes of batches for one works."""

    def __init__(self, works: str):
        self.works = works
        self._verified: "dict[bytes, tuple[bytes, str, bytes]]" = {}  # what is before the digest: kid, type, to_verify

    def open(self, body: bytes) -> envelope.Envelope:
        """As batch.open_envelope for a batch; the signature is for the caller. Raises WireError."""
        cached = self._verified.get(body[:_DIGEST])
        digest, rest = body[_DIGEST:_DIGEST + 32], body[_END:]
        if (cached is None or body[_DIGEST + 32:_END - 64] != _SIGNATURE or len(body) < _END
                or hashlib.sha256(rest).digest() != digest):
            return envelope.open_envelope(body, "batch", self.works)  # which says what is wrong
        kid, content_type, to_verify = cached
        return _Envelope(kid, content_type, digest, body[_END - 64:_END], to_verify + digest, _END)

    def verified(self, body: bytes, opened: envelope.Envelope) -> None:
        """Remember what the gateway's envelopes begin with: the signature of this one has been verified."""
        if opened.end == _END and body[:_DIGEST] not in self._verified:
            if len(self._verified) >= MOST:
                self._verified.clear()
            self._verified[body[:_DIGEST]] = opened.kid, opened.content_type, opened.to_verify[:-32]
