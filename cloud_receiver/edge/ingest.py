"""POST /v1/batches: verify, skip what is known, store, and only then answer.

Statuses (docs: wire contract): 200 durable up to `through`; 400 a head that cannot be read behind a good signature;
401 gateway unknown or revoked; 403 envelope or signature not right; 409 a known range with other content; 413 too
large, send half; 429 and 503 later, with Retry-After. A refusal is one line of text, and stores nothing.
"""

import asyncio
import hashlib
import logging
import queue
import sqlite3
import threading
from collections import namedtuple

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from firmware import wire
from firmware.wire import envelope

from ..data import buckets
from ..data.content import Content
from ..stores import Busy, StoreError, queries
from ..stores.writer import resolve
from .deadlines import Deadline
from .envelopes import Envelopes

log = logging.getLogger("netti.ingest")

MAX_VERIFYING = 512  # batches read and not yet verified; more are told to come back
TOGETHER = 8  # batches verified before the event loop gets to know
RETRY_S = 5
BODY_S = 60.0  # for 32 KiB
TAKE_S = 15.0  # until a batch is durable; a gateway waits hardly longer for its answer

_answer, _open_head = envelope.answer, envelope.open_head  # looked up once

# What a verified body holds; digest: SHA-256 of the record bytes; content: a content.Content.
Opened = namedtuple("Opened", ("gateway", "kid", "head", "digest", "content"))
# A gateway as ingest knows it: its row, its id, its verifying key.
Known = namedtuple("Known", ("row", "gateway", "key"))


class Refused(Exception):
    """A batch that is not taken: its status and one line."""

    def __init__(self, status, reason, retry=None):
        super().__init__(reason)
        self.status, self.reason, self.retry = status, reason, retry


class Ingest:
    """The ingest of one works."""

    def __init__(self, works, store, clock, revoked, orders=None, taken=None):
        """`revoked()` gives the revoked gateway ids; `orders(opened, taken)` the signed orders for the
        answer to what was taken; `taken()` is told after each batch that brought something new."""
        self.works, self.store, self.clock = works, store, clock
        self._revoked = revoked
        self._orders = orders
        self._taken = taken
        self._gateways: "dict[bytes, Known]" = {}  # by kid
        self._envelopes = Envelopes(works)
        # One: there is a process for each core. What comes at once goes to it at once.
        self._thread = threading.Thread(target=self._verify, name="verify", daemon=True)
        self._to_verify: queue.SimpleQueue = queue.SimpleQueue()  # (loop, some of the unopened); None ends it
        self._thread.start()
        self._unopened: list = []  # (future, body, envelope as opened, gateway)
        self._verifying = 0
        self.by_address = buckets.Buckets(rate=1.0, burst=60)
        self.by_gateway = buckets.Buckets(rate=50.0, burst=500)
        self.deadline = Deadline(TAKE_S)
        self.draining = False

    def close(self):
        """End the verifying thread."""
        self._to_verify.put(None)
        self._thread.join()

    async def post(self, request: web.Request) -> web.Response:
        """The handler."""
        address = request.remote or ""
        try:
            return await self._take(request, address)
        except Refused as e:
            if e.status in (401, 403):
                self.by_address.charge(address)
            log.info("batch refused: %d %s", e.status, e.reason)
            headers = {} if e.retry is None else {"Retry-After": str(e.retry)}
            return web.Response(status=e.status, text=e.reason + "\n", headers=headers)

    async def _take(self, request, address):
        wait = self.by_address.wait(address)
        if wait:
            raise Refused(429, "too many failed batches from this address", wait)
        if self.draining:
            raise Refused(503, "shutting down", RETRY_S)
        if self._verifying >= MAX_VERIFYING:
            raise Refused(503, "busy", RETRY_S)
        try:
            if request.content.is_eof():  # it has come with its head
                body = await read_body(request)
            else:
                async with asyncio.timeout(BODY_S):
                    body = await read_body(request)
        except TimeoutError:
            raise Refused(408, "the body did not come in time") from None
        opened = await self._open(body)
        wait = self.by_gateway.spend(opened.gateway.gateway)
        if wait:
            raise Refused(429, "too many batches", wait)
        now = self.clock.seconds()
        try:
            taken = await self._store(opened, now)
        except TimeoutError:  # it may still become durable; then the gateway's next attempt finds it known
            log.error("batch not stored in %d s: the store stalls", self.deadline.seconds)
            raise Refused(503, "busy", 30) from None
        except Busy:
            raise Refused(503, "busy", RETRY_S) from None
        except StoreError as e:
            log.error("batch not stored: %s", e)
            raise Refused(503, "could not be stored", 30) from None
        if taken.conflict:
            log.warning("gateway %s: epoch %s, seq %d to %d came with other content than before",
                        opened.gateway.gateway, opened.head.epoch.hex(), opened.head.first, opened.head.last)
            raise Refused(409, "this range was taken with other content")
        if taken.stored and self._taken is not None:
            self._taken()
        orders = () if self._orders is None else self._orders(opened, taken)
        return web.Response(body=_answer(opened.head.epoch, taken.through, self.clock.seconds(), orders),
                            content_type=wire.ANSWER_TYPE)

    async def _store(self, opened, now):
        try:
            return await self.deadline.wait(self.store.store_batch(opened.gateway.row, opened.head, opened.digest,
                                                            opened.content, now))
        except (Busy, StoreError, TimeoutError):
            raise
        except Exception:
            # A defect of ours must not hold up a gateway's spool for ever: keep its bytes for a better version.
            log.exception("a batch of %s could not be entered, and is kept as it came", opened.gateway.gateway)
            return await self.deadline.wait(self.store.store_batch(
                opened.gateway.row, opened.head, opened.digest,
                Content(opened.content.data, opened.head.first, opened.head.last, opaque=True), now))

    async def _open(self, body):
        self._verifying += 1
        try:
            opening = self._opening(body)
            gateway = await self._gateway(opening.kid)
            loop = asyncio.get_running_loop()
            future = loop.create_future()
            self._unopened.append((future, body, opening, gateway))
            if len(self._unopened) == 1:  # those behind it in this round of the loop go with it
                loop.call_soon(self._hand_over, loop)
            opened = await future
            self._envelopes.verified(body, opening)
            return opened
        finally:
            self._verifying -= 1

    def _hand_over(self, loop):
        waiting, self._unopened = self._unopened, []
        for n in range(0, len(waiting), TOGETHER):
            self._to_verify.put((loop, waiting[n:n + TOGETHER]))

    def _verify(self):
        while (work := self._to_verify.get()) is not None:
            _open_some(*work)

    def _opening(self, body):
        """The envelope of a batch for this works; 403 where it is not one."""
        try:
            opening = self._envelopes.open(body)
        except wire.WireError as e:
            raise Refused(403, str(e)) from None
        if opening.content_type != wire.CONTENT_TYPE:
            raise Refused(403, "not a batch")
        return opening

    async def _gateway(self, kid):
        """The enrolled gateway of a kid; 401 where there is none or it is revoked."""
        known = self._gateways.get(kid)
        if known is None:
            name = envelope.kid_text(kid)
            try:
                found = await self.store.read(queries.gateways.key, name)
            except (Busy, StoreError, sqlite3.Error) as e:
                log.error("gateway not looked up: %s", str(e) or "the store is busy")
                raise Refused(503, "busy", RETRY_S) from None
            if found is None:
                raise Refused(401, "gateway unknown or revoked")
            known = self._gateways[kid] = Known(found[0], name, Ed25519PublicKey.from_public_bytes(found[1]))
        if known.gateway in self._revoked():
            raise Refused(401, "gateway unknown or revoked")
        return known


async def read_body(request: web.Request, most: int = wire.MAX_BATCH) -> bytes:
    """A request's body; 413 as soon as it is seen to be longer than `most`."""
    if request.content_length is not None and request.content_length > most:
        raise Refused(413, f"more than {most} bytes")
    parts, size = [], 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > most:
            raise Refused(413, f"more than {most} bytes")
        parts.append(part)
    return b"".join(parts)


def _open_some(loop, waiting):
    """In the thread: open bodies, and let those who wait know."""
    results: list = []
    for future, *what in waiting:
        try:
            results.append((future, open_content(*what)))
        except Exception as e:  # noqa: BLE001 - belongs to whoever waits
            results.append((future, e))
    loop.call_soon_threadsafe(resolve, results)


def open_content(body: bytes, opening, gateway: Known) -> Opened:
    """Check the signature, then read head and records."""
    try:
        gateway.key.verify(opening.signature, opening.to_verify)
    except InvalidSignature:
        raise Refused(403, "signature does not verify") from None
    try:
        head, at = _open_head(body, opening.end)
    except wire.WireError as e:
        raise Refused(400, str(e)) from None
    content = Content(body[at:], head.first, head.last)
    if content.count() > wire.MAX_RECORDS:
        raise Refused(413, f"more than {wire.MAX_RECORDS} records")
    return Opened(gateway, opening.kid, head, hashlib.sha256(content.data).digest(), content)
