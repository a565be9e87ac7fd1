"""The check of `.ci/run`: a strict run fails when a test is skipped for a reason that is not, or no longer, allowed."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import needs
import pytest

TESTS = Path(__file__).resolve().parents[1]
# As the suite skips: by a mark, by a call in a test of both runtimes, and a whole file for want of a module.
NOT_ALLOWED = {
    "valgrind": "import pytest\n@pytest.mark.needs('valgrind')\ndef test_it(): pass\n",
    "module": "import needs\nneeds.module('no_such_module')\ndef test_it(): pass\n",
    "other": "import pytest\ndef test_it(): pytest.skip('it fails today')\n",
    "alike": "import pytest\ndef test_it(): pytest.skip('of PostgreSQL no more')\n",
}
CAPTURES = {"captures": "from support import corpus\ndef test_it(): list(corpus('han/han_dev.jsonl'))\n"}
ALLOWED = {"engine": "import pytest\ndef test_it(): pytest.skip('of PostgreSQL')\n", "whole": "def test_it(): pass\n",
           **CAPTURES}


@pytest.fixture
def clone(tmp_path):
    """A folder `netti` with the suite's own hooks and these test files; nothing lies beside it, and on no path."""
    tests = tmp_path / "netti" / "tests"
    (tests / "host").mkdir(parents=True)
    for name in ("conftest.py", "needs.py", "support.py", "micropython_run.py"):
        shutil.copy(TESTS / name, tests)

    def run(files, *options, folder="host"):
        """(exit status, the tests named as wrongly skipped, what was printed)."""
        for name, text in files.items():
            (tests / folder / f"test_{name}.py").write_text(text, encoding="ascii")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-c", "/dev/null", "--rootdir", ".", "-p", "xdist", *options, "tests"],
            cwd=tests.parent, env={"PATH": str(tmp_path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, capture_output=True,
            text=True, timeout=120)
        named = re.findall(r"^SKIPPED, NOT ALLOWED \S*test_(\w+)\.py", done.stdout, re.M)
        return done.returncode, sorted(named), done.stdout + done.stderr
    return run


@pytest.mark.parametrize("workers", ["0", "2"])
def test_skips_that_are_not_allowed_fail_a_strict_run_and_are_named(clone, workers):
    status, named, text = clone(NOT_ALLOWED | ALLOWED, "--strict-skips", "-n", workers)
    assert (status, named) == (1, sorted(NOT_ALLOWED)), text
    assert re.search(r"1 passed, 6 skipped", text.splitlines()[-1]), text


def test_a_file_that_is_skipped_whole_fails_a_strict_run_alone(clone):
    assert clone({"module": NOT_ALLOWED["module"]}, "--strict-skips")[:2] == (1, ["module"])


def test_other_runs_let_each_skip_pass(clone):
    assert clone(NOT_ALLOWED | ALLOWED)[:2] == (0, [])


def test_a_strict_run_lets_pass_what_cannot_be_had_and_what_is_no_want(clone):
    assert clone(ALLOWED, "--strict-skips", "-n", "1")[:2] == (0, [])


def test_with_captures_beside_the_clone_nothing_may_skip_for_want_of_them(clone, tmp_path):
    """On both runtimes: the folder is there, the file is not."""
    (tmp_path / "shared" / "corpus").mkdir(parents=True)
    status, named, text = clone(CAPTURES, "--strict-skips", folder=".")
    assert (status, named) == (1, ["captures"] * 2), text
    assert "captures not present: ../shared/corpus/han/han_dev.jsonl (" in text


def test_ci_provides_what_a_skip_asks_for():
    text = (TESTS.parent / ".ci" / "run").read_text(encoding="ascii")
    asked = {package for _, reason in needs.THINGS.values() for package in re.findall(r"apt-get install (\S+)", reason)}
    assert asked == {"chromium", "systemd", "valgrind"}
    assert all(f"packages+=({package})" in text for package in asked)
    assert "--strict-skips" in text and "NETTI_MICROPYTHON32" in text and "://" not in text
