"""The spool's contract: what it accepted is there after any cut, nothing invalid is read, no seq is given out twice.

The contract is run over every medium a spool can lie on (spool_media), each of which forgets what was not flushed and
tears what it was doing when the power went, and over known-bad rings, each of which it must catch.
"""

import gc
import random

from spool_media import Bare, Files, media

from firmware.spool import blocks, files
from firmware.wire import cbor, records


def every(seed, capacity=1 << 16):
    """One of each kind of medium in turn."""
    for kind in media():
        gc.collect()
        medium = kind(seed, capacity)
        yield medium
        medium.close()
        medium = None


def record(text):
    return lambda seq: records.event(seq, 7, "e", text)


def read_texts(ring, after=0):
    for _seq, data in ring.read(after):
        if data[1] == records.EVENT:
            yield cbor.decode_all(data)[4]


def texts(ring, after=0):
    return list(read_texts(ring, after))


def test_what_is_appended_is_read_back():
    for medium in every(1):
        ring = medium.open()
        assert len(ring.epoch) == 8 and ring.pending() == 0 and ring.span(1000, 10) == (0, 0, 0)
        for i in range(5):
            assert ring.append(record("n%d" % i)) == i + 1
        assert texts(ring) == ["n0", "n1", "n2", "n3", "n4"]
        assert [seq for seq, _ in ring.read(2, 4)] == [3, 4]
        first, last, size = ring.span(30000, 3)
        assert (first, last) == (1, 3) and size == sum([len(d) for _s, d in ring.read(0, 3)])
        assert ring.span(1, 500)[:2] == (1, 1)
        ring.flush()
        assert texts(ring, 1) == ["n1", "n2", "n3", "n4"] and texts(ring, 1) == texts(ring, 1)


def test_opened_again_it_goes_on():
    for medium in every(2):
        ring = medium.open()
        for i in range(5):
            ring.append(record("n%d" % i))
        ring.sending(4)
        ring.acknowledge(3)
        ring.close()
        again = medium.open()
        assert again.epoch == ring.epoch and again.last == 5 and again.acknowledged == 3 and again.pending() == 2
        assert again.append(record("n5")) == 6
        assert texts(again) == ["n0", "n1", "n2", "n3", "n4", "n5"]


def test_it_can_be_looked_at():
    for medium in every(2):
        assert medium.inspect() is None
        ring = medium.open()
        for i in range(5):
            ring.append(record("n%d" % i))
        ring.sending(4)
        ring.acknowledge(3)
        ring.close()
        assert medium.inspect() == {"epoch": ring.epoch.hex(), "last": 5, "held": 5, "acknowledged": 3, "pending": 2}


def test_more_than_was_sent_is_not_acknowledged():
    for medium in every(3):
        ring = medium.open()
        for _ in range(4):
            ring.append(record("x"))
        ring.sending(2)
        ring.acknowledge(99)
        assert ring.acknowledged == 2
        ring.acknowledge(1)
        assert ring.acknowledged == 2


def test_a_full_ring_drops_the_oldest_and_says_so():
    for medium in every(4, 32768):
        ring = medium.open()
        n = 0
        while ring.lost < 100:
            ring.append(record("%060d" % n))
            n += 1
        assert medium.within_capacity()
        # Every record is either there or told lost, and the lost ones are those up to where it now begins.
        expected, told = ring.acknowledged + 1, []
        for seq, data in ring.read(ring.acknowledged):
            assert seq == expected
            expected += 1
            if data[1] == records.LOST:
                told.append(cbor.decode_all(data))
        assert expected == ring.last + 1
        begin = 1
        for row in told:
            assert row[3] <= begin <= row[4] + 1, (row, begin)
            begin = row[4] + 1
        assert begin == ring.acknowledged + 1
        ring.close()
        again = medium.open()
        assert again.last == ring.last and again.acknowledged == ring.acknowledged and again.epoch == ring.epoch


def test_acknowledged_records_stay_for_a_rewind():
    for medium in every(5):
        ring = medium.open()
        for i in range(6):
            ring.append(record("n%d" % i))
        ring.sending(6)
        ring.acknowledge(6)
        assert ring.pending() == 0 and ring.span(9999, 99) == (0, 0, 0)
        assert ring.rewind(2) == 4 and ring.pending() == 4
        assert ring.span(9999, 99)[:2] == (3, 6)
        assert ring.rewind(7) == 0


def test_what_is_in_flight_stays():
    """A pinned ring grows, or refuses: it does not overwrite."""
    for medium in every(6, 32768):
        ring = medium.open()
        for i in range(50):
            ring.append(record("%060d" % i))
        ring.pin(True)
        refused = 0
        for i in range(50, 600):
            try:
                ring.append(record("%060d" % i))
            except OSError:
                refused += 1
        assert (refused == 0) == medium.grows
        assert ring.lost == 0 and len(list(ring.read(0, 50))) == 50
        ring.pin(False)
        while ring.lost == 0:
            ring.append(record("%060d" % ring.last))
        assert medium.within_capacity()


def test_where_continuity_cannot_be_proven_a_new_epoch_keeps_the_records():
    for seed in (7, 8):
        for medium in every(seed):
            ring = medium.open()
            for i in range(5):
                ring.append(record("n%d" % i))
            ring.sending(5)
            gone = medium.break_continuity()
            again = medium.open()
            assert again.epoch != ring.epoch and again.last == 0 and again.stranded()
            again.append(record("boot"))
            for _ in again.migrate():
                pass
            assert not again.stranded()
            assert texts(again) == ["boot", "n0", "n1", "n2", "n3", "n4"][:6 - gone]
            assert [cbor.decode_all(d)[1] for _s, d in again.read(0)] == [1, 2, 3, 4, 5, 6][:6 - gone]
            assert medium.open().epoch == again.epoch


def test_renewed_it_brings_over_what_is_pending():
    for medium in every(8):
        ring = medium.open()
        old = ring.epoch
        for i in range(300):
            ring.append(record("n%d" % i))
        ring.sending(200)
        ring.acknowledge(100)
        ring.renew()
        ring.append(record("boot"))
        ring.flush()
        # A restart in the middle of it goes on where it was: nothing is missing then.
        steps = ring.migrate()
        for _ in range(7):
            next(steps)
        ring.flush()
        ring = medium.open()
        for _ in ring.migrate():
            pass
        assert ring.epoch != old
        assert set(texts(ring)) == {"boot"} | {"n%d" % i for i in range(100, 300)}


def test_a_full_ring_is_brought_over_whole():
    for medium in every(12, 16384):
        ring = medium.open()
        while ring.lost == 0:
            ring.append(record("%060d" % ring.last))
        pending = ["boot"] + texts(ring, ring.acknowledged)
        ring.renew()
        ring.append(record("boot"))
        for _ in ring.migrate():
            pass
        ring.flush()
        gc.collect()
        whole = 0
        for text in read_texts(ring):  # one by one: two such lists and the ring are much for a device's heap
            assert text == pending[whole]
            whole += 1
        assert whole == len(pending) and not ring.stranded()
        # And the ring goes round as before.
        lost = ring.lost
        while ring.lost == lost:
            ring.append(record("%060d" % ring.last))
        assert medium.within_capacity()


def test_a_damaged_record_is_told_and_passed():
    for medium in every(9):
        ring = medium.open()
        while medium.segments() < 3:
            ring.append(record("n%060d" % ring.last))
        ring.close()
        medium.damage_record(0)
        again = medium.open()
        for _ in again.read(again.acknowledged):
            pass
        rows = [cbor.decode_all(d) for _s, d in again.read(0)]
        told = [r for r in rows if r[0] == records.LOST]
        assert len(told) == 1 and again.epoch == ring.epoch
        covered = {r[1] for r in rows} | set(range(told[0][3], told[0][4] + 1))
        assert covered == set(range(1, again.last + 1))
        # Found while it runs (the medium went bad), it is told as well.
        medium.damage_record(1)
        lost = again.lost
        for _ in range(2):
            rows = [cbor.decode_all(d) for _s, d in again.read(again.acknowledged)]
        told = [r for r in rows if r[0] == records.LOST]
        assert len(told) == 2 and again.lost > lost


def test_what_cannot_be_delivered_is_given_up_with_a_record():
    for medium in every(10):
        ring = medium.open()
        ring.append(record("huge"))
        ring.append(record("next"))
        ring.give_up(1)
        assert texts(ring, ring.acknowledged) == ["next"]
        assert [d[1] for _s, d in ring.read(ring.acknowledged)][-1] == records.LOST


# --- cuts ---

class World:
    """What the other side knows."""

    def __init__(self):
        self.next = 0
        self.written = []  # texts in the order they were appended
        self.promised = 0  # so many of them survive what is to come
        self.at = {}  # text: (epoch, seq) at last
        self.sent = {}  # (epoch, seq): bytes


def live(medium, world, n):
    """One life of a gateway: open, append, send, get acknowledged, until the power ends it."""
    ring = medium.open()
    for _ in ring.migrate():
        pass
    for _ in range(n):
        text = "t%d" % world.next
        world.next += 1
        ring.append(record(text))
        world.written.append(text)
        world.at[text] = ring.epoch, ring.last
        what = random.getrandbits(3)
        if what == 0:
            ring.flush()
            world.promised = len(world.written)
        elif what == 1 and ring.pending():
            first, last, _size = ring.span(4000, 20)
            ring.sending(last)
            world.promised = len(world.written)
            for seq, data in ring.read(first - 1, last):
                known = world.sent.get((ring.epoch, seq))
                assert known is None or known == data, "seq %d given out twice" % seq
                assert cbor.decode_all(data)[1] == seq
                world.sent[(ring.epoch, seq)] = data
            if random.getrandbits(2):
                ring.acknowledge(last)
    ring.close()
    world.promised = len(world.written)


def check(medium, world):
    """After the last cut: everything that was promised is in the ring, was sent, or (if it overflows) is told lost."""
    ring = medium.open()
    for _ in ring.migrate():
        pass
    gc.collect()
    for _seq, _data in ring.read(ring.acknowledged):
        pass  # what it finds missing it tells
    held, told = set(), {}
    for epoch, _seq, data in [(ring.epoch, s, d) for s, d in ring.read(0)] + [k + (world.sent[k],) for k in world.sent]:
        row = cbor.decode_all(data)
        if row[0] == records.EVENT:
            held.add(row[4])
        elif row[0] == records.LOST:
            told.setdefault(epoch, []).append((row[3], row[4]))
    missing = [t for t in world.written[:world.promised] if t not in held]
    if medium.overflows:
        missing = [t for t in missing if not any(first <= world.at[t][1] <= last
                                                 for first, last in told.get(world.at[t][0], ()))]
    assert not missing, "lost %s (%d more)" % (missing[:5], len(missing))


def campaign(kind, ring, seeds, kill, overflows=False, first=0):
    """Many gateways with some lives each, cut off anywhere. Returns how many cuts there were."""
    cuts = 0
    for seed in range(first, first + seeds):
        gc.collect()  # a small heap ends in crumbs otherwise
        medium, world = kind(seed, 4096 if overflows else 1 << 16), World()
        medium.kind, medium.overflows = ring, overflows
        for _ in range(4):
            gc.collect()
            medium.set_budget()
            medium.life(lambda medium=medium, world=world: live(medium, world, 60 if medium.overflows else 25))
            medium.crash(kill)
            if not kill:
                world.written = world.written[:world.promised]
        if kill:
            world.promised = len(world.written)
        check(medium, world)
        cuts += medium.cuts
        medium.close()
    return cuts


def at_each_step(kind, ring, seed, overflows=False):
    """One life, cut at each of its steps in turn, and one after it; returns how many cuts that were."""
    step = cuts = 0
    while cuts == step:
        gc.collect()
        medium, world = kind(seed, 4096 if overflows else 1 << 16), World()
        medium.kind, medium.overflows = ring, overflows
        medium.nor.budget = step
        medium.life(lambda medium=medium, world=world: live(medium, world, 60 if medium.overflows else 25))
        medium.crash(False)
        world.written = world.written[:world.promised]
        medium.life(lambda medium=medium, world=world: live(medium, world, 5))
        medium.crash(False)
        check(medium, world)
        cuts += medium.cuts
        step += 1
        medium.close()
    return cuts


def cut_often(cuts, seed):
    """For the bench: on each medium its share of so many cuts; a list of (name, cuts, lives with a loss)."""
    jobs = []
    for kind in media():
        jobs.append((kind.name, kind, False, campaign))
        if kind.kills:
            jobs.append((kind.name + ", kills", kind, True, campaign))
    jobs.append(("flash, overflowing", Bare, False, campaign))
    jobs.append(("flash, each step", Bare, False, at_each_step))
    rows = []
    for name, kind, kill, what in jobs:
        at, done, lost = seed, 0, 0
        while done < cuts // len(jobs):
            try:
                if what is campaign:
                    done += campaign(kind, kind.kind, 1, kill, "overflow" in name, at)
                else:
                    done += at_each_step(kind, kind.kind, at, at % 2 == 1)
            except AssertionError as e:
                lost, done = lost + 1, done + 1
                print("seed %d: %s: %s" % (at, name, e))
            at += 1
        rows.append((name, done, lost))
    return rows


def test_nothing_is_lost_to_kills():
    for kind in media():
        if kind.kills:
            assert campaign(kind, kind.kind, 60, True) > 40


def test_nothing_flushed_is_lost_to_power_cuts():
    for kind in media():
        cuts = campaign(kind, kind.kind, 40, False)
        assert cuts > 40, (kind.name, cuts)


def test_a_cut_at_each_single_step_costs_nothing():
    # Lives differ in how much they write, but none of these writes little.
    assert sum([at_each_step(Bare, blocks.FlashRing, seed) for seed in range(1, 5)]) > 30
    assert sum([at_each_step(Bare, blocks.FlashRing, seed, True) for seed in range(1, 5)]) > 60


def test_a_full_ring_tells_what_it_drops_whenever_it_is_cut():
    cuts = campaign(Bare, blocks.FlashRing, 40, False, True)
    assert cuts > 40, cuts


# --- known-bad rings ---

def no_flush(kind):
    """Says flushed, is not."""
    class Bad(kind):
        def flush(self):
            if kind is files.Ring:
                self._dirty = False
            elif self._buffered >= self._buffer_most:
                kind.flush(self)
    return Bad


def seq_from_ram(kind):
    """Numbers go on from what the cursor says was sent, not from what is on the medium."""
    class Bad(kind):
        def _open(self):
            kind._open(self)
            self.last = self.sent
    return Bad


def sent_not_kept(kind):
    """Does not flush or remember before it sends."""
    class Bad(kind):
        def sending(self, last):
            self.sent = max(self.sent, last)
    return Bad


class CursorWithoutCrc(files.Ring):
    """Believes any cursor of the right length."""

    def _read_cursor(self):
        data = self._files.read_whole(self._folder + "/cursor")
        if data is None or len(data) != 48:
            return None
        return (data[4:12], int.from_bytes(data[12:20], "big"), int.from_bytes(data[20:28], "big"), data[28:36],
                int.from_bytes(data[36:44], "big"))


class CursorWithoutCrcOnFlash(blocks.FlashRing):
    """The same."""

    @staticmethod
    def _good_cursor(slot, seed):
        return True


class NoCrc(files.Ring):
    """Takes a record for good by its length alone."""

    @staticmethod
    def _read_record(f, epoch, seq, length_only=False):
        head = f.read(2)
        if len(head) < 2:
            return None
        n = head[0] << 8 | head[1]
        data = f.read(n)
        f.read(4)
        return n if length_only else data


class NoCrcOnFlash(blocks.FlashRing):
    """The same."""

    @staticmethod
    def _matches(data, epoch, seq, tail):
        return True


class NotStrengthened(blocks.FlashRing):
    """Trusts what reads well once."""

    def _strengthen(self):
        pass


class BlankIsErased(blocks.FlashRing):
    """Goes on behind whatever is there."""

    def _scan(self):
        scanned = blocks.FlashRing._scan(self)
        self._closed = False
        return scanned


class DropsUntold(blocks.FlashRing):
    """Overwrites without a word."""

    def _tell(self):
        if self._untold[2]:
            self.acknowledged = self.sent = max(self.sent, self._untold[1])
            self._untold = 0, 0, 0


BAD = (  # medium, ring, whether by kills, whether it overflows
    ("file: no flush", Files, no_flush(files.Ring), False, False),
    ("file: seq from RAM", Files, seq_from_ram(files.Ring), True, False),
    ("file: records without CRC", Files, NoCrc, True, False),
    ("file: sent not kept", Files, sent_not_kept(files.Ring), False, False),
    ("flash: no flush", Bare, no_flush(blocks.FlashRing), False, False),
    ("flash: seq from RAM", Bare, seq_from_ram(blocks.FlashRing), False, False),
    ("flash: records without CRC", Bare, NoCrcOnFlash, False, False),
    ("flash: sent not kept", Bare, sent_not_kept(blocks.FlashRing), False, False),
    ("flash: cursor without CRC", Bare, CursorWithoutCrcOnFlash, False, False),
    ("flash: weak bits trusted", Bare, NotStrengthened, False, False),
    ("flash: torn end written over", Bare, BlankIsErased, False, False),
    ("flash: overwritten untold", Bare, DropsUntold, False, True),
)


def missed(seeds=80):
    """The names of the known-bad rings that no campaign catches, and how many there are."""
    names = []
    for name, kind, ring, kill, overflows in BAD:
        try:
            campaign(kind, ring, seeds, kill, overflows)
            names.append(name)
        except Exception:
            gc.collect()  # it is caught
    return names, len(BAD)


def test_known_bad_rings_are_caught():
    names, _ = missed()
    assert names == [], names


def test_a_known_bad_cursor_is_caught():
    def kept_after_damage(medium, kind):
        medium.kind = kind
        ring = medium.open()
        for i in range(9):
            ring.append(record("n%d" % i))
        ring.sending(9)
        ring.acknowledge(2)
        medium.damage_cursor()
        again = medium.open()
        for _ in again.migrate():
            pass
        return set(texts(again, again.acknowledged)) >= {"n%d" % i for i in range(2, 9)}

    for medium in every(11):
        assert kept_after_damage(medium, medium.kind)
    assert not kept_after_damage(Files(11), CursorWithoutCrc)
    assert not kept_after_damage(Bare(11), CursorWithoutCrcOnFlash)
