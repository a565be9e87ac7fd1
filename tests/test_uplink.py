"""The uplink against a scripted receiver: every answer, lost answers, and that nothing blocks the spool."""

import asyncio
import gc

from disk import Disk, File
from flash_sim import Nor

from firmware import identity
from firmware import wire as wire_wire
from firmware.clock import Clock
from firmware.crypto import ed25519
from firmware.spool import nor
from firmware.spool.blocks import FlashRing
from firmware.spool.files import Ring
from firmware.uplink import pauses, uplink
from firmware.uplink.uplink import Uplink
from firmware.wire import cbor
from firmware.wire import envelope as wire_envelope
from firmware.wire import records as wire_records

ME = identity.of_seed(bytes(range(32)))
T = 1795504560
LOST = object()  # the answer is lost
CUT = object()  # the connection fails at once


class Receiver:
    """The other end: verifies and keeps what it is sent; `script` is what it does next, by default what is right."""

    def __init__(self):
        self.script = []
        self.stored = {}  # epoch -> {seq: bytes}
        self.requests = []  # (head, seqs, size)
        self.connections = 0
        self.skips = False  # whether what comes under a known seq may be something else

    def answer(self, body):
        envelope = wire_envelope.open_envelope(body, "batch", "demo")
        assert envelope.kid == ME.kid
        assert ed25519.verify(ME.public_key, envelope.to_verify, envelope.signature)
        head, at = wire_envelope.open_head(body, envelope.end)
        records = []
        while at < len(body):
            end = cbor.skip(body, at)
            records.append(body[at:end])
            at = end
        seqs = [cbor.decode_all(r)[1] for r in records]
        assert seqs == (list(range(head.first, head.last + 1)) if head.first else [])
        self.requests.append((head, seqs, len(body)))
        step = self.script.pop(0) if self.script else 200
        if isinstance(step, bytes):
            return step
        status, extra = step if isinstance(step, tuple) else (step, "")
        if status is LOST or status == 200:
            mine = self.stored.setdefault(head.epoch, {})
            for seq, record in zip(seqs, records):
                assert mine.setdefault(seq, record) == record or self.skips
            if status is LOST:
                return b""
            through = extra if extra != "" else max(list(mine) + [0])
            return http(200, "", wire_envelope.answer(head.epoch, through, T))
        return http(status, extra, b"no\n")


def http(status, headers, body):
    return ("HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n" % (status, len(body), headers)).encode() + body


class Wire:
    """One connection to the receiver: a reader and a writer."""

    def __init__(self, receiver):
        self.receiver = receiver
        self.chunks = []
        self.missing = 0
        self.got = b""

    def write(self, data):
        if not self.missing:
            head, _, data = data.partition(b"\r\n\r\n")
            assert head.startswith(b"POST /v1/batches HTTP/1.1\r\nHost: localhost:1\r\n")
            self.missing = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
        self.chunks.append(data)
        self.missing -= len(data)
        assert self.missing >= 0

    async def drain(self):
        if not self.missing:
            body, self.chunks = b"".join(self.chunks), []
            gc.collect()
            self.got += self.receiver.answer(body)

    async def readline(self):
        n = self.got.find(b"\n") + 1
        return await self.read(n or len(self.got))

    async def read(self, n):
        part, self.got = self.got[:n], self.got[n:]
        return part

    async def readexactly(self, n):
        if len(self.got) < n:
            raise EOFError()
        return await self.read(n)


class Bench(Uplink):
    """An uplink whose other end is a Receiver, and two rings to send from."""

    def __init__(self, kind=Ring, capacity=1 << 17, disk=None, receiver=None, n=0):
        self.disk = disk or Disk()
        self.n = n
        self.values = kind(self.disk, "values", capacity, self.random, lambda: 5)
        self.telegrams = kind(self.disk, "telegrams", capacity, self.random, lambda: 5)
        self.counts = {}
        self.renewed = []
        self.commands = []
        self.receiver = receiver or Receiver()
        self.clock = Clock(lambda: 1000, 1767225600)
        Uplink.__init__(self, {"works": "demo", "host": "localhost", "port": 1, "anchors": []}, ME,
                        (self.values, self.telegrams), self.clock, 900,
                        lambda: (3, "0.1.0", wire_records.CLOCK_FLOOR), self.on_renew, self.on_commands, self.counted)

    def random(self, n):
        self.n += 1
        return bytes((self.n,)) * n

    async def on_commands(self, commands, before):
        self.commands.append((commands, before))
        return bool(commands[0] == b"c3")

    def counted(self, name, n=1):
        self.counts[name] = self.counts.get(name, 0) + n

    def on_renew(self, ring):
        self.renewed.append(ring)
        ring.append(lambda seq: wire_records.boot(seq, 0, 3, "epoch"))

    async def _connected(self):
        if self._connection is None:
            self.receiver.connections += 1
            if self.receiver.script and self.receiver.script[0] is CUT:
                self.receiver.script.pop(0)
                raise OSError("no route")
            wire = Wire(self.receiver)
            self._connection, self._connected_by = (wire, wire), self._works
        return self._connection

    async def _hang_up(self):
        self._connection = None

    def fill(self, ring, n, size=20):
        for i in range(n):
            text = "%06d" % i + "x" * (size - 6)
            ring.append(lambda seq, text=text: wire_records.event(seq, T, "e", text))

    def go(self, *script):
        """One round against this script; returns the seconds it wants to wait."""
        self.receiver.script = list(script)
        wait = asyncio.run(self.round())
        assert not self.receiver.script
        assert wait >= 0 and not self.values._pinned and not self.telegrams._pinned
        return wait

    def sent(self):
        return [(h.first, h.last) for h, _seqs, _size in self.receiver.requests]


def test_all_is_sent_over_one_connection_and_acknowledged():
    b = Bench()
    b.fill(b.values, 3)
    b._most_records = 100
    b.fill(b.telegrams, 220)
    wait = b.go()
    assert b.sent() == [(1, 3), (1, 200), (201, 220)] and b.receiver.connections == 1
    assert b.values.pending() == 0 and b.telegrams.pending() == 0 and b.counts["acknowledged"] == 223
    assert [h.epoch for h, _s, _z in b.receiver.requests] == [b.values.epoch] + [b.telegrams.epoch] * 2
    assert b.clock.now() == T and 1 <= wait <= 900
    assert b.receiver.requests[0][0] == wire_envelope.Head(b.values.epoch, 3, "0.1.0", wire_records.CLOCK_FLOOR, 1, 3)


def test_with_nothing_to_send_it_asks_for_the_time():
    b = Bench()
    b.go()
    assert b.sent() == [(0, 0)] and b.clock.now() == T


def test_batches_keep_within_their_size():
    b = Bench()
    assert b._most + uplink.ROOM == wire_wire.MAX_BATCH and b._most_records == wire_wire.MAX_RECORDS
    b._most = 8000  # the test's receiver holds whole batches in the same heap
    b.fill(b.telegrams, 60, 300)
    b.go()
    assert all(size <= 8000 + uplink.ROOM for _h, _s, size in b.receiver.requests)
    assert b.telegrams.pending() == 0 and len(b.receiver.requests) == 3


def test_a_lost_answer_is_sent_again_and_stored_once():
    b = Bench()
    b.fill(b.telegrams, 10)
    wait = b.go(LOST)
    assert b.telegrams.pending() == 10 and 10 < wait < 20
    b.fill(b.telegrams, 5)
    b.go()
    assert b.telegrams.pending() == 0 and len(b.receiver.stored[b.telegrams.epoch]) == 15


def test_no_connection_backs_off_and_doubles_within_bounds():
    b = Bench()
    b.fill(b.telegrams, 1)
    waits = [b.go(CUT) for _ in range(12)]
    assert 11 <= waits[0] <= 19 and all(0.7 * 3600 < w < 1.3 * 3600 for w in waits[8:])
    assert all(waits[i + 1] > waits[i] for i in range(7))
    assert b.go() <= 900 and b.telegrams.pending() == 0


def test_401_keeps_everything_and_asks_in_about_an_hour():
    b = Bench()
    b.fill(b.telegrams, 2)
    assert 2500 < b.go(401) < 4600 and b.telegrams.pending() == 2
    b.go()
    assert b.telegrams.pending() == 0


def test_403_and_other_refusals_keep_everything_and_back_off():
    for status in (400, 403, 404, 500, 502, 301):
        b = Bench()
        b.fill(b.telegrams, 2)
        assert 10 < b.go(status) < 20 and b.telegrams.pending() == 2, status
        b.go()
        assert b.telegrams.pending() == 0


def test_409_begins_a_new_epoch_and_sends_again():
    b = Bench()
    b.fill(b.telegrams, 20)
    old = b.telegrams.epoch
    b.go(409)
    assert b.renewed == [b.telegrams] and b.telegrams.epoch != old and b.telegrams.pending() == 0
    stored = b.receiver.stored[b.telegrams.epoch]
    assert sorted(stored) == list(range(1, 22)) and stored[1][1] == wire_records.BOOT
    assert [cbor.decode_all(stored[i + 2])[4][:6] for i in range(20)] == ["%06d" % i for i in range(20)]
    # Refused again and again it pauses between.
    b.fill(b.telegrams, 3)
    assert b.go(409, 409) > 10 and b.telegrams.stranded()
    b.go()
    stored = b.receiver.stored[b.telegrams.epoch].values()
    details = [cbor.decode_all(d)[4] for d in stored if d[1] == wire_records.EVENT]
    assert len([t for t in details if t.startswith("00000")]) == 3


def test_413_halves_until_it_fits_and_grows_again():
    b = Bench()
    b.fill(b.telegrams, 100)
    b.go(413, 413)
    assert b.sent()[:4] == [(1, 100), (1, 50), (1, 25), (26, 75)]
    assert b.telegrams.pending() == 0


def test_413_for_a_single_record_waits_and_in_the_end_gives_it_up_with_a_record():
    b = Bench()
    b.fill(b.telegrams, 3)
    assert b.go(413, 413) > 10 and b.sent() == [(1, 3), (1, 1)]
    for _ in range(uplink.GIVE_UP_AFTER - 2):
        assert b.go(413) > 10 and b.telegrams.pending() == 3
    b.go(413)
    b.go()
    assert b.telegrams.lost == 1 and b.telegrams.pending() == 0
    stored = b.receiver.stored[b.telegrams.epoch]
    assert sorted(stored) == [2, 3, 4] and cbor.decode_all(stored[4])[3:] == [1, 1, 1]


def test_429_and_503_wait_as_told():
    for status in (429, 503):
        b = Bench()
        b.fill(b.telegrams, 1)
        assert 120 <= b.go((status, "Retry-After: 120\r\n")) <= 150
        assert 10 < Bench().go(status) < 20
        assert b.go((status, "Retry-After: 99999999\r\n")) <= 86400 * 1.25
        assert b.go((status, "Retry-After: Fri, 31 Dec 2027 23:59:59 GMT\r\n")) < 7200
        assert b.telegrams.pending() == 1


def test_answers_that_are_none_are_lost_answers():
    good = wire_envelope.answer(b"\x02" * 8, 1, T)
    for bad in (b"", b"nonsense\r\n\r\n", http(200, "", b""), http(200, "", b"{}"), http(200, "", good[:-1]),
                http(200, "", good + b"\x00"), http(200, "", b"\xff" * 9),
                b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"):
        b = Bench()
        b.fill(b.telegrams, 1)
        assert 10 < b.go(bad) < 20 and b.telegrams.pending() == 1
        b.go()
        assert b.telegrams.pending() == 0


def test_an_answer_that_acknowledges_nothing_does_not_go_round_for_ever():
    b = Bench()
    b.fill(b.telegrams, 5)
    assert b.go((200, 0)) > 10 and b.telegrams.pending() == 5
    other = http(200, "", wire_envelope.answer(b"\x99" * 8, 5, T))
    assert b.go(other) > 10 and b.telegrams.pending() == 5
    # Part of it: the rest goes on.
    b.go((200, 2))
    assert b.telegrams.pending() == 0 and b.sent()[-1] == (3, 5)


def copied(b):
    """The gateway of a bench as it starts from a copy of its flash; with the same receiver."""
    disk = Disk()
    for path in b.disk.files:
        data = b.disk.files[path].part(0, len(b.disk.files[path]))
        disk.files[path] = File(data, len(data))
    return lambda: Bench(disk=disk, receiver=b.receiver, n=b.n + 50)


def texts(b):
    """What the events say that the receiver has stored."""
    stored = [cbor.decode_all(d) for mine in b.receiver.stored.values() for d in mine.values()]
    return sorted([r[4] for r in stored if r[0] == wire_records.EVENT])


def note(ring, *told):
    for text in told:
        ring.append(lambda seq, text=text: wire_records.event(seq, T, "e", text))


def test_after_a_start_it_asks_how_far_the_receiver_is():
    b = Bench()
    note(b.values, "a")
    note(b.telegrams, "b")
    b.go()
    assert b.sent() == [(1, 1), (1, 1)]  # an epoch drawn since the start is nobody else's
    again = copied(b)()
    note(again.telegrams, "c")
    again.go()
    assert again.sent()[2:] == [(0, 0), (0, 0), (2, 2)] and not again.renewed
    again.go()
    assert again.sent()[5:] == [(0, 0)]  # once per start
    # Nothing is sent as long as there is no answer, or one to something else.
    again = copied(again)()
    note(again.telegrams, "d")
    before = len(again.receiver.requests)
    for step in (LOST, 503, 401, http(200, "", wire_envelope.answer(b"\x99" * 8, 0, T))):
        again.go(step)
    assert again.sent()[before:] == [(0, 0)] * 4
    again.go()
    assert texts(again) == ["a", "b", "c", "d"] and again.telegrams.pending() == 0


def test_an_older_copy_of_its_flash_begins_a_new_epoch():
    for more in ((), ("pending",)):
        b = Bench()
        note(b.telegrams, "a", "b")
        b.go()
        note(b.telegrams, *more)
        older = copied(b)
        note(b.telegrams, "c", "d")
        b.go()
        assert b.telegrams.pending() == 0
        again = older()
        epoch = again.telegrams.epoch
        note(again.telegrams, "e", "f", "g", "h")
        again.go()
        assert again.renewed == [again.telegrams] and again.telegrams.epoch != epoch
        # What was not acknowledged when the copy was made comes a second time: better than not at all.
        assert texts(again) == sorted(list("abcdefgh") + 2 * list(more))
        assert again.telegrams.pending() == 0 and again._failures == 0
    # A copy from which nothing was sent since goes on as it is.
    b = Bench()
    note(b.telegrams, "a")
    b.go()
    again = copied(b)()
    note(again.telegrams, "b")
    again.go()
    assert not again.renewed and texts(again) == ["a", "b"]


def test_an_older_copy_of_a_bare_flash_is_seen_as_well():
    chips = {name: Nor(8, 1024) for name in ("values", "telegrams")}

    def ring(_disk, name, _capacity, random, time):
        return FlashRing(nor.Flash(chips[name]), random, time)
    b = Bench(ring)
    note(b.telegrams, "a")
    b.go()
    b.values.flush()
    kept = {name: [cells and bytearray(cells) for cells in chips[name].cells] for name in chips}
    note(b.telegrams, "b", "c")
    b.go()
    for name in chips:
        chips[name].cells = kept[name]
    again = Bench(ring, receiver=b.receiver, n=50)
    note(again.telegrams, "d", "e", "f")
    again.go()
    assert again.renewed == [again.telegrams] and texts(again) == list("abcdef") and again.telegrams.pending() == 0
    more = Bench(ring, receiver=b.receiver, n=90)
    assert not more.telegrams.proven
    more.go()
    assert more.telegrams.proven and not more.renewed


def lose(b, *seqs):
    """Put the receiver back to before these telegrams."""
    for seq in seqs:
        del b.receiver.stored[b.telegrams.epoch][seq]


def test_a_receiver_from_a_backup_is_no_reason_for_a_new_epoch():
    b = Bench()
    note(b.telegrams, "a", "b", "c")
    b.go()
    again = copied(b)()
    lose(again, 2, 3)
    note(again.telegrams, "d")
    again.go()
    assert not again.renewed and texts(again) == ["a", "b", "c", "d"]


def test_a_receiver_from_a_backup_gets_again_what_it_lost_though_nothing_is_new():
    b = Bench()
    note(b.telegrams, "a", "b", "c")
    b.go()
    lose(b, 2, 3)
    before = len(b.receiver.requests)
    b.go()
    assert b.sent()[before:] == [(0, 0), (2, 3)] and texts(b) == ["a", "b", "c"]
    assert not b.renewed and b.telegrams.pending() == 0
    b.go()
    assert b.sent()[before + 2:] == [(0, 0)]
    lose(b, 1, 2, 3)  # all of it: to this receiver the epoch is a new one
    b.go()
    assert texts(b) == ["a", "b", "c"]
    # An answer to something else says nothing, and what is gone from the ring is not waited for.
    b.go(http(200, "", wire_envelope.answer(b"\x99" * 8, 0, T)))
    assert b.telegrams.pending() == 0


def test_an_empty_batch_that_is_always_answered_with_nothing_brings_one_round_each():
    b = Bench()
    note(b.telegrams, "a")
    b.go()
    for _n in range(1, 4):
        before = len(b.receiver.requests)
        assert b.go((200, 0)) >= 1
        assert b.sent()[before:] == [(0, 0), (1, 1)] and b.telegrams.pending() == 0


class KeepsStill(Bench):
    """Known bad: does not care how little the receiver has."""
    def _acknowledged(self, ring, first, last, answer):
        through = max(answer.through, ring.acknowledged)
        return Bench._acknowledged(self, ring, first, last,
                                   wire_envelope.Answer(answer.epoch, through, answer.time, []))


def test_a_gateway_that_does_not_care_leaves_a_receiver_from_a_backup_without():
    bad = KeepsStill()
    note(bad.telegrams, "a", "b")
    bad.go()
    lose(bad, 2)
    bad.go()
    assert texts(bad) == ["a"]


def test_a_receiver_that_has_more_than_was_sent_never_frees_anything():
    b = Bench()
    note(b.telegrams, "a", "b")
    b.go((200, 999))
    assert b.renewed == [b.telegrams] and b.telegrams.pending() == 0
    assert texts(b) == ["a", "a", "b", "b"]
    # Each time it is as if there were two gateways; with a pause, if it goes on.
    note(b.telegrams, "c")
    assert b.go((200, 999), (200, 999)) > 10 and b.telegrams.pending()
    b.go()
    assert set(texts(b)) == set("abc") and b.telegrams.pending() == 0


class Believes(Bench):
    """Known bad: never looks whether the receiver has more."""
    @staticmethod
    def _continues(ring, answer):
        return True


def test_a_gateway_that_does_not_look_loses_telegrams_silently():
    b = Bench()
    note(b.telegrams, "a")
    b.go()
    older = copied(b)
    note(b.telegrams, "b", "c")
    b.go()
    bad = Believes(disk=older().disk, receiver=b.receiver, n=90)
    bad.receiver.skips = True
    note(bad.telegrams, "d", "e", "f")
    bad.go()
    assert texts(bad) == ["a", "b", "c", "f"] and bad.telegrams.pending() == 0 and not bad.renewed


def test_commands_come_with_the_time_as_it_was_before_them():
    b = Bench()
    assert b.go(http(200, "", wire_envelope.answer(bytes(8), 0, T, (b"c1", b"c2")))) > 1
    # Results are sent at once.
    assert b.go(http(200, "", wire_envelope.answer(bytes(8), 0, T + 9, (b"c3",)))) == 1
    assert b.go() > 1
    assert b.commands == [([b"c1", b"c2"], None), ([b"c3"], T)]


def test_a_new_enrolment_file_is_tried_in_turn_with_the_former_until_it_works():
    b = Bench()
    old, new = b.works(), dict(b.works(), port=2)
    trusted = []
    b.on_trusted = lambda: trusted.append(1)
    b.trust(new, old)
    b.go(CUT)
    assert b.works() is old
    b.go()
    assert not trusted
    # With the former it goes on, but each round begins with the new one.
    b.go(CUT)
    assert b.works() is old
    b.trust(new, old)
    b._swapped = False
    b._works = dict(new, port=1)  # the test's receiver looks at the port
    b.go()
    assert trusted == [1] and b._former is None
    b.go(CUT)
    assert b.works()["port"] == 1


def test_waits_differ_between_gateways_and_stay_in_bounds():
    kids = [bytes((n,)) * 10 for n in range(50)]
    assert len({pauses.after(k, 6, 15, 3600) for k in kids}) > 20
    for k in kids:
        assert all(1 <= pauses.after(k, n, 15, 3600) <= 3600 * 1.25 for n in range(1, 100))
        assert 1 <= pauses.until_next(k, 900, T) <= 900
        # From its place in the interval the next is one interval away.
        assert pauses.until_next(k, 900, T + pauses.until_next(k, 900, T)) == 900
    assert len({pauses.until_next(k, 900, T) for k in kids}) > 30


def test_signing_gives_way_to_the_loop():
    b = Bench()
    turns = []

    async def other():
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    async def both():
        task = asyncio.create_task(other())
        await b.round()
        task.cancel()
    asyncio.run(both())
    assert len(turns) > 20


def test_known_bad_uplinks_are_caught():
    class Trusts(Ring):
        """Believes an acknowledgement of more than it sent."""
        def acknowledge(self, through):
            self.acknowledged = through

    class Bad(Bench):
        async def _accept(self, ring, first, last, _headers, body):
            answer = wire_envelope.open_answer(body)
            ring.proven = True
            ring.acknowledge(answer.through)
    b = Bad(Trusts)
    b.fill(b.telegrams, 2)
    b.go((200, 999))
    assert b.telegrams.acknowledged != b.telegrams.last
    assert uplink.MAX_PAUSE_S <= 3600
