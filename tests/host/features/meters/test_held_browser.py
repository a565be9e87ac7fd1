"""Readings held back, in a real Chromium: shown, and one accepted by hand."""

import pytest
from browser_rig import NARROW, WIDE, fits, log_in, needs_chromium, send, visitor
from receiver_support import DAY, HOUR, NOW

pytestmark = needs_chromium


@pytest.mark.parametrize("width, language", [(NARROW, "nb"), (WIDE, "nb"), (NARROW, "en"), (WIDE, "en")])
def test_a_meter_that_was_set_anew_is_accepted_by_hand(browsed, browser, width, language):
    running, meter = browsed.receiver, browsed.meter
    running.clock.at = NOW + 3 * DAY
    for n in range(60):
        running.through(browsed.gateway.telegrams([meter.telegram(500 + n * 7, access=n)], time=NOW + HOUR * (n + 1)))
    running.through(browsed.gateway.telegrams([meter.telegram(90_000_000, access=90)], time=NOW + 61 * HOUR))
    running.wait_for(lambda s: s["held"] == 61)
    base, page = f"http://localhost:{running.web_port}", visitor(browser, width, language)
    log_in(page, browsed, "operations")
    page.goto(f"{base}/meters?show=held")
    fits(page, width, f"meters-held-{language}")
    page.goto(f"{base}/meters/{meter.text}")
    assert page.locator("section[aria-labelledby=held] tbody tr").count() == 4, "one a day, and the one that jumps"
    fits(page, width, f"meter-held-{language}")
    send(page, "section[aria-labelledby=held] tr:nth-child(4) button[value=accept]")
    running.wait_for(lambda s: s["held"] == 1 and s["pending"] == 0)
    page.reload()
    assert page.locator("section[aria-labelledby=held] tbody tr").count() == 1
    fits(page, width, f"meter-held-after-{language}")
    page.context.close()
