"""Log in, choose a password, log out in a real Chromium."""

import pytest
from access_rig import PASSWORD
from browser_rig import NARROW, WIDE, fits, log_in, needs_chromium, send, visitor
from receiver_support import NOW

from cloud_receiver.office import second_factor

pytestmark = needs_chromium


def test_a_session_over_plain_http_on_this_machine(browsed, browser):
    base = f"http://localhost:{browsed.receiver.web_port}"
    for width, language, log_out in ((NARROW, "nb", "Logg ut"), (WIDE, "en", "Log out")):
        page = visitor(browser, width, language)
        log_in(page, browsed, "administrator", "feil passord her")
        assert page.url.endswith("/login") and page.locator("[role=alert]").count() == 1
        fits(page, width, f"login-{language}")
        log_in(page, browsed, "administrator")
        assert not page.url.endswith("/login"), "the browser kept and sent the cookie"
        (cookie,) = [c for c in page.context.cookies() if c["name"] == "__Host-netti"]
        assert cookie["secure"] and cookie["httpOnly"] and cookie["path"] == "/"
        send(page, "a[href='/account']")
        fits(page, width, f"account-{language}")
        send(page, f"text={log_out}")
        assert page.url.endswith("/login")
        page.goto(base + browsed.page())
        assert page.url.endswith("/login")
        page.context.close()


@pytest.mark.parametrize("width, language", [(NARROW, "nb"), (WIDE, "en")])
def test_a_second_factor(browsed, browser, width, language):
    page = visitor(browser, width, language)
    log_in(page, browsed, "administrator")
    page.goto(f"http://localhost:{browsed.receiver.web_port}/account/second")
    assert page.locator("svg.qr").bounding_box()["width"] > 150
    fits(page, width, f"second-{language}")
    with browsed.receiver.people() as people:
        secret = people.second.begin("administrator")
    step = browsed.receiver.now() // second_factor.STEP_S
    page.fill("input[name=code]", second_factor.code_of(secret, step))
    send(page, "main button")
    assert page.locator(".codes code").count() == second_factor.CODES
    fits(page, width, f"second-codes-{language}")
    page.context.close()
    page = visitor(browser, width, language)
    log_in(page, browsed, "administrator")
    assert page.url.endswith("/login/code")
    fits(page, width, f"login-code-{language}")
    page.fill("input[name=code]", "000000")
    send(page, "main button")
    assert page.locator("[role=alert]").count() == 1
    page.fill("input[name=code]", second_factor.code_of(secret, step + 1))
    send(page, "main button")
    assert not page.url.endswith(("/login", "/login/code"))
    page.context.close()


@pytest.mark.parametrize("width, language", [(NARROW, "nb"), (WIDE, "nb"), (NARROW, "en"), (WIDE, "en")])
def test_a_password_that_is_good_once(browsed, browser, width, language):
    name, password = "driftsvakta.lengst-unna@eksempel.kommune.no", "god for en eneste gang"
    with browsed.receiver.people() as people:
        people.put(name, password, NOW, "operations", once=True)
    page = visitor(browser, width, language)
    log_in(page, browsed, name, password)
    assert page.url.endswith("/account")
    fits(page, width, f"account-once-{language}")
    page.fill("input[name=password]", password)
    page.fill("input[name=new]", "et helt nytt passord")
    send(page, "main button")
    log_in(page, browsed, name, "et helt nytt passord")
    assert not page.url.endswith(("/account", "/login"))
    fits(page, width, f"start-{language}")
    page.context.close()


def test_a_new_password(browsed, browser):
    page = visitor(browser, WIDE, "en")
    log_in(page, browsed, "installer")
    page.goto(f"http://localhost:{browsed.receiver.web_port}/account")
    page.fill("input[name=password]", PASSWORD)
    page.fill("input[name=new]", "et helt nytt passord")
    send(page, "main button")
    assert page.url.endswith("/login")
    log_in(page, browsed, "installer", "et helt nytt passord")
    assert not page.url.endswith("/login")
    page.context.close()
