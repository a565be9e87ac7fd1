"""The gateway's promises: what leaves a home and what stays, records at boot and when the clock is set, restarts."""

import asyncio

from firmware import port

port.tidy()  # before the imports: what they leave would lie all over a small heap

import wmbus_cases as cases
from gateway_bench import HAN, HEAT, OTHER_KEY, WATER, Bench, SendsElectricity, T, hours_sent, own

from firmware.folder import restored
from firmware.home.own_meters import OwnMeters
from firmware.wire import records as wire_records

# --- records of time ---

def test_boot_and_clock_records_are_in_both_rings():
    g = Bench()
    g.hal.ms = 42000
    g.set_clock()
    for ring in (g.values, g.telegrams):
        assert g.records(ring) == [[wire_records.BOOT, 1, 0, 7, "start"],
                                   [wire_records.CLOCK, 2, 42, T, wire_records.CLOCK_ANSWER]]


def test_before_the_clock_is_known_a_telegram_carries_seconds_since_boot():
    g = Bench()
    g.hal.ms = 5000
    g.telegram(cases.mode5(), -70)
    g.set_clock()
    g.hal.ms = 3700000
    g.telegram(cases.mode5(), -71)
    rows = g.records(g.telegrams, wire_records.TELEGRAM)
    assert [row[2] for row in rows] == [5, T + 3695] and [row[3] for row in rows] == [-70, -71]


def test_a_system_clock_that_starts_in_2000_is_not_believed_and_a_right_one_is():
    g = Bench()
    g.hal.system_time = lambda: 946684800 + g.hal.ms // 1000
    g.uplink = None
    for _ in range(3):
        g.hal.ms += 10000
        g.tasks.tick()
    assert g.clock.now() is None and g.clock.refused == 3 and g.clock.quality == wire_records.CLOCK_FLOOR
    g.telegram(cases.mode5(), -70)
    assert g.records(g.telegrams, wire_records.TELEGRAM)[0][2] == 30  # since boot: 2000 would be taken for that too
    g.hal.system_time = lambda: T
    g.tasks.tick()
    assert g.clock.now() == T and g.clock.quality == wire_records.CLOCK_SNTP


# --- what leaves the home ---

def test_a_neighbours_telegram_goes_as_received_and_is_not_decrypted():
    g = Bench(own_meters=own("NET-99999999-01-07"))
    g.set_clock()
    telegram = cases.mode5(key=OTHER_KEY)
    g.telegram(telegram, -80)
    assert [row[4] for row in g.records(g.telegrams, wire_records.TELEGRAM)] == [telegram]
    assert g.counters["own"] == 0 and g.own._ciphers == {}


def test_a_foreign_telegram_in_plain_text_is_bytes_too():
    g = Bench(own_meters=own("NET-99999999-01-07"))
    g.set_clock()
    g.telegram(cases.short(), -80)
    assert [row[4] for row in g.records(g.telegrams, wire_records.TELEGRAM)] == [cases.short()]
    assert g.counters["own"] == 0 and g.disk.names("history") == []


def leaks_heat(kind):
    g = kind()
    g.set_clock()
    telegram = cases.mode5(who=HEAT)
    g.telegram(telegram, -80)
    assert g.counters["heard"] == 1
    return telegram in g.everything_kept() or HEAT in g.everything_kept()


def test_what_is_not_water_is_counted_and_never_stored():
    assert not leaks_heat(Bench)
    g = Bench()
    g.telegram(cases.mode5(who=HEAT), -80)
    g.thinning.close_day()
    assert g.counters["foreign"] == 1 and g.records(g.telegrams, wire_records.HEARD) == []

    class Media(Bench):
        """Known bad: relays every medium."""
        def __init__(self):
            Bench.__init__(self)
            self.thinning._media = range(256)
    assert leaks_heat(Media)


def test_the_works_list_is_kept_to():
    g = Bench(relay={"meters": ["NET-12345678-01-07"]})
    g.set_clock()
    g.telegram(cases.mode5(), -80)
    g.telegram(cases.mode5(who=cases.address(number="12345679")), -80)
    assert len(g.records(g.telegrams, wire_records.TELEGRAM)) == 1 and g.counters["foreign"] == 1


def test_one_telegram_per_window_is_kept_and_the_rest_counted():
    g = Bench()
    g.set_clock()
    for i in range(300):
        g.hal.ms = i * 16000
        g.telegram(cases.mode5(access=i & 255), -80 + i % 5)
    assert len(g.records(g.telegrams, wire_records.TELEGRAM)) == 2
    assert (g.counters["relayed"], g.counters["thinned"], g.counters["heard"]) == (2, 298, 300)
    g.tasks.tick()
    g.hal.ms = 86400000
    g.tasks.tick()
    heard = g.records(g.telegrams, wire_records.HEARD)
    assert len(heard) == 1 and heard[0][3:7] == [WATER, T // 86400, 300, -76]


def test_damaged_telegrams_only_count():
    g = Bench()
    for bad in (b"", b"\x00", bytes(20), cases.mode5()[:-1], b"\x0b\x44\x00\x00" + bytes(8)):
        g.telegram(bad, -80)
    assert g.counters["rejected"] == 5 and g.counters["heard"] == 0


def test_a_full_disk_makes_the_telegram_due_again():
    g = Bench()
    g.set_clock()
    append = g.telegrams.append

    def full(make, *fields):
        raise OSError(28)
    g.telegrams.append = full
    try:
        g.telegram(cases.mode5(), -80)
    except OSError:
        pass
    g.telegrams.append = append
    g.telegram(cases.mode5(), -80)
    assert len(g.records(g.telegrams, wire_records.TELEGRAM)) == 1


# --- the household's own ---

def test_an_own_meter_is_decoded_on_every_telegram_and_kept_by_the_hour():
    g = Bench(own_meters=own())
    g.set_clock()
    for i in range(10):
        g.hal.ms = i * 600000
        g.telegram(cases.mode5(access=i), -60)
    assert g.counters["own"] == 10 and g.counters["relayed"] == 2
    assert list(g.history.rows()) == [[str(T), "water", "NET-12345678-01-07", "12345"]]
    g.hal.ms = 7200000
    g.tasks.tick()
    assert len(list(g.history.rows())) == 2


def test_a_restart_loses_no_own_hour():
    kept = []
    hours = []
    meters = [("NET-12345678-01-07", cases.KEY)]
    o = OwnMeters(meters, port.aes, None, lambda name: None, None, kept.append)
    o.decode_own(WATER, cases.mode5(), T + 100)
    o = OwnMeters(meters, port.aes, lambda *row: hours.append(row), lambda name: None, kept[-1], kept.append)
    o.tick(T + 3600)
    assert hours == [(T, "NET-12345678-01-07", 12345)]
    # Kept hours of a meter that is no longer ours are dropped, damage is no error.
    assert OwnMeters([], port.aes, None, None, kept[0])._running == {}
    for bad in (b"x", b"[1]", b'[["a",1,2]]', b"{}", b"null"):
        assert OwnMeters(meters, port.aes, None, None, bad)._running == {}


def test_an_own_meter_that_is_not_water_is_decoded_and_not_relayed():
    g = Bench(own_meters=own("NET-12345678-01-04"))
    g.set_clock()
    g.telegram(cases.mode5(who=HEAT), -60)
    assert g.counters["own"] == 1 and g.counters["relayed"] == 0 and g.counters["foreign"] == 1


def test_a_wrong_key_is_counted_and_the_telegram_still_relayed():
    g = Bench(own_meters=own(key=OTHER_KEY))
    g.set_clock()
    g.telegram(cases.mode5(), -60)
    assert (g.counters["own"], g.counters["own_errors"], g.counters["relayed"]) == (0, 1, 1)


# --- electricity ---


def test_electricity_stays_in_the_home():
    g = Bench(han=HAN)
    assert hours_sent(g) == []
    assert list(g.history.rows()) == [[str(T), "el", "6970", "850", "500", ""]]
    assert g.clock.quality == wire_records.CLOCK_HAN and g.clock.now() == T + 3610


def test_it_leaves_with_the_owners_opt_in():
    g = Bench(han=dict(HAN, send=True))
    rows = hours_sent(g)
    assert [row[0:1] + row[3:] for row in rows] == [[wire_records.HAN_HOUR, T, 850, 500, False]]
    assert g.records(g.telegrams, wire_records.HAN_HOUR) == []
    assert hours_sent(SendsElectricity(han=HAN)) != []


def test_the_running_hour_survives_a_restart():
    g = Bench(han=HAN)
    g.han.use_reading({"time": T + 10, "import_w": 900, "import_kwh": 1000.0})
    again = Bench(kept=g.kept["han"], han=HAN)
    again.han.use_reading({"time": T + 3610, "import_w": 800, "import_kwh": 1000.85})
    assert list(again.history.rows())[0][3] == "850"
    assert Bench(kept=b"{broken", han=HAN).han.counters == {}


def test_an_hour_without_its_list_is_integrated_and_marked():
    g = Bench(han=dict(HAN, send=True))
    g.han.use_reading({"time": T + 10, "import_w": 1200, "import_kwh": 1000.0, "export_kwh": 0})
    for at in range(20, 3600 + 320, 10):
        g.hal.ms = at * 1000
        g.han.use_reading({"time": T + at, "import_w": 1200, "export_w": 0})
    assert list(g.history.rows()) == [[str(T), "el", "", "1200", "0", "e"]]
    assert [row[3:] for row in g.records(g.values, wire_records.HAN_HOUR)] == [[T, 1200, 0, True]]


def test_a_ciphered_message_is_read_once_also_after_a_restart():
    import han_vectors as v
    keys = {"ek": "00112233445566778899aabbccddeeff", "ak": "ff" * 16}
    ek, ak = bytes.fromhex(keys["ek"]), b"\xff" * 16

    def wire(counter):
        return v.frame(v.LLC + v.security(v.kaifa(2), v.aes, ek, ak, counter=counter))
    g = Bench(han=dict(HAN, **keys))
    for counter in (7, 7, 6, 8):
        assert g.han.feed(wire(counter)) == 1
    assert (g.counters["han"], g.counters["han_errors"]) == (2, 2)
    g.han.save()
    again = Bench(kept=g.kept["han"], han=dict(HAN, **keys))
    again.han.feed(wire(8))
    again.han.feed(wire(9))
    assert (again.counters["han"], again.counters["han_errors"]) == (1, 1)
    # Known bad: nothing kept, and the old message counts once more.
    forgets = Bench(han=dict(HAN, **keys))
    forgets.han.feed(wire(8))
    assert forgets.counters["han"] == 1
    for damaged in (b"[]", b"{}", b'{"hours": 1, "counters": [], "setting": null}',
                    b'{"hours": null, "counters": [["zz", 1]], "setting": null}', b'{"hours": {}, "counters": 5}'):
        assert Bench(kept=damaged, han=HAN).han.feed(v.frame(v.LLC + v.kaifa(2))) == 1


def test_the_lines_bytes_are_read_and_a_time_before_the_floor_is_not_believed():
    import han_vectors as v
    g = Bench(han=HAN)
    raw = b"\x00noise\x7e" + v.frame(v.LLC + v.kaifa(3), b"\x01\x02\x01", 0x10)
    for i in range(0, len(raw), 7):
        g.han.feed(raw[i:i + 7])
    assert g.counters["han"] == 1 and g.counters["han_errors"] == 0
    assert g.han.meter == "6970631400000001"
    # The vector is of 2025; this firmware is of 2026.
    assert g.clock.now() is None and g.clock.refused == 1


# --- the loop ---

def test_a_task_that_dies_is_counted_told_and_restarted():
    g = Bench()
    starts = []

    async def dies():
        starts.append(1)
        if len(starts) == 1:
            raise KeyError("bug")
        g.tasks.stop()
        await asyncio.sleep(9)

    async def go():
        import firmware.gateway as module
        module.RESTART_S = (0,)
        task = asyncio.create_task(g.tasks.supervise("radio0", dies))
        await g.tasks._stop.wait()
        task.cancel()
    asyncio.run(go())
    assert len(starts) == 2 and g.counters["restarts"] == 1
    events = g.records(g.values, wire_records.EVENT)
    assert events[0][3] == "restart" and "radio0" in events[0][4] and "bug" in events[0][4]


def test_what_goes_wrong_again_and_again_is_told_once():
    from firmware import tasks
    g = Bench()
    words = ["silent"] * 6 + ["refuses", "silent"]

    async def dies():
        if words:
            raise ValueError(words.pop(0))
        g.tasks.stop()
        await asyncio.sleep(9)

    async def go():
        task = asyncio.create_task(g.tasks.supervise("radio0", dies))
        await g.tasks._stop.wait()
        task.cancel()
    before, tasks.RESTART_S = tasks.RESTART_S, (0,)
    try:
        asyncio.run(go())
    finally:
        tasks.RESTART_S = before
    assert g.counters["restarts"] == g.counters["errors"] == 8
    told = [row[4].split()[-1] for row in g.records(g.values, wire_records.EVENT) if row[3] == "restart"]
    assert told == ["silent", "refuses", "silent"]


def test_state_that_is_damaged_begins_anew():
    empty = {"boot": 0, "floor": 0, "counter": 0, "starts": 0, "key": "", "executing": False, "results": [],
             "update": None}
    assert restored(None) == restored([1]) == restored({"boot": "x", "results": [1], "executing": 1}) == empty
    assert restored({"boot": 3, "floor": -1, "counter": True, "other": 1}) == dict(empty, boot=3)


def test_the_floor_is_kept_from_answers():
    g = Bench()
    g.set_clock(T)
    g.tasks.tick()
    assert g.kept["floor"] == T


def test_closing_keeps_what_was_only_in_memory():
    g = Bench(han=HAN, own_meters=own())
    g.set_clock()
    g.telegram(cases.mode5(), -60)
    g.close()
    assert len(g.records(g.telegrams, wire_records.HEARD)) == 1 and "han" in g.kept and g.kept["floor"] == T


def test_status_is_about_this_gateway_only():
    g = Bench(own_meters=own())

    class Up:
        last_error = ""
    g.uplink = Up()
    g.set_clock()
    g.telegram(cases.mode5(who=cases.address(number="55555555")), -60)
    row = g.status()
    assert row["heard"] == 1 and row["relayed"] == 1 and row["time"] == T and row["spooled"] == 5
    assert "55555555" not in str(row) and cases.KEY.hex() not in str(row)


# --- replays ---


def in_each_form(n):
    """The telegram a meter sends as its n-th, in each form that has an access number."""
    records = b"\x04\x13" + (1000 + n).to_bytes(4, "little")
    session = (0x27654321 + n).to_bytes(4, "little")
    sealed = cases.ell(b"\x78" + records, session=session)
    return (cases.mode5(records, access=n & 255), sealed[:12] + bytes((n & 255,)) + sealed[13:],
            cases.mode7(records, counter=n.to_bytes(4, "little"), access=n & 255))


def test_a_replay_at_each_windows_start_takes_nobodys_place():
    """Recorded another day, sent again before the meter's own: one of its own is relayed in each window."""
    for form in range(3):
        g = Bench()
        g.set_clock()
        genuine = set()
        for n in range(6 * 60):
            g.hal.ms = 60000 * n + 20000
            telegram = in_each_form(5000 + n)[form]
            genuine.add(telegram)
            if n % 60 == 0:
                g.hal.ms -= 15000
                g.telegram(in_each_form(n // 60 * 77)[form], -50)
                g.hal.ms += 15000
            g.telegram(telegram, -70)
        rows = g.records(g.telegrams, wire_records.TELEGRAM)
        windows = [(row[2] - T) // 3600 for row in rows if bytes(row[4]) in genuine]
        assert sorted(set(windows)) == list(range(6)), (form, windows)
        assert len(rows) <= 6 * 5
