"""One Chromium, and what every page must hold in it.

NETTI_SHOTS names a folder that then gets a picture of each page.
"""

import contextlib
import os
from pathlib import Path

import installed
import needs
import pytest
from access_rig import PASSWORD

NARROW, WIDE = 320, 1280
SHOTS = os.environ.get("NETTI_SHOTS")
needs_chromium = pytest.mark.needs("chromium")

# Whether tables and cards keep within the column of the page.
INSIDE = """() => { const edge = document.querySelector('main').getBoundingClientRect().right + 1;
    return [...document.querySelectorAll('main > *, main table')].filter(e => e.checkVisibility())
        .every(e => e.getBoundingClientRect().right <= edge) }"""


@contextlib.contextmanager
def chromium():
    """A running Chromium; while it runs there is no asyncio.run in this thread."""
    sync_api = needs.module("playwright.sync_api")
    with sync_api.sync_playwright() as p:
        running = p.chromium.launch(executable_path=needs.chromium(), args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


def opened(browser, place, path, width, language="en", scheme="light"):
    """A page of the receiver, and what its console complained of."""
    context = browser.new_context(viewport={"width": width, "height": 800}, locale=language, color_scheme=scheme)
    page, said = context.new_page(), []
    page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: said.append(str(e)))
    page.on("request", lambda r: said.append(r.url) if not r.url.startswith(f"http://127.0.0.1:{place.web_port}/")
            else None)
    page.goto(f"http://127.0.0.1:{place.web_port}{path}", wait_until="load")
    return page, [s for s in said if "404 (Not Found)" not in s]


# --- where people log in, over plain HTTP on this machine (name: localhost): `__Host-` cookies need Secure, which
# browsers allow on localhost without TLS

def visitor(browser, width, language):
    """A page in a browser of its own."""
    return browser.new_context(viewport={"width": width, "height": 800}, locale=language).new_page()


def log_in(page, town, name, password=PASSWORD):
    """Log in by the form."""
    if not installed.has("/login"):
        pytest.skip("there is no page to log in on")
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
