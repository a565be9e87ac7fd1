"""Every driver of wmbus/drivers keeps its vectors in its docstring: `telegram HEX`, `key HEX`, `reading name=value …`.

They are read from the source: MicroPython drops docstrings, so that vectors cost a device nothing.
"""

import ast
from pathlib import Path

import pytest

import wmbus
from cloud_receiver.aes import aes

DRIVERS = Path(wmbus.__file__).parent / "drivers"


def vectors():
    """(driver, telegram, key, expected) of each reading line, with the telegram and key before it."""
    for path in sorted(DRIVERS.glob("*.py")):
        telegram = key = None
        for line in (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").splitlines():
            word, _, rest = line.strip().partition(" ")
            if word == "telegram":
                telegram, key = _hex(rest), None
            elif word == "key":
                key = _hex(rest)
            elif word == "reading" and telegram:
                yield path.stem, telegram, key, rest


def _hex(text):
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None


def values(text):
    """{name: text} of `name=value name=value`; a value may hold blanks."""
    found = {}
    name = ""
    for word in text.split():
        head, equals, tail = word.partition("=")
        if equals:
            name, found[head] = head, tail
        else:
            found[name] += " " + word
    return found


def same(value, text):
    if isinstance(value, (int, float)):
        return abs(value - float(text)) <= 1e-9 * max(1, abs(value))
    if isinstance(value, list):
        return value == [part for part in text.split(",") if part]
    return str(value) == text


@pytest.mark.parametrize("driver,telegram,key,expected",
                         [pytest.param(*v, id=f"{v[0]}-{n}") for n, v in enumerate(vectors())])
def test_vector(driver, telegram, key, expected):
    reading = wmbus.decode(wmbus.strip_crc(telegram), key, aes)
    assert reading["manufacturer"].lower() == driver
    different = {name: (reading.get(name), text) for name, text in values(expected).items()
                 if not same(reading.get(name), text)}
    assert different == {}
