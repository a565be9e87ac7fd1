"""Batches are verified in a thread: signatures take longer than an event loop may be held up.

One thread: there is a process for each core. What comes at once goes to it at once, and comes back at once.
"""

import asyncio
import hashlib
import queue
import threading
from collections import namedtuple

from cryptography.exceptions import InvalidSignature

from firmware import wire
from firmware.wire import envelope

from ..data.content import Content
from ..stores.writer import resolve
from .requests import Refused

TOGETHER = 8  # batches verified before the event loop gets to know

_open_head = envelope.open_head  # looked up once

# What a verified body holds; gateway: an IngestGateway; kid: as in the envelope; head: the wire's Head; digest: SHA-256
# of the record bytes; content: a Content.
VerifiedBatch = namedtuple("VerifiedBatch", ("gateway", "kid", "head", "digest", "content"))
# A gateway as ingest has it: its row in the store, its id, its verifying key, its bounded.Pace.
IngestGateway = namedtuple("IngestGateway", ("row", "gateway", "key", "pace"))


class Verifier:
    """The thread; used by one event loop."""

    def __init__(self) -> None:
        self._batches: queue.SimpleQueue = queue.SimpleQueue()  # (loop, [(future, body, envelope, gateway)]); None: end
        self._unverified: list = []  # those of this round of the loop
        self._thread = threading.Thread(target=self._run, name="verify", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._batches.put(None)
        self._thread.join()

    def verify(self, body: bytes, opened: envelope.Envelope, gateway: IngestGateway) -> "asyncio.Future":
        """A future of signed_content's result."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._unverified.append((future, body, opened, gateway))
        if len(self._unverified) == 1:  # those behind it in this round of the loop go with it
            loop.call_soon(self._hand_over, loop)
        return future

    def _hand_over(self, loop):
        waiting, self._unverified = self._unverified, []
        for n in range(0, len(waiting), TOGETHER):
            self._batches.put((loop, waiting[n:n + TOGETHER]))

    def _run(self):
        while (work := self._batches.get()) is not None:
            _verify_some(*work)


def _verify_some(loop, waiting):
    """In the thread: verify batches, and let those who wait know."""
    results: list = []
    for future, *batch in waiting:
        try:
            results.append((future, signed_content(*batch)))
        except Exception as e:  # noqa: BLE001 - belongs to whoever waits
            results.append((future, e))
    loop.call_soon_threadsafe(resolve, results)


def signed_content(body: bytes, opened: envelope.Envelope, gateway: IngestGateway) -> VerifiedBatch:
    """Check the signature of a body whose envelope was opened, then read head and records. Raises Refused."""
    try:
        gateway.key.verify(opened.signature, opened.to_verify)
    except InvalidSignature:
        raise Refused(403, "signature does not verify") from None
    try:
        head, at = _open_head(body, opened.end)
    except wire.WireError as e:
        raise Refused(400, str(e)) from None
    if head.last:
        gateway.pace.begin()
    try:
        content = Content(body[at:], head.first, head.last)
        if content.count() > wire.MAX_RECORDS:
            raise Refused(413, f"more than {wire.MAX_RECORDS} records")
        return VerifiedBatch(gateway, opened.kid, head, hashlib.sha256(content.data).digest(), content)
    except BaseException:
        gateway.pace.end()
        raise
