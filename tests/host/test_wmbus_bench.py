"""The benchmark's telegrams: each repeat differs and is read as at first sight, so that no result can be reused."""

import importlib.util
from pathlib import Path

import pytest

import wmbus
from wmbus import plan

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("bench_wmbus", ROOT / "bench" / "wmbus.py")
bench = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(bench)


def rows():
    if bench.CORPUS.exists():
        return bench.corpus_rows(bench.CORPUS)
    return bench.own_rows()


def cached(decode):
    """The known bad decoder: it answers a meter's telegram of a length it has seen with the reading it gave then."""
    seen = {}

    def run(telegram, *rest):
        key = wmbus.meter(telegram), len(telegram)
        if key not in seen:
            seen[key] = decode(telegram, *rest)
        return seen[key]
    return run


def differences(decode):
    """(rows with several telegrams, rows where `decode` gives for one of them another reading than at first sight)."""
    several = wrong = 0
    for _, telegrams, key, prior, _ in rows():
        formats = {}
        try:
            for telegram in prior:
                wmbus.decode(telegram, key, bench.aes, formats, True)
            warm = [decode(telegram, key, bench.aes, formats, True) for telegram in telegrams]
        except wmbus.DecodeError:
            continue
        cold = []
        for telegram in telegrams:
            plan.forget()
            cold.append(wmbus.decode(telegram, key, bench.aes, formats, True))
        if len(telegrams) > 1:
            several += len({bytes(telegram) for telegram in telegrams}) == len(telegrams)
        wrong += warm != cold
    return several, wrong


def test_repeats_differ_and_are_read_afresh():
    several, wrong = differences(wmbus.decode)
    assert several >= (150 if bench.CORPUS.exists() else 4)
    assert wrong == 0


def test_a_cache_of_results_is_caught():
    assert differences(cached(wmbus.decode))[1] >= (130 if bench.CORPUS.exists() else 3)


@pytest.mark.parametrize("name", ["plain", "mode 5", "ell ctr", "mode 7"])
def test_own_telegrams_are_varied(name):
    telegrams = {row[0]: row[1] for row in bench.own_rows()}[name]
    assert len(set(telegrams)) == bench.VARIANTS


@pytest.mark.needs("micropython", "valgrind")
def test_the_device_figures_repeat_and_are_within_their_targets():
    """Own meter's decoding, chips to frame, frame to record; twice, and the counts agree to one in a hundred."""
    figures = bench.device(2)
    assert figures["spread"] <= 0.01
    assert figures["decode_instructions"] <= 150_000
    assert figures["link_instructions"] <= 60_000
    assert figures["relay_instructions"] <= 40_000
    assert 0 < figures["peak_heap"] <= 192 * 2048
