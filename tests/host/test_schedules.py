"""Random schedules of cuts, lost answers, restarts and restores: both sides real, every promise kept.

The short form; `bench/schedules.py` plays a thousand. A schedule that once broke a promise stays in FOUND.
"""

import json
import logging
from pathlib import Path

import pytest
from schedules import mutants, plan, play

# What broke it: the orders (schedules/plan.py), and the seed that fixes the epochs and the torn bytes.
FOUND = {
    "a rewind was undone by the acknowledgement in the same answer":
        (11, [["hear", [2, 2]], ["round", [["ok"]], [[]]], ["restore", 1, False]]),
    "the late result of one rewind passed for the answer to the next":
        (223, [["hear", [4, 2, 3]], ["round", [], []], ["restore", 2, True],
               ["cut", "power", 7, 455, ["hear", [0, 3, 5]]], ["round", [], []], ["restore", 0, False]]),
    "a power cut took the tail of a killed process from before the records of the next":
        (70, [["stop"], ["cut", "kill", 70, 877, ["round", [["kill", "after"]], [[1, 3]]]],
              ["cut", "kill", 110, 559, ["crash", "power", 108]]]),
    "an older copy of its flash gave out seqs that the receiver had, which skipped what came under them":
        (1, [["hear", [0]], ["round", [], []], ["copy"], ["hear", [1]], ["round", [], []], ["hear", [2]], ["hear", [3]],
             ["round", [], []], ["older", 0], ["wait", 4000], ["hear", [4]], ["round", [], []]]),
}


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    shm = Path("/dev/shm")
    logging.disable(logging.CRITICAL)
    if shm.is_dir():
        import tempfile
        with tempfile.TemporaryDirectory(dir=shm, prefix="schedules-") as folder:
            c = play.Campaign(Path(folder))
            yield c
            c.close()
    else:
        c = play.Campaign(tmp_path_factory.mktemp("schedules"))
        yield c
        c.close()
    logging.disable(logging.NOTSET)


def kept(campaign, schedule):
    violation = campaign.play(schedule)
    assert violation is None, f"{violation}\n{json.dumps(schedule)}"


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_stays_found(campaign, name):
    seed, orders = FOUND[name]
    kept(campaign, {"seed": seed, "runtime": "cpython", "small": False, "orders": orders})


@pytest.mark.parametrize("fault", ("through_not_compared", "not_asked_first"))
def test_an_older_copy_is_found_by_its_own_schedule(campaign, fault):
    [(seed, orders)] = [schedule for name, schedule in FOUND.items() if "older copy" in name]
    with mutants.MUTANTS[fault]():
        violation = campaign.play({"seed": seed, "runtime": "cpython", "small": False, "orders": orders})
    assert violation is not None and violation.kind == "reused"


@pytest.mark.parametrize("first", range(10_000, 10_050, 10))
def test_random_schedules_keep_every_promise(campaign, first):
    for seed in range(first, first + 10):
        kept(campaign, plan.draw(seed))


@pytest.mark.needs("micropython")
@pytest.mark.parametrize("seed", range(10_050, 10_054))
def test_random_schedules_with_the_gateway_on_micropython(campaign, seed):
    kept(campaign, plan.draw(seed, "micropython"))


@pytest.mark.parametrize("name", mutants.MUTANTS)
def test_a_planted_fault_is_found(campaign, name):
    _seed, violation = mutants.hunt(campaign, name, 150, hint=True)
    assert violation is not None


def test_a_schedule_is_the_same_each_time(campaign):
    assert plan.draw(7) == plan.draw(7) == json.loads(json.dumps(plan.draw(7)))
    runs = []
    for _ in range(2):
        campaign.counts.clear()
        campaign.play(plan.draw(7))
        runs.append(dict(campaign.counts))
    assert runs[0] == runs[1] and runs[0]["telegrams"] > 3
