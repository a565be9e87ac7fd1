"""Log in, look, change the password, log out in a real Chromium, over plain HTTP on this machine (name: localhost).

`__Host-` cookies need Secure, which browsers allow on localhost without TLS. Skipped where no Chromium is installed.
"""

import os
from pathlib import Path

import pytest
from access_rig import PASSWORD, Town
from browser_rig import INSIDE, NARROW, SHOTS, WIDE, needs_chromium
from receiver_support import Running, make

pytestmark = needs_chromium


@pytest.fixture
def town(tmp_path):
    with Running(make(tmp_path / "works"), public_name="localhost") as running:
        town = Town(running, host="localhost")
        running.wait_for_answer(lambda: town.ask("token:reader", "/v1/summary").json()["pending"] == 0)
        yield town


def opened(browser, width, language):
    return browser.new_context(viewport={"width": width, "height": 800}, locale=language).new_page()


def log_in(page, town, name, password=PASSWORD):
    page.goto(f"http://localhost:{town.receiver.web_port}/login")
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", password)
    send(page, "main button")


def send(page, what):
    """Click on what leads elsewhere, and be there."""
    with page.expect_navigation():
        page.click(what)


def fits(page, width, name):
    """Nothing wider than the window; a picture where asked for."""
    assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    assert page.evaluate(INSIDE), f"{name} at {width}: a table stands out"
    if SHOTS:
        page.screenshot(path=Path(os.environ["NETTI_SHOTS"]) / f"access-{name}-{width}.png", full_page=True)


def test_a_session_over_plain_http_on_this_machine(town, browser):
    for width, language, words in ((NARROW, "nb", ("Logg ut", "Innsynslogg", "Formål")),
                                   (WIDE, "en", ("Log out", "Audit log", "Purpose"))):
        page = opened(browser, width, language)
        log_in(page, town, "administrator", "feil passord her")
        assert page.url.endswith("/login") and page.locator("[role=alert]").count() == 1
        fits(page, width, f"login-{language}")
        log_in(page, town, "administrator")
        assert page.url == f"http://localhost:{town.receiver.web_port}/", "the browser kept and sent the cookie"
        (cookie,) = [c for c in page.context.cookies() if c["name"] == "__Host-netti"]
        assert cookie["secure"] and cookie["httpOnly"] and cookie["path"] == "/"
        page.goto(f"http://localhost:{town.receiver.web_port}/meters/{town.meter.text}?view=hours")
        fits(page, width, f"purpose-{language}")
        send(page, "main .tabs a >> nth=0")
        assert page.locator("svg[role=img]").count() == 1, "the hours"
        send(page, "a[rel=prev]")
        assert page.locator("svg[role=img]").count() == 1, "the day before, for the same purpose"
        page.goto(f"http://localhost:{town.receiver.web_port}/audit")
        text = page.inner_text("body")
        assert words[1] in text and text.count(town.meter.text) >= 2
        fits(page, width, f"audit-{language}")
        send(page, "a[href='/account']")
        fits(page, width, f"account-{language}")
        send(page, f"text={words[0]}")
        assert page.url.endswith("/login")
        page.goto(f"http://localhost:{town.receiver.web_port}/meters")
        assert page.url.endswith("/login")
        page.context.close()


@pytest.mark.parametrize("width, language", [(NARROW, "nb"), (WIDE, "nb"), (NARROW, "en"), (WIDE, "en")])
def test_users_and_tokens_by_hand(town, browser, width, language):
    base = f"http://localhost:{town.receiver.web_port}"
    page = opened(browser, width, language)
    log_in(page, town, "administrator")
    page.goto(f"{base}/users")
    fits(page, width, f"users-{language}")
    add, token = page.locator("form.card >> nth=0"), page.locator("form.card >> nth=1")
    add.locator("[name=name]").fill("driftsvakta.lengst-unna@eksempel.kommune.no")
    add.locator("select").select_option("operations")
    with page.expect_navigation():
        add.locator("button").click()
    password = page.inner_text("[role=status] code")
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
    page = opened(browser, width, language)
    log_in(page, town, "driftsvakta.lengst-unna@eksempel.kommune.no", password)
    assert page.url == f"{base}/account"
    fits(page, width, f"account-once-{language}")
    page.fill("input[name=password]", password)
    page.fill("input[name=new]", "et helt nytt passord")
    send(page, "main button")
    log_in(page, town, "driftsvakta.lengst-unna@eksempel.kommune.no", "et helt nytt passord")
    assert page.url == f"{base}/"
    fits(page, width, f"overview-{language}")
    page.goto(f"{base}/users")
    assert page.locator("h1").count() == 1 and page.locator("form.card").count() == 0
    fits(page, width, f"not-allowed-{language}")
    page.goto(f"{base}/meters")
    fits(page, width, f"meters-{language}")
    with page.expect_download() as download:
        page.click("form.card button")
    assert download.value.suggested_filename == "readings.csv"
    assert town.meter.text in Path(download.value.path()).read_text()
    page.context.close()


def test_a_new_password_and_a_role_that_may_not(town, browser):
    page = opened(browser, WIDE, "en")
    log_in(page, town, "installer")
    page.goto(f"http://localhost:{town.receiver.web_port}/audit")
    assert "Your role does not include this." in page.inner_text("main")
    page.goto(f"http://localhost:{town.receiver.web_port}/account")
    page.fill("input[name=password]", PASSWORD)
    page.fill("input[name=new]", "et helt nytt passord")
    send(page, "main button")
    assert page.url.endswith("/login")
    log_in(page, town, "installer", "et helt nytt passord")
    assert page.url.endswith(f":{town.receiver.web_port}/")
    page.context.close()


@pytest.mark.parametrize("width, language", [(NARROW, "nb"), (WIDE, "en")])
def test_a_homeowner_lands_at_home(town, browser, width, language):
    page = opened(browser, width, language)
    log_in(page, town, "homeowner")
    assert page.url.endswith("/home")
    fits(page, width, f"home-{language}")
    assert "nøkkelen til siden" not in page.inner_text("main"), "there is no secret address to keep"
    page.goto(f"http://localhost:{town.receiver.web_port}/meters")
    assert {"nb": "Ikke tillatt", "en": "Not allowed"}[language] in page.inner_text("main")
    fits(page, width, f"homeowner-not-allowed-{language}")
    page.context.close()
