"""Users and tokens by hand in a real Chromium."""

import pytest
from browser_rig import NARROW, WIDE, fits, log_in, needs_chromium, send, visitor

pytestmark = needs_chromium


@pytest.mark.parametrize("width, language", [(NARROW, "nb"), (WIDE, "nb"), (NARROW, "en"), (WIDE, "en")])
def test_users_and_tokens_by_hand(browsed, browser, width, language):
    base = f"http://localhost:{browsed.receiver.web_port}"
    page = visitor(browser, width, language)
    log_in(page, browsed, "administrator")
    page.goto(f"{base}/users")
    fits(page, width, f"users-{language}")
    add, token = page.locator("form.card >> nth=0"), page.locator("form.card >> nth=1")
    add.locator("[name=name]").fill("driftsvakta.lengst-unna@eksempel.kommune.no")
    add.locator("select").select_option("operations")
    with page.expect_navigation():
        add.locator("button").click()
    assert page.inner_text("[role=status] code")
    fits(page, width, f"users-made-{language}")
    token.locator("[name=name]").fill("fakturering")
    with page.expect_navigation():
        token.locator("button").click()
    assert page.inner_text("[role=status] code").startswith("netti_")
    fits(page, width, f"users-token-{language}")
    token.locator("[name=name]").fill("fakturering")
    with page.expect_navigation():
        token.locator("button").click()
    assert page.locator("[role=alert]").count() == 1
    fits(page, width, f"users-refused-{language}")
    for name, do in (("fakturering", "end"), ("reader", "disable")):
        send(page, f"tr:has(th:text-is('{name}')) button[value={do}]")
    fits(page, width, f"users-after-{language}")
    page.context.close()
