"""The compiled plan gives what the plain path gives, and its cache stays small."""

import struct

import han_rows
import han_vectors as v
from han_vectors import rows_of, swept

import han_reader
from han_reader import apdu as axdr
from han_reader import framing, layout, mbus, plan


def bodies():
    """APDUs of every shape the encoder has."""
    return [v.aidon(1), v.aidon(2), v.aidon(3), v.aidon(2, it=True), v.kaifa(1), v.kaifa(2), v.kaifa(3),
            v.kaifa(2, phases=1), v.kaifa(3, phases=1), v.kamstrup(1), v.kamstrup(2), v.kamstrup(1, phases=1),
            v.kamstrup(2, spelling=v.tagged_time), v.kamstrup(1, volts=(23012, 23190, 22199))]


def test_plans_agree_with_the_plain_path():
    plans = plan.Plans()
    for _ in range(2):
        for apdu in bodies():
            assert plans.reading(apdu) == plan.plain(apdu)


def test_changed_values_keep_the_plan():
    """The same skeleton with other numbers and another time is read by the plan that is there."""
    plans = plan.Plans()
    for apdu in bodies():
        plans.reading(apdu)
        known = len(plans)
        lay, header = plan.layout_of(apdu, 0, len(apdu))
        changed = bytearray(apdu)
        for number in lay.numbers:
            size = struct.calcsize(">" + number[3])
            changed[number[2]:number[2] + size] = bytes([0x12 + i for i in range(size)])
        for _, start in lay.times:
            changed[start:start + 12] = v.date_time(2024, 2, 29, 12, 0, 1)
        if header >= 0:
            changed[header:header + 12] = v.date_time(2024, 2, 29, 12, 0, 2)
        assert plans.reading(bytes(changed)) == plan.plain(bytes(changed))
        assert len(plans) == known


def test_a_changed_skeleton_is_not_read_by_an_old_plan():
    """Every byte outside the values matters: the plan must not hide what the plain path sees."""
    for apdu in (v.kaifa(2), v.kamstrup(1, phases=1), v.aidon(1)):
        plans = plan.Plans()
        plans.reading(apdu)
        for i in range(len(apdu)):
            bad = bytearray(apdu)
            bad[i] ^= 0x41
            assert outcome(plans.reading, bytes(bad)) == outcome(plan.plain, bytes(bad)), i


def outcome(function, data):
    """What a function gives or why it refuses."""
    try:
        return function(data)
    except han_reader.DecodeError as e:
        return e.reason


class Hoards(plan.Plans):
    """Known bad: keeps every skeleton."""

    def _keep(self, size, entry):
        self._sizes.setdefault(size, []).append(entry)
        self._order.append(size)


def most_kept(plans):
    """The most plans a cache holds while somebody sends ever new skeletons, of one size and of many."""
    most = 0
    for n in range(60):
        for apdu in (v.notification(v.structure(v.octets(b"x" * (n % 12)), v.u32(n))),
                     v.notification(v.structure(v.octets(("NAME%04d" % n).encode()), v.u32(n)))):
            assert plans.reading(apdu)["value_2"] == n
            kept = sum([len(plans._sizes[size]) for size in plans._sizes])
            assert kept == len(plans)
            most = max(most, kept)
    return most


def test_the_cache_is_bounded():
    assert most_kept(plan.Plans(4)) == 4
    assert most_kept(Hoards(4)) > 60


def test_a_plan_that_ignores_the_skeleton_is_caught():
    """Known-bad: a cache by size alone gives one list's names to another's values."""
    plans = plan.Plans()
    one = v.notification(v.structure(v.octets(b"SOMEBODY"), v.u32(1)))
    two = v.notification(v.structure(v.u32(1), v.octets(b"SOMEBODY")))
    assert len(one) == len(two)
    plans.reading(one)
    plans._sizes[len(one)] = [(0, 0) + plans._sizes[len(one)][0][2:]]
    assert plans.reading(two) != plan.plain(two)


def both_ways(rows):
    """How many APDUs gave the same with plans, cold and warm, and without."""
    plans = plan.Plans()
    seen = 0
    for row in rows:
        data = bytes.fromhex(row["hex"])
        apdu = None
        try:
            if data[0] == 0x7E:
                apdu = framing.unwrap(data)
                apdu = apdu[0][apdu[1]:apdu[2]]
            elif data[0] == 0x68:
                apdu = mbus.unwrap(data)
            elif data[0] in (0x0F, 0xE6):
                apdu = data[axdr.llc(data, 0):]
        except han_reader.DecodeError:
            pass
        if apdu is not None:
            assert outcome(plans.reading, apdu) == outcome(plan.plain, apdu), row["id"]
            assert outcome(plans.reading, apdu) == outcome(plan.plain, apdu), row["id"]
            seen += 1
    return seen


def test_own_lists_both_ways():
    assert both_ways(swept(han_rows.rows())) > 150


def test_corpus_both_ways():
    assert both_ways(rows_of("han/han_dev.jsonl")) > 150


def test_layout_needs_a_list():
    for apdu in (v.notification(v.u32(1)), v.notification(v.structure()), v.notification(v.structure(b"\x00"))):
        try:
            plan.plain(apdu)
            raise AssertionError("read")
        except han_reader.DecodeError:
            pass
    assert layout.layout(v.structure(v.u32(1)), 0, 7).list == "list 1"


def test_the_lists_of_a_meter_share_their_codes_and_names():
    """A device's memory holds each once."""
    plans = plan.Plans()
    for which in (2, 3):
        data = v.kaifa(which)
        assert plans.reading(data) == plan.plain(data)
    one, two = [entry[3] for entries in plans._sizes.values() for entry in entries]
    for held, other in ((one.codes, two.codes), (one.keys, two.keys)):
        shared = [(a, b) for a in held for b in other if a == b]
        assert len(shared) > 4 and [a for a, b in shared if a is not b] == []
