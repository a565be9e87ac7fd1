"""One Chromium, and what every page must hold in it.

NETTI_SHOTS names a folder that then gets a picture of each page.
"""

import contextlib
import os
import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NARROW, WIDE = 320, 1280
SHOTS = os.environ.get("NETTI_SHOTS")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")

# Whether tables and cards keep within the column of the page.
INSIDE = """() => { const edge = document.querySelector('main').getBoundingClientRect().right + 1;
    return [...document.querySelectorAll('main > *, main table')].filter(e => e.checkVisibility())
        .every(e => e.getBoundingClientRect().right <= edge) }"""


@contextlib.contextmanager
def chromium():
    """A running Chromium; while it runs there is no asyncio.run in this thread."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as p:
        running = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()
