"""A telegram is a claim: what was sent before changes nothing when it is sent again, what cannot be is held back. On
both stores."""

import datetime

import pytest
import wmbus_cases as cases
from claims_rig import DAY, HOUR, KEY, LEAK, NOW, Meter, Ring, Street, litres, rows, wire_records
from netti_tools.simulate import wmbus_encoder as encoder
from store_rig import kind, run  # noqa: F401 - each test runs on each store

from cloud_receiver.data import plausible
from cloud_receiver.stores import queries
from cloud_receiver.stores.jobs import matching, rising, times

SEALED = ("mode7", "ell")


@pytest.mark.parametrize("security", SEALED)
def test_yesterdays_telegram_played_again_changes_nothing(tmp_path, security):
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, security)
        old = meter.sends(100_000, 1000, LEAK)
        assert await street.send(old, NOW - DAY) == "decoded"
        assert await street.send(meter.sends(100_400, 2000), NOW) == "decoded"
        before = await meter.facts()
        assert before == ([(-DAY, 100_000), (0, 100_400)], [], (0, 100_400))
        assert await street.send(old, NOW + 300) == "replayed"
        assert await street.send(meter.sends(100_200, 1500, LEAK), NOW + 2 * HOUR) == "replayed"  # nobody had heard it
        assert await meter.facts() == before and await meter.held() == []
    run(tmp_path, scenario)


def test_what_comes_late_raises_no_alarm_that_stands(tmp_path):
    """A leak of this morning is told of in the evening, when the meter has said since that there is none."""
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, "mode7")
        for h in (0, 9):
            await street.send(meter.sends(100_000 + h, 1000 + h), NOW + h * HOUR)
        late = meter.sends(100_001, 1001, LEAK)
        assert await street.send(late, NOW + HOUR, Ring(store), NOW + 10 * HOUR) == "decoded"
        assert (await meter.facts())[1] == []
        assert [row[1:] for row in await store.read(rows, "SELECT * FROM alarms")] == [
            ("low_battery", NOW + HOUR, NOW + HOUR, NOW + HOUR)]
    run(tmp_path, scenario)


def test_a_new_key_makes_no_replay_good(tmp_path):
    async def scenario(store):
        street, other = Street(store), bytes(range(50, 66))
        meter = Meter(street, "mode7")
        await street.send(meter.sends(100_000, 1000), NOW)
        street.keys[meter.text] = other

        def sends(counter):
            return cases.mode7(litres(100_000), other, counter.to_bytes(4, "little"), meter.address)
        assert await street.send(sends(400), NOW + HOUR) == "replayed"
        assert await street.send(sends(1001), NOW + 2 * HOUR) == "decoded"
        assert await meter.decide("replaced", time=NOW + 3 * HOUR)
        assert await street.send(sends(1), NOW + 4 * HOUR) == "decoded"
    run(tmp_path, scenario)


def test_a_message_in_fragments_has_the_counter_of_its_first(tmp_path):
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, "mode7")

        async def sends(total, counter, time):
            pieces = cases.fragmented(litres(total) + b"\x0f" + bytes(100), KEY, counter.to_bytes(4, "little"),
                                      who=meter.address)
            return [await street.send(piece, time + n) for n, piece in enumerate(pieces)]
        assert await sends(100_000, 1000, NOW - DAY) == ["undecodable", "undecodable", "decoded"]
        assert await sends(100_000, 2000, NOW) == ["undecodable", "undecodable", "decoded"]
        before = await meter.facts()
        assert await sends(100_000, 1000, NOW + HOUR) == ["undecodable", "undecodable", "replayed"]
        assert await meter.facts() == before
    run(tmp_path, scenario)


@pytest.mark.parametrize("security", SEALED)
def test_the_latest_telegram_played_on_does_not_look_alive(tmp_path, security):
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, security)
        telegram = meter.sends(100_000, 1000)
        await street.send(telegram, NOW)
        before = await meter.facts()
        for hours in (1, 5, 30):
            assert await street.send(telegram, NOW + hours * HOUR) == "replayed"
        assert await meter.facts() == before
    run(tmp_path, scenario)


@pytest.mark.parametrize("security", SEALED)
def test_what_another_gateway_delivers_late_is_entered(tmp_path, security):
    async def scenario(store):
        street = Street(store)
        meter, other = Meter(street, security), Ring(store)
        for h in (0, 2, 26, 28):
            await street.send(meter.sends(100_000 + h * 10, 1000 + h * 60), NOW + h * HOUR)
        for h in (25, 1, 27, 3):
            assert await street.send(meter.sends(100_000 + h * 10, 1000 + h * 60), NOW + h * HOUR, other,
                                     NOW + 29 * HOUR) == "decoded"
        readings, _, latest = await meter.facts()
        assert readings == [(h * HOUR, 100_000 + h * 10) for h in (0, 1, 2, 3, 25, 26, 27, 28)]
        assert latest == (28 * HOUR, 100_280)
    run(tmp_path, scenario)


@pytest.mark.parametrize("security", SEALED)
def test_todays_telegram_with_yesterdays_time_changes_nothing(tmp_path, security):
    async def scenario(store):
        street = Street(store)
        meter, liar = Meter(street, security), Ring(store)
        for h in range(0, 48, 6):
            await street.send(meter.sends(100_000 + h * 10, 1000 + h * 60), NOW + h * HOUR)
        before = await meter.facts()
        for h in (3, 20, 33):  # not heard by the other
            assert await street.send(meter.sends(100_430, 1000 + 43 * 60), NOW + h * HOUR, liar,
                                     NOW + 48 * HOUR) == "replayed"
        assert await street.send(meter.sends(100_430, 1000 + 43 * 60), NOW + 41 * HOUR, liar, NOW + 48 * HOUR) == "held"
        assert await street.send(meter.sends(100_420, 1000 + 42 * 60), NOW + 7 * HOUR, liar,
                                 NOW + 48 * HOUR) == "replayed"
        assert await meter.facts() == before
    run(tmp_path, scenario)


def test_a_reading_without_counter_is_judged_by_its_total(tmp_path):
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, "mode5")
        old = meter.sends(100_000, 1, LEAK)
        await street.send(old, NOW - DAY)
        await street.send(meter.sends(100_400, 2), NOW)
        before = await meter.facts()
        assert await street.send(old, NOW + HOUR) == "replayed"  # its very bytes are stored
        assert await street.send(meter.sends(100_300, 3, LEAK), NOW + HOUR) == "held"  # never heard before
        assert await meter.facts() == before and await meter.held() == [(100_300, "backwards")]
    run(tmp_path, scenario)


def test_a_silent_meter_in_mode_5_does_not_look_alive(tmp_path):
    """Its total stood still; its last telegrams are played again and again, with another status byte as well."""
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, "mode5")
        for h in range(4):
            assert await street.send(meter.sends(100_000, 30 * h), NOW + h * HOUR) == "decoded"
        before = await meter.facts()
        for h in (4, 9, 40):
            for access in (90, 60):
                assert await street.send(meter.sends(100_000, access, LEAK if h == 9 else 0), NOW + h * HOUR
                                         + access) == "replayed"
        assert await meter.facts() == before
        assert await street.send(meter.sends(100_000, 95), NOW + 41 * HOUR) == "decoded"
        assert await street.send(meter.sends(100_005, 60), NOW + 42 * HOUR) == "decoded", "it has moved"
    run(tmp_path, scenario)


def test_access_numbers_are_remembered():
    numbers = None
    for n in (0, 255, 3, 4, 5, 6, 7, 8):
        numbers = plausible.remember(n, numbers)
        assert numbers < 1 << 63
    assert [n for n in range(256) if plausible.repeats(n, numbers)] == [3, 4, 5, 6, 7, 8, 255]
    assert not plausible.repeats(7, plausible.remember(7, plausible.remember(7, None))), "one that never counts"
    assert not plausible.repeats(None, numbers) and not plausible.repeats(0, None)


@pytest.mark.parametrize("security", ("plain", "mode5"))
def test_a_meter_that_stands_still_repeats_its_bytes(tmp_path, security):
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, security)
        for h in range(5):
            assert await street.send(meter.sends(100_000, 7), NOW + h * HOUR) == "decoded"
        assert [t for t, _ in (await meter.facts())[0]] == [h * HOUR for h in range(5)]
    run(tmp_path, scenario)


@pytest.mark.parametrize("security", ("plain", "mode5"))
def test_former_bytes_raise_and_end_no_alarm(tmp_path, security):
    """The total is the same, so it may be the meter that repeats itself; it may be anybody."""
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, security)
        calm, leak = meter.sends(100_000, 1), meter.sends(100_000, 2, LEAK)
        await street.send(calm, NOW)
        await street.send(leak, NOW + HOUR)
        assert len((await meter.facts())[1]) == 1
        await street.send(calm, NOW + 2 * HOUR)
        assert len((await meter.facts())[1]) == 1
        await street.send(meter.sends(100_000, 3), NOW + 3 * HOUR)
        assert (await meter.facts())[1] == []
        await street.send(leak, NOW + 4 * HOUR)
        assert (await meter.facts())[1] == []
    run(tmp_path, scenario)


def test_the_meters_own_clock_does_not_go_back(tmp_path):
    """A meter without counter that stands still, whose telegrams have a date: one of this morning, heard by nobody."""
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, "mode5")

        def sends(at, status=0):
            return meter.sends(100_000, at // HOUR & 255, status, b"\x04\x6d" + encoder.date_time(
                datetime.datetime.fromtimestamp(at, datetime.timezone.utc)))
        for h in range(5):
            assert await street.send(sends(NOW + h * HOUR), NOW + h * HOUR) == "decoded"
        before = await meter.facts()
        assert await street.send(sends(NOW + HOUR + 60, LEAK), NOW + 5 * HOUR) == "held"
        assert await street.send(sends(NOW + 7 * HOUR, LEAK), NOW + HOUR + 60, Ring(store), NOW + 7 * HOUR) == "held"
        late = NOW + 2 * HOUR + 60
        assert await street.send(sends(late), late, Ring(store), NOW + 5 * HOUR) == "decoded"
        assert {reason for _, reason in await meter.held()} == {"date"}
        readings, alarms, latest = await meter.facts()
        assert (alarms, latest) == before[1:]
    run(tmp_path, scenario)


def test_a_meter_that_counts_is_not_read_without_its_counter(tmp_path):
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, "mode7")
        await street.send(meter.sends(100_000, 1000), NOW)
        meter.kind = "mode5"  # recorded before it was set to mode 7
        assert await street.send(meter.sends(100_001, 9, LEAK), NOW + HOUR) == "held"
        assert await meter.held() == [(100_001, "uncounted")]
        assert await meter.facts() == ([(0, 100_000)], [], (0, 100_000))
    run(tmp_path, scenario)


@pytest.mark.parametrize("litres, hours, reason", [
    (40_000_000_000 // 1000 * 10 % 2**32, 1, "jump"), (100_000 + 62_000 + 1, 1, "jump"), (99_998, 1, "backwards"),
    (0, 24, "backwards")])
def test_what_cannot_be_is_held_back(tmp_path, litres, hours, reason):
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, "plain")
        await street.send(meter.sends(100_000, 1), NOW)
        before = await meter.facts()
        assert await street.send(meter.sends(litres, 2, LEAK), NOW + hours * HOUR) == "held"
        assert await meter.held() == [(litres, reason)] and await meter.facts() == before
        assert await street.send(meter.sends(100_100, 3), NOW + 25 * HOUR) == "decoded"
    run(tmp_path, scenario)


def test_a_first_reading_has_a_range_and_a_date(tmp_path):
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, "plain")
        for records, what in ((b"\x04\x16" + (40_000_000).to_bytes(4, "little"), "range"),  # m³
                              (b"\x0c\x13\x00\x00\x00\xf1", "range"),  # -1,000,000 l
                              (b"\x04\x13\0\0\1\0" + b"\x04\x6d" + bytes.fromhex("00073c3c"), "date")):
            told = encoder.link(meter.address, encoder.plain(meter.address, 9, 0, records))
            assert await street.send(told, NOW) == "held", what
            assert (await meter.held())[-1][1] == what
        assert await meter.facts() == ([], [], None)
        assert await street.send(meter.sends(100_000, 1), NOW + 60) == "decoded"
    run(tmp_path, scenario)


def test_only_what_is_entered_tells_of_alarms(tmp_path):
    """A telegram that does not open neither raises nor ends one."""
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, "mode7")
        await street.send(meter.sends(100_000, 1000, LEAK), NOW)
        before = await meter.facts()
        assert before[1]
        meter.kind, sealed = "mode5", street.keys.pop(meter.text)
        for h, key in ((1, None), (2, bytes(16))):
            street.keys[meter.text] = key
            assert await street.send(meter.sends(100_001, h), NOW + h * HOUR) in ("no_key", "wrong_key")
            assert await meter.facts() == before
        street.keys[meter.text], meter.kind = sealed, "mode7"
        assert await street.send(meter.sends(100_003, 2000), NOW + 3 * HOUR) == "decoded"
        assert (await meter.facts())[1] == []
        street.keys[meter.text] = None
        await street.send(meter.sends(100_003, 2001, LEAK), NOW + 4 * HOUR)
        assert (await meter.facts())[1] == []
    run(tmp_path, scenario)


# --- what a person decides


def test_a_meter_that_was_set_anew_needs_one_decision(tmp_path):
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, "mode7")
        await street.send(meter.sends(100_000, 1000), NOW)
        for d in (1, 2, 3):
            assert await street.send(meter.sends(500 + d, 1000 + d), NOW + d * DAY) == "held"
        claims = await store.read(rows, "SELECT time, total_ml, counter FROM held")
        assert plausible.consistent(claims) and not plausible.consistent(claims[:2])
        assert await meter.decide("accept", 501) == 3
        readings, _, latest = await meter.facts()
        assert readings == [(0, 100_000), (DAY, 501), (2 * DAY, 502), (3 * DAY, 503)] and latest == (3 * DAY, 503)
        assert await meter.held() == [] and await meter.decide("accept", time=NOW) == 0
        assert await street.send(meter.sends(504, 1004), NOW + 4 * DAY) == "decoded"
        assert await street.send(meter.sends(9_000_000, 1005), NOW + 5 * DAY) == "held"
    run(tmp_path, scenario)


def test_what_leads_to_an_accepted_reading_is_accepted_with_it(tmp_path):
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, "mode7")
        await street.send(meter.sends(100_000, 1000), NOW)
        for h in range(1, 6):
            await street.send(meter.sends(500 + h, 1000 + h), NOW + h * HOUR)
        await street.send(meter.sends(9_000_000, 1006), NOW + 6 * HOUR)
        assert await meter.decide("accept", 503)
        assert (await meter.facts())[0] == [(0, 100_000), *((h * HOUR, 500 + h) for h in range(1, 6))]
        assert await meter.held() == [(9_000_000, "jump")]
    run(tmp_path, scenario)


@pytest.mark.parametrize("forged, security", [(9_000_000, "plain"), (5, "mode5")])
def test_a_forged_first_reading_is_put_right_by_one_decision(tmp_path, forged, security):
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, security)
        assert await street.send(meter.sends(forged, 1, LEAK), NOW) == "decoded"
        for h in (1, 2):
            assert await street.send(meter.sends(1_000_000 + h, h + 1), NOW + h * HOUR) == "held"
        assert await meter.decide("correct", 1_000_002)
        assert await meter.facts() == ([(HOUR, 1_000_001), (2 * HOUR, 1_000_002)], [], (2 * HOUR, 1_000_002))
        assert await meter.held() == []
        assert await street.send(meter.sends(1_000_003, 4), NOW + 3 * HOUR) == "decoded"
    run(tmp_path, scenario)


def test_refused_is_not_judged_again(tmp_path):
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, "plain")
        await street.send(meter.sends(100_000, 1), NOW)
        await street.send(meter.sends(50_000, 2), NOW + HOUR)
        await street.send(meter.sends(60_000, 3), NOW + 2 * HOUR)
        assert await meter.decide("refuse", 50_000) == 1 and await meter.decide("accept", 60_000)
        assert (await meter.facts())[0] == [(0, 100_000), (2 * HOUR, 60_000)] and await meter.held() == []
    run(tmp_path, scenario)


def test_an_alarm_that_a_withdrawn_reading_ended_stands_again(tmp_path):
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, "plain")
        await street.send(meter.sends(100_000, 1, LEAK), NOW)
        standing = (await meter.facts())[1]
        await street.send(meter.sends(100_900, 2), NOW + HOUR)
        assert standing and (await meter.facts())[1] == []
        assert await meter.decide("withdraw", time=NOW + 1, until=NOW + 2 * HOUR) == 1
        assert await meter.facts() == ([(0, 100_000)], standing, (0, None))
    run(tmp_path, scenario)


def test_what_was_entered_wrongly_is_withdrawn(tmp_path):
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, "plain")
        await street.send(meter.sends(100_000, 1), NOW)
        await street.send(meter.sends(130_000, 2, LEAK), NOW + HOUR)  # within Q4
        assert await street.send(meter.sends(100_020, 3), NOW + 2 * HOUR) == "held"
        assert await meter.decide("withdraw", time=NOW + 1, until=NOW + 2 * HOUR) == 2
        assert await meter.facts() == ([(0, 100_000), (2 * HOUR, 100_020)], [], (2 * HOUR, 100_020))
    run(tmp_path, scenario)


@pytest.mark.parametrize("security", ("mode7", "plain"))
def test_a_replaced_meter_is_judged_by_nothing_before(tmp_path, security):
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, security)
        await street.send(meter.sends(900_000, 5000), NOW)
        assert await street.send(meter.sends(3, 7), NOW + DAY) in ("replayed", "held")
        assert await meter.decide("replaced", time=NOW + HOUR)
        assert (await meter.facts())[0] == [(0, 900_000), (DAY, 3)] and await meter.held() == []
        assert await street.send(meter.sends(4, 8), NOW + DAY + HOUR) == "decoded"
        late = Ring(store)  # the last of the old one
        assert await street.send(meter.sends(900_001, 5001), NOW + HOUR // 2, late, NOW + DAY) == "decoded"
    run(tmp_path, scenario)


@pytest.mark.parametrize("since", (1, 2))
def test_a_replacement_that_is_entered_late_leaves_what_came_since(tmp_path, since):
    """The new meter began with more than the old one had: it was entered, and what follows must not fall behind it."""
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, "plain")
        await street.send(meter.sends(1000, 1), NOW)
        for n in range(1, since + 1):
            assert await street.send(meter.sends(5000 + 100 * n, 1 + n), NOW + DAY + n * HOUR) == "decoded"
        assert await meter.decide("replaced", time=NOW + HOUR)
        last = 5000 + 100 * since
        assert await street.send(meter.sends(last - 50, 7), NOW + 2 * DAY) == "held"
        assert await street.send(meter.sends(last + 50, 8), NOW + 2 * DAY + HOUR) == "decoded"
        assert (await meter.facts())[2] == (2 * DAY + HOUR, last + 50)
    run(tmp_path, scenario)


def test_a_meters_own_q4(tmp_path):
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, "plain")
        await street.send(meter.sends(100_000, 1), NOW)
        assert await street.send(meter.sends(200_000, 2), NOW + HOUR) == "held"
        assert await meter.decide("q4", until=100_000)
        assert (await meter.facts())[0] == [(0, 100_000), (HOUR, 200_000)]
        await meter.decide("q4", until=3000)
        assert await street.send(meter.sends(204_000, 3), NOW + 2 * HOUR) == "held"
    run(tmp_path, scenario)


def test_what_is_held_back_is_told_to_the_person_and_erased_with_the_rest(tmp_path):
    async def scenario(store):
        street = Street(store)
        meter = Meter(street, "plain")
        await street.send(meter.sends(100_000, 1), NOW)
        await street.send(meter.sends(50_000, 2), NOW + HOUR)
        told = await store.read(queries.people.person, None, [meter.text], 0, NOW + DAY)
        assert told["meters"][0]["held_back"] == [[NOW + HOUR, 50_000_000, "backwards"]]
        after = 0
        while after is not None:
            after = await store.erase(None, [meter.text], NOW + DAY, after)
        assert await meter.held() == []
        told = await store.read(queries.people.person, None, [meter.text], 0, NOW + DAY)
        assert told["meters"][0]["held_back"] == []
    run(tmp_path, scenario)


# --- when it was heard: one gateway's word, for itself


def test_an_untimed_copy_holds_nothing_back(tmp_path):
    """A gateway that never tells its clock delivers first: the copy of one that does is a reading at once."""
    async def scenario(store):
        street = Street(store)
        meter, liar = Meter(street, "mode7"), Ring(store)
        telegram = meter.sends(100_000, 1000)
        await liar.send([wire_records.boot(liar.next(), 0, 1, "power"), liar.telegram(telegram, time=1)])
        assert await street.send(telegram, NOW) == "decoded"
        before = await meter.facts()
        assert before == ([(0, 100_000)], [], (0, 100_000))
        await liar.send([wire_records.clock(liar.next(), 5, NOW - 300 * DAY, wire_records.CLOCK_HAN)], now=NOW + 60)
        await street.decode()
        assert await meter.facts() == before
        assert await store.read(rows, "SELECT time, state FROM telegrams WHERE state = 1") == [(NOW, 1)]
    run(tmp_path, scenario)


@pytest.mark.parametrize("first", ("liar", "honest"))
def test_no_gateway_moves_what_another_has_heard(tmp_path, first):
    async def scenario(store):
        street = Street(store)
        meter, liar = Meter(street, "mode7"), Ring(store)
        telegram, at = meter.sends(100_000, 1000), NOW - 1000
        lies = [wire_records.boot(liar.next(), 0, 1, "power"), liar.telegram(telegram, time=100),
                wire_records.clock(liar.next(), 200, at + 100, wire_records.CLOCK_ANSWER)]
        if first == "liar":
            await liar.send(lies)
        await street.send(telegram, at, now=NOW)
        if first == "honest":
            await liar.send(lies)
        await street.decode()
        before = await meter.facts()
        assert len(before[0]) == 1
        await liar.send([wire_records.clock(liar.next(), 300, at - 300 * DAY, wire_records.CLOCK_HAN)])
        await street.decode()
        assert await meter.facts() == before
        assert len(await store.read(rows, "SELECT 1 FROM telegrams")) == 1
    run(tmp_path, scenario)


def test_nothing_was_made_after_it_was_received(tmp_path):
    """A time ahead would be the latest until then, and what others send in between would pass for replays."""
    async def scenario(store):
        street = Street(store)
        meter, liar = Meter(street, "mode7"), Ring(store)
        await street.send(meter.sends(100_000, 1000), NOW - HOUR)
        await liar.send([liar.telegram(meter.sends(100_001, 1001), time=NOW + 20 * HOUR)], now=NOW)
        await liar.send([wire_records.boot(liar.next(), 0, 1, "power"),
                         liar.telegram(meter.sends(100_002, 1002), time=9)], now=NOW + 1)
        await liar.send([wire_records.clock(liar.next(), 10, NOW + 10 * DAY, wire_records.CLOCK_HAN)], now=NOW + 300)
        await street.decode()
        assert await street.send(meter.sends(100_010, 1060), NOW + HOUR) == "decoded"
        assert [t for t, _ in (await meter.facts())[0]] == [-HOUR, 1, HOUR]
    run(tmp_path, scenario)


def test_which_of_two_is_late_is_told_by_a_person(tmp_path):
    """One withheld a telegram for hours and gives the time of its delivery; then the spool of another arrives."""
    async def scenario(store):
        street = Street(store)
        meter, liar = Meter(street, "mode7"), Ring(store)
        await street.send(meter.sends(100_000, 1000), NOW)
        await street.send(meter.sends(100_010, 1010), NOW + 9 * HOUR, liar)
        for h in range(1, 9):
            assert await street.send(meter.sends(100_000 + 10 * h, 1000 + 60 * h), NOW + h * HOUR, None,
                                     NOW + 10 * HOUR) == "held"
        assert {reason for _, reason in await meter.held()} == {"order"}
        assert await meter.decide("correct", 100_080)
        assert (await meter.facts())[0] == [(h * HOUR, 100_000 + 10 * h) for h in range(9)]
    run(tmp_path, scenario)


# --- and each of these is seen when it is missing

MUTANTS = {
    "untimed": (test_an_untimed_copy_holds_nothing_back, (), matching, "same_telegram",
                lambda candidates, data, time, gateway: next((c for c in candidates if c.data == data), None)),
    "moved": (test_no_gateway_moves_what_another_has_heard, ("liar",), times, "stands", lambda *_: False),
    "ahead": (test_nothing_was_made_after_it_was_received, (), times, "AHEAD_S", DAY),
    "counter": (test_yesterdays_telegram_played_again_changes_nothing, ("mode7",),
                plausible, "rises", lambda *_: (plausible.ENTERED, "")),
    "late": (test_todays_telegram_with_yesterdays_time_changes_nothing, ("ell",), plausible, "rises",
             lambda claim, before, after, known, real=plausible.rises: real(claim, before, [], known)),
    "uncounted": (test_a_meter_that_counts_is_not_read_without_its_counter, (), plausible, "rises",
                  lambda *_: (plausible.ENTERED, "")),
    "step": (test_a_reading_without_counter_is_judged_by_its_total, (), plausible, "step", lambda *_: ""),
    "range": (test_a_first_reading_has_a_range_and_a_date, (), plausible, "in_range", lambda *_: True),
    "access": (test_a_silent_meter_in_mode_5_does_not_look_alive, (), plausible, "repeats", lambda *_: False),
    "former": (test_former_bytes_raise_and_end_no_alarm, ("plain",), rising, "is_stored", lambda *_: False),
    "clock": (test_the_meters_own_clock_does_not_go_back, (), plausible, "SET_S", 9 * HOUR),
    "date": (test_a_first_reading_has_a_range_and_a_date, (), plausible, "dated", lambda *_: True),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_the_check_sees_a_rule_that_is_missing(tmp_path, monkeypatch, name):
    test, arguments, module, function, mutant = MUTANTS[name]
    monkeypatch.setattr(module, function, mutant)
    with pytest.raises(AssertionError):
        test(tmp_path, *arguments)
