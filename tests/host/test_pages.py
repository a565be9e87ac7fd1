"""The pages: both languages complete, use right across clock changes, states shown, nothing loaded from elsewhere."""

import contextlib
import datetime
import http.client
import random
import re
import subprocess
import tempfile

import installed
import needs
import pytest
from babel.dates import format_datetime
from babel.numbers import format_decimal
from pages_rig import checked, filled, lead_nowhere
from receiver_support import DAY, HOUR, NOW

from cloud_receiver.data import usage
from cloud_receiver.office import roles
from cloud_receiver.stores import StoreError
from cloud_receiver.web import charts, parts, words


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    with filled(tmp_path_factory.mktemp("pages")) as running:
        yield running


def pages(receiver):
    """(address, status) of what is looked at: every page that shows something, and those for which there is nothing."""
    return [(a, 200) for a in installed.addresses(receiver.ids, api=False)] + [
        (a, 404) for a in ("/nowhere", *installed.nowhere(receiver.ids)) if not a.startswith("/v1/")]


def test_every_route_is_asked_for():
    wanted = {path for method, path in installed.ROUTES if method == "GET"}
    assert set(installed.told("ADDRESSES")) == wanted
    assert all("?" not in several[0] for several in installed.told("ADDRESSES").values())
    assert set(installed.told("STATUSES")) == set(installed.ROUTES)


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_every_page_is_whole_and_safe(receiver, language):
    for path, status in pages(receiver):
        answer = receiver.web(path, headers={"Accept-Language": language})
        assert answer.status == status, path
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self';")
        assert answer.headers["Content-Language"] == language and answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        page = checked(answer.text)
        assert page.open == [] and page.wrong == [], (path, page.wrong, page.open)
        assert page.headings[0] == 1 and page.headings.count(1) == 1
        assert all(b - a <= 1 for a, b in zip(page.headings, page.headings[1:])), path
        assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in page.links), path
        assert "<script" not in answer.text and "<b>" not in answer.text


def test_every_route_of_the_api_answers(receiver):
    for path in installed.addresses(receiver.ids, pages=False):
        assert receiver.web(path).status == 200, path
    for path in installed.nowhere(receiver.ids):
        assert receiver.web(path).status == 404, path


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_every_link_leads_somewhere(receiver, language):
    """But for a page's own address in another language, where there is nothing."""
    links = [link for path, status in pages(receiver) if status == 200
             for link in checked(receiver.web(path, headers={"Accept-Language": language}).text).links]
    assert links and lead_nowhere(links, receiver.web) == []


def test_every_link_and_form_leads_somewhere_for_whoever_has_logged_in(town):
    for role in roles.ROLES:
        links, posts = [], set()
        for address in installed.addresses(town.ids, role, log_in=True, api=False):
            answer = town.ask(role, address)
            if answer.status == 200:  # hours are not for every role
                page = checked(answer.text)
                links += page.links
                posts.update(page.posts)
        assert links and lead_nowhere(links, lambda link, role=role: town.ask(role, link)) == [], role
        assert all(installed.has(address, "POST") for address in posts), role


def test_language_is_the_readers(receiver):
    assert words.choose(None, None, "nb-NO,nb;q=0.9,en;q=0.8") == "nb"
    assert words.choose(None, None, "en-US,en;q=0.9") == "en"
    assert words.choose(None, None, "nn,en;q=0.9") == words.choose(None, None, "da") == "nb"
    assert words.choose(None, None, "de,fr;q=0.3") == words.choose(None, None, "en;q=x, ;;=") == "nb"
    assert words.choose("en", "nb", "nb") == "en" and words.choose("xx", "en", "nb") == "en"
    page = installed.addresses(receiver.ids, api=False)[0]
    answer = receiver.web(f"{page}?lang=en", headers={"Accept-Language": "nb"})
    assert '<html lang="en">' in answer.text
    cookie = answer.headers["Set-Cookie"]
    assert "netti_language=en" in cookie and "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert '<html lang="en">' in receiver.web(page, headers={"Cookie": "netti_language=en"}).text
    assert "lang=" not in re.sub(r'href="[^"]*lang=(nb|en)" lang', "", answer.text).replace('hreflang=', "").replace(
        '<html lang="en"', "").replace('strong lang="en"', "")


def test_numbers_and_times_as_people_write_them():
    nb, en = words.Words("nb", NOW), words.Words("en", NOW)
    assert nb.number(1234.5, 1) == "1\xa0234,5" and en.number(1234.5, 1) == "1,234.5"
    assert nb.time(NOW) == "24.11.2026 08:00" and en.time(NOW) == "24 Nov 2026, 08:00"
    assert nb.time(NOW - 150 * DAY) == "27.06.2026 09:00", "summer time"
    assert nb.ago(NOW - 300) == "for 5 minutter siden" and en.ago(NOW - 300) == "5 minutes ago"
    assert nb.ago(NOW) == nb.ago(NOW + 300) == "nå nettopp" and nb.ago(None) == "aldri"
    assert nb.litres(1500) == "1,5" and nb.litres(0) == "0" and en.litres(12_345_678) == "12,346"
    assert nb.value(1.25) == "1,25" and nb.value(["a", "b"]) == "a, b" and nb.value(True) == "True"


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_what_is_written_without_babel_is_as_babel_writes_it(language):
    w, random_ = words.Words(language, NOW), random.Random(1)
    times = "dd.MM.y HH:mm" if language == "nb" else "d MMM y, HH:mm"
    for value in [0, -1, 0.15, 2.5, -1234.5, 1_234_567, *(random_.uniform(-1e6, 1e6) for _ in range(300)),
                  *(random_.randrange(10 ** 9) / 1e6 for _ in range(300))]:
        for decimals in range(4):
            form = "#,##0" + "." * bool(decimals) + "0" * decimals
            assert w.number(value, decimals) == format_decimal(value, form, locale=w.locale)
        at = random_.randrange(1 << 31)
        assert w.time(at) == format_datetime(usage.local(at), times, locale=w.locale)
        day = "d.M." if language == "nb" else "d MMM"
        assert w.short_day(at) == format_datetime(usage.local(at), day, locale=w.locale)


def test_small_parts_escape_what_they_are_given():
    w = words.Words("nb", NOW)
    assert parts.meter_name("<b>-1-2-3") == ('<span class="make">&lt;b&gt;</span> <span class="number">1</span> '
                                             '<span class="rest">2·3</span>')
    assert parts.chip("ok", "<b>") == '<span class="chip ok">&lt;b&gt;</span>'
    assert parts.level(w, None) == parts.NOTHING and parts.level(w, -80).count('class="on"') == 3
    assert "nå nettopp" in parts.when(w, NOW) and "aldri" in parts.when(w, None)
    assert parts.share(w, 3, 7).endswith("43 %</span>") and "– %" in parts.share(w, 0, 0)


def test_only_local_names_are_answered(receiver):
    """A page of another site that has its name point here gets nothing (DNS rebinding)."""
    every = installed.addresses(receiver.ids)
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::2]"):
        for path in every:
            assert receiver.web(path, headers={"Host": host}).status == 421
    for host in ("localhost", "localhost:8080", "127.0.0.1", "[::1]:8080"):
        assert receiver.web(every[0], headers={"Host": host}).status == 200


def test_static_files_may_be_kept_and_nothing_else_is_served(receiver):
    answer = receiver.web("/static/netti.css")
    assert answer.status == 200 and "immutable" in answer.headers["Cache-Control"]
    assert "url(" not in answer.text and "@import" not in answer.text, "nothing is loaded from elsewhere"
    for name in ("../pages.py", "..%2fpages.py", "nothing.css", ""):
        assert receiver.web(f"/static/{name}").status == 404


def broken(receiver, monkeypatch, status, error):
    """The answers, in bokmål, to everything that reads the store while it fails: {address: answer}."""
    async def fails(*arguments):
        raise error

    with monkeypatch.context() as m:
        m.setattr(receiver.receiver.store, "read", fails)
        answers = {}
        for path in installed.addresses(receiver.ids):
            with contextlib.suppress(http.client.IncompleteRead):  # a file that had begun is cut off, and seen to be
                answers[path] = receiver.web(path, headers={"Accept-Language": "nb"})
    assert {a.status for a in answers.values()} <= {200, status}
    refused = {path: a for path, a in answers.items() if a.status == status}
    assert {path.startswith("/v1/") for path in refused} == {True, False}, "pages and API"
    return refused


def test_an_error_is_a_page_too(receiver, monkeypatch):
    for path, answer in broken(receiver, monkeypatch, 500, ZeroDivisionError("division by zero")).items():
        assert "division" not in answer.text and "ZeroDivision" not in answer.text
        if path.startswith("/v1/"):
            assert answer.json() == {"error": "internal error"}
        else:
            assert "Noe gikk galt" in answer.text


def test_a_store_that_is_away_is_said_and_comes_back(receiver, monkeypatch):
    away = broken(receiver, monkeypatch, 503, StoreError("the database does not answer"))
    for path, answer in away.items():
        assert answer.headers["Retry-After"] == "5", path
        assert ("Prøv igjen om litt." in answer.text) != path.startswith("/v1/") and "database does" not in answer.text
    assert all(receiver.web(path).status == 200 for path in away)


# --- use per period

def test_days_are_local_and_as_long_as_they_are():
    assert len(usage.hour_bounds(datetime.date(2026, 10, 25))) == 26
    assert len(usage.hour_bounds(datetime.date(2026, 3, 29))) == 24
    for day, hours in ((datetime.date(2026, 10, 25), 25), (datetime.date(2026, 3, 29), 23),
                       (datetime.date(2026, 6, 1), 24)):
        start, end = usage.day_bounds(day, 1)
        assert end - start == hours * HOUR
    bounds = usage.month_bounds(datetime.date(2026, 2, 3), 13)
    assert len(bounds) == 14 and usage.local(bounds[0]).date() == datetime.date(2025, 2, 1)
    assert usage.local(bounds[-1]).date() == datetime.date(2026, 3, 1)


def test_use_over_the_clock_change_adds_up():
    start = usage.midnight(datetime.date(2026, 10, 24))
    readings = [(start + n * HOUR + 60, 1_000_000 + n * 10_000) for n in range(-2, 80)]
    used = usage.uses(readings, usage.day_bounds(datetime.date(2026, 10, 26), 3), usage.NEAR["day"])
    assert [u.ml for u in used] == [240_000, 250_000, 240_000] and not any(u.partial for u in used)


def test_no_guess_where_readings_are_far_apart():
    bounds = [n * HOUR for n in range(100, 112)]
    readings = [(100 * HOUR, 0), (101 * HOUR, 1000), (107 * HOUR, 9000), (108 * HOUR, 9500)]
    used = usage.uses(readings, bounds, usage.NEAR["hour"])
    assert [u.ml for u in used][:2] == [1000, None] and [u.ml for u in used][7] == 500
    assert [u.ml for u in used][2:6] == [None] * 4
    assert [u.ml for u in used][8:] == [None] * 3


def test_the_period_under_way_is_so_far():
    readings = [(0, 0), (HOUR, 100), (HOUR + 1800, 150)]
    used = usage.uses(readings, [0, HOUR, 2 * HOUR, 3 * HOUR], usage.NEAR["hour"])
    assert [(u.ml, u.partial) for u in used] == [(100, False), (50, True), (None, True)]
    assert usage.uses([], [0, HOUR], HOUR) == [usage.Use(0, HOUR, None, True)]


def test_charts_end_at_a_round_figure():
    assert [charts.nice(v) for v in (0, 0.3, 1, 1.1, 4.9, 7, 99, 101, 2000)] == [1, 0.5, 1, 2, 5, 10, 100, 200, 2000]
    chart = charts.bars([5, None, -3, 10], ["a"] * 4, [""] * 4, ["use", "none", "use", ""])
    assert [(b.y, b.height, b.kind) for b in chart.bars] == [(50, 50, "use"), (0, 100, "none"), (100, 0, "use")]


# --- in a browser

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars")


def in_browser(url, width, *more):
    with tempfile.TemporaryDirectory() as profile:
        flags = [*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},900", *more]
        return subprocess.run([needs.chromium(), *flags, url], capture_output=True, text=True, timeout=90)


@pytest.mark.needs("chromium")
def test_in_a_real_browser_nothing_is_refused_by_the_policy(receiver):
    page = installed.addresses(receiver.ids, api=False)[0]
    done = in_browser(f"http://127.0.0.1:{receiver.web_port}{page}", 320, "--enable-logging=stderr", "--dump-dom")
    assert "<h1>" in done.stdout
    assert "Content Security Policy" not in done.stderr and "Refused to" not in done.stderr


