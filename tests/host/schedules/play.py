"""Carries out a schedule and judges how it ended.

The books are kept from outside: what the radio gave, what the gateway told it had put into its spool and flushed, what
came over the wire, what the receiver answered. From these follows what must be in the store in the end, after both
sides were left in peace for a while:

- lost: a telegram the spool had promised is not there, and neither an overflow nor a restore of the receiver excuses
  it, nor that only a flash had it that was lost before the receiver had it (an older copy took its place)
- duplicates: a telegram, or a second one of the same meter and window from one life of the gateway, is there twice
- blocked: a ring still has something to send, or a wait has no end
- twice: a command was executed more often than it was given; one whose execution went with a lost flash may be executed
  again as long as its result has not come
- reused: a seq of an epoch came over the wire with two contents, and the receiver still had the first
- wrong: anything else that must not be (an exception, a time that is not the true one)
"""

import asyncio
import binascii
import collections
import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import cbor2
import receiver_support

from firmware.wire import envelope as wire_envelope
from firmware.wire import orders as table
from firmware.wire import records as wire_records

from . import receiving
from .device import Device
from .plan import METERS
from .receiving import START, Killed, said
from .world import Cut

ROOT = Path(__file__).resolve().parent.parent.parent.parent
MICROPYTHON = Path(sys.executable).parent / "micropython"
KINDS = ("lost", "duplicates", "blocked", "twice", "reused", "wrong")
WINDOW = 3600
WARM, SETTLED = 4, 14  # rounds in peace at the end: at least, at most
HEADER = 24  # bytes of a segment's header, which is durable as soon as the segment exists


class Violation(Exception):
    """A promise was broken: its kind and what happened."""

    def __init__(self, kind, text):
        super().__init__(f"{kind}: {text}")
        self.kind = kind


class Heard:
    """One telegram that the radio gave: `relayed` once it is in the spool, `safe` once no power cut can take it."""

    def __init__(self, number, meter, status, at, life, clock):
        self.number, self.meter, self.status, self.at, self.life, self.clock = number, meter, status, at, life, clock
        self.relayed = self.thinned = self.safe = self.risky = False
        self.gone = False  # only a flash that was lost had it in its spool
        self.held = False  # the receiver committed it, and was not restored since
        self.path = None
        self.sent = set()  # (epoch, seq) under which it was on the wire
        self.taken = set()  # epochs under which the receiver committed it

    def __repr__(self):
        return f"telegram {self.number} of meter {self.meter} (life {self.life}, at {self.at - START})"


class Local:
    """A gateway in this process."""

    def __init__(self, folder, exchange, tell):
        self.folder, self.exchange, self.tell = folder, exchange, tell
        self.device = None

    def start(self, seed, budget, system):
        self.device = Device(str(self.folder), self.exchange, self.tell, seed, budget, system)
        self.device.world.budget = None
        return self.device.state()

    def do(self, order, ms, budget, system):
        world = self.device.world
        world.ms, world.budget, world.system = ms, budget, system
        given = self.device.do(order)
        world.budget = None
        return given, self.device.state()

    def kill(self):
        if self.device is not None:
            self.device.end()
            self.device = None


class Process:
    """A gateway that is a MicroPython process, ended by SIGKILL."""

    def __init__(self, folder, exchange, tell):
        self.folder, self.exchange, self.tell = folder, exchange, tell
        self.process = None

    def start(self, seed, budget, system):
        env = dict(os.environ, MICROPYPATH=f"{ROOT}:.frozen:{ROOT}/tests/host")
        self.process = subprocess.Popen(
            [MICROPYTHON, "-X", "heapsize=192wK", str(ROOT / "tests/host/schedules/device.py")], cwd=ROOT, env=env,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
        return self._order({"do": ["start"], "folder": str(self.folder), "seed": seed, "budget": budget, "ms": 0,
                            "system": system})[1]

    def do(self, order, ms, budget, system):
        return self._order({"do": order, "ms": ms, "budget": budget, "system": system})

    def _order(self, order):
        self._write(order)
        while True:
            line = self.process.stdout.readline()
            try:
                kind, *row = json.loads(line)
            except ValueError:
                rest = line + self.process.stdout.read() if line else "it ended"
                raise Violation("wrong", "gateway process: " + rest) from None
            if kind == "told":
                self.tell(row[0])
            elif kind == "request":
                answer, telegrams = self.exchange(bytes.fromhex(row[0]))
                self._write([None if answer is None else answer.hex(), telegrams])
            elif kind == "cut":
                raise Cut
            elif kind == "failed":
                raise Violation("wrong", row[0])
            else:
                return row

    def _write(self, row):
        self.process.stdin.write(json.dumps(row) + "\n")
        self.process.stdin.flush()

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
            self.process = None


class Play:
    """One schedule being carried out in a folder of its own."""

    def __init__(self, template, folder, schedule, loop):
        self.schedule, self.template = schedule, template
        self.random = random.Random(schedule["seed"])
        self.now = START
        self.receiver = receiving.Receiving(template, folder, loop)
        self.gateway = folder / "gateway"
        shutil.copytree(template.gateway, self.gateway)
        small = schedule["small"]
        (self.gateway / "config.json").write_text(json.dumps({
            "relay": {"window": WINDOW}, "consent": {"valve": True},
            "spool": {"telegrams": 16384 if small else 1 << 20, "values": 1 << 18}}))
        self.device = (Process if schedule["runtime"] == "micropython" else Local)(
            self.gateway, self._exchange, self._told)
        self.booted = self.now
        self.system = None  # how far off a system clock is, None where there is none
        self.true_clock = True  # no source of time has lied so far
        self.lives = self.restores = self.hears = self.commands = self.cuts = 0
        self.heard, self.notes = [], {}  # every telegram; event -> [relayed, safe, path]
        self.by_data = {}
        self.hearing = None
        self.durable, self.removed = {}, []
        self.state = None
        self.faults, self.hears_during = [], []
        self.wire = {}  # (epoch, seq) -> record
        self.executed = collections.Counter()
        self.gave_up = False
        self.out_of_reach = self.copies = 0
        self.flashes = []  # copies of the gateway's flash: folder, telegrams heard, notes made, executed
        self.forgotten = collections.Counter()  # executions that went with a lost flash
        self.pasts = []

    # --- the gateway's lives

    def start(self, budget=None, how=("kill", 0)):
        """A new life; one that is cut off while it starts is followed by another."""
        self.lives += 1
        self.booted = self.now
        try:
            self._became(self.device.start(self.schedule["seed"] * 1000 + self.lives, budget, self._system()))
        except Cut:
            self.end(*how)
            self.start()

    def end(self, mode, extra):
        """The gateway is gone: killed, or with the power."""
        self.device.kill()
        self.cuts += 1
        self.now += 1
        if mode == "power":
            self._power_cut(random.Random(extra))
        for path in list(self.gateway.glob("gone/*")):
            path.unlink()
        self.removed = []

    def _power_cut(self, r):
        for path in sorted(self.gateway.glob("spool/*/*.seg")):
            size, durable = path.stat().st_size, self.durable.get(str(path), HEADER)
            if size > durable:
                keep = r.choice((durable, r.randrange(durable, size + 1)))
                data = path.read_bytes()[:keep]
                if r.random() < 0.3:  # the length was written, the bytes were not
                    data += bytes(size - keep)
                path.write_bytes(data)
            self.durable[str(path)] = path.stat().st_size
        for path, gone in self.removed:
            if r.random() < 0.5 and not os.path.exists(path):
                os.rename(gone, path)
                self.durable[path] = os.path.getsize(path)
        for heard in self.heard:
            if heard.relayed and not heard.safe:
                heard.risky = True
        for note in self.notes.values():
            if not note[1]:
                note[3] = True

    def _told(self, row):
        kind = row[0]
        if kind == "hearing":
            self.hearing = self.by_data[bytes.fromhex(row[1])]
            self.hearing.clock = row[2]
            self.hearing.life = self.lives
        elif kind == "relayed":
            self.hearing.relayed, self.hearing.path = True, row[1]
        elif kind == "thinned":
            self.hearing.thinned = True
        elif kind == "noted":
            self.notes[row[1]] = [True, False, row[2], False]
        elif kind == "flushed":
            self.durable[row[1]] = row[2]
            for heard in self.heard:
                if heard.path == row[1] and not heard.risky:
                    heard.safe = True
            for note in self.notes.values():
                if note[2] == row[1] and not note[3]:
                    note[1] = True
        elif kind == "removed":
            self.removed.append((row[1], row[2]))
        elif kind == "kept":
            self.removed = [r for r in self.removed if os.path.dirname(r[0]) != row[1]]
        elif kind == "executed":
            self._executed(row[1], row[2])

    def _executed(self, name, arguments):
        names = [field.name for field in table.named(name).fields]
        key = name, said(dict(zip(names, arguments)))
        self.executed[key] += 1
        if self.executed[key] > self.receiver.made[key] and self.forgotten[key] and self.receiver.waits(name):
            self.forgotten[key] -= 1
            self.executed[key] -= 1
        if self.executed[key] > self.receiver.made[key]:
            raise Violation("twice", f"{name} {key[1]} was executed {self.executed[key]} times, ordered "
                                     f"{self.receiver.made[key]} times")

    def _became(self, state):
        self.state = state

    def _system(self):
        return None if self.system is None else self.booted + self.system

    def _do(self, order, budget=None):
        given, state = self.device.do(order, (self.now - self.booted) * 1000, budget, self._system())
        self._became(state)
        return given

    # --- what the radio gives

    def _telegram(self, meter):
        self.hears += 1
        status = 4 if self.random.random() < 0.03 else 0
        data = receiver_support.Meter(10_000_000 + meter).telegram(self.hears, access=self.hears & 255, status=status)
        heard = Heard(self.hears, meter, status, self.now, 0, None)
        self.heard.append(heard)
        self.by_data[data] = heard
        return data.hex()

    # --- the wire

    def _exchange(self, request):
        hears = [self._telegram(m) for m in (self.hears_during.pop(0) if self.hears_during else ())]
        fault = self.faults.pop(0) if self.faults else ["ok"]
        self.receiver.clock.at = self.receiver.time.at = self.now
        head, _, body = request.partition(b"\r\n\r\n")
        if not head.startswith(b"POST /v1/batches HTTP/1.1\r\n") or b"Content-Length: %d\r\n" % len(body) not in head:
            raise Violation("wrong", f"request {head!r}")
        records, epoch = self._on_the_wire(body)
        return self._answer(fault, body, records, epoch), hears

    def _on_the_wire(self, body):
        envelope = wire_envelope.open_envelope(body, "batch", receiving.WORKS)
        head, at = wire_envelope.open_head(body, envelope.end)
        stream, records, expected = io.BytesIO(body[at:]), [], head.first
        while stream.tell() < len(body) - at:
            start = stream.tell()
            record = cbor2.load(stream)
            raw = body[at + start:at + stream.tell()]
            if record[1] != expected:
                raise Violation("wrong", f"seq {record[1]} where {expected} should be")
            if self.wire.get((head.epoch, expected)) not in (None, raw) and (
                    not self.copies or self.receiver.mark(head.epoch) >= expected):
                raise Violation("reused", f"epoch {head.epoch.hex()} seq {expected}")
            self.wire[head.epoch, expected] = raw
            records.append(record)
            expected += 1
            if record[0] == wire_records.TELEGRAM and record[4] in self.by_data:
                self.by_data[record[4]].sent.add((head.epoch, record[1]))
        return records, head.epoch

    def _answer(self, fault, body, records, epoch):
        # The bytes of the answer, or None where the connection ends without one.
        kind = fault[0]
        if kind == "unheard":
            return None
        if kind == "status":
            self.gave_up = self.gave_up or fault[1] == 413
            return http(fault[1], {} if fault[2] is None else {"Retry-After": str(fault[2])}, b"no\n")
        if kind == "garbage" and fault[1] not in ("epoch", "far"):
            return garbage(fault[1], epoch, self.now)
        if kind == "kill":
            self.receiver.kill_at_commit(fault[1])
        if kind == "twin" and records:
            self.receiver.post(receiving.twin(self.template, body))
        try:
            status, headers, answer = self.receiver.post(body)
            if status == 200:
                self._taken(records, epoch)
        except Killed:
            if fault[1] == "after":
                self._taken(records, epoch)
            return None
        finally:
            self.receiver.bury()
        if kind == "unanswered":
            return None
        if status == 200 and kind in ("garbage", "step"):
            opened = wire_envelope.open_answer(answer)
            if kind == "step":
                self.true_clock = self.true_clock and abs(fault[1]) <= 2
                answer = wire_envelope.answer(opened.epoch, opened.through, opened.time + fault[1], opened.commands)
            elif fault[1] == "epoch":
                answer = wire_envelope.answer(b"another!", opened.through, opened.time, opened.commands)
            else:
                answer = wire_envelope.answer(opened.epoch, 1 << 60, opened.time, opened.commands)
        whole = http(status, headers, answer)
        return whole[:fault[1]] if kind == "torn" else whole

    def _taken(self, records, epoch):
        for record in records:
            if record[0] == wire_records.TELEGRAM and record[4] in self.by_data:
                self.by_data[record[4]].taken.add(epoch)
                self.by_data[record[4]].held = True

    # --- the orders

    def run(self):
        """The whole schedule and its end; raises Violation."""
        try:
            self.start()
            for order in self.schedule["orders"]:
                self.order(order)
            self.settle()
            self.judge()
        finally:
            self.device.kill()
            self.receiver.close()

    def order(self, order, budget=None, how=("kill", 0)):
        """Carry out one order."""
        name, arguments = order[0], order[1:]
        self.receiver.clock.at = self.receiver.time.at = self.now
        getattr(self, "_" + name)(*arguments, budget, how)
        self.receiver.clock.at = self.receiver.time.at = self.now

    def _hear(self, meters, budget, how):
        self._careful(["hear", [self._telegram(m) for m in meters]], budget, how)

    def _careful(self, order, budget, how):
        # An order that may be cut off: then there is a new life.
        try:
            return self._do(order, budget)
        except Cut:
            self.end(*how)
            self.start()
            return None

    def _wait(self, seconds, budget, how):
        self.now += seconds
        self._careful(["tick"], budget, how)

    def _event(self, budget, how):
        self._careful(["event", f"note {len(self.notes)}"], budget, how)

    def _round(self, faults, hears, budget, how):
        self.faults, self.hears_during = [list(f) for f in faults], [list(h) for h in hears]
        wait = self._careful(["round", [f[1] if f[0] == "broken" else None for f in faults]], budget, how)
        self.faults, self.hears_during = [], []
        if wait is not None and not 0 <= wait <= 108000:
            raise Violation("blocked", f"a wait of {wait} s")
        self.now += 2

    def _stop(self, budget, how):
        try:
            self._do(["stop"], budget)
            self.device.kill()
        except Cut:
            self.end(*how)
        self.now += 5
        self.start()

    def _crash(self, mode, extra, budget, how):
        self.end(mode, extra)
        self.start(budget, how)

    def _cut(self, mode, n, extra, inner, budget, how):
        self.order(inner, n, (mode, extra))

    def _copy(self, budget, how):
        # As it lies, while the gateway runs.
        folder = self.gateway.with_name(f"flash{len(self.flashes)}")
        shutil.copytree(self.gateway, folder, ignore=shutil.ignore_patterns("gone"))
        self.flashes.append((folder, len(self.heard), len(self.notes), self.executed.copy()))

    def _older(self, number, budget, how):
        if not self.flashes:
            return
        self.copies += 1
        self.end("kill", 0)
        folder, heard, notes, executed = self.flashes[number % len(self.flashes)]
        shutil.rmtree(self.gateway)
        shutil.copytree(folder, self.gateway)
        self.durable = {str(path): path.stat().st_size for path in self.gateway.glob("spool/*/*.seg")}
        for telegram in self.heard[:heard]:
            telegram.safe = telegram.safe or telegram.relayed
        for telegram in self.heard[heard:]:
            telegram.gone = True
            telegram.risky = telegram.risky or not telegram.held
        for i, note in enumerate(self.notes.values()):
            note[1], note[3] = note[1] or i < notes, note[3] or i >= notes
        self.forgotten = self.executed - executed
        self.start()
        for epoch, _last, _acknowledged, sent, _lost in self.state["rings"]:
            self.pasts.append(receiving.Past(self.receiver, bytes.fromhex(epoch), sent))

    def _backup(self, budget, how):
        self.receiver.backup()
        for past in self.pasts:
            past.backup()

    def _restore(self, number, with_keys, budget, how):
        if not all(past.may(number) for past in self.pasts):
            return
        for past in self.pasts:
            past.restore(number)
        for telegram in self.heard:
            telegram.held = False
            telegram.risky = telegram.risky or telegram.gone
        self.now += 60
        self.receiver.clock.at = self.receiver.time.at = self.now
        self.restores += 1
        self.receiver.restore(number, with_keys)

    def _kill(self, budget, how):
        self.receiver.kill()

    def _revoke(self, revoked, budget, how):
        self.receiver.revoke(revoked)

    def _clock(self, off, budget, how):
        self.system = off
        self.true_clock = self.true_clock and (off is None or abs(off) <= 3)
        self._careful(["tick"], budget, how)

    def _storm(self, n, budget, how):
        for i in range(0, n, 25):
            self._careful(["hear", [self._telegram(1000 + self.hears + k) for k in range(min(25, n - i))]], None, how)

    def _command(self, name, budget, how):
        self.now += 1
        self.receiver.clock.at = self.receiver.time.at = self.now
        self.commands += 1
        works = json.loads((self.template.gateway / "works.json").read_bytes())
        arguments = {"interval": {"seconds": 600 + self.commands}, "close-valve": {}, "own-meters": {"meters": []},
                     "trust": {"url": works["url"], "anchors": works["anchors"],
                               "command_keys": [bytes.fromhex(k) for k in works["command_keys"]]},
                     "update": {"version": str(self.commands), "url": "https://localhost/u"},
                     "relay": {"window": WINDOW, "media": [6, 7, 21, 22], "meters": None}}[name]
        self.receiver.command(name, arguments)

    # --- the end

    def settle(self):
        """Leave both in peace until nothing moves any more."""
        self.system = None
        self.receiver.revoke(False)
        before = None
        for n in range(SETTLED):
            self.now += WINDOW
            self.receiver.clock.at = self.receiver.time.at = self.now
            self._do(["hear", [self._telegram(n % METERS)]])
            self._do(["event", f"note {len(self.notes)}"])
            self._do(["tick"])
            self._round([], [], None, ("kill", 0))
            now = [r[1] - r[2] for r in self.state["rings"]], self.receiver.rows("SELECT * FROM gaps")
            if n >= WARM and now == before and not any(now[0]):
                return
            before = now
        if any(before[0]):
            raise Violation("blocked", f"pending {before[0]} after {SETTLED} rounds in peace: "
                                       f"{self.state['last_error']}")

    def judge(self):
        """Raise Violation where the store is not as promised."""
        store = collections.defaultdict(list)
        for data, time, epoch, seq in self.receiver.rows(
                "SELECT t.data, t.time, e.epoch, t.seq FROM telegrams t JOIN epochs e ON e.id = t.epoch"):
            store[data].append((time, epoch, seq))
        for data in store:
            if data not in self.by_data:
                raise Violation("wrong", f"a telegram that nobody sent: {binascii.hexlify(data)!r}")
        for data, heard in self.by_data.items():
            rows = store.get(data, [])
            # Before it knew the time, or with one that nobody believes, an older copy cannot say that it is the same.
            timeless = heard.clock is None or abs(heard.clock - heard.at) > 86400
            if len(rows) > 1 and not (self.copies and timeless):
                raise Violation("duplicates", f"{heard} is there {len(rows)} times: "
                                              f"{[(t and t - heard.at, e.hex(), s) for t, e, s in rows]}")
            if not rows and heard.relayed and not heard.risky and not self._excused(heard):
                raise Violation("lost", f"{heard}, sent as {sorted((e.hex(), s) for e, s in heard.sent)}")
            if rows and self.true_clock and heard.clock is not None and not abs(rows[0][0] - heard.at) <= 3:
                raise Violation("wrong", f"{heard} has a time {rows[0][0] - heard.at} s off")
        self._windows()
        kept = collections.Counter(cbor2.loads(body)[4] for (body,) in self.receiver.rows(
            "SELECT body FROM records WHERE kind = ?", wire_records.EVENT) if cbor2.loads(body)[3] == "schedule")
        for note, (_, _, _, risky) in self.notes.items():
            if not kept[note] and not risky and not self.restores:
                raise Violation("lost", f"event {note}")

    def _windows(self):
        # In each life, one telegram per meter and window is relayed, further ones only where the status byte changed;
        # what is thinned has another of its window before it. A table that overflows may relay more.
        if not self.true_clock or self.schedule["small"]:
            return
        last = {}  # (life, meter) -> the last one relayed
        for heard in self.heard:
            before = last.get((heard.life, heard.meter))
            edge = min(heard.at % WINDOW, -heard.at % WINDOW) < 5  # where the gateway's seconds may say otherwise
            same = before is not None and before.at // WINDOW == heard.at // WINDOW
            if heard.thinned and heard.clock is not None and not same and not edge:
                raise Violation("lost", f"{heard} was thinned, with none of its window before it")
            if heard.relayed:
                if same and not edge and heard.clock is not None and before.clock is not None \
                        and before.status == heard.status:
                    raise Violation("duplicates", f"{heard}: a second one of its window, after {before}")
                last[heard.life, heard.meter] = heard

    def _excused(self, heard):
        if self.restores and heard.taken and bytes.fromhex(self.state["rings"][1][0]) not in heard.taken:
            self.out_of_reach += 1  # acknowledged in an epoch that has ended, then forgotten by the receiver
            return True
        if not self.schedule["small"] and not self.gave_up:
            return False
        # An overflow must be visible: its seq in a lost record or a gap, or never given out.
        ranges = self.receiver.rows("SELECT e.epoch, l.first, l.last FROM lost l JOIN epochs e ON e.id = l.epoch "
                                    "UNION SELECT e.epoch, g.first, g.last FROM gaps g JOIN epochs e ON e.id = g.epoch")
        if any(e == epoch and first <= seq <= last for e, seq in heard.sent for epoch, first, last in ranges):
            return True
        return not heard.sent and bool(ranges)


def http(status, headers, body):
    """The bytes of an answer."""
    lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}"]
    lines += [f"{k}: {v}" for k, v in headers.items() if k.lower() != "content-length"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def garbage(kind, epoch, now):
    """A 200 that no receiver of ours gives; nothing was stored."""
    if kind == "html":
        return http(200, {"Content-Type": "text/html"}, b"<html>Log in to this network</html>")
    if kind == "long":
        return b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"
    if kind == "header":
        return b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100
    return http(200, {}, {"empty": b"", "noise": hashlib.sha256(epoch).digest(),
                          "fields": cbor2.dumps({"epoch": epoch, "through": 1}),
                          "nothing": wire_envelope.answer(epoch, 0, now)}[kind])


class Campaign:
    """Plays schedules in a folder; `counts` sums up what was done."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.template = receiving.Template(folder)
        self.loop = asyncio.new_event_loop()
        self.counts = collections.Counter()

    def close(self):
        """End the event loop."""
        self.loop.close()

    def play(self, schedule):
        """The Violation of a schedule, or None."""
        folder = self.folder / "schedule"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        play = Play(self.template, folder, schedule, self.loop)
        try:
            play.run()
        except Violation as e:
            return e
        except Exception as e:  # noqa: BLE001 - whatever the parts under test raise is a finding
            import traceback
            return Violation("wrong", "".join(traceback.format_exception(e)))
        finally:
            for name, n in (("schedules", 1), ("telegrams", play.hears), ("lives", play.lives), ("cuts", play.cuts),
                            ("restores", play.restores), ("copies", play.copies), ("receivers", play.receiver.lives),
                            ("records", len(play.wire)), ("executed", sum(play.executed.values())),
                            ("out_of_reach", play.out_of_reach),
                            ("micropython", schedule["runtime"] == "micropython")):
                self.counts[name] += n
        return None

    def shrink(self, schedule, kind, most=200):
        """A shorter schedule that still breaks the same promise."""
        orders, size, plays = schedule["orders"], len(schedule["orders"]) // 2, 0
        while size and plays < most:
            at = 0
            while at < len(orders) and plays < most:
                fewer = dict(schedule, orders=orders[:at] + orders[at + size:])
                plays += 1
                violation = self.play(fewer)
                if violation is not None and violation.kind == kind:
                    orders = fewer["orders"]
                else:
                    at += size
            size //= 2
        return dict(schedule, orders=orders)
