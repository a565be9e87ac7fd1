"""In a real Chromium: what a role may not see is said on a page of its own."""

import pytest
from browser_rig import NARROW, WIDE, fits, log_in, needs_chromium, visitor

pytestmark = needs_chromium


@pytest.mark.parametrize("width, language", [(NARROW, "nb"), (WIDE, "nb"), (NARROW, "en"), (WIDE, "en")])
def test_a_role_that_may_not_is_told(browsed, browser, width, language):
    page = visitor(browser, width, language)
    log_in(page, browsed, "installer")
    page.goto(f"http://localhost:{browsed.receiver.web_port}{browsed.page('administrator')}")
    assert {"nb": "Ikke tillatt", "en": "Your role does not include this."}[language] in page.inner_text("main")
    assert page.locator("h1").count() == 1 and page.locator("form.card").count() == 0
    fits(page, width, f"not-allowed-{language}")
    page.context.close()
