"""Random schedules of cuts, lost answers, refusals, restarts and restored receivers, the whole gateway against a model
of the receiver: what was kept arrives, nothing is given two meanings, no command runs twice, no spool blocks.

A seed is a schedule. NETTI_SCHEDULES=1000 runs as many.
"""

import asyncio
import gc
import hashlib
import json
import os
import random

from firmware import port

port.tidy()  # before the imports: what they leave would lie all over a small heap

import gateway_bench as rig
from disk import Cut, Disk

from firmware import config
from firmware.clock import Clock
from firmware.crypto import ed25519
from firmware.folder import restored
from firmware.gateway import Gateway
from firmware.home import history
from firmware.orders import Orders
from firmware.spool.files import Ring
from firmware.uplink.uplink import Uplink
from firmware.wire import cbor, orders, records
from firmware.wire import envelope as wire_envelope

T = rig.T
ME = rig.ME
SEED = b"\x01" * 32
KEY = ed25519.public_key(SEED)
SIGNER = wire_envelope.kid(KEY)
SCHEDULES = int(os.getenv("NETTI_SCHEDULES") or (4 if port.MICROPYTHON else 12))
MOST_BATCHES = 400  # of a schedule; a good one needs less than a fifth
WORKS = {"works": "demo", "host": "localhost", "port": 1, "anchors": [], "command_keys": [KEY], "gateway": ME.gateway,
         "window": 3600, "interval": 900}


def command(counter, name, arguments):
    content = cbor.encode([ME.kid, counter, 1 << 40, name, arguments])
    digest = hashlib.sha256(content).digest()
    message = wire_envelope.to_sign("command", "demo", SIGNER, digest, "application/cbor")
    return wire_envelope.envelope(SIGNER, digest, ed25519.sign(SEED, KEY, message), "application/cbor") + content


class Receiver:
    """The rules of docs/wire.md in few words; `restore` puts it back to where `backup` was."""

    def __init__(self):
        self.marks = {}  # epoch -> highest seq taken
        self.gaps = {}  # epoch -> seqs missing below the mark
        self.ranges = {}  # (epoch, first, last) -> digest of the records
        self.telegrams = set()
        self.results = {}
        self.commands = []  # (counter, signed)
        self.meaning = {}  # (epoch, seq) -> record, of all that ever came: not part of the store
        self.counter = 0
        self.rewound = {}  # counter -> arguments, of the commands to rewind
        self.now = T
        self.saved = None
        self.backup()

    def backup(self):
        self.saved = (dict(self.marks), {e: set(g) for e, g in self.gaps.items()}, dict(self.ranges),
                      set(self.telegrams))

    def restore(self):
        self.marks, self.gaps, self.ranges, self.telegrams = self.saved
        self.backup()
        # What was missing when the backup was made may have come since and be missing again: it is asked for anew.
        for epoch in sorted(self.gaps):
            if self.gaps[epoch]:
                self.order("rewind", {"epoch": epoch, "after": min(self.gaps[epoch]) - 1})

    def order(self, name, arguments):
        self.counter += 1
        self.commands.append((self.counter, command(self.counter, name, arguments)))
        if name == "rewind":
            self.rewound[self.counter] = arguments

    def take(self, body):
        """The answer to a batch: (status, body)."""
        envelope = wire_envelope.open_envelope(body, "batch", "demo")
        head, at = wire_envelope.open_head(body, envelope.end)
        digest = hashlib.sha256(body[at:]).digest()
        if head.first and self.ranges.setdefault((head.epoch, head.first, head.last), digest) != digest:
            return 409, b""
        mark = self.marks.get(head.epoch, 0)
        gaps = self.gaps.setdefault(head.epoch, set())
        if head.first > mark + 1:
            gaps |= set(range(mark + 1, head.first))
            wanted = {"epoch": head.epoch, "after": mark}
            if not any(self.rewound[c] == wanted and c not in self.results for c in self.rewound):
                self.order("rewind", wanted)
        seq = head.first
        while at < len(body):
            end = cbor.skip(body, at)
            self.record(head.epoch, seq, body[at:end], seq > mark or seq in gaps)
            gaps.discard(seq)
            at, seq = end, seq + 1
        self.marks[head.epoch] = max(mark, head.last)
        open_commands = [data for counter, data in self.commands if counter not in self.results]
        return 200, wire_envelope.answer(head.epoch, self.marks[head.epoch], self.now, open_commands)

    def record(self, epoch, seq, raw, new):
        assert self.meaning.setdefault((epoch, seq), raw) == raw, "seq %d has two meanings" % seq
        if not new:
            return
        row = cbor.decode_all(raw)
        assert row[1] == seq
        if row[0] == records.TELEGRAM:
            self.telegrams.add(row[4])
        elif row[0] == records.RESULT and row[3] not in self.results:
            self.results[row[3]] = row[4]
            if row[4] == orders.INTERRUPTED and row[3] in self.rewound:
                self.order("rewind", self.rewound[row[3]])


class Wire:
    """A connection to the receiver; `steps` says what happens to each batch."""

    def __init__(self, world):
        self.world = world
        self.chunks = []
        self.missing = 0
        self.got = b""

    def write(self, data):
        if not data:
            return
        if not self.missing:
            head, _, data = data.partition(b"\r\n\r\n")
            self.missing = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
        self.chunks.append(data)
        self.missing -= len(data)

    async def drain(self):
        if self.missing or not self.chunks:
            return
        body, self.chunks = b"".join(self.chunks), []
        step = self.world.step()
        self.world.batches += 1
        assert self.world.batches < MOST_BATCHES, "it goes on sending for ever"
        if step == "error":
            status, answer = random.choice((401, 403, 429, 500, 503)), b""
        elif step == "large":
            status, answer = 413, b""
        else:
            status, answer = self.world.receiver.take(body)
            if step == "lost":
                return
        self.got += ("HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(answer))).encode() + answer

    async def readline(self):
        return await self.read(self.got.find(b"\n") + 1 or len(self.got))

    async def read(self, n):
        part, self.got = self.got[:n], self.got[n:]
        return part

    async def readexactly(self, n):
        if len(self.got) < n:
            raise EOFError()
        return await self.read(n)


class Up(Uplink):
    """The uplink over such wires; what it has signed once, in another schedule or try, it has signed."""

    world: "World"
    signatures: "dict[bytes, bytes]" = {}

    async def _sign(self, digest):
        if digest not in self.signatures:
            self.signatures[digest] = await Uplink._sign(self, digest)
        return self.signatures[digest]

    async def _connected(self):
        if self._connection is None:
            if self.world.step() == "error":
                raise OSError("no route")
            wire = Wire(self.world)
            self._connection, self._connected_by = (wire, wire), self._works
        return self._connection

    async def _hang_up(self):
        self._connection = None


class World:
    """One schedule: a disk, a receiver, and gateways that live and die on the disk."""

    ring = Ring
    commands = Orders
    uplink = Up

    def __init__(self, seed):
        random.seed(seed)
        self.disk = Disk()
        self.receiver = Receiver()
        self.quiet = False  # from now on everything works
        self.kept = []  # telegrams appended
        self.safe = 0  # how many of them a power cut must not take
        self.executed = []
        self.batches = 0
        self.unix = T
        self.next = 0

    def step(self):
        if self.quiet:
            return "fine"
        return ("fine", "fine", "fine", "lost", "error", "large")[random.getrandbits(8) % 6]

    def random(self, n):
        return bytes([random.getrandbits(8) for _ in range(n)])

    def start(self):
        """A gateway as main makes it."""
        hal = rig.Hal()
        state = restored(json.loads(self.disk.read_whole("state.json") or b"{}"))
        state["boot"] += 1

        def save(state):
            self.disk.write_whole("state.json", json.dumps(state).encode())
        save(state)
        clock = Clock(hal.uptime_ms, max(1767225600, state["floor"]))
        rings = [self.ring(self.disk, name, 1 << 15, self.random, clock.record_time)
                 for name in ("values", "telegrams")]
        g = Gateway(hal, config.check({}, WORKS), ME, clock, rings, state, save,
                    history.History(self.disk, "history"))
        g.journal.started("start")
        for ring in rings:
            for _ in ring.migrate():
                pass
        taker = self.commands(ME.kid, WORKS, clock, state, save, g.values, g)
        interval = taker.do_interval

        def counted(seconds):
            self.executed.append(seconds)
            interval(seconds)
        taker.do_interval = counted
        g.uplink = self.uplink(WORKS, ME, rings, clock, 900, lambda: (state["boot"], "t", clock.quality),
                               g.journal.renewed,
                               taker.execute_all, g.count)
        g.uplink.world = self
        taker.resume()
        return g

    def live(self, steps):
        """A life of a gateway until its time or its disk's budget is over."""
        g = self.start()
        began = self.unix
        for _ in range(steps):
            self.unix += 60 + random.getrandbits(10)
            g.hal.ms = (self.unix - began) * 1000
            what = random.getrandbits(8) % 8
            if what < 4:
                self.next += 1
                telegram = rig.cases.mode5(access=self.next & 255, who=rig.cases.address(number="%08d" % self.next))
                before = g.telegrams.last
                g.telegram(telegram, -70)
                if g.telegrams.last > before:
                    self.kept.append(telegram)
            elif what < 6:
                self.receiver.now = self.unix
                asyncio.run(g.uplink.round())
                if g.telegrams.sent >= g.telegrams.last:
                    self.safe = len(self.kept)
            elif what == 6:
                g.tasks.tick()
                g.telegrams.flush()
                self.safe = len(self.kept)
            else:
                self.beyond()
        return g

    def beyond(self):
        """Something happens at the works."""
        what = random.getrandbits(8) % 4
        if what == 0:
            self.receiver.backup()
        elif what == 1:
            self.receiver.restore()
        else:
            self.receiver.order("interval", {"seconds": 60 + len(self.receiver.commands)})

    def run(self):
        """The whole schedule; returns how many cuts there were."""
        cuts = 0
        for _ in range(4):
            gc.collect()
            self.disk.budget = 200 + random.getrandbits(13)
            kill = random.getrandbits(1)
            try:
                self.live(20)
            except Cut:
                cuts += 1
                self.disk = self.disk.crash(kill, 0 if kill else random.getrandbits(6))
                if not kill:
                    self.kept = self.kept[:self.safe]
                else:
                    self.safe = len(self.kept)
            self.disk.budget = None
        self.finish()
        return cuts

    def finish(self):
        """Everything works again: all that was kept arrives, and every command has its answer."""
        self.quiet = True
        gc.collect()
        g = self.start()
        self.receiver.now = self.unix
        for n in range(12):
            g.hal.ms = n * 7200000
            self.receiver.now = self.unix + n * 7200
            asyncio.run(g.uplink.round())
        assert g.values.pending() == 0 and g.telegrams.pending() == 0, "the spool is blocked: " + g.uplink.last_error
        missing = [t for t in self.kept if t not in self.receiver.telegrams]
        assert not missing, "%d of %d telegrams are missing" % (len(missing), len(self.kept))
        open_commands = [c for c, _data in self.receiver.commands if c not in self.receiver.results]
        assert not open_commands, "commands %s have no result" % open_commands
        assert len(self.executed) == len(set(self.executed)), "a command was executed twice"


def campaign(kind, seeds):
    cuts = 0
    for seed in seeds:
        try:
            cuts += kind(seed).run()
        except AssertionError as e:
            raise AssertionError("schedule %d: %s" % (seed, e))  # noqa: B904
    return cuts


def test_schedules():
    assert campaign(World, range(SCHEDULES)) > SCHEDULES // 3


def caught(kind, seeds):
    try:
        campaign(kind, seeds)
    except Exception:
        return True
    return False


class CountsNot(Orders):
    """Known bad: does not look at the counter."""

    async def execute_all(self, commands, before):
        self._state["counter"] = 0
        await Orders.execute_all(self, commands, before)


class Forgets(World):
    commands = CountsNot


class AcknowledgesLast(Up):
    """Known bad: acknowledges after it has followed a command to rewind."""

    async def _accept(self, ring, first, last, headers, body):
        answer = wire_envelope.open_answer(body)
        if answer.commands:
            await self._on_orders(answer.commands, self._clock.now())
        without = wire_envelope.answer(answer.epoch, answer.through, answer.time)
        return await Up._accept(self, ring, first, last, headers, without)


class UndoesRewinds(World):
    uplink = AcknowledgesLast


class SeqFromRam(Ring):
    """Known bad: numbers go on from what was sent."""

    def _open(self):
        Ring._open(self)
        self.last = self.sent


class Renumbers(World):
    ring = SeqFromRam


def test_known_bad_gateways_are_caught():
    assert caught(Forgets, range(20))
    assert caught(Renumbers, range(20))
    assert caught(UndoesRewinds, range(20))
