"""The uplink: takes records from the two rings to the receiver in signed batches, and does what each answer says
(ANSWERS, and docs/wire.md, Answers).

A ring that was there before the start sends an empty batch first, to hear how far the receiver has it: an older copy
must not send under a seq that is taken (docs/wire.md, The restored gateway).

A batch is read from the spool twice, to hash it and to send it, so that memory does not grow with its size. Signing
yields to the loop. A lost answer is harmless: the receiver skips what it has. Every wait is bounded and jittered by
the gateway's id, so that a street does not call at once; nothing here blocks the spool for ever, which drops its
oldest records when it is full.
"""

import asyncio
import hashlib

from .. import port, wire
from ..wire import records
from . import pauses

ROOM = 512  # bytes of a batch for envelope and head
TIMEOUT_S = 60  # real seconds for one exchange
FIRST_PAUSE_S, MAX_PAUSE_S = 15, 3600  # after failures
MAX_RETRY_AFTER_S = 86400
UNKNOWN_WAIT_S = 3600
MIN_WAIT_S = 1
GIVE_UP_AFTER = 8
CHUNK = 1024
LATE_S = 3600  # a round that takes longer, or begins so late, hangs

# The status of an answer -> the method that does what docs/wire.md says; any other, and no answer: OTHERWISE.
ANSWERS = {200: "_accept", 400: "_back_off", 401: "_ask_hourly", 403: "_back_off", 409: "_begin_anew", 413: "_halve",
           429: "_wait_as_told", 503: "_wait_as_told"}
OTHERWISE = "_back_off"


class Uplink:
    """Sends until it is stopped.

    `works` is the checked enrolment file, `rings` are in order of sending, `head_fields()` returns (boot, firmware,
    clock quality), `on_renew(ring)` is called when a ring began a new epoch, `await on_orders(list, before)` takes an
    answer's orders, with the time as it was known before that answer, and says whether there are results to send;
    `count(name)` counts.
    """

    def __init__(self, works, identity, rings, clock, interval, head_fields, on_renew, on_orders, count):
        self._works = works
        self._swapped = False  # whether the former one is being tried
        self._former = None  # what was trusted before, until the new has been seen to work
        self._identity = identity
        self._rings = rings
        self._clock = clock
        self.interval = interval
        self._head_fields = head_fields
        self._on_renew = on_renew
        self._on_orders = on_orders
        self._count = count
        self._most = wire.MAX_BATCH - ROOM
        self._most_records = wire.MAX_RECORDS
        self._failures = 0
        self._results = False  # whether results of orders wait to be sent
        self._alone = 0  # refusals of a single record as too large, in a row
        self._kick = asyncio.Event()
        self.line = asyncio.Lock()  # whoever has a connection: a device has memory for one
        self.rest = asyncio.sleep  # between the steps of a signature (calm.py)
        self._connection = None
        self._connected_by = None  # the enrolment file the connection was made with
        self.on_trusted = lambda: None  # called when a new enrolment file has worked
        self.last_error = ""
        self.due_at = clock.uptime() + LATE_S  # uptime by which the next round has begun, or this one ended
        self.last_contact = None  # uptime in seconds of the last good answer

    def kick(self):
        """Something urgent is in the spool: do not wait for the interval (a pause after a failure is kept)."""
        if not self._failures:
            self._kick.set()

    def retry_now(self):
        """The network is back: what failed for want of it need not wait any longer."""
        if self._failures:
            self._failures = 0
            self._kick.set()

    def works(self):
        """The enrolment file in use."""
        return self._works

    def trust(self, works, former=None):
        """Use another enrolment file from the next connection on, and in turn with the former one until it has worked:
        a mistake in it must not lose the gateway."""
        self._works = works
        self._former = former
        self._swapped = False

    async def run(self):
        """Send for ever."""
        wait = pauses.spread(self._identity.kid, 0) * min(self.interval, 60) // 256
        while True:
            self.due_at = self._clock.uptime() + int(wait) + LATE_S * port.scale()
            await port.wait_event(self._kick, wait)
            self.due_at = self._clock.uptime() + LATE_S * port.scale()
            self._kick.clear()
            async with self.line:
                wait = await self.round()
                await asyncio.sleep(0)  # or this frame's memory would keep that round, and the code it loaded
            wait = max(wait, MIN_WAIT_S)

    async def round(self):
        """One connection: send all that is pending, or at least an empty batch; returns the seconds to wait."""
        if self._swapped and not self._failures:
            self._swap()
        try:
            return await self._exchange()
        except (OSError, ValueError, EOFError) as e:
            self._count("errors")
            self.last_error = "%s: %s" % (type(e).__name__, e)
            return self._failed()
        finally:
            for ring in self._rings:
                ring.pin(False)
            await self._hang_up()

    def _failed(self):
        self._failures += 1
        if self._former is not None:
            self._swap()
        return self._pause()

    def _pause(self):
        return pauses.after(self._identity.kid, self._failures, FIRST_PAUSE_S, MAX_PAUSE_S)

    def _swap(self):
        self._works, self._former = self._former, self._works
        self._swapped = not self._swapped

    def _regular_wait(self):
        now = self._clock.now()
        return pauses.until_next(self._identity.kid, self.interval, self._clock.uptime() if now is None else now)

    async def _exchange(self):
        sent_any = False
        for ring in self._rings:
            await self._bring_over(ring)
            # What comes in meanwhile waits for the next round: else a busy radio would keep the connection open.
            epoch, goal = ring.epoch, ring.last
            while not ring.proven or ring.acknowledged < goal or (not sent_any and ring is self._rings[-1]):
                sent_any = True
                wait = await self._send_one(ring)
                if wait is not None:
                    return wait
                if ring.epoch != epoch:
                    await self._bring_over(ring)
                    epoch, goal = ring.epoch, ring.last
        if self._results:
            self._results = False
            return MIN_WAIT_S
        return self._regular_wait()

    async def _bring_over(self, ring):
        for n in ring.migrate():
            if not n & 15:
                await asyncio.sleep(0)

    # --- one batch ---

    async def _send_one(self, ring):
        # None when it went well and more may follow, else the seconds to wait.
        ring.pin(True)
        first, last, size = ring.span(self._most, self._most_records) if ring.proven else (0, 0, 0)
        epoch = ring.epoch
        head = self._head(ring, first, last)
        hasher = hashlib.sha256(head)
        for seq, data in ring.read(first - 1, last) if first else ():
            hasher.update(data)
            if not seq & 15:
                await asyncio.sleep(0)
        digest = hasher.digest()
        signed = self._envelope(digest, await self._sign(digest))
        if first:
            ring.sending(last)
        self._count("batches")
        status, headers, body = await port.within(
            TIMEOUT_S, self._post(ring, first, last, (signed, head), len(signed) + len(head) + size))
        ring.pin(False)
        if ring.epoch != epoch:
            return None
        return await self._answered(ring, first, last, status, headers, body)

    # The envelope's module is imported where it is used: it is dropped from memory between batches.

    def _envelope(self, digest, signature):
        from ..wire import envelope
        return envelope.envelope(self._identity.kid, digest, signature)

    def _head(self, ring, first, last):
        from ..wire import envelope
        boot, firmware, quality = self._head_fields()
        return envelope.head(ring.epoch, boot, firmware, quality, first, last)

    async def _sign(self, digest):
        from ..crypto import ed25519
        from ..wire import envelope
        message = envelope.to_sign("batch", self._works["works"], self._identity.kid, digest)
        steps = ed25519.sign_steps(self._identity.seed, self._identity.public_key, message)
        while True:
            try:
                next(steps)
            except StopIteration as e:
                return e.value
            await self.rest(0)

    async def _post(self, ring, first, last, opening, length):
        from . import http
        reader, writer = await self._connected()
        chunk = [http.request_head("POST", self._works["host"], self._works["port"], wire.PATH, length,
                                   wire.CONTENT_TYPE, wire.ANSWER_TYPE)]
        chunk.extend(opening)
        held = 0
        for _seq, data in ring.read(first - 1, last) if first else ():
            chunk.append(data)
            held += len(data)
            if held >= CHUNK:
                writer.write(b"".join(chunk))
                await writer.drain()
                chunk, held = [], 0
        writer.write(b"".join(chunk))
        await writer.drain()
        status, headers, body, goes_on = await http.read_answer(reader)
        if not goes_on:
            await self._hang_up()
        return status, headers, body

    async def _connected(self):
        if self._connection is None:
            from .connection import connect
            works = self._works
            self._connection = await connect(port, works, self._clock, self._failures)
            self._connected_by = works
        return self._connection

    async def _hang_up(self):
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await port.close(connection[1])

    # --- its answer ---

    async def _answered(self, ring, first, last, status, headers, body):
        if status != 200:
            self.last_error = "HTTP %d" % status
            self._count("errors")
        done = getattr(self, ANSWERS.get(status, OTHERWISE))
        return await done(ring, first, last, headers, body)

    # What is done with an answer (ANSWERS), in the words of docs/wire.md; each returns None when more may follow, else
    # the seconds to wait.

    async def _accept(self, ring, first, last, _headers, body):
        """Acknowledges, takes time and commands, goes on with the next batch; where `through` is above what it has
        sent, begins a new epoch."""
        from ..wire import envelope
        answer = envelope.open_answer(body)
        self.last_contact = self._clock.uptime()
        before = self._clock.now()
        # The answer was written before it got here: half a second is the best guess for what the second hides.
        self._clock.offer(answer.time * 1000 + 500, records.CLOCK_ANSWER)
        # A connection made before the change proves nothing about the new file.
        if self._former is not None and not self._swapped and self._connected_by is self._works:
            self._former = None
            self.on_trusted()
        continues = self._continues(ring, answer)
        if continues:
            progress = self._acknowledged(ring, first, last, answer)
        else:
            self.last_error = "the receiver has more than this spool has sent"
            self._count("errors")
            wait = self._renew(ring)
        # After that: a command may ask for acknowledged records again.
        if answer.commands and await self._on_orders(answer.commands, before):
            self._results = True
        if not continues:
            return wait
        if not progress:
            # Without a pause this would go round for ever.
            self.last_error = "answer acknowledges nothing"
            self._count("errors")
            return self._failed()
        self._failures = self._alone = 0
        self.last_error = ""
        return None

    async def _back_off(self, _ring, _first, _last, _headers, _body):
        """Keeps everything, backs off, sends the same records again."""
        return self._failed()

    async def _ask_hourly(self, _ring, _first, _last, _headers, _body):
        """Keeps everything, asks again in an hour."""
        self._failures += 1
        return pauses.around(UNKNOWN_WAIT_S, self._identity.kid, self._failures)

    async def _begin_anew(self, ring, first, _last, _headers, _body):
        """Begins a new epoch, sends what is pending again in it."""
        return self._renew(ring) if first else self._failed()

    async def _halve(self, ring, first, last, _headers, _body):
        """Halves the number of records; a single record refused eight times in a row, with back-off, is given up with a
        `lost` record."""
        if not first:
            return self._failed()
        if last > first:
            self._most_records = max((last - first + 1) // 2, 1)
            return None
        # A record is at most 1 KiB: whoever refuses one alone is probably broken and may be mended, so it is not given
        # up at once. But it must not hold up the others for ever.
        self._alone += 1
        if self._alone < GIVE_UP_AFTER:
            return self._failed()
        self._alone = 0
        ring.give_up(first)
        return None

    async def _wait_as_told(self, _ring, _first, _last, headers, _body):
        """Waits as `Retry-After` says (seconds, at most a day), else backs off."""
        self._failures += 1
        told = headers.get("retry-after", "")
        if told.isdigit() and len(told) <= 9:
            wait = min(int(told), MAX_RETRY_AFTER_S)
            return wait + wait * pauses.spread(self._identity.kid, self._failures) // 1024
        return self._pause()

    def _renew(self, ring):
        self._failures += 1
        ring.renew()
        self._on_renew(ring)
        # A second time in a row is no accident: then there is a pause before the next try.
        return None if self._failures == 1 else self._pause()

    @staticmethod
    def _continues(ring, answer):
        # Whether all that the receiver has of this epoch was sent by this spool.
        return answer.epoch != ring.epoch or answer.through <= ring.sent

    def _acknowledged(self, ring, first, last, answer):
        # Whether the answer takes the ring on.
        if answer.epoch == ring.epoch:
            ring.proven = True
        if not first:
            if answer.epoch == ring.epoch and answer.through < ring.acknowledged:
                ring.rewind(answer.through)  # the receiver is an older copy of itself: it has lost the others
            return ring.proven
        before = ring.acknowledged
        if answer.epoch == ring.epoch:
            ring.acknowledge(min(answer.through, last))
            if answer.through >= last:
                self._grow()
        self._count("acknowledged", ring.acknowledged - before)
        return ring.acknowledged > before

    def _grow(self):
        self._most_records = min(self._most_records * 2, wire.MAX_RECORDS)
