"""Clock hours from lists and from power, the estimate so far, and the month's highest hours by tariff method."""

import han_vectors as v

import han_reader
from han_reader import clock, hour
from han_reader.hour import HOUR, METER, POWER, Hours, allowed_w
from han_reader.peaks import Peaks, local_hour, step

START = clock.days(2026, 11, 24) * 86400 + 6 * HOUR


def times(first, end, step):
    """As range: MicroPython's is wrong from 2^30 on where words have 32 bits."""
    return [first + n for n in range(0, end - first, step)]


def norwegian(hours, power=3000, lost=(), resolution=10):
    """Feed list 2 each 10 s at a constant power and list 3 ten seconds past each hour; the finished hours."""
    h = Hours()
    out = []
    for t in times(START, START + hours * HOUR + 20, 10):
        reading = {"import_w": power}
        if t % HOUR == 10:
            if (t - START) // HOUR in lost:
                continue
            wh = 1000000 + power * (t - 10 - START) // HOUR
            reading["import_kwh"] = wh // resolution * resolution / 1000
            reading["export_kwh"] = 0
        out += h.feed(reading, t)
    return out, h


def test_hours_from_the_hourly_list():
    out, _ = norwegian(3)
    assert out == [[START, 3000, 0, METER, 1.0], [START + HOUR, 3000, 0, METER, 1.0],
                   [START + 2 * HOUR, 3000, 0, METER, 1.0]]


def test_a_lost_list_is_integrated_and_marked():
    out, _ = norwegian(4, lost=(2,))
    kinds = [row[3] for row in out]
    assert kinds == [METER, POWER, POWER, METER]
    for row in out:
        assert abs(row[1] - 3000) <= 10
    assert out[1][4] > 0.98


def test_an_hour_that_was_not_heard_stays_unknown():
    h = Hours()
    out = []
    for t in times(START, START + 1000, 10) + times(START + HOUR, START + 2 * HOUR + 320, 10):
        out += h.feed({"import_w": 2000}, t)
    assert [row[0] for row in out] == [START + HOUR]
    assert out[0][1] == 2000 and out[0][3] == POWER


def test_p1_registers_are_interpolated_at_the_hour():
    h = Hours()
    out = []
    for t in times(START - 55, START + HOUR + 70, 9):
        wh = 1000000 + 3600 * (t - START + 55) // HOUR
        out += h.feed({"import_w": 3600, "import_kwh": wh / 1000, "export_kwh": 1.5}, t)
    assert out[-1][0] == START and out[-1][3] == METER
    assert abs(out[-1][1] - 3600) <= 1 and out[-1][2] == 0


def test_power_that_stops_is_not_held():
    h = Hours()
    h.feed({"import_w": 3600}, START)
    used, estimate, left = h.so_far(START + 600)
    assert used == 3600 * hour.HOLD_S / HOUR and left == 3000
    assert estimate == used + 3000


def test_the_estimate_so_far():
    h = Hours()
    for t in times(START, START + 1810, 10):
        h.feed({"import_w": 4000}, t)
    used, estimate, left = h.so_far(START + 1800)
    assert abs(used - 2000) < 1 and abs(estimate - 4000) < 1 and left == 1800
    assert h.so_far(START + HOUR) is None


def test_registers_that_cannot_be():
    out, h = norwegian(1)
    at = START + HOUR + 3600 + 10
    h.feed({"import_kwh": 1.0}, at)
    assert "went back" in h.state["dropped"][-1][1]
    out, h = norwegian(1)
    h.feed({"import_kwh": 999999.0}, START + HOUR + 30)
    assert "ran" in h.state["dropped"][-1][1]


def test_a_changed_meter_is_believed_in_the_end():
    _, h = norwegian(1)
    at = START + HOUR + 60
    for n in range(5):
        h.feed({"import_kwh": 5.0 + n / 1000}, at + n * 10)
    assert h.state["last"][1] == 5004


def test_a_restart_keeps_the_hour():
    _, h = norwegian(1)
    again = Hours(h.state)
    out = again.feed({"import_w": 3000, "import_kwh": 1006.0, "export_kwh": 0}, START + 2 * HOUR + 10)
    assert out == [[START + HOUR, 3000, 0, METER, 1.0]]


def test_a_lost_list_of_a_home_with_its_own_power():
    h = Hours()
    out = []
    for t in times(START, START + HOUR + 320, 10):
        out += h.feed({"import_w": 0, "export_w": 2500}, t)
    assert out[0][:4] == [START, 0, 2500, POWER]


def test_a_clock_that_was_wrong():
    """After a time of next year, or of last, the hours begin anew: no endless round of hours, none that is wrong."""
    for away in (400 * 24 * HOUR, -400 * 24 * HOUR):
        h = Hours()
        for t in (START + 10, START + away, START + HOUR + 10):
            assert h.feed({"import_w": 1, "import_kwh": 1.0 + (t - START) / 1e9, "export_kwh": 0}, t) == []
        out = h.feed({"import_w": 1, "import_kwh": 1.5, "export_kwh": 0}, START + 2 * HOUR + 10)
        assert [row[:1] + row[2:4] for row in out] == [[START + HOUR, 0, METER]]
    # A step back over the hour makes no mark of a register that is from before it.
    h = Hours()
    h.feed({"import_w": 1}, START + 5)
    h.feed({"import_w": 1, "import_kwh": 1.0, "export_kwh": 0}, START - 30)
    assert h.state["mark"] is None


def test_allowed_power():
    """4.9 kWh: 2.0 used at half past leaves 5.8 kW; 4.7 used at five to leaves 2.4 kW."""
    assert abs(allowed_w(4900, 2000, 1800) - 5800) < 1
    assert abs(allowed_w(4900, 4700, 300) - 2400) < 1
    assert abs(allowed_w(4900, 4700, 10) - 200 * HOUR / 180) < 1
    assert allowed_w(4900, 5000, 300) == 0


def test_three_highest_hours_on_three_days():
    """7.0 and 6.9 kWh on one day count once: with 4.0 and 4.0 the mean is 5.00."""
    p = Peaks()
    day = clock.days(2026, 11, 3) * 86400
    for start, wh in ((day + 9 * HOUR, 7000), (day + 10 * HOUR, 6900), (day + 86400 + HOUR, 4000),
                      (day + 2 * 86400 + HOUR, 4000), (day + 3 * 86400, 3900), (day + 3 * 86400 + HOUR, 100)):
        p.feed(start, wh)
    assert p.highest(2026, 11)[0] == [2026, 11, 3, 10, 7000]
    assert p.mean(2026, 11) == (5000, False)
    assert step(5000, (2, 5, 10, 15)) == 2 and step(5000, (2, 5, 10, 15), False) == 1
    assert step(1999, (2, 5)) == 0 and step(2000, (2, 5)) == 1 and step(99999, (2, 5)) == 2


def test_before_three_days_it_is_provisional():
    p = Peaks()
    assert p.mean(2026, 11) is None
    p.feed(START, 4000)
    assert p.mean(2026, 11) == (4000, True)


def test_a_month_begins_blank():
    p = Peaks()
    for n in range(5):
        p.feed(clock.days(2026, 10, 28 + n if n < 4 else 31) * 86400 + 8 * HOUR, 9000)
    p.feed(clock.days(2026, 11, 1) * 86400 + 8 * HOUR, 1000)
    assert p.mean(2026, 11) == (1000, True)
    assert len(p.state) <= 31


def test_local_days():
    """Half past eleven at night in UTC is the next day at home; the month ends by local time."""
    assert local_hour(clock.days(2026, 10, 31) * 86400 + 23 * HOUR) == (2026, 11, 1, 0)
    assert local_hour(clock.days(2026, 7, 31) * 86400 + 22 * HOUR) == (2026, 8, 1, 0)
    # The 25-hour day has the hour 02 twice, the 23-hour day none.
    autumn = [local_hour(clock.days(2026, 10, 24) * 86400 + (22 + n) * HOUR)[3] for n in range(25)]
    assert autumn.count(2) == 2 and autumn[0] == 0 and autumn[24] == 23
    spring = [local_hour(clock.days(2026, 3, 28) * 86400 + (23 + n) * HOUR)[3] for n in range(23)]
    assert 2 not in spring and spring[0] == 0 and spring[22] == 23


def test_other_methods():
    weekly = Peaks("FEM_VEKTET_ÅR", weights=(1, 1, 0.75, 0.75, 0.5, 0.5, 0.25, 0.25, 0.5, 0.5, 0.75, 1))
    for n in range(60):
        weekly.feed(clock.days(2026, 1, 5) * 86400 + n * 86400 + 8 * HOUR, 5000 + n)
    rows = weekly.highest(2026, 3)
    assert len(rows) == 5
    weeks = [(clock.days(r[0], r[1], r[2]) + 3) // 7 for r in rows]
    assert len(set(weeks)) == 5
    assert rows[0][1] == 2  # March counts three quarters
    single = Peaks("MND_MAX")
    single.feed(START, 4000)
    single.feed(START + HOUR, 6000)
    assert single.mean(2026, 11) == (6000, False)


def test_registers_are_whole_numbers():
    """From the OBIS value where it is in Wh, so that short floats lose nothing."""
    out = han_reader.decode(v.kaifa(3))
    assert hour.registers(out) == (109554020, 70)
    out["import_kwh"] = 109554.03125  # what a float of 32 bits may make of it
    assert hour.registers(out) == (109554020, 70)
    assert hour.registers(han_reader.decode(v.kamstrup(2))) == (109554020, 70)
    assert hour.registers(han_reader.decode(v.telegram(v.P1_LINES)[:-2])) == (6657459, 1500)
    assert hour.registers(han_reader.decode(v.aidon(1))) == (None, None)
