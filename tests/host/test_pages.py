"""The pages: both languages complete, use right across clock changes, states shown, nothing loaded from elsewhere."""

import datetime
import html.parser
import random
import re
import subprocess
import tempfile
from pathlib import Path

import needs
import pytest
from babel.dates import format_datetime
from babel.numbers import format_decimal
from pages_rig import METER, OPEN, WRONG, filled
from receiver_support import DAY, HOUR, NOW, Meter, Running, make

from cloud_receiver.data import usage
from cloud_receiver.features.overview import items
from cloud_receiver.office.office import Office
from cloud_receiver.stores import StoreError, queries
from cloud_receiver.web import charts, parts, words

ROOT = Path(__file__).resolve().parent.parent.parent / "cloud_receiver" / "web"


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    with filled(tmp_path_factory.mktemp("pages")) as running:
        yield running


def paths(receiver):
    return [receiver.home,
            "/", "/meters", "/meters?show=silent", "/meters?q=kam+123&sort=-reading", "/gateways",
            "/gateways?show=fault", "/alarms", "/alarms?show=low_battery&sort=id", "/nowhere",
            f"/gateways/{receiver.gateway.id}", "/gateways/AAAAAAAAAAAAAAAA"] + [
        f"/meters/{m}{view}" for m in (METER.text, OPEN.text, WRONG.text, "NOT-A-ME-TER")
        for view in ("", "?view=hours", "?view=months", "?view=hours&day=2026-10-25")]


class Checker(html.parser.HTMLParser):
    """Every element that must be closed is, in order; ids are unique; no inline style or script."""

    VOID = ("meta", "link", "input", "path", "rect")

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.headings, self.wrong, self.links = [], set(), [], [], []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in self.VOID:
            self.open.append(tag)
        if "id" in attributes:
            self.wrong += ["double id"] if attributes["id"] in self.ids else []
            self.ids.add(attributes["id"])
        if "style" in attributes or tag in ("script", "style") or any(a.startswith("on") for a in attributes):
            self.wrong.append(f"inline {tag}")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self.links += [attributes[a] for a in ("href", "src", "action") if a in attributes]

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in self.VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> out of place")


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_every_page_is_whole_and_safe(receiver, language):
    for path in paths(receiver):
        answer = receiver.web(path, headers={"Accept-Language": language})
        assert answer.status in ((404,) if "now" in path or "AAAA" in path or "NOT-A" in path else (200,)), path
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self';")
        assert answer.headers["Content-Language"] == language and answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        checker = Checker()
        checker.feed(answer.text)
        assert checker.open == [] and checker.wrong == [], (path, checker.wrong, checker.open)
        assert checker.headings[0] == 1 and checker.headings.count(1) == 1
        assert all(b - a <= 1 for a, b in zip(checker.headings, checker.headings[1:])), path
        assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in checker.links), path
        assert "<script" not in answer.text and "<b>" not in answer.text


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_every_link_leads_somewhere(receiver, language):
    seen = set()
    for path in paths(receiver):
        checker = Checker()
        checker.feed(receiver.web(path, headers={"Accept-Language": language}).text)
        seen.update(link.split("#")[0] for link in checker.links)
    for link in sorted(seen - {""}):
        if "NOT-A" in link or "AAAA" in link or "nowhere" in link:
            continue
        assert receiver.web(link).status == 200, link


def test_language_is_the_readers(receiver):
    assert words.choose(None, None, "nb-NO,nb;q=0.9,en;q=0.8") == "nb"
    assert words.choose(None, None, "en-US,en;q=0.9") == "en"
    assert words.choose(None, None, "nn,en;q=0.9") == words.choose(None, None, "da") == "nb"
    assert words.choose(None, None, "de,fr;q=0.3") == words.choose(None, None, "en;q=x, ;;=") == "nb"
    assert words.choose("en", "nb", "nb") == "en" and words.choose("xx", "en", "nb") == "en"
    answer = receiver.web("/meters?lang=en", headers={"Accept-Language": "nb"})
    assert '<html lang="en">' in answer.text
    cookie = answer.headers["Set-Cookie"]
    assert "netti_language=en" in cookie and "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert '<html lang="en">' in receiver.web("/", headers={"Cookie": "netti_language=en"}).text
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


def test_the_meter_page_says_what_it_knows(receiver):
    text = receiver.web(f"/meters/{METER.text}?lang=nb").text
    assert "1\xa0234,500 m³" in text and "kaldt vann" in text and "lavt batteri" in text and "trengs ikke" in text
    hours = receiver.web(f"/meters/{METER.text}?view=hours&lang=nb").text
    assert hours.count("<td class=\"num\">20</td>") == 8 and "00:00–01:00" in hours
    assert "Timesverdier kan vise når folk er hjemme" in hours
    assert "Nøkkel" in text and "importer" in receiver.web(f"/meters/{OPEN.text}?lang=nb").text.lower()
    assert "Nøkkelen i mottakeren åpner ikke" in receiver.web(f"/meters/{WRONG.text}?lang=nb").text


@pytest.mark.parametrize("language, stays", [("nb", "Strømforbruket blir i huset."),
                                             ("en", "Your electricity stays in the house.")])
def test_one_line_says_what_leaves_the_house(receiver, tmp_path, language, stays):
    def line(running, home):
        text = running.web(f"{home}?lang={language}").text
        [section] = re.findall(r'<section class="card notice privacy">.*?</section>', text, re.S)
        [found] = re.findall(r"<p>(.*?)</p>", section, re.S)
        assert len(found) < 170
        return found
    assert stays not in line(receiver, receiver.home), "this home shares it"
    with Running(make(tmp_path / "works")) as other:
        gateway = other.enrol()
        with Office(other.directory) as office:
            home = "/home/" + office.homes.make_link(gateway.id, NOW - DAY)
        assert stays in line(other, home)


def test_the_gateway_page_shows_gaps_loss_and_two_versions(receiver):
    text = receiver.web(f"/gateways/{receiver.gateway.id}?lang=en").text
    for what in ("never came", "overwritten", "with other content", "Fyrveien 3 &lt;b&gt;", "low &lt;script&gt;",
                 "Record of an unknown kind"):
        assert what in text, what


def test_the_overview_tells_what_to_do(receiver, tmp_path):
    text = receiver.web("/?lang=en").text
    for what in ("Sent two versions", "Key is missing", "Key is wrong", "Silent for 2 days", "low battery",
                 "Enrolled, not heard from yet"):
        assert what in text, what
    with Running(make(tmp_path / "works")) as empty:
        assert "netti receiver token" in empty.web("/?lang=en").text
        assert "netti receiver token" in empty.web("/gateways?lang=en").text
        assert "No meter has been heard yet." in empty.web("/meters?lang=en").text
        empty.enrol()
        assert "Enrolled, not heard from yet" in empty.web("/?lang=en").text


def test_search_filter_sort_and_pages(tmp_path):
    with Running(make(tmp_path / "works")) as receiver:
        gateway = receiver.enrol()
        for part in range(2):
            first = 40_000_000 + part * 120
            receiver.through(gateway.telegrams([Meter(first + n).telegram(n + 1) for n in range(120)]))
        receiver.wait_for(lambda s: s["decoded"] == 240)

        def numbers(query):
            return re.findall(r'<span class="number">(4\d{7})</span>', receiver.web(f"/meters{query}").text)

        assert len(numbers("")) == 100 and len(numbers("?page=3")) == 40 and numbers("?page=99") == numbers("?page=3")
        assert numbers("?q=40000017") == ["40000017"] and len(numbers("?q=kam+4000001")) == 10
        assert numbers("?sort=-id")[0] == "40000239" and numbers("?sort=nonsense")[0] == "40000000"
        assert numbers("?show=alarm") == [] and len(numbers("?show=nonsense")) == 100


def test_only_local_names_are_answered(receiver):
    """A page of another site that has its name point here gets nothing (DNS rebinding)."""
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::2]"):
        for path in ("/", "/v1/meters"):
            assert receiver.web(path, headers={"Host": host}).status == 421
    for host in ("localhost", "localhost:8080", "127.0.0.1", "[::1]:8080"):
        assert receiver.web("/v1/meters", headers={"Host": host}).status == 200


def test_static_files_may_be_kept_and_nothing_else_is_served(receiver):
    answer = receiver.web("/static/netti.css")
    assert answer.status == 200 and "immutable" in answer.headers["Cache-Control"]
    assert "url(" not in answer.text and "@import" not in answer.text, "nothing is loaded from elsewhere"
    for name in ("../pages.py", "..%2fpages.py", "nothing.css", ""):
        assert receiver.web(f"/static/{name}").status == 404


def test_an_error_is_a_page_too(receiver, monkeypatch):
    monkeypatch.setattr(queries.gateways, "page_rows", lambda *a: 1 / 0)
    answer = receiver.web("/gateways?lang=nb")
    assert answer.status == 500 and "Noe gikk galt" in answer.text and "ZeroDivision" not in answer.text
    answer = receiver.web("/v1/gateways")
    assert answer.status == 500 and answer.json() == {"error": "internal error"}


def test_a_store_that_is_away_is_said_and_comes_back(receiver, monkeypatch):
    async def away(*arguments):
        raise StoreError("the database does not answer")

    with monkeypatch.context() as m:
        m.setattr(receiver.receiver.store, "read", away)
        for path in ("/meters", "/v1/meters", "/v1/summary"):
            answer = receiver.web(path, headers={"Accept-Language": "nb"})
            assert answer.status == 503 and answer.headers["Retry-After"] == "5", (path, answer.status)
            assert ("Prøv igjen om litt." in answer.text) == (path == "/meters") and "database does" not in answer.text
    assert receiver.web("/meters").status == receiver.web("/v1/summary").status == 200


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


def test_attention_puts_the_worst_first():
    gateway = {"id": "G", "name": "", "last_contact": NOW, "epochs": [{"equivocations": 0, "lost": 3, "gaps": []}]}
    meter = {"id": "M", "alarms": [{"alarm": "burst", "since": NOW}], "key": "known", "last_heard": NOW}
    tired = dict(meter, id="N", alarms=[{"alarm": "low_battery", "since": NOW}])
    worst = items.sorted_items(items.gateway_items([gateway], {}, NOW)
                               + items.meter_items([tired, meter], NOW))
    assert [(i.level, i.id) for i in worst] == [("bad", "M"), ("warn", "G"), ("warn", "N")]
    assert items.gateway_items([gateway], {"G": NOW}, NOW) == []


# --- in a browser

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars")


def in_browser(url, width, *more):
    with tempfile.TemporaryDirectory() as profile:
        flags = [*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},900", *more]
        return subprocess.run([needs.chromium(), *flags, url], capture_output=True, text=True, timeout=90)


@pytest.mark.needs("chromium")
def test_in_a_real_browser_nothing_is_refused_by_the_policy(receiver):
    done = in_browser(f"http://127.0.0.1:{receiver.web_port}/meters/{METER.text}", 320, "--enable-logging=stderr",
                      "--dump-dom")
    assert "<h1>" in done.stdout
    assert "Content Security Policy" not in done.stderr and "Refused to" not in done.stderr


