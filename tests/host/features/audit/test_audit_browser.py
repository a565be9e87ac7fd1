"""The audit log in a real Chromium."""

import pytest
from browser_rig import NARROW, WIDE, fits, log_in, needs_chromium, visitor
from receiver_support import HOUR, NOW

from cloud_receiver.office.roles import Who

pytestmark = needs_chromium


@pytest.mark.parametrize("width, language, title", [(NARROW, "nb", "Innsynslogg"), (WIDE, "en", "Audit log")])
def test_looks_are_in_the_log(browsed, browser, width, language, title):
    with browsed.receiver.people() as people:
        for start in (NOW - 2 * HOUR, NOW - HOUR):
            people.audit.write(NOW, Who("administrator", "administrator", "session", "", None), "hours",
                               browsed.meter.text, start, start + HOUR, "leak")
    page = visitor(browser, width, language)
    log_in(page, browsed, "administrator")
    page.goto(f"http://localhost:{browsed.receiver.web_port}/audit")
    text = page.inner_text("body")
    assert title in text and text.count(browsed.meter.text) >= 2
    fits(page, width, f"audit-{language}")
    page.context.close()
