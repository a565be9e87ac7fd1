"""A short day of a home's gateway: the real MicroPython in its heap, a real receiver, both outages (bench/day.py)."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "bench"))

import day  # noqa: E402


@pytest.fixture(scope="module")
def result():
    return day.day(day.QUICK, tell=print)


def test_nothing_is_missing_and_nothing_breaks(result):
    assert result["missing"] == 0 and result["lost"] == 0
    assert result["restarts"] == 0 and result["memory_errors"] == 0
    assert result["heard"] == result["telegrams"] and result["pairs"] > 400 and result["own_hours"] >= 4


def test_a_clock_that_starts_in_2000_is_not_believed(result):
    assert result["wrong_time"] == 0 and result["unknown_s"] > 0


def test_the_live_heap_is_flat(result):
    assert result["heap_drift"] <= 0.05


def test_the_live_heap_leaves_a_third_free(result):
    assert result["heap_live"] <= day.LIMIT


def test_the_check_sees_what_is_missing(result):
    """Known-bad: any one figure that is not as it must be is named."""
    good = dict(result, missing=0, restarts=0, memory_errors=0, heap_live=1, heap_drift=0.0, lost=0,
                wrong_time=0, unknown_s=40, heard=result["telegrams"])
    assert day.good(good) == []
    for name, bad in (("missing", 1), ("restarts", 1), ("memory_errors", 1), ("heap_live", day.LIMIT + 1),
                      ("heap_drift", 0.06), ("lost", 1), ("heard", 0), ("wrong_time", 1), ("unknown_s", 0)):
        assert len(day.good(dict(good, **{name: bad}))) == 1
