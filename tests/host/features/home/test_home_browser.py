"""A home's page in a real Chromium."""

import pytest
from browser_rig import NARROW, WIDE, fits, log_in, needs_chromium, opened, visitor
from pages_rig import filled

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    with filled(tmp_path_factory.mktemp("pages")) as running:
        yield running


def test_a_table_of_values_opens_by_keyboard(receiver, browser):
    page, _ = opened(browser, receiver, receiver.home, NARROW)
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.parentElement.open") is True
    page.context.close()


@pytest.mark.parametrize("width, language", [(NARROW, "nb"), (WIDE, "en")])
def test_a_homeowner_lands_at_home(browsed, browser, width, language):
    page = visitor(browser, width, language)
    log_in(page, browsed, "homeowner")
    assert page.url.endswith("/home")
    fits(page, width, f"home-{language}")
    assert "nøkkelen til siden" not in page.inner_text("main"), "there is no secret address to keep"
    page.goto(f"http://localhost:{browsed.receiver.web_port}{browsed.page('administrator')}")
    assert {"nb": "Ikke tillatt", "en": "Not allowed"}[language] in page.inner_text("main")
    fits(page, width, f"homeowner-not-allowed-{language}")
    page.context.close()
