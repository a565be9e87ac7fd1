"""The catalogues: every text has its bokmål, with the same values to put in, and none is there that nobody says."""

import functools
import re
from pathlib import Path

import installed
import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from receiver_support import NOW

from cloud_receiver.web import words
from firmware.wire import orders

ROOT = Path(__file__).resolve().parent.parent.parent / "cloud_receiver"
# What says a text, and which of its arguments are texts.
SAYS = {"_": None, "N_": None, "Wrong": None, "text": None, "plural": (1, 2), "ngettext": (1, 2)}
JINJA = {"newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}


@functools.cache
def said():
    """{text, or (one, many): the folders that say it} in pages, templates and what data they show."""
    texts = {}
    for path in sorted([*(ROOT / "web").rglob("*"), *(ROOT / "features").rglob("*")]):
        if path.suffix not in (".py", ".html"):
            continue
        method, options = ("python", {}) if path.suffix == ".py" else ("jinja2.ext:babel_extract", JINJA)
        with path.open("rb") as file:
            for _, text, _, _ in extract(method, file, SAYS, (), options):
                text = text[0] if isinstance(text, tuple) and len(text) == 1 else text
                if text:
                    texts.setdefault(text, set()).add(path.relative_to(ROOT).parts[:2])
    for name in installed.FEATURES:
        for text in getattr(installed.table(name), "EXTRA", ()):
            texts.setdefault(text, set()).add(("features", name))
    return texts


def bokmal():
    """{text, or (one, many): its bokmål} of every catalogue, codes apart; raises where one says a text twice."""
    texts = {}
    for path in words.catalogues():
        with path.open("rb") as file:
            for message in read_po(file, locale="nb"):
                if message.id and message.context is None:
                    assert message.id not in texts, (path, message.id)
                    assert message.string and all(message.string), (path, message.id)
                    texts[message.id] = message.string
    return texts


def values(text):
    return sorted(re.findall(r"%\(\w+\)s|%%", text))


def test_every_text_has_its_bokmal():
    texts, known = said(), bokmal()
    assert len(texts) > 150
    assert [t for t in texts if t not in known] == []


def test_every_order_has_its_name_in_bokmal():
    with words.catalogues()[0].open("rb") as file:
        codes = {m.id for m in read_po(file, locale="nb") if m.context == words.CODE and m.string}
    assert [order.name for order in orders.ORDERS if order.name not in codes] == []


def test_no_catalogue_says_what_nobody_says():
    texts = said()
    assert [t for t in bokmal() if t not in texts] == []


def test_a_feature_has_its_own_texts():
    """What only one feature says lies in its folder, and goes with it."""
    for path in words.catalogues():
        with path.open("rb") as file:
            own = {m.id for m in read_po(file, locale="nb") if m.id and m.context is None}
        if path.parent.name != "web":
            elsewhere = [t for t, places in said().items() if t in own and places != {("features", path.parent.name)}]
            assert elsewhere == [], path


def test_the_values_put_in_are_the_same():
    for english, text in bokmal().items():
        pair = zip(english, text) if isinstance(english, tuple) else [(english, text)]
        for a, b in pair:
            assert values(a) == values(b), a


def test_seen_where_a_text_has_no_bokmal(monkeypatch):
    """Known-bad: a catalogue less."""
    monkeypatch.setattr(words, "catalogues", lambda: [words.HERE / "nb.po"])
    with pytest.raises(AssertionError):
        test_every_text_has_its_bokmal()


def test_texts_codes_and_numbers_of_things():
    nb, en = words.Words("nb", NOW), words.Words("en", NOW)
    assert nb.text("Meters") == "Målere" and en.text("Meters") == "Meters"
    assert nb.text("") == en.text("") == "", "the heading of a catalogue is no text"
    assert nb.text("not in any catalogue") == "not in any catalogue"
    assert nb.code("low_battery") == "lavt batteri" and en.code("low_battery") == "low battery"
    assert nb.code("new_alarm") == "new alarm"
    forms = ("%(count)s alarm", "%(count)s alarms")
    assert [nb.plural(*forms, n, count=n) for n in (0, 1, 2)] == ["0 alarmer", "1 alarm", "2 alarmer"]
    assert [en.plural(*forms, n, count=n) for n in (0, 1, 2)] == ["0 alarms", "1 alarm", "2 alarms"]
