"""POST /v1/batches: verify, skip what was stored before, store, and only then answer.

Statuses (docs: wire contract): 200 durable up to `through`; 400 a head that cannot be read behind a good signature;
401 gateway unknown or revoked; 403 envelope or signature not right; 409 a known range with other content; 413 too
large, send half; 429 and 503 later, with Retry-After. A refusal is one line of text, and stores nothing.

A valid batch of an enrolled gateway is answered whatever else came from its address or in its name: nothing that a
stranger sends is counted against it. A failure is charged to its sender (prefixes.prefix), and once too many were, what
fails is answered 429; a signature that fails under an enrolled gateway's kid is charged to that kid as claimed by that
sender, and once too many were, such claims take turns at being verified (turns.py), behind everybody else's, until the
connection has carried a good one. So forging costs the forger, and the rightful gateway behind the same NAT a turn.
"""

import asyncio
import contextlib
import logging
import sqlite3

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from firmware import wire
from firmware.wire import envelope

from ..data import buckets
from ..data.content import Content
from ..data.prefixes import prefix
from ..office.disk import AGAIN_S
from ..stores import Busy, StoreError, queries
from .bounded import COST, Pace
from .connections import has_proved, proved
from .deadlines import Deadline
from .envelopes import Envelopes
from .requests import Refused, read_body
from .turns import Full, Turns
from .verifying import IngestGateway, VerifiedBatch, Verifier

log = logging.getLogger("netti.ingest")

MAX_VERIFYING = 512  # batches read and not yet verified; more are told to come back
# Of senders that have failed too often: batches whose gateway is looked up or whose signature is verified at once, and
# those that wait for it. A turn takes a tenth of a millisecond, so that eight are no wait for the others.
SUSPECTS, MAX_SUSPECTS = 8, 2048
RETRY_S = 5
BODY_S = 60.0  # for 32 KiB
STORE_S = 15.0  # until a batch is durable; a gateway waits hardly longer for its answer

_answer = envelope.answer  # looked up once


def _end_turn(verifying):
    if not verifying.cancelled() and verifying.exception() is None and verifying.result().head.last:
        verifying.result().gateway.pace.end()


class _Count:
    """How many are within it."""

    def __init__(self):
        self.now = 0

    def __enter__(self):
        self.now += 1

    def __exit__(self, *exc):
        self.now -= 1


def claim_of(gateway: IngestGateway, address: str) -> str:
    """What signatures that fail are counted under: `ID prefix`."""
    return f"{gateway.gateway} {prefix(address)}"


class Ingest:
    """The ingest of one works."""

    def __init__(self, works: str, store, clock, revoked, orders=None, on_new_telegrams=None, times=lambda gateway: 1,
                 room=None):
        """`revoked()` gives the revoked gateway ids; `orders(batch, result)` the signed orders for the answer to a
        VerifiedBatch that the store took with a TakeResult; `on_new_telegrams()` is called after each batch that
        brought something new; `times(gateway)` says how many times its bounds a gateway is given;
        `room`: the disk.Disk of what is stored, or None."""
        self.works, self.store, self.clock = works, store, clock
        self._revoked, self._orders, self._on_new_telegrams = revoked, orders, on_new_telegrams
        self._times, self._room = times, room
        self._gateways: "dict[bytes, IngestGateway]" = {}  # by kid
        self._envelopes = Envelopes(works)
        self._verifier = Verifier()
        self._verifying = _Count()
        self.by_address = buckets.Buckets(rate=1.0, burst=60)  # failures, by sender
        self.by_claim = buckets.Buckets(rate=1.0, burst=60)  # bad signatures, by enrolled kid and sender
        self._suspects = Turns(SUSPECTS, MAX_SUSPECTS)
        self.by_gateway = buckets.Buckets(rate=50.0, burst=500)
        self.deadline = Deadline(STORE_S)
        self.draining = False

    def close(self) -> None:
        """End the verifying thread."""
        self._verifier.close()

    async def post(self, request: web.Request) -> web.Response:
        """The handler."""
        try:
            return await self._take(request)
        except Refused as e:
            # Who is told to come later may come at full rate: those are counted, and no line a time.
            log.log(logging.DEBUG if e.status == 429 else logging.INFO, "batch refused: %d %s", e.status, e.reason)
            headers = {} if e.retry is None else {"Retry-After": str(e.retry)}
            return web.Response(status=e.status, text=e.reason + "\n", headers=headers)

    async def _take(self, request):
        if self.draining:
            raise Refused(503, "shutting down", RETRY_S)
        if self._room is not None and self._room.full():
            raise Refused(503, "no room on the disk", AGAIN_S)
        if self._verifying.now >= MAX_VERIFYING:
            raise Refused(503, "busy", RETRY_S)
        try:
            if request.content.is_eof():  # it has come with its head
                body = await read_body(request)
            else:
                async with asyncio.timeout(BODY_S):
                    body = await read_body(request)
        except TimeoutError:
            raise Refused(408, "the body did not come in time") from None
        batch = await self._verified(request, body)
        try:
            return await self._answered(request, batch)
        finally:
            if batch.head.last:
                batch.gateway.pace.end()

    async def _answered(self, request, batch):
        """The answer to a verified batch; its gateway has begun (Pace) where it has records."""
        proved(request)
        wait = self.by_gateway.spend(batch.gateway.gateway)
        if wait:
            raise Refused(429, "too many batches", wait)
        now = self.clock.seconds()
        try:
            result = await self._store(batch, now)
        except TimeoutError:  # it may still become durable; then the gateway's next attempt is a repetition
            log.error("batch not stored in %d s: the store stalls", self.deadline.seconds)
            raise Refused(503, "busy", 30) from None
        except Busy:
            raise Refused(503, "busy", RETRY_S) from None
        except StoreError as e:
            log.error("batch not stored: %s", e)
            raise Refused(503, "could not be stored", 30) from None
        if result.conflict:
            log.warning("gateway %s: epoch %s, seq %d to %d came with other content than before",
                        batch.gateway.gateway, batch.head.epoch.hex(), batch.head.first, batch.head.last)
            raise Refused(409, "this range was taken with other content")
        if result.over:
            log.warning("gateway %s is over its bound of %s for today", batch.gateway.gateway, result.over)
            for _ in range(COST):
                self.by_gateway.charge(batch.gateway.gateway)
            raise batch.gateway.pace.reached(result.over, now)
        if result.stored and self._on_new_telegrams is not None:
            self._on_new_telegrams()
        orders = () if self._orders is None else self._orders(batch, result)
        return web.Response(body=_answer(batch.head.epoch, result.through, self.clock.seconds(), orders),
                            content_type=wire.ANSWER_TYPE)

    async def _store(self, batch, now):
        try:
            return await self.deadline.wait(self.store.store_batch(
                batch.gateway.row, batch.head, batch.digest, batch.content, now, self._times(batch.gateway.gateway)))
        except (Busy, StoreError, TimeoutError):
            raise
        except Exception:
            # A defect of ours must not hold up a gateway's spool for ever: keep its bytes for a better version.
            log.exception("a batch of %s could not be entered, and is kept as it came", batch.gateway.gateway)
            return await self.deadline.wait(self.store.store_batch(
                batch.gateway.row, batch.head, batch.digest,
                Content(batch.content.data, batch.head.first, batch.head.last, opaque=True), now,
                self._times(batch.gateway.gateway)))

    async def _verified(self, request, body) -> VerifiedBatch:
        """A body as a batch of an enrolled gateway. Raises Refused, and charges whoever sent it if it is none."""
        address = request.remote or ""
        try:
            opened = self._open_envelope(body)
            with self._verifying:
                gateway = self._gateways.get(opened.kid)
                if gateway is None:
                    gateway = await self._look_up(opened.kid, address)
            if gateway.gateway in self._revoked():
                raise Refused(401, "gateway unknown or revoked")
            gateway.pace.look(self.clock.seconds(), self.by_gateway.wait(gateway.gateway))
        except Refused as e:
            raise self._charged(e, prefix(address)) from None
        try:
            if self.by_claim and self.suspected(claim_of(gateway, address)) and not has_proved(request):
                async with self._turn(address):
                    batch = await self._verify(body, opened, gateway)
            else:
                with self._verifying:
                    batch = await self._verify(body, opened, gateway)
        except Refused as e:
            if e.status == 403:
                self.by_claim.charge(claim_of(gateway, address))
            raise
        self._envelopes.verified(body, opened)
        return batch

    async def _verify(self, body, opened, gateway):
        verifying = self._verifier.verify(body, opened, gateway)
        try:
            return await asyncio.shield(verifying)
        except asyncio.CancelledError:  # nobody waits any more: its gateway's turn must end all the same
            verifying.add_done_callback(_end_turn)
            raise

    def suspected(self, claim: str) -> bool:
        """Whether a sender's batches in a gateway's name (`ID prefix`) have failed so often that they take turns."""
        return bool(self.by_claim.wait(claim))

    def _charged(self, refused, sender):
        """What a sender is told that is unknown here: 429 after too many of the like."""
        if refused.status not in (401, 403):
            return refused
        wait = self.by_address.spend(sender)
        return Refused(429, "too many failed batches from this address", wait) if wait else refused

    @contextlib.asynccontextmanager
    async def _turn(self, address):
        try:
            async with self._suspects.turn(address):
                yield
        except Full:
            raise Refused(503, "busy", RETRY_S) from None

    def _open_envelope(self, body):
        """The envelope of a batch for this works; 403 where it is not one."""
        try:
            opened = self._envelopes.open(body)
        except wire.WireError as e:
            raise Refused(403, str(e)) from None
        if opened.content_type != wire.CONTENT_TYPE:
            raise Refused(403, "not a batch")
        return opened

    async def _look_up(self, kid, address):
        """The gateway of a kid in the store; 401 where there is none."""
        name = envelope.kid_text(kid)
        try:
            if self.by_address.wait(prefix(address)):
                async with self._turn(address):
                    row_and_key = await self.store.read(queries.gateways.key, name)
            else:
                row_and_key = await self.store.read(queries.gateways.key, name)
        except (Busy, StoreError, sqlite3.Error) as e:
            log.error("gateway not looked up: %s", str(e) or "the store is busy")
            raise Refused(503, "busy", RETRY_S) from None
        if row_and_key is None:
            raise Refused(401, "gateway unknown or revoked")
        row, public_key = row_and_key
        gateway = self._gateways[kid] = IngestGateway(row, name, Ed25519PublicKey.from_public_bytes(public_key),
                                                        Pace())
        return gateway
