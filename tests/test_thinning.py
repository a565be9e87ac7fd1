"""What leaves a home, and how often: the media filter, the works' list, one telegram per window."""

from firmware import thinning
from firmware.thinning import MAX_CHANGES, MAX_METERS, MAX_MORE, MAX_VARIANTS, Thinning, address
from wmbus import Meter, parse_meter

WATER = [6, 7, 0x15, 0x16]
HOUR = 3600000


def relay(window=3600, media=WATER, meters=None):
    return {"window": window, "media": media, "meters": meters}


class Bench:
    """A thinning with a clock: Unix time at boot in seconds, or None while not known."""

    def __init__(self, offset=1795478400, **settings):
        self.offset = offset
        self.closed = []
        self.thinning = Thinning(relay(**settings), parse_meter, self.on_heard)

    def on_heard(self, *row):
        self.closed.append(row)

    def due(self, at_s, meter=b"\x2d\x2c\x78\x56\x34\x12\x1b\x16", ci=0x8D, length=43, status=None, rssi=-70,
            fragment=None):
        return self.thinning.due(meter, ci, length, status, rssi, at_s,
                                 None if self.offset is None else self.offset + at_s, fragment)


def test_address_is_the_bytes_on_the_air():
    assert address(Meter("KAM", "12345678", 0x1B, 0x16)) == b"\x2d\x2c\x78\x56\x34\x12\x1b\x16"


def test_only_water_is_relayed():
    t = Bench().thinning
    wanted = [kind for kind in range(256) if t.wanted(address(Meter("KAM", "12345678", 1, kind)))]
    assert wanted == WATER


def test_the_works_list_narrows_it_further():
    t = Bench(meters=["KAM-12345678-1B-16", "AXI-*"]).thinning
    assert t.wanted(address(Meter("KAM", "12345678", 0x1B, 0x16)))
    assert not t.wanted(address(Meter("KAM", "12345678", 0x1C, 0x16)))
    assert not t.wanted(address(Meter("KAM", "12345679", 0x1B, 0x16)))
    assert t.wanted(address(Meter("AXI", "00000001", 1, 7)))
    assert not t.wanted(address(Meter("AXI", "00000001", 1, 4)))
    assert not Bench(meters=[]).thinning.wanted(address(Meter("KAM", "12345678", 0x1B, 0x16)))


def test_water_under_a_makers_own_type_only_by_the_works_list():
    techem = Meter("TCH", "12345678", 0x74, 0x62)
    assert not Bench().thinning.wanted(address(techem))
    assert not Bench(meters=["KAM-*"]).thinning.wanted(address(techem))
    assert Bench(meters=["TCH-*"]).thinning.wanted(address(techem))
    assert Bench(meters=["TCH-12345678-74-62"]).thinning.wanted(address(techem))
    # The list opens no other medium: not the make's heat, allocators and smoke detectors, not such a type elsewhere.
    for kind in range(256):
        t = Bench(meters=["TCH-*", "KAM-*", "TCH-12345678-74-%02X" % kind, "KAM-12345678-74-%02X" % kind]).thinning
        assert t.wanted(address(Meter("TCH", "12345678", 0x74, kind))) == (kind in WATER + [0x62, 0x72])
        assert t.wanted(address(Meter("KAM", "12345678", 0x74, kind))) == (kind in WATER)


def test_one_telegram_per_window_of_the_clock():
    b = Bench()
    heard = [at for at in range(0, 7200, 16) if b.due(at)]
    assert heard == [0, 3600]
    # The window is the clock's, not an hour from the first: heard at 00:59, due again at 01:00.
    b = Bench()
    assert b.due(3599) and b.due(3600) and not b.due(3601)


def test_ci_and_length_are_apart():
    b = Bench()
    assert b.due(0) and not b.due(1)
    assert b.due(2, length=60) and b.due(3, ci=0x79)
    assert b.due(4, meter=b"\x2d\x2c\x78\x56\x34\x12\x1b\x07")
    assert not b.due(5, length=60) and not b.due(6, ci=0x79)


def test_a_changed_status_goes_at_once():
    b = Bench()
    assert b.due(0, status=0) and not b.due(16, status=0)
    assert b.due(32, status=4) and not b.due(48, status=4)
    assert b.due(64, status=0)
    # A telegram without a plaintext status is no change.
    assert not b.due(80, status=None)


def test_a_status_that_flaps_does_not_fill_the_spool():
    b = Bench()
    relayed = sum([b.due(at, status=at & 1) for at in range(3600)])
    assert relayed == MAX_CHANGES + 1
    assert b.due(3600, status=1)


def test_before_the_clock_is_known_more_is_kept():
    b = Bench(offset=None)
    assert [at for at in range(0, 3600, 10) if b.due(at)] == [0, 900, 1800, 2700]
    # Once it is known the windows are the clock's, for what was relayed before as well.
    b.offset = 1795478400 + 1800
    assert not b.due(3601)
    assert b.due(5400)


def test_a_telegram_that_could_not_be_kept_is_due_again():
    b = Bench()
    meter = b"\x2d\x2c\x78\x56\x34\x12\x1b\x16"
    assert b.due(0)
    b.thinning.forget(meter, 0x8D, 43)
    assert b.due(1) and not b.due(2)


def test_the_table_is_bounded():
    b = Bench()
    for n in range(MAX_METERS + 50):
        b.due(n, meter=n.to_bytes(8, "little"))
    assert b.thinning.meters() == MAX_METERS
    assert [row[0] for row in b.closed] == [n.to_bytes(8, "little") for n in range(50)]
    # The last heard are still known, the first are relayed once more.
    assert not b.due(MAX_METERS + 60, meter=(MAX_METERS + 49).to_bytes(8, "little"))
    assert b.due(MAX_METERS + 61, meter=bytes(8))


def test_a_meter_with_many_forms_is_bounded_too():
    b = Bench()
    assert sum([b.due(at, length=20 + at) for at in range(MAX_VARIANTS + 3)]) == MAX_VARIANTS + 3
    assert not b.due(20, length=20 + MAX_VARIANTS + 2)
    assert b.due(21, length=20)


def test_only_so_many_meters_have_many_forms():
    """Of the others two are remembered: a third is relayed, and makes room by itself."""
    b = Bench()
    meters = [n.to_bytes(8, "little") for n in range(1, MAX_MORE + 2)]
    for meter in meters:
        assert [b.due(1 + at, meter=meter, length=20 + at) for at in range(3)] == [True] * 3
    assert [b.due(10, meter=meters[0], length=20 + at) for at in range(3)] == [False] * 3
    assert [b.due(10, meter=meters[-1], length=20 + at) for at in (1, 2, 0)] == [False, False, True]
    assert b.due(11, meter=meters[-1], length=21)
    # Who goes makes room: the meters not heard in a day.
    b.thinning.close_day()
    b.due(12, meter=meters[-1])
    b.thinning.close_day()
    assert b.thinning.meters() == 1
    assert [b.due(13 + at, meter=meters[0], length=20 + at) for at in range(3)] == [True] * 3
    assert [b.due(20, meter=meters[0], length=20 + at) for at in range(3)] == [False] * 3


def test_a_form_that_could_not_be_kept_is_the_only_one_forgotten():
    b = Bench()
    meter = b"\x2d\x2c\x78\x56\x34\x12\x1b\x16"
    for forgotten in range(4):
        for at in range(4):
            b.due(100 * forgotten + at, length=20 + at)
        b.thinning.forget(meter, 0x8D, 20 + forgotten)
        assert [b.due(100 * forgotten + 50, length=20 + at) for at in range(4)] == [at == forgotten for at in range(4)]


def test_the_day_moves_the_meters_together():
    """Who was not heard goes; the others keep their windows and begin their count anew, wherever they lie then."""
    b = Bench()
    meters = [n.to_bytes(8, "little") for n in range(1, 101)]
    for meter in meters:
        for at in range(3):
            assert b.due(1 + at, meter=meter, length=20 + at)
    b.thinning.close_day()
    for meter in meters[::3]:
        assert not b.due(100, meter=meter, length=21, rssi=-50)
    b.closed = []
    b.thinning.close_day()
    assert b.closed == [(meter, 1, -50, -52) for meter in meters[::3]] and b.thinning.meters() == 34
    for meter in meters:
        known = meter in meters[::3]
        # Of the first the third form is known too, up to MAX_MORE of them.
        forms = range(3) if meters.index(meter) < MAX_MORE else range(2) if not known else (1,)
        assert [b.due(200, meter=meter, length=20 + at) for at in forms] == [not known for _ in forms]
    assert b.thinning.meters() == 100


def test_addresses_that_overlap_are_told_apart():
    """The table is searched as bytes: what lies across two addresses is neither."""
    b = Bench()
    one, two = b"\x01\x02\x03\x04\x05\x06\x07\x08", b"\x05\x06\x07\x08\x01\x02\x03\x04"
    assert b.due(0, meter=one) and b.due(1, meter=bytes(one)) is False and b.due(2, meter=one[:4] + one[:4])
    across = one[4:] + (one[:4] + one[:4])[:4]
    assert b.due(3, meter=across) and b.due(4, meter=two) is False
    assert b.thinning.meters() == 3


def test_heard_counts_all_and_ends_with_the_day():
    b = Bench()
    for at, rssi in ((0, -70), (16, -60), (32, -90), (48, -72), (64, 0)):
        b.due(at, rssi=rssi)
    b.thinning.close_day()
    assert len(b.closed) == 1 and b.closed[0][1:3] == (5, -60)
    assert -76 <= b.closed[0][3] <= -66
    b.thinning.close_day()
    assert len(b.closed) == 1


def test_median_holds_over_many_telegrams():
    entry = bytearray(64)
    assert thinning.median(entry, 20) == 0 and thinning.best(entry, 20) == 0
    for i in range(5000):
        thinning.add(entry, 20, -80 if i % 3 else -100)
    assert thinning.count(entry, 20) == 5000 and thinning.best(entry, 20) == -80
    assert -84 <= thinning.median(entry, 20) <= -76
    assert entry[:20] == bytes(20) and entry[41:] == bytes(23)


def test_counting_in_place_and_by_the_long_way_agree():
    """What is counted without the call for every telegram is what `add` counts, at every strength and overflow."""
    b = Bench()
    entry = bytearray(21)
    for i in range(3000):
        rssi = -130 + i * 7 % 140 if i % 5 else -60
        b.due(i, rssi=rssi)
        thinning.add(entry, 0, rssi)
    b.thinning.close_day()
    assert b.closed[0][1:] == (3000, thinning.best(entry, 0), thinning.median(entry, 0))


def test_the_day_ends_and_the_window_goes_on():
    b = Bench()
    assert b.due(0)
    b.thinning.close_day()
    assert not b.due(16) and b.due(3600)
    b.thinning.close_day()
    b.thinning.close_day()
    assert [row[1] for row in b.closed] == [1, 2] and b.thinning.meters() == 0


def test_known_bad_filter_by_number_alone_is_caught():
    """The list names a meter by all four parts; one that compares the id only would let a heat meter's twin through."""
    class ById(Thinning):
        def wanted(self, meter):
            return any(address(parse_meter(e))[2:6] == meter[2:6] for e in ["KAM-12345678-1B-16"])

    def leaks(kind):
        t = kind(relay(meters=["KAM-12345678-1B-16"]), parse_meter)
        return (t.wanted(address(Meter("KAM", "12345678", 0x1B, 0x04)))
                or t.wanted(address(Meter("SEN", "12345678", 0x1B, 0x16))))
    assert leaks(ById) and not leaks(Thinning)


def test_a_message_in_fragments_is_kept_whole():
    """Three fragments of one length each, sent every minute: one message of each window is relayed, all of it."""
    b = Bench()
    fragments = [(1, True), (2, True), (3, False)]
    relayed = [(at, n) for at in range(0, 7200, 60) for n, more in fragments
               if b.due(at + n, ci=0x90, length=60, fragment=(n, more))]
    assert relayed == [(at, n) for at in (0, 3600) for n in (1, 2, 3)]


def test_a_message_heard_in_part_is_tried_again():
    b = Bench()

    def hear(at, *numbers):
        return [n for n in numbers if b.due(at + n, ci=0x90, length=60, fragment=(n, n < 3))]

    assert hear(0, 1, 3) == [1]  # the second was lost
    assert hear(60, 2, 3) == []  # the first
    assert hear(120, 1, 2, 2, 3, 3) == [1, 2, 3]
    assert hear(180, 1, 2, 3) == []
    assert hear(3599, 1, 2, 3) == [1, 2, 3]  # across the window's edge
    # Another meter's fragments, and this one's whole telegrams, have nothing to do with it.
    assert b.due(3700, meter=bytes(8), ci=0x90, length=60, fragment=(1, True)) and b.due(3700)


def test_fragments_that_never_become_whole_do_not_fill_the_spool():
    b = Bench()
    assert sum([b.due(at, ci=0x90, length=60, fragment=(1, True)) for at in range(3600)]) == MAX_CHANGES + 1
    b = Bench()
    assert not b.due(0, ci=0x90, length=60, fragment=(2, False))
    assert b.due(1, ci=0x90, length=60, fragment=(1, True)) and not b.due(99, ci=0x90, length=60, fragment=(2, False))


def test_a_first_fragment_that_could_not_be_kept_is_due_again():
    b = Bench()
    meter = b"\x2d\x2c\x78\x56\x34\x12\x1b\x16"
    assert b.due(0, ci=0x90, length=60, fragment=(1, True))
    b.thinning.forget(meter, 0x90, 60)
    assert not b.due(1, ci=0x90, length=60, fragment=(2, False))
    assert b.due(60, ci=0x90, length=60, fragment=(1, True))


def test_known_bad_thinning_of_fragments_by_length_is_caught():
    """By CI and length alone the later fragments of a message would be thinned away."""
    b = Bench()
    assert [n for n in (1, 2, 3) if b.due(n, ci=0x92, length=60)] == [1]
