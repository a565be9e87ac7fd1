"""The campaign of attacks is itself held to its word; `bench/redteam.py` carries it out.

Here a receiver as it is and one without several defences are attacked in the same few ways; what cannot be carried out
is neither held nor succeeded; and no attack is missing from docs/security.md.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from attacks import campaign, mutants
from attacks.catalogue import ATTACKS
from attacks.ground import SetupFailed
from attacks.registry import Attack

ROOT = Path(__file__).resolve().parent.parent.parent
FEW = {"any_signature": "gateway", "any_token": "stranger", "any_range": "radio", "any_site": "user",
       "cells_as_they_are": "user"}  # mutants whose attacks take a moment, and who tries them


def quiet(result):
    return result


@pytest.fixture(scope="module")
def folder():
    with campaign.folder() as path:
        yield Path(path)


def recipe():
    """The attack that CONTRIBUTING.md writes."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("\n## An attack")[1]
    written = re.search("```python\n(.*?)```", text, re.DOTALL)[1]
    entered: dict = {}
    exec(written.replace("@attack(", "@entered("), {"entered": lambda who: lambda run: entered.update({who: run})})
    [(who, run)] = entered.items()
    return Attack(run.__name__, who, "receiver", False, False, run)


def test_an_attack_of_each_kind_is_held(folder):
    few = [ATTACKS[mutants.MUTANTS[name].attack] for name in FEW]
    assert [a.who for a in few] == list(FEW.values())
    few.append(recipe())
    results = campaign.at_receivers("sqlite", few, folder, quiet)
    assert [(r.name, r.kind, r.seen) for r in results] == [(a.name, campaign.HELD, "") for a in few]


def test_and_succeeds_where_its_defence_is_gone(folder):
    results = campaign.caught(list(FEW), "sqlite", folder, quiet)
    assert {name: r.kind for name, r in results.items()} == dict.fromkeys(FEW, campaign.SUCCEEDED), [
        r.seen for r in results.values()]


@pytest.mark.parametrize("runtime", campaign.RUNTIMES)
def test_a_gateway_lacks_what_it_is_told_to(folder, runtime):
    attack = ATTACKS["receiver_of_a_stranger"]
    kinds = [campaign.at_gateways(runtime, [attack], folder, quiet, lacks)[0].kind for lacks in ("none", "anchors")]
    assert kinds == [campaign.HELD, campaign.SUCCEEDED]


def test_what_cannot_be_carried_out_is_not_held():
    def failing(error):
        def run(target):
            raise error
        return campaign.carried_out(Attack("x", "radio", "receiver", False, True, run), None, "sqlite").kind
    assert failing(SetupFailed("no")) == failing(AssertionError()) == failing(OSError()) == campaign.FAILED
    assert campaign.carried_out(Attack("x", "radio", "receiver", False, True, lambda t: "seen"), None, "").kind \
        == campaign.SUCCEEDED


def test_there_are_enough_of_each_and_each_says_what_held_is():
    assert len(ATTACKS) >= 40 and sum(a.quick for a in ATTACKS.values()) >= 25
    for name, attack in ATTACKS.items():
        assert attack.at in ("receiver", "gateway"), name
        assert re.search("Held (where|as)", " ".join(attack.run.__doc__.split())), name


def test_each_mutant_names_its_attack():
    for name, mutant in mutants.MUTANTS.items():
        attack = ATTACKS[mutant.attack]
        assert attack.at == mutant.at and (mutant.remove is None) == (mutant.at == "gateway"), name
        assert attack.quick and not attack.alone or not mutant.quick, f"{name} is quick, {attack.name} is not"


def rows():
    """(names, what stops them, tests) of the table of attacks."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    section = text.split("## The attacks that are tried")[1].split("\n### ")[0]
    found = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return [(re.findall("`([a-z0-9_]+)`", row[0]), row[1], re.findall("`((?:tests|bench)/[^`]+)`", row[2]))
            for row in found]


def test_the_table_of_attacks_has_each_once_with_a_test_that_is_there():
    names = [name for row in rows() for name in row[0]]
    assert sorted(names) == sorted(ATTACKS)
    for of_row, stops, tests in rows():
        assert stops and tests, of_row
        assert [t for t in tests if not (ROOT / t).is_file()] == [], of_row


def test_the_command_says_what_it_found():
    def run(*arguments):
        return subprocess.run([sys.executable, "bench/redteam.py", *arguments], cwd=ROOT, capture_output=True,
                              text=True)
    done = run("--only", "formulas_in_exports", "--store", "sqlite", "--json")
    result = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 0 and result["held"] == ["formulas_in_exports"], done.stdout + done.stderr
    assert (result["attacks"], result["succeeded"], result["mutants_missed"], result["failed"]) == (1, 0, 0, [])
    assert run("--only", "nothing").returncode != 0
