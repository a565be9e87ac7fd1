"""What the documents show is so: the first example word for word, every command's options, every link, every recipe."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from netti_tools import cli
from own_vectors import KEY, telegram

from firmware import config

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "bench/README.md",
                                      "docs/developer.md")]


def blocks(path, language):
    """The fenced blocks of a document in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def commands():
    """Every `netti …` line of every document, without its comment."""
    for path in DOCUMENTS:
        for block in blocks(path, "console"):
            for line in block.replace("\\\n", " ").splitlines():
                match = re.match(r"^(?:.*\| )?(?:\$ )?(?:\.venv/bin/)?(netti .*?)(?:\s+#.*)?$", line)
                if match:
                    yield f"{path.name}: {match[1]}"


def test_the_first_example_prints_what_the_readme_shows():
    shown = blocks(ROOT / "README.md", "console")[0]
    command, output = re.match(r"\$ netti ((?:[^\n]*\\\n)*[^\n]*\n)(.*)", shown, re.DOTALL).groups()
    words = shlex.split(command.replace("\\\n", " "))
    done = subprocess.run([sys.executable, "-m", "netti_tools.cli", *words], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == output


def test_the_first_example_s_telegram_is_our_own():
    """It is built byte by byte in own_vectors.py, of a manufacturer nobody has."""
    assert telegram(KEY).hex().upper() in blocks(ROOT / "README.md", "console")[0]


def test_the_first_screen_ends_with_the_two_commands():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    first = "\n".join(lines[:30])
    assert "\nmake demo" in first and "\nmake test" in first


@pytest.mark.parametrize("shown", list(commands()))
def test_every_command_shown_has_these_options(shown, capsys):
    words = shlex.split(shown.split(": netti ", 1)[1].split(" | ")[0].split(" < ")[0].split(" && ")[0])
    try:
        cli.parser().parse_args(words)
    except SystemExit as e:
        assert e.code == 0, capsys.readouterr().err


def test_the_configuration_shown_is_valid():
    (text,) = blocks(ROOT / "README.md", "json")
    config.check(json.loads(text), {"window": 3600, "interval": 900})


def test_make_targets_shown_exist():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    shown = {t for p in DOCUMENTS for t in re.findall(r"`make ([a-z]+)|^make ([a-z]+)", p.read_text(), re.MULTILINE)}
    assert {a or b for a, b in shown} <= set(targets)


def test_links_lead_somewhere():
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (path.parent / target).exists(), f"{path.relative_to(ROOT)}: {target}"


def test_files_named_in_the_documents_exist():
    """Paths in backquotes that begin with a folder of ours, but for the files a recipe tells to write."""
    tops = {p.name for p in ROOT.iterdir() if p.is_dir() and not p.name.startswith(".")}
    for path in DOCUMENTS:
        for name in re.findall(r"`([a-z_]+/[a-z0-9_/.]+)`(?!:\n)", path.read_text(encoding="utf-8")):
            if name.split("/")[0] in tops:
                assert (ROOT / name).exists(), f"{path.relative_to(ROOT)}: {name}"


def test_every_benchmark_is_listed():
    text = (ROOT / "bench" / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "bench").glob("[a-z]*.py"):
        assert f"`bench/{path.name}`" in text, f"bench/README.md has no row for bench/{path.name}"


def test_python_examples_run():
    """The library examples of docs/developer.md, on telegrams of our own."""
    from own_vectors import kaifa_list_1, on_air
    first, second = blocks(ROOT / "docs" / "developer.md", "python")
    scope = {"data": on_air(telegram(KEY)), "key": KEY}
    exec(first, scope)
    assert scope["reading"]["total_m3"] == 123.456
    scope = {"data": kaifa_list_1(1234), "ek": None, "ak": None, "aes": None}
    exec(second, scope)
    assert scope["reading"]["import_w"] == 1234 and scope["reading"]["obis"]["1-0:1.7.0"] == [1234, "W"]
