"""A replay's two times: when a frame goes out follows the pace, as of when it is told keeps the capture's distances."""

import datetime
import re

import pytest
from netti_tools import cli
from netti_tools.captures import pacing
from own_vectors import telegram

START = 1_795_500_000.0


def schedule(times, speed=1.0, interval=2.0):
    pace = pacing.Pace(speed, interval)
    return [pace.due(t) for t in times]


def test_pace_is_the_capture_s():
    assert schedule([100, 103, 103.5]) == [0, 3, 3.5]
    assert schedule([100, 103, 103.5], speed=2) == [0, 1.5, 1.75]
    assert schedule([None, None, None]) == [0, 2, 4]
    assert schedule([None, None], speed=float("inf")) == [0, 0]


def test_frames_without_a_time_share_the_gap_of_those_with_one():
    assert schedule([10, None, None, 20, None]) == [0, 2, 4, 10, 12]
    assert schedule([10, None, None, 11]) == [0, 2, 4, 4]


def test_a_clock_set_back_and_a_long_silence_do_not_stop_it():
    assert schedule([100, 50, 51]) == [0, 2, 3]
    assert schedule([0, 10 * 86400, 10 * 86400 + 1]) == [0, pacing.LONGEST_GAP_S, pacing.LONGEST_GAP_S + 1]


def plan(times, speed=1.0, interval=2.0, told="shifted"):
    made = pacing.Plan(times, pacing.Pace(speed, interval), told)
    made.begin(START)
    return made


def told(*args, **options):
    made = plan(*args, **options)
    return [made.time(n, START + due) - START for n, due in enumerate(made.due)]


@pytest.mark.parametrize("speed", [0.5, 1.0, 60.0, float("inf")])
@pytest.mark.parametrize("times", [[100.0, 103.0, 5000.0, 5000.5], [1e9, None, 1e9 + 90, 1e9 + 30, None], [None] * 4,
                                   [None, None, 7.0]])
def test_distances_are_the_capture_s_and_nothing_is_told_before_it_happens(times, speed):
    made = plan(times, speed)
    shown = [made.time(n, 0) for n in range(len(times))]
    known = [n for n, at in enumerate(times) if at is not None]
    assert [shown[n] - shown[known[0]] for n in known] == [times[n] - times[known[0]] for n in known]
    ahead = [at - START - due for at, due in zip(shown, made.due)]
    assert max(ahead) == pytest.approx(0, abs=1e-6)


def test_what_is_told_by_hand():
    assert told([100, 103, 700], speed=60) == [-590, -587, 10]
    assert told([100, 103, 700], speed=float("inf")) == [-600, -597, 0]
    assert told([100, 103, 700]) == [0, 3, 600]
    assert told([100, 103, 700], speed=0.5) == [0, 3, 600]
    assert told([None, None, None], speed=2) == [-2, 0, 2]
    assert told([100, 103], speed=2, told="now") == [0, 1.5]
    assert told([START - 9, START - 5], speed=2, told="captured") == [-9, -5]


def test_frames_without_a_time_are_told_between_those_with_one():
    assert pacing.filled_in([10, None, None, 20, None], 2) == [10, 12, 14, 20, 22]
    assert pacing.filled_in([10, None, None, 11], 2) == [10, 11, 11, 11]
    assert pacing.filled_in([None, None, 7], 2) == [3, 5, 7]
    assert pacing.filled_in([100, None, 50, 51], 2) == [100, 102, 50, 51]
    assert told([100, 1e300, 103]) == [0, 2, 3]  # no time at all
    assert pacing.filled_in([None, None], 2) == [0, 2] and pacing.filled_in([], 2) == []


def test_a_silence_that_is_cut_short_stays_as_long_in_what_is_told():
    day = 86_400
    made = plan([0, day, day + 1])
    assert made.due == [0, 3600, 3601] and made.cut == 1
    assert [made.time(n, 0) - START for n in range(3)] == [3601 - day - 1, 3600, 3601]
    assert "1 silences cut to 1:00:00" in made.pace_text("frames", True)


def test_only_times_of_day_can_be_told_as_captured():
    for times in ([None, None], [0, 7]):
        with pytest.raises(ValueError, match="time of day"):
            plan(times, told="captured")


@pytest.mark.parametrize("times,speed,shown,words", [
    ([START - 600, START], 60, "shifted", "shifted by +0:00:10: 2026-11-24T05:50:00Z becomes 2026-11-24T05:50:10Z"),
    ([START + 600, START + 1200], 1, "shifted", "shifted by -0:10:00: 2026-11-24T06:10:00Z becomes 2026-11-24T06:00"),
    ([0, 600], 1, "shifted", "count from its start, which becomes 2026-11-24T06:00:00Z"),
    ([None, None], 1, "shifted", "has none; 2 s apart, from 2026-11-24T06:00:00Z"),
    ([START - 600, START], 60, "captured", "as captured, from 2026-11-24T05:50:00Z"),
    ([START - 600, START], 60, "now", "each as of when it goes out"),
])
def test_it_says_what_it_does_with_the_times(times, speed, shown, words):
    assert words in plan(times, speed, told=shown).times_text()


# --- lines of rtl_wmbus

LINES = "".join(f"C1;1;1;2026-11-24 10:00:0{n}.250;57;58;12345678;0x{telegram().hex()}\n" for n in (0, 4))


def lines(tmp_path, capfd, *options):
    path = tmp_path / "capture"
    path.write_text(LINES)
    assert cli.main(["replay", str(path), "--to", "-", "--format", "rtlwmbus", "--fast", *options]) == 0
    shown, err = capfd.readouterr()
    rows = re.findall(r"T1;1;1;([^;]*);(\d+);\d+;12345678;0x(\w+)\n", shown)
    assert [bytes.fromhex(row[2]) for row in rows] == [telegram()] * 2 and len(shown.splitlines()) == 2
    return [row[0] for row in rows], {row[1] for row in rows}, err


def test_lines_go_out_with_the_time_and_strength_they_came_with(tmp_path, capfd):
    stamps, strengths, err = lines(tmp_path, capfd, "--times", "captured")
    assert stamps == ["2026-11-24 10:00:00.250", "2026-11-24 10:00:04.250"] and strengths == {"57"}
    assert "times: as captured, from 2026-11-24T10:00:00Z" in err


def test_lines_are_shifted_as_it_says(tmp_path, capfd):
    stamps, _, err = lines(tmp_path, capfd)
    first, second = (datetime.datetime.fromisoformat(s + "+00:00").timestamp() for s in stamps)
    assert second - first == pytest.approx(4, abs=0.01)
    assert "2026-11-24T10:00:00Z becomes " + stamps[0][:19].replace(" ", "T") + "Z" in err
