"""The benchmark's messages differ, so that no result can be reused; what the device takes is within its targets."""

import importlib.util
from pathlib import Path

import pytest

import han_reader

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("bench_han", ROOT / "bench" / "han.py")
bench = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(bench)


def rows():
    """(set, wires, ek, ak) of everything that is measured."""
    sets = [bench.own()]
    if bench.CORPUS.exists():
        sets.append(bench.captured(bench.CORPUS))
    for one in sets:
        for name in bench.SETS:
            for _, wires, ek, ak in one[name]:
                yield name, wires, ek, ak


def cached(decode):
    """The known bad reader: what it read once of a length it gives again."""
    seen = {}

    def run(message, *rest):
        if len(message) not in seen:
            seen[len(message)] = decode(message, *rest)
        return seen[len(message)]
    return run


def differences(decode):
    """(rows, rows where `decode` gives another reading than a reader that has seen nothing)."""
    count = wrong = 0
    for _, wires, ek, ak in rows():
        warm = [decode(han_reader.Reader().feed(wire)[0], ek, ak, bench.aes) for wire in wires]
        cold = []
        for wire in wires:
            han_reader.messages._cache.clear()
            han_reader.messages._plans()
            cold.append(han_reader.decode(han_reader.Reader().feed(wire)[0], ek, ak, bench.aes))
        count += 1
        wrong += warm != cold
    return count, wrong


def test_repeats_differ():
    for name, wires, _, _ in rows():
        assert len(set(wires)) == len(wires) == bench.VARIANTS or name == "p1", name
    varied = [len(set(wires)) for name, wires, _, _ in rows() if name == "p1"]
    assert sum(n == bench.VARIANTS for n in varied) > 0.8 * len(varied)


def test_repeats_are_read_afresh_and_a_cache_of_results_is_caught():
    count, wrong = differences(han_reader.decode)
    assert wrong == 0 and count >= (150 if bench.CORPUS.exists() else 9)
    assert differences(cached(han_reader.decode))[1] > 0.8 * count


# Instructions: list 2 of each Norwegian make; a telegram a second is a twentieth of 160 MHz at two cycles each.
TARGETS = {"fast": {"aidon": 300_000, "kaifa": 300_000, "kamstrup": 300_000, "p1": 4_000_000},
           "pure": {"aidon": 900_000, "kaifa": 900_000, "kamstrup": 900_000, "p1": 4_000_000}}


@pytest.mark.needs("micropython", "valgrind")
def test_the_device_is_within_its_targets_and_the_counts_repeat():
    figures = bench.device()
    for variant, targets in TARGETS.items():
        for name, target in targets.items():
            assert figures[variant][name] <= target, (variant, name, figures)
    again = bench.counted(bench.lists(), "fast")
    for name, count in again.items():
        assert abs(count / figures["fast"][name] - 1) < 0.01, (name, again, figures)
