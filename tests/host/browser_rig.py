"""One Chromium, and what every page must hold in it.

NETTI_SHOTS names a folder that then gets a picture of each page.
"""

import contextlib
import os

import needs
import pytest

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
