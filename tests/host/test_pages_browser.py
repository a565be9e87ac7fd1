"""Every page in a real Chromium: nothing refused, nothing wider than a narrow phone, all of it in reach of the Tab key.

Skipped where no Chromium is installed. NETTI_SHOTS names a folder that then gets a picture of each page, narrow and
wide, in both languages, light and dark.
"""

import re
from pathlib import Path

import installed
import pytest
from browser_rig import INSIDE, NARROW, SHOTS, WIDE, needs_chromium, opened
from pages_rig import filled
from receiver_support import Running, make

pytestmark = needs_chromium

# What can be reached by keyboard, as a page's own rules have it; summary opens a table of values.
REACHABLE = "a[href], button, input:not([type=hidden]), select, summary, textarea"
FOCUSED = """() => { const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
    return [e.tagName, (e.textContent || e.name || '').trim().slice(0, 40), s.outlineStyle, s.outlineWidth,
            r.right > 0 && r.bottom > 0 && r.width > 0] }"""


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    with filled(tmp_path_factory.mktemp("pages")) as running:
        yield running


def pages_of(place):
    """Address and name of every kind of page that asks for no log-in."""
    return [(address.format(**place.ids), name) for address, name in installed.told("PICTURES").items()] + [
        ("/nowhere", "not-found")]


def test_every_page_there_is_is_looked_at(receiver):
    looked_at = [path for path, _ in pages_of(receiver)]
    for (method, route), r in installed.ROUTES.items():
        if method == "GET" and not route.startswith("/v1/") and not r.log_in and r.roles & {"administrator", "anyone"}:
            assert installed.address(route, receiver.ids) in looked_at, route


@pytest.mark.parametrize("language", ["nb", "en"])
def test_a_works_that_has_nothing_yet(tmp_path, browser, language):
    with Running(make(tmp_path / "works")) as empty:
        for path, name in installed.told("PICTURES").items():
            if "{" in path or "?" in path or path.count("/") > 1:
                continue  # of something that is not there yet
            for width in (NARROW, WIDE):
                page, said = opened(browser, empty, path, width, language)
                assert not said, f"{path}: {said}"
                assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} at {width}"
                if SHOTS:
                    page.screenshot(path=Path(SHOTS) / f"empty-{name}-{width}-{language}.png", full_page=True)
                page.context.close()


@pytest.mark.parametrize("language", ["nb", "en"])
def test_narrow_and_wide_nothing_spills_and_nothing_is_refused(receiver, browser, language):
    for path, name in pages_of(receiver):
        for width in (NARROW, WIDE):
            for scheme in ("light", "dark") if SHOTS else ("light",):
                page, said = opened(browser, receiver, path, width, language, scheme)
                assert not said, f"{path}: {said}"
                assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} at {width}"
                assert page.evaluate(INSIDE), f"{path} at {width}: a table stands out"
                assert page.get_attribute("html", "lang") == language
                if SHOTS:
                    page.screenshot(path=Path(SHOTS) / f"{name}-{width}-{language}-{scheme}.png", full_page=True)
                page.context.close()


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_everything_is_reached_by_tab_in_the_order_it_stands_and_seen_there(receiver, browser, width):
    for path, name in pages_of(receiver):
        page, _ = opened(browser, receiver, path, width)
        wanted = page.evaluate(f"() => [...document.querySelectorAll({REACHABLE!r})].filter(e => e.checkVisibility())"
                               ".map(e => [e.tagName, (e.textContent || e.name || '').trim().slice(0, 40)])")
        got = []
        for _ in wanted:
            page.keyboard.press("Tab")
            tag, text, style, outline, seen = page.evaluate(FOCUSED)
            got.append([tag, text])
            assert seen, f"{name}: {tag} {text!r} has the focus out of sight"
            assert style != "none" and float(re.match(r"[\d.]+", outline)[0]) >= 1, f"{name}: {tag} {text!r}: no ring"
        assert got == wanted, f"{name}: the order of Tab is not that of the page"
        page.context.close()


def test_the_first_tab_skips_the_menu(receiver, browser):
    page, _ = opened(browser, receiver, installed.kept_to("administrator", receiver.ids)[0], NARROW)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.context.close()
