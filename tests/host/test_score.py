"""How much of the captured telegrams the codecs read, as a gate: what once was read stays read.

The figures are those of a scorer that lies beside the repository, asked over `netti decode --jsonl`; without it these
tests are skipped. Floors only ever rise.
"""

import importlib.util
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import support

SCORER = Path(support.SHARED).parent / "score" / "score.py"
WMBUS, TWINS, HAN = "wmbus/wmbusmeters_dev.jsonl", "wmbus/encrypted_twins_dev.jsonl", "han/han_dev.jsonl"
COMMAND = f"{sys.executable} -m netti_tools.cli decode --jsonl"


@cache
def scorer():
    if not SCORER.exists():
        support.skip(support.absent_text(str(SCORER)))
    spec = importlib.util.spec_from_file_location("score", SCORER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def figures(kind, name):
    """{figure: (right, of)} as the scorer prints them."""
    scorer()
    list(support.corpus(name))
    done = subprocess.run([sys.executable, SCORER, kind, support.SHARED + name, "--json", "--cmd", COMMAND],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return {name: tuple(figure) for name, figure in json.loads(done.stdout.splitlines()[-1]).items()}


def readings(rows):
    """The answers of the command for wM-Bus rows."""
    requests = [{"kind": "wmbus", "hex": r["telegram_hex"], "key": r["key"], "prior": r["prior"]} for r in rows]
    return scorer().ask(COMMAND, requests, 300)


# What has been reached, and with it what must not be lost.
FLOORS = (
    ("wmbus", WMBUS, {"total": 103, "fields": 1680, "rows": 240, "status": 164}),
    ("wmbus", TWINS, {"total": 36, "fields": 534, "rows": 84, "status": 53}),
    ("han", HAN, {"fields": 2098, "rows": 256, "refused": 87}),
)


@pytest.mark.parametrize("kind,name,floors", FLOORS)
def test_as_much_is_read_as_before(kind, name, floors):
    now = figures(kind, name)
    assert {figure: now[figure] for figure, floor in floors.items() if now[figure][0] < floor} == {}


def test_what_must_be_refused_is_refused():
    right, of = figures("han", HAN)["refused"]
    assert right == of == 87


def test_encryption_changes_nothing():
    """A telegram of mode 5 or ELL AES-CTR reads exactly as the same telegram does in plain text."""
    plain = {row["source"]: row for row in support.corpus(WMBUS)}
    pairs = []
    for twin in support.corpus(TWINS):
        mode, source = twin["source"].split(":", 2)[1:]
        if mode in ("mode5", "ELL-CTR"):
            pairs.append((twin, plain[source]))
    assert len(pairs) == 72
    answers = readings([twin for twin, _ in pairs] + [one for _, one in pairs])
    different = [(twin["source"], a, b) for (twin, _), a, b in zip(pairs, answers, answers[len(pairs):]) if a != b]
    assert different == []
    assert sum("readings" in a for a in answers) >= 2 * 65


def test_no_key_and_a_wrong_key_have_their_own_words():
    twins = list(support.corpus(TWINS))
    for key, words in ((None, "no key"), ("00" * 16, "wrong key")):
        answers = readings([dict(twin, key=key) for twin in twins])
        assert all(words in a.get("error", "") for a in answers), [a for a in answers if words not in str(a)][:3]
