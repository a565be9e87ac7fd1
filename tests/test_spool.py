"""The spool's contract: what it accepted is there after any cut, nothing invalid is read, no seq is given out twice.

The contract is run over the ring on a disk that tears writes and forgets what was not flushed, and over known-bad
rings, each of which it must catch.
"""

import gc
import random

from disk import BLOCK, Cut, Disk

from firmware import batch, cbor, spool


class Maker:
    """Opens rings on a disk, with epochs from a seeded generator."""

    ring = spool.Ring

    def __init__(self, seed, capacity=1 << 16):
        self.random = random
        random.seed(seed)
        self.capacity = capacity

    def bytes(self, n):
        return bytes([random.getrandbits(8) for _ in range(n)])

    def open(self, disk):
        return self.ring(disk, "spool", self.capacity, self.bytes, lambda: 5)


def record(text):
    return lambda seq: batch.event(seq, 7, "e", text)


def texts(ring, after=0):
    return [cbor.decode_all(data)[4] for _seq, data in ring.read(after) if data[1] == batch.EVENT]


def flip(disk, path, at, bits):
    disk.files[path].blocks[at // BLOCK][at % BLOCK] ^= bits


def test_what_is_appended_is_read_back():
    ring = Maker(1).open(Disk())
    assert len(ring.epoch) == 8 and ring.pending() == 0 and ring.span(1000, 10) == (0, 0, 0)
    for i in range(5):
        assert ring.append(record("n%d" % i)) == i + 1
    assert texts(ring) == ["n0", "n1", "n2", "n3", "n4"]
    assert [seq for seq, _ in ring.read(2, 4)] == [3, 4]
    first, last, size = ring.span(30000, 3)
    assert (first, last) == (1, 3) and size == sum([len(d) for _s, d in ring.read(0, 3)])
    assert ring.span(1, 500)[:2] == (1, 1)


def test_opened_again_it_goes_on():
    disk, maker = Disk(), Maker(2)
    ring = maker.open(disk)
    for i in range(5):
        ring.append(record("n%d" % i))
    ring.sending(4)
    ring.acknowledge(3)
    again = maker.open(disk)
    assert again.epoch == ring.epoch and again.last == 5 and again.acknowledged == 3 and again.pending() == 2
    assert again.append(record("n5")) == 6
    assert texts(again) == ["n0", "n1", "n2", "n3", "n4", "n5"]


def test_more_than_was_sent_is_not_acknowledged():
    ring = Maker(3).open(Disk())
    for _ in range(4):
        ring.append(record("x"))
    ring.sending(2)
    ring.acknowledge(99)
    assert ring.acknowledged == 2
    ring.acknowledge(1)
    assert ring.acknowledged == 2


def test_a_full_ring_drops_the_oldest_and_says_so():
    disk, maker = Disk(), Maker(4, capacity=32768)
    ring = maker.open(disk)
    n = 0
    while ring.lost < 100:
        ring.append(record("%060d" % n))
        n += 1
    assert disk.size() <= 32768 + 4096
    # Every record is either there or told lost, and the lost ones are those up to where it now begins.
    expected, told = ring.acknowledged + 1, []
    for seq, data in ring.read(ring.acknowledged):
        assert seq == expected
        expected += 1
        if data[1] == batch.LOST:
            told.append(cbor.decode_all(data))
    assert expected == ring.last + 1
    begin = 1
    for row in told:
        assert row[3] <= begin <= row[4] + 1, (row, begin)
        begin = row[4] + 1
    assert begin == ring.acknowledged + 1
    again = maker.open(disk)
    assert again.last == ring.last and again.acknowledged == ring.acknowledged and again.epoch == ring.epoch


def test_acknowledged_records_stay_for_a_rewind():
    ring = Maker(5).open(Disk())
    for i in range(6):
        ring.append(record("n%d" % i))
    ring.sending(6)
    ring.acknowledge(6)
    assert ring.pending() == 0 and ring.span(9999, 99) == (0, 0, 0)
    assert ring.rewind(2) == 4 and ring.pending() == 4
    assert ring.span(9999, 99)[:2] == (3, 6)
    assert ring.rewind(7) == 0


def test_pinned_segments_stay():
    disk = Disk()
    ring = Maker(6, capacity=32768).open(disk)
    for i in range(50):
        ring.append(record("%060d" % i))
    ring.pin(True)
    while ring.last < 600:
        ring.append(record("%060d" % ring.last))
    assert ring.lost == 0 and len(list(ring.read(0, 50))) == 50
    ring.pin(False)
    while ring.lost == 0:
        ring.append(record("%060d" % ring.last))
    assert disk.size() <= 32768 + 4096


def test_a_lost_cursor_begins_a_new_epoch_and_keeps_the_records():
    for damage in (None, b"", b"x" * 48):
        disk, maker = Disk(), Maker(7)
        ring = maker.open(disk)
        for i in range(5):
            ring.append(record("n%d" % i))
        ring.sending(5)
        if damage is None:
            disk.remove("spool/cursor")
        else:
            disk.write_whole("spool/cursor", damage)
        again = maker.open(disk)
        assert again.epoch != ring.epoch and again.last == 0 and again.stranded()
        again.append(record("boot"))
        for _ in again.migrate():
            pass
        assert not again.stranded()
        assert texts(again) == ["boot", "n0", "n1", "n2", "n3", "n4"]
        assert [cbor.decode_all(d)[1] for _s, d in again.read(0)] == [1, 2, 3, 4, 5, 6]


def test_renewed_it_brings_over_what_is_pending():
    disk, maker = Disk(), Maker(8)
    ring = maker.open(disk)
    old = ring.epoch
    for i in range(300):
        ring.append(record("n%d" % i))
    ring.sending(200)
    ring.acknowledge(100)
    ring.renew()
    ring.append(record("boot"))
    # A restart in the middle of it goes on where it was: nothing is missing then.
    steps = ring.migrate()
    for _ in range(7):
        next(steps)
    ring = maker.open(disk)
    for _ in ring.migrate():
        pass
    assert ring.epoch != old
    found = texts(ring)
    assert set(found) == {"boot"} | {"n%d" % i for i in range(100, 300)}


def test_a_damaged_record_is_told_and_passed():
    disk, maker = Disk(), Maker(9)
    ring = maker.open(disk)
    while len(disk.segments()) < 3:
        ring.append(record("n%060d" % ring.last))
    ring.close()
    flip(disk, disk.segments()[0], 500, 4)
    again = maker.open(disk)
    rows = [cbor.decode_all(d) for _s, d in again.read(0)]
    told = [r for r in rows if r[0] == batch.LOST]
    assert len(told) == 1 and again.epoch == ring.epoch
    covered = {r[1] for r in rows} | set(range(told[0][3], told[0][4] + 1))
    assert covered == set(range(1, again.last + 1))
    # Found while it runs (the medium went bad), it is told as well.
    flip(disk, disk.segments()[1], 500, 4)
    rows = [cbor.decode_all(d) for _s, d in again.read(again.acknowledged)]
    told = [r for r in rows if r[0] == batch.LOST]
    assert len(told) >= 1 and again.lost > 0


def test_what_cannot_be_delivered_is_given_up_with_a_record():
    ring = Maker(10).open(Disk())
    ring.append(record("huge"))
    ring.append(record("next"))
    ring.give_up(1)
    assert texts(ring, ring.acknowledged) == ["next"]
    assert [d[1] for _s, d in ring.read(ring.acknowledged)][-1] == batch.LOST


# --- cuts ---

def life(maker, disk, world, n):
    """One life of a gateway: open, append, send, get acknowledged, until the disk's budget ends it.

    `world` is what the other side knows: {(epoch, seq): bytes} sent, and all texts accepted as durable.
    """
    ring = maker.open(disk)
    for _ in ring.migrate():
        pass
    for _ in range(n):
        text = "t%d" % world["next"]
        world["next"] += 1
        world["trying"] = text
        ring.append(record(text))
        world["written"].append(text)
        what = random.getrandbits(3)
        if what == 0:
            ring.flush()
            world["flushed"] = len(world["written"])
        elif what == 1 and ring.pending():
            first, last, _size = ring.span(4000, 20)
            ring.sending(last)
            world["flushed"] = len(world["written"])
            for seq, data in ring.read(first - 1, last):
                known = world["sent"].get((ring.epoch, seq))
                assert known is None or known == data, "seq %d given out twice" % seq
                assert cbor.decode_all(data)[1] == seq
                world["sent"][(ring.epoch, seq)] = data
            if random.getrandbits(2):
                ring.acknowledge(last)
    ring.close()
    world["flushed"] = len(world["written"])


def campaign(maker, seeds, kill):
    """Many gateways with some lives each, cut off anywhere. Returns how many cuts there were."""
    cuts = 0
    for seed in range(seeds):
        random.seed(seed)
        disk, world = Disk(), {"next": 0, "written": [], "flushed": 0, "sent": {}, "trying": ""}
        for _ in range(4):
            gc.collect()  # a small heap ends in crumbs otherwise
            disk.budget = random.getrandbits(11)
            try:
                life(maker, disk, world, 25)
            except Cut:
                cuts += 1
            disk = disk.crash(kill, 0 if kill else random.getrandbits(7))
            if not kill:
                world["written"] = world["written"][:world["flushed"]]
        ring = maker.open(disk)
        for _ in ring.migrate():
            pass
        gc.collect()
        held = set(texts(ring)) | {cbor.decode_all(d)[4] for d in world["sent"].values() if d[1] == batch.EVENT}
        durable = world["written"] if kill else world["written"][:world["flushed"]]
        missing = [t for t in durable if t not in held]
        assert not missing, "lost %s (seed %d)" % (missing[:5], seed)
        for _seq, data in ring.read(0):
            cbor.decode_all(data)
    return cuts


def test_nothing_is_lost_to_kills():
    assert campaign(Maker(0), 60, True) > 40


def test_nothing_flushed_is_lost_to_power_cuts():
    assert campaign(Maker(0), 60, False) > 40


class NoFlush(spool.Ring):
    """Known bad: says flushed, is not."""

    def flush(self):
        self._dirty = False


class SeqFromRam(spool.Ring):
    """Known bad: numbers go on from what the cursor says was sent, not from what is on the disk."""

    def _open(self):
        spool.Ring._open(self)
        self.last = self.sent


class CursorWithoutCrc(spool.Ring):
    """Known bad: believes any cursor of the right length."""

    def _read_cursor(self):
        data = self._files.read_whole(self._folder + "/cursor")
        if data is None or len(data) != 48:
            return None
        return (data[4:12], int.from_bytes(data[12:20], "big"), int.from_bytes(data[20:28], "big"), data[28:36],
                int.from_bytes(data[36:44], "big"))


class NoCrc(spool.Ring):
    """Known bad: takes a record for good by its length alone."""

    @staticmethod
    def _read_record(f, epoch, seq, length_only=False):
        head = f.read(2)
        if len(head) < 2:
            return None
        n = head[0] << 8 | head[1]
        data = f.read(n)
        f.read(4)
        return n if length_only else data


class SentNotKept(spool.Ring):
    """Known bad: does not flush or remember before it sends."""

    def sending(self, last):
        self.sent = max(self.sent, last)


def caught(ring, kill, seeds=60):
    maker = Maker(0)
    maker.ring = ring
    try:
        campaign(maker, seeds, kill)
    except Exception:
        return True
    return False


def test_known_bad_rings_are_caught():
    assert caught(NoFlush, False)
    assert caught(SeqFromRam, True)
    assert caught(NoCrc, True)
    assert caught(SentNotKept, False)


def test_a_known_bad_cursor_is_caught():
    def acknowledged_after_damage(kind):
        disk, maker = Disk(), Maker(11)
        maker.ring = kind
        ring = maker.open(disk)
        for i in range(9):
            ring.append(record("n%d" % i))
        ring.sending(9)
        ring.acknowledge(2)
        flip(disk, "spool/cursor", 19, 5)  # acknowledged 2 becomes 7
        again = maker.open(disk)
        for _ in again.migrate():
            pass
        return set(texts(again, again.acknowledged)) >= {"n%d" % i for i in range(2, 9)}
    assert acknowledged_after_damage(spool.Ring)
    assert not acknowledged_after_damage(CursorWithoutCrc)
