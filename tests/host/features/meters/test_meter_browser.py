"""In a real Chromium: a meter's hours for a purpose, and all readings as a file."""

from pathlib import Path

import pytest
from browser_rig import NARROW, WIDE, fits, log_in, needs_chromium, send, visitor

pytestmark = needs_chromium


@pytest.mark.parametrize("width, language", [(NARROW, "nb"), (WIDE, "en")])
def test_hours_for_a_purpose(browsed, browser, width, language):
    page = visitor(browser, width, language)
    log_in(page, browsed, "administrator")
    page.goto(f"http://localhost:{browsed.receiver.web_port}/meters/{browsed.meter.text}?view=hours")
    fits(page, width, f"purpose-{language}")
    send(page, "main .tabs a >> nth=0")
    assert page.locator("svg[role=img]").count() == 1, "the hours"
    send(page, "a[rel=prev]")
    assert page.locator("svg[role=img]").count() == 1, "the day before, for the same purpose"
    page.context.close()


@pytest.mark.parametrize("width, language", [(NARROW, "nb"), (WIDE, "nb"), (NARROW, "en"), (WIDE, "en")])
def test_all_readings_as_a_file(browsed, browser, width, language):
    page = visitor(browser, width, language)
    log_in(page, browsed, "operations")
    page.goto(f"http://localhost:{browsed.receiver.web_port}/meters")
    fits(page, width, f"meters-{language}")
    with page.expect_download() as download:
        page.click("form.card button")
    assert download.value.suggested_filename == "readings.csv"
    assert browsed.meter.text in Path(download.value.path()).read_text()
    page.context.close()
