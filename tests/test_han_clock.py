"""Meter time to UTC: the calendar, the daylight-saving rule, and the hour that comes twice."""

import han_vectors as v

from han_reader import clock
from han_reader.clock import EU


def local(year, month, day, hour, minute=0):
    """Local seconds as a meter counts them."""
    return clock.days(year, month, day) * 86400 + hour * 3600 + minute * 60


def test_calendar():
    assert clock.days(1970, 1, 1) == 0
    assert clock.days(2000, 3, 1) == 11017
    assert clock.days(2025, 10, 26) == 20387
    for day in range(10957, 10957 + 3000, 7):
        assert clock.days(*clock.civil(day)) == day
    assert clock.civil(11016) == (2000, 2, 29)


def test_summer_and_winter():
    """2025: 30 March 01:00 UTC to 26 October 01:00 UTC."""
    assert not clock.summer(local(2025, 3, 30, 0, 59))
    assert clock.summer(local(2025, 3, 30, 1))
    assert clock.summer(local(2025, 10, 26, 0, 59))
    assert not clock.summer(local(2025, 10, 26, 1))
    for year, march, october in ((2024, 31, 27), (2026, 29, 25), (2027, 28, 31), (2030, 31, 27)):
        assert clock.summer(local(year, 3, march, 1)) and not clock.summer(local(year, 3, march, 0, 59))
        assert not clock.summer(local(year, 10, october, 1)) and clock.summer(local(year, 10, october, 0, 59))


def test_local_time():
    assert clock.local_to_utc(local(2025, 7, 14, 12), EU) == local(2025, 7, 14, 10)
    assert clock.local_to_utc(local(2025, 1, 14, 12), EU) == local(2025, 1, 14, 11)
    # The hour that comes twice is taken as the first.
    assert clock.local_to_utc(local(2025, 10, 26, 2, 30), EU) == local(2025, 10, 26, 0, 30)
    assert clock.local_to_utc(local(2025, 10, 26, 3), EU) == local(2025, 10, 26, 2)
    assert clock.local_to_utc(local(2025, 3, 30, 3), EU) == local(2025, 3, 30, 1)
    assert clock.local_to_utc(local(2025, 7, 14, 12), 60) == local(2025, 7, 14, 11)


def test_date_time():
    assert clock.date_time(v.date_time(2025, 7, 14, 12, 0, 0), 0, EU) == local(2025, 7, 14, 10)
    assert clock.date_time(v.date_time(2025, 7, 14, 12, 0, 0, 0xFF88), 0, 60) == local(2025, 7, 14, 10)
    assert clock.date_time(v.date_time(2025, 7, 14, 12, 0, 0, 0), 0, 60) == local(2025, 7, 14, 12)
    assert clock.date_time(v.date_time(2025, 7, 14, 12, 0, 0, 0), 0, 60, False) == local(2025, 7, 14, 11)
    assert clock.date_time(b"xx" + v.date_time(2025, 7, 14, 12, 0, 0), 2, EU) == local(2025, 7, 14, 10)
    unspecified_second = bytearray(v.date_time(2025, 7, 14, 12, 0, 0))
    unspecified_second[7] = 0xFF
    assert clock.date_time(unspecified_second, 0, EU) == local(2025, 7, 14, 10)


def test_the_last_day_of_each_month():
    for month in range(1, 13):
        last = clock.days(2024 + month // 12, month % 12 + 1, 1) - 1
        year, _, day = clock.civil(last)
        assert clock.date_time(v.date_time(year, month, day, 12, 0, 0), 0, 0) == last * 86400 + 43200
        assert clock.date_time(v.date_time(year, month, day + 1, 12, 0, 0), 0, 0) is None
        assert clock.p1_time("24%02d%02d120000W" % (month, day)) == last * 86400 + 39600
        assert clock.p1_time("24%02d%02d120000W" % (month, day + 1)) is None


def test_no_time():
    for bad in (v.date_time(0xFFFF, 7, 14, 12, 0, 0), v.date_time(2025, 0xFF, 14, 12, 0, 0), bytes(12),
                v.date_time(2025, 7, 32, 12, 0, 0), v.date_time(2025, 2, 29, 12, 0, 0),
                v.date_time(2024, 2, 30, 12, 0, 0),
                v.date_time(2025, 4, 31, 12, 0, 0), v.date_time(2025, 4, 0, 12, 0, 0),
                v.date_time(2025, 7, 14, 24, 0, 0),
                v.date_time(2025, 7, 14, 12, 60, 0), v.date_time(2025, 7, 14, 12, 0, 0, 0x7000)):
        assert clock.date_time(bad, 0, EU) is None
