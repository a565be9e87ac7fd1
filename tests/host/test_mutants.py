"""bench/mutants.py: its changes are changes, its sample is what it says, and it knows what no test notices."""

import ast
import random
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "bench"))

import _changes
import mutants

SOURCE = '''"""A module."""
TABLE = (
    1, 2, 3, 4, 5, 6, 7, 8,
)


def pick(n):
    """One of them."""
    n += 1
    if n > 3 and (
            n < 9):
        return TABLE[n]; print(n)
    for value in TABLE:
        try:
            n = n - value
        except ValueError:
            raise
    return n
'''


def test_every_change_is_another_source_that_can_be_read():
    found = _changes.places(SOURCE)
    assert len(set(found)) == len(found) > 20
    assert {operator for operator, _, _ in found} > {"DeleteStatement", "NumberReplacer", "ZeroIterationForLoop"}
    for operator, nth, line in found:
        other = _changes.changed(SOURCE, operator, nth)
        ast.parse(other)
        assert _changes.difference(SOURCE, other)[0] in _changes.around(SOURCE, line), (operator, nth)


def test_a_deleted_statement_leaves_what_stands_behind_it():
    texts = [_changes.changed(SOURCE, "DeleteStatement", n) for n in range(len(_changes.statements(SOURCE)))]
    assert any("        pass; print(n)\n" in text for text in texts)
    assert not any('"""One of them."""' not in text for text in texts)


def test_a_change_belongs_to_the_lines_of_its_statement():
    assert list(_changes.around(SOURCE, 3)) == [2, 3, 4]  # a table over several lines
    assert list(_changes.around(SOURCE, 11)) == [10, 11]  # the head of an `if`
    assert list(_changes.around(SOURCE, 16)) == [16]  # the head of an `except`
    assert 3 not in _changes.in_functions(SOURCE) and 9 in _changes.in_functions(SOURCE)


def test_tables_are_a_fifth_at_most_and_a_seed_is_an_order():
    def drawn(seed):
        return list(_changes.sample({Path("a.py"): SOURCE}, random.Random(seed)))

    lines = {(operator, nth): line for operator, nth, line in _changes.places(SOURCE)}
    assert drawn(1) == drawn(1) != drawn(2)
    for seed in range(9):
        tables = [lines[operator, nth] == 3 for _, operator, nth in drawn(seed)]
        assert any(tables) and all(sum(tables[:n]) * _changes.TABLES <= n for n in range(len(tables) + 1))


def test_the_error_of_a_sample():
    """Wilson's: 80 of 100 are 71.1 % to 86.7 %; nothing is left to chance where all was tried."""
    assert round(mutants.error(0.8, 100, 10**9), 3) == 0.078
    assert mutants.error(0.8, 100, 100) == 0 and mutants.error(0.8, 50, 100) < mutants.error(0.8, 50, 1000)
    assert mutants.error(1.0, 10, 1000) > 0.1


def test_what_tests_notice_and_what_not(tmp_path, monkeypatch):
    """A tree of one module: a change that its test sees, one that it does not see, and one that no test comes to."""
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (tmp_path / "ours.py").write_text("def twice(n):\n    note = n + 3\n    return n + n\n\n\ndef never(n):\n"
                                      "    return n - 1\n")
    (tmp_path / "conftest.py").write_text(
        "from hypothesis import settings\nsettings.register_profile('netti')\n\n\n"
        "def pytest_addoption(parser):\n    parser.addoption('--runtime')\n")
    (tmp_path / "test_ours.py").write_text("import ours\n\n\ndef test_twice():\n    assert ours.twice(4) == 8\n\n\n"
                                           "def test_nothing():\n    pass\n")
    path, source = Path("ours.py"), (tmp_path / "ours.py").read_text()
    reach = mutants.Reach(tmp_path, ["test_ours.py"], [path])
    assert reach.tests(path, source, 3) == ["test_ours.py::test_twice"] and reach.tests(path, source, 7) == []

    def seen(mutant):
        with mutants.holding(tmp_path / path, mutant, 1):
            return mutants.noticed(tmp_path, reach, reach.tests(path, source, 3))

    assert seen(source.replace("n + n", "n - n")) and not seen(source.replace("n + 3", "n - 3"))
    monkeypatch.setattr(mutants, "CPU_S", 1)
    assert seen(source.replace("    return n + n", "    while True: pass"))
