"""What lies under and around the flash spool: the image of a partition, its shares, the configuration, the supply."""

import asyncio

from spool_media import Bare
from support import skip

from firmware import config, port
from firmware.config import ConfigError
from firmware.home import wipe
from firmware.port import files
from firmware.port.flash_image import Image
from firmware.spool import blocks, nor
from firmware.spool.flush_rule import FlushRule
from firmware.tasks import Tasks
from firmware.wire import cbor, records

FOLDER = "/tmp/netti-test-flash"
WORKS = {"interval": 900, "window": 3600}


def fresh():
    """An empty folder for an image."""
    try:
        files.make_folder(FOLDER)
    except OSError:
        skip("no " + FOLDER)
    for name in files.names(FOLDER):
        files.remove(FOLDER + "/" + name)
    return FOLDER


def record(text):
    return lambda seq: records.event(seq, 7, "e", text)


def test_an_image_follows_the_rules_of_nor():
    folder = fresh()
    image = Image(folder + "/spool.flash", 4)
    area = nor.Flash(image, 1, 2)
    assert (area.blocks, area.block_size) == (2, 4096) and area.read(1, 4090, 6) == b"\xff" * 6
    area.program(0, 5, b"\xf0\x0f")
    area.program(0, 5, b"\x3f\xff")
    assert area.read(0, 4, 4) == b"\xff\x30\x0f\xff"
    again = nor.Flash(Image(folder + "/spool.flash"))
    assert again.blocks == 4 and again.read(1, 5, 2) == b"\x30\x0f"
    again.erase(1)
    assert area.read(0, 5, 2) == b"\xff\xff"


def test_a_spool_in_an_image_goes_on():
    folder = fresh()
    assert port.flash(folder) is None
    rings = blocks.open_rings(port.flash(folder, True), port.random_bytes, lambda: 5)
    for ring in rings:
        for i in range(60):
            ring.append(record("%080d" % i))
        ring.sending(30)
        ring.acknowledge(20)
        ring.close()
    for ring, before in zip(blocks.open_rings(port.flash(folder), port.random_bytes, lambda: 5), rings):
        assert (ring.epoch, ring.last, ring.acknowledged, ring.sent) == (before.epoch, 60, 20, 30)
        assert len(list(ring.read(20))) == 40
    files.remove(folder + "/spool.flash")


def test_a_re_claim_leaves_nothing_of_the_values_and_a_factory_reset_nothing_at_all():
    folder = fresh()
    device = Image(folder + "/spool.flash", 20)

    def holds():
        # Each in the first block of its part.
        values, telegrams = [bytes(area.read(0, 0, 256)) for area in nor.shares(device)]
        return b"secret of values" in values, b"of telegrams" in telegrams

    for factory, expected in ((False, (False, True)), (True, (False, False))):
        values, telegrams = blocks.open_rings(device, port.random_bytes, lambda: 5)
        values.append(record("secret of values"))
        telegrams.append(record("of telegrams"))
        for ring in (values, telegrams):
            ring.close()
        assert holds() == (True, True)
        wipe.household(files, folder, factory, nor.shares(device))
        assert holds() == expected
    fresh()


def test_a_partition_is_shared_between_the_rings():
    class Device:
        def __init__(self, count):
            self.count = count

        def ioctl(self, op, _arg):
            return self.count if op == 4 else 4096

    values, telegrams = nor.shares(Device(384))
    assert (values.blocks, telegrams.blocks) == (24, 360)
    values, telegrams = nor.shares(Device(16))
    assert (values.blocks, telegrams.blocks) == (8, 8)
    try:
        nor.shares(Device(15))
        raise AssertionError("taken")
    except ConfigError as e:
        assert "too small" in str(e)


def test_a_device_that_reports_an_error_is_heard():
    class Device:
        def ioctl(self, op, _arg):
            return {4: 4, 5: 4096}.get(op, -5)

        def readblocks(self, _block, _buf, _offset):
            return -5

        def writeblocks(self, _block, _buf, _offset):
            return -5

    area = nor.Flash(Device())
    for call in (lambda: area.read(0, 0, 4), lambda: area.program(0, 0, b"x"), lambda: area.erase(0)):
        try:
            call()
            raise AssertionError("not heard")
        except OSError:
            pass


def test_a_block_that_does_not_take_what_is_programmed_is_passed_by():
    medium = Bare(1)
    ring = medium.open()
    for i in range(5):
        ring.append(record("n%d" % i))
    ring.flush()
    # A cell of the newest block and the whole header of the next are stuck.
    medium.nor.cells[0][ring._used + 3] = 0
    real = medium.nor.writeblocks

    def stuck(block, buf, offset=0):
        return real(block, bytes(len(buf)) if block == 1 else buf, offset)
    medium.nor.writeblocks = stuck
    for i in range(5, 40):
        ring.append(record("n%d" % i))
    ring.sending(30)
    ring.acknowledge(10)
    medium.nor.writeblocks = real
    again = medium.open()
    assert (again.epoch, again.last, again.acknowledged) == (ring.epoch, 40, 10) and ring.lost == again.lost == 0
    assert [cbor.decode_all(d)[4] for _s, d in again.read(0)] == ["n%d" % i for i in range(40)]


def test_what_there_is_no_room_to_bring_over_is_told_lost():
    medium = Bare(3, 10240)
    ring = medium.open()
    while ring.lost == 0:
        ring.append(record("old %060d" % ring.last))
    def texts():
        rows = [cbor.decode_all(d) for _s, d in ring.read(ring.acknowledged)]
        return {r[4] for r in rows if r[0] == records.EVENT}

    before = texts()
    ring.renew()
    lost, new = ring.lost, 0
    while ring.lost - lost < 25:
        ring.append(record("new %060d" % new))
        new += 1
    for _ in ring.migrate():
        pass
    rows = [cbor.decode_all(d) for _s, d in ring.read(ring.acknowledged)]
    # Right behind the numbers that no record has.
    told = [r for r in rows if r[0] == records.LOST and r[1] == r[4] + 1]
    assert len(told) > 1 and len(before - texts()) == sum([r[5] for r in told])
    # Each seq is that of a record, or of one told lost.
    covered = {r[1] for r in rows}
    for row in told:
        assert not covered & set(range(row[3], row[4] + 1))
        covered |= set(range(row[3], row[4] + 1))
    assert covered == set(range(ring.acknowledged + 1, ring.last + 1))
    # Nor does a start make it tell more.
    ring.flush()
    again = medium.open()
    assert (again.epoch, again.last) == (ring.epoch, ring.last)


def test_room_for_cursors_is_kept_whatever_was_done_in_between():
    """What the ring believes to be free is free, after appends, flushes, cursors and new epochs in any order."""
    ring = Bare(5).open()
    for i in range(1500):
        ring.append(record("n" * (i * 7 % 90)))
        if i % 3 == 0:
            ring.flush()
        if i % 5 == 0:
            ring.sending(ring.last)
            ring.append(record("m"))
            ring.acknowledge(ring.last - 1 - i % 2)
        if i % 400 == 399:
            ring.renew()
        free = ring._size - (ring._slots + 2) * blocks._SLOT - ring._used
        assert ring._near <= 0 if ring._closed else ring._near <= min(free + 1, ring._buffer_most)
    # The known bad ring, that does not look again after a cursor, breaks this.
    before = ring._near = ring._room()
    ring.sending(ring.last)
    assert ring._near < before


def test_a_cursor_that_could_not_be_kept_is_kept_before_the_next_try():
    medium = Bare(2)
    ring = medium.open()
    for i in range(3):
        ring.append(record("n%d" % i))
    ring.flush()
    real = medium.nor.writeblocks
    medium.nor.writeblocks = lambda block, buf, offset=0: -5
    for _ in range(2):
        try:
            ring.sending(3)
            raise AssertionError("sent")
        except OSError:
            assert ring.sent == 0
    medium.nor.writeblocks = real
    ring.sending(3)
    assert medium.open().sent == 3


def test_the_spools_place_is_configured():
    def check(spool):
        return config.check({"spool": spool}, WORKS)["spool"]

    assert check({})["on"] is None and check("flash")["on"] == "flash" and check("file")["on"] == "file"
    assert check({"on": "flash", "values": 65536})["values"] == 65536
    for wrong in ("tape", {"on": 3}, {"of": "file"}, 7):
        try:
            check(wrong)
            raise AssertionError("taken: %r" % wrong)
        except ConfigError as e:
            assert "spool" in str(e)


def test_what_waits_in_ram_is_flushed_by_age_and_at_once_when_the_supply_sags():
    rule = FlushRule(10, 3600)
    assert not rule.due(9) and rule.due(10)
    assert not rule.due(0, 3600) and rule.due(0, 3599)
    assert rule.sags(3599) and not rule.sags(3600) and not rule.sags(None)
    assert not FlushRule(10).due(0, 100)


def test_a_gateway_flushes_after_ten_seconds_and_when_the_supply_sags():
    class Rings:
        flushed = 0

        def flush(self):
            self.flushed += 1

    class Clock:
        now = 0

        def uptime(self):
            return self.now

    class Watch:
        signs = []

        def sign(self, name, seconds):
            self.signs.append(name)

    class Gateway:
        def __init__(self):
            self.flush_rule, self.clock, self.tasks, self.watch = FlushRule(10, 3600), Clock(), Tasks(self), Watch()
            self.values = self.telegrams = Rings()
            self.counters = {}
            readings = [5000, 5000, 3500, 3400, 5000, 3000]
            self.supply = lambda: readings.pop(0)

        def count(self, name):
            self.counters[name] = self.counters.get(name, 0) + 1

    g = Gateway()
    for at, flushed in ((5, 0), (10, 2), (15, 2), (19, 2), (20, 4)):
        g.clock.now = at
        g.tasks.flush_if_due()
        assert g.values.flushed == flushed
    # Six looks, then there is no more to read.
    try:
        asyncio.run(g.tasks.watch_supply())
        raise AssertionError("no end")
    except IndexError:
        pass
    assert g.values.flushed == 4 + 2 * 3 and g.counters == {"sags": 2}
    assert g.watch.signs == ["supply"] * 6  # a sign of life with each look
