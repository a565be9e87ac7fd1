"""The recipes of CONTRIBUTING.md, followed word for word in a copy of the tree: each must do what it says."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from access_rig import HOST, PASSWORD, enter
from copies import Copy
from features_rig import PLAIN, Works
from own_vectors import telegram

ROOT = Path(__file__).resolve().parent.parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def section(title):
    return re.search(rf"^## {title}\n(.*?)^## ", TEXT, re.DOTALL | re.MULTILINE)[1]


def files(title):
    """{path: text} of the files a recipe tells to write."""
    match = re.findall(r"`([a-z_/]+\.(?:py|html|po))`:\n\n( *)```(?:python|html|po)\n(.*?)\n *```", section(title),
                       re.DOTALL)
    return {path: textwrap.dedent(text) + "\n" for path, _, text in match}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the tree to add files to."""
    copy = tmp_path_factory.mktemp("tree")
    skip = shutil.ignore_patterns("__pycache__")
    for name in ("cloud_receiver", "firmware", "han_reader", "tools", "wmbus", "tests"):
        shutil.copytree(ROOT / name, copy / name, ignore=skip)
    return copy


def write(tree, title):
    written = files(title)
    assert written
    for path, text in written.items():
        assert not (tree / path).exists()
        (tree / path).write_text(text, encoding="utf-8")
    return list(written)


def python(tree, *words):
    """Run Python in a tree; tests run on two runtimes there, whether there is a third or not."""
    environment = {k: v for k, v in os.environ.items() if k != "NETTI_MICROPYTHON32"}
    return subprocess.run([sys.executable, *words], cwd=tree, capture_output=True, text=True, timeout=120,
                          env=dict(environment, PYTHONPATH=str(tree)))


def netti(tree, *words):
    return python(tree, "-m", "tools.cli", *words)


def lint(tree, paths):
    done = python(tree, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), *paths)
    assert done.returncode == 0, done.stdout


def test_a_meter(tree):
    text = section("A meter")
    shown = re.search(r"netti decode ([0-9A-F]+)", text)[1]
    assert bytes.fromhex(shown) == telegram(maker="XYZ", records=bytes.fromhex("041340E20100441338CD010002FD170100"))
    built = python(tree, "-c", re.search(r"python -c '(.*?)'\n", text, re.DOTALL)[1])
    assert built.stdout.strip().upper() == shown, built.stderr
    before = netti(tree, "decode", shown)
    assert before.returncode == 0 and "leak" not in before.stdout and "consumption_at_set_date" not in before.stdout
    assert "ERROR_FLAGS_1" in before.stdout
    (path,) = write(tree, "A meter")
    lint(tree, [path])
    after = netti(tree, "decode", shown).stdout
    assert "consumption_at_set_date_m3  118.072" in after and re.search(r"alarms +leak", after)
    assert re.search(r"status +LEAK", after)
    vectors = re.search(r"run `\.venv/bin/pytest (.*)`", text)[1].split()
    done = python(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", *vectors)
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout
    # Known-bad: another value in the docstring must be found.
    (tree / path).write_text((tree / path).read_text().replace("123.456", "123.457"))
    wrong = python(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", *vectors)
    assert wrong.returncode == 1 and "xyz" in wrong.stdout


def test_a_radio(tree):
    (path,) = write(tree, "A radio")
    lint(tree, [path])
    script = ("import sys; sys.path.insert(0, '.'); from firmware.start import radio_class;"
              "r = radio_class('hexlines')();"
              f"lines = b'{telegram().hex()}\\n' * 2 + b'zz\\n';"
              "found = [t for i in range(len(lines)) for t in r.feed(lines[i:i + 1])];"
              "print(len(found), r.rejected, found[0][0].hex())")
    expected = f"2 1 {telegram().hex()}"
    assert python(tree, "-c", script).stdout.strip() == expected
    test = ["-m", "pytest", "-q", "-p", "no:cacheprovider", re.search(r"Run `\.venv/bin/pytest (.*?)`",
                                                                     section("A radio"))[1]]
    # Known-bad: without a far end nothing says that it keeps the promises.
    without = python(tree, *test)
    assert without.returncode == 1 and "far_end" in without.stdout
    insert(tree, "tests/radio_ends.py", None, re.findall(r"```python\n\n(\n.*?)```", section("A radio"), re.DOTALL)[0])
    lint(tree, ["tests/radio_ends.py"])
    done = python(tree, *test)
    assert done.returncode == 0, done.stdout
    micropython = Path(sys.executable).parent / "micropython"
    if micropython.exists():
        done = subprocess.run([micropython, "-c", script], cwd=tree, capture_output=True, text=True,
                              env=dict(os.environ, MICROPYPATH=f"{tree}:.frozen"))
        assert done.stdout.strip() == expected, done.stderr


def test_a_board(tree):
    (path,) = write(tree, "A board")
    lint(tree, [path])
    checks = ["-m", "pytest", "-q", "tests/test_board_files.py", "tests/test_board_start.py", "-p", "no:cacheprovider"]
    done = python(tree, *checks)
    assert done.returncode == 0, done.stdout + done.stderr
    text = (tree / path).read_text(encoding="utf-8")
    (tree / path).write_text(text.replace("HAN = (1, 1,", "HAN = (1, 9,"), encoding="utf-8")
    done = python(tree, *checks)
    assert done.returncode == 1 and "pin 9 is read at reset" in done.stdout
    (tree / path).write_text(text, encoding="utf-8")


def test_a_han_list(tree):
    (path,) = write(tree, "A HAN list")
    lint(tree, [path])
    without = python(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", path)
    assert without.returncode == 1, without.stdout
    row = re.search(r"is a row of `POSITIONAL`.*?```python\n(.*?)```", section("A HAN list"), re.DOTALL)[1]
    lists = tree / "han_reader" / "lists.py"
    text = lists.read_text(encoding="utf-8")
    table = 'POSITIONAL: "tuple" = (\n'
    assert text.count(table) == 1
    lists.write_text(text.replace(table, table + row), encoding="utf-8")
    lint(tree, ["han_reader/lists.py"])
    done = python(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", path)
    assert done.returncode == 0, done.stdout


def test_a_command(tree, tmp_path):
    (path,) = write(tree, "A command")
    lint(tree, [path])
    capture = tmp_path / "capture"
    capture.write_text(f"{telegram().hex()}\n{telegram(number='00000002').hex()}\n{telegram().hex()}\n")
    done = netti(tree, "meters", str(capture))
    assert (done.returncode, done.stdout) == (0, "NET-00000002-01-07 1\nNET-12345678-01-07 2\n")
    assert "netti meters street.txt" in netti(tree, "meters", "--help").stdout
    missing = netti(tree, "meters", "nothing")
    assert missing.returncode == 2 and missing.stderr == "netti meters: nothing: No such file or directory\n"


def insert(tree, path, before, block):
    """Put a block of code into a file, before a text that is there once; None: at the end."""
    text = (tree / path).read_text(encoding="utf-8")
    assert before is None or text.count(before) == 1
    (tree / path).write_text(text + "\n" + block if before is None else text.replace(before, block + before),
                             encoding="utf-8")


def test_an_order(tree, tmp_path):
    row, method = (textwrap.indent(textwrap.dedent(block), "    ") for block in re.findall(
        r"```python\n((?:       .*\n|\n)+)   ```", section("An order"))[:2])
    works = tmp_path / "works"
    assert netti(tree, "receiver", "init", str(works)).returncode == 0
    without = netti(tree, "receiver", "command", str(works), "all", "note", "inspected")
    assert without.returncode == 2 and "note" in without.stderr
    insert(tree, "firmware/wire/orders.py", "    # Its gateway closes it", row)
    # Known-bad: the row alone. No gateway would know what to do.
    test = ["-m", "pytest", "-q", "-p", "no:cacheprovider"]
    assert python(tree, *test, "tests/host/test_orders_both_sides.py", "-k", "method").returncode == 1
    insert(tree, "firmware/orders.py", None, method)
    (path,) = write(tree, "An order")
    lint(tree, [path, "firmware/wire/orders.py", "firmware/orders.py"])
    assert "the line: a text of 1 to 100 bytes" in netti(tree, "receiver", "command", "x", "all", "note", "-h").stdout
    tests = re.search(r"`\.venv/bin/pytest (.*?)`", section("An order"))[1].split()
    done = python(tree, *test, *tests, path, "-k", "note or method or well_formed")
    assert done.returncode == 0 and "6 passed" in done.stdout, done.stdout


def test_a_page(tmp_path):
    copy, works = Copy(tmp_path / "tree"), Works(tmp_path / "works")
    tests = re.search(r"Run `\.venv/bin/pytest (.*?)`", section("A page"), re.DOTALL)[1].split()
    written = files("A page")
    assert len(written) == 6
    for path, text in written.items():
        (copy.root / path).parent.mkdir(exist_ok=True)
        (copy.root / path).write_text(text, encoding="utf-8")
    lint(copy.root, [path for path in written if path.endswith(".py")])
    shown = {"en": ("Silent gateways", "Every gateway is in contact."),
             "nb": ("Tause gatewayer", "Alle gatewayer er i kontakt.")}
    with works.served(copy, "--public-name", HOST) as receiver:
        def ask(role, language):
            return receiver.web("/silent", headers={"Host": HOST, "Accept-Language": language, "Cookie": cookies[role]})
        cookies = {role: enter(receiver, role, PASSWORD) for role in ("installer", "reader")}
        for language, (title, good) in shown.items():
            page = ask("installer", language)
            assert page.status == 200 and f"<h1>{title}</h1>" in page.text and 'lang="%s"' % language in page.text
            assert f'<a href="/silent" aria-current="page">{title}</a>' in page.text, "its entry in the menu"
            refused = ask("reader", language)
            assert refused.status == 403 and title not in refused.text and good not in refused.text
    # Of the tests it names those that learn of the page: that of each language and link takes as long as all pages do.
    asked = (*tests, "-k", "silent or every_route or text", "-x", "-v")
    done = copy.test(*asked, **PLAIN)
    assert done.returncode == 0 and "features/silent/test_silent.py" in done.stdout, done.stdout
    # Known-bad: without its rule in the table, or its bokmål, the tests of all pages see it.
    for path, change in (("tests/host/features/silent/table.py", lambda text: text.replace("STATUSES = {", "X = {")),
                         ("cloud_receiver/features/silent/nb.po", lambda text: text.replace("Every gateway", "Each"))):
        with copy.changed(path, change):
            wrong = copy.test(*asked, **PLAIN)
            assert wrong.returncode == 1, wrong.stdout
