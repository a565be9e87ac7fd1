"""What somebody who reaches the pages can do, with an account or with none, and what is left of a person."""

import base64
import contextlib
import csv
import html.parser
import io
import os
import time
import urllib.parse

from receiver_support import DAY, HOUR

import firmware.wire.records as wire_records
from cloud_receiver.office.accounts import Accounts
from cloud_receiver.office.second_factor import STEP_S, code_of

from .ground import FORM, HOST, PASSWORD, SetupFailed, Water, attempt
from .radio import KEY
from .registry import attack

SCRIPT = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}'


class _Elements(html.parser.HTMLParser):
    """The elements of a page that a text could have brought in."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        source = dict(attributes).get("src", "x")
        if tag in ("script", "iframe", "object", "embed") and source.startswith(("x", "data")):
            self.found.append(tag)
        for name, value in attributes:
            if name.startswith("on") or (value or "").strip().lower().startswith("javascript:"):
                self.found.append(f"{tag} {name}")


def _brought_in(text):
    page = _Elements()
    page.feed(text)
    return page.found + (["{{7*7}}"] if ">49<" in text else [])


@attack("user")
def script_in_what_gateways_say(ground):
    """Elements, attributes and expressions in the name of a gateway, in events, statuses, versions, results and in what
    is searched for. Held where no page has one of them, and each has a policy against scripts."""
    gateway = ground.gateway(name=SCRIPT)
    meter = ground.meter()
    content = gateway.content([wire_records.event(gateway.next(), ground.clock(), SCRIPT[:200], SCRIPT),
                               wire_records.event(gateway.next(), ground.clock(), "crash", SCRIPT),
                               wire_records.status(gateway.next(), ground.clock(), [[SCRIPT, 1]]),
                               wire_records.boot(gateway.next(), 0, 3, SCRIPT),
                               wire_records.result(gateway.next(), ground.clock(), 9, 1, SCRIPT)])
    ground.through(gateway.sign(content))
    ground.heard(gateway, [meter.plain(1, 1)])
    odd = urllib.parse.quote(SCRIPT)
    paths = ["/", "/gateways", f"/gateways/{gateway.id}", f"/gateways?q={odd}&show={odd}&sort={odd}",
             f"/meters?q={odd}",
             f"/meters/{odd}", f"/gateways/{odd}", f"/{odd}", f"/meters/{meter.text}", "/audit", "/users",
             f"/meters/{meter.text}?view={odd}&purpose={odd}", "/alarms", f"/login?next={odd}"]
    who = ground.cookie("administrator")
    for path in paths:
        answer = ground.web(path, headers={**who, "Accept-Language": "en"})
        if answer.status >= 500:
            return f"{path[:60]} is answered {answer.status}"
        if "html" not in answer.headers.get("Content-Type", ""):
            continue
        if found := _brought_in(answer.text):
            return f"{path[:60]} has {found}"
        policy = answer.headers.get("Content-Security-Policy", "")
        if answer.status == 200 and ("default-src 'none'" not in policy and "default-src 'self'" not in policy
                                     or "unsafe-inline" in policy.split("style-src")[0]):
            return f"{path[:60]} has the policy {policy!r}"
    return None


@attack("user")
def changes_from_another_site(ground):
    """Another site's page sends forms in the name of somebody who is logged in: without the token, with a wrong one,
    with its own origin, as JSON, as a GET. Held where nothing changes."""
    who = ground.cookie("administrator")
    with contextlib.closing(Accounts(ground.directory.access)) as accounts:
        csrf = accounts.session(who["Cookie"].split("=", 1)[1], ground.clock()).csrf
        before = sorted(accounts.users())
    name = f"intruder{os.urandom(3).hex()}"
    form = {"do": "add", "name": name, "role": "administrator", "password": PASSWORD, "new": PASSWORD}
    ours = {"Origin": f"https://{HOST}"}
    tries = [({}, {}), (ours, {"csrf": ""}), (ours, {"csrf": csrf[:-1] + "x"}),
             ({"Origin": "https://attacker.example"}, {"csrf": csrf}), ({"Origin": "null"}, {"csrf": csrf}),
             ({**ours, "Sec-Fetch-Site": "cross-site"}, {"csrf": csrf}),
             ({**ours, "X-CSRF-Token": ""}, {}), ({"Referer": f"https://{HOST}/users"}, {})]
    for path in ("/users", "/users/add", "/account", "/logout", "/notices"):
        for headers, more in tries:
            attempt(ground.web, path, "POST", urllib.parse.urlencode({**form, **more}), {**who, **FORM, **headers})
        attempt(ground.web, f"{path}?{urllib.parse.urlencode(form)}", "GET", None, who)
    with contextlib.closing(Accounts(ground.directory.access)) as accounts:
        after = sorted(accounts.users())
        still = accounts.session(who["Cookie"].split("=", 1)[1], ground.clock())
    if after != before:
        return f"accounts changed: {set(after) ^ set(before)}"
    return None if still else "the session was ended by another site"


@attack("user")
def roles_beyond_their_own(ground):
    """A reader, an installer and a program ask for hours, users, the audit log and other people's homes. Held where
    each is refused, and hours need a purpose that is written down first."""
    gateway, meter = ground.gateway(), ground.meter()
    ground.heard(gateway, [(meter.plain(100_000 + 137 * n, n), ground.clock() - (9 - n) * HOUR) for n in range(10)])
    with contextlib.closing(Accounts(ground.directory.access)) as accounts:
        reader = accounts.make_token(f"reader{os.urandom(4).hex()}", "reader", 10, ground.clock())
        lines = len(accounts.audit.latest())
    hours = f"/v1/meters/{meter.text}/readings"
    for who, path in (("reader", "/users"), ("reader", "/audit"), ("installer", "/users"), ("installer", "/audit"),
                      ("operations", "/users"), ("reader", f"/meters/{meter.text}?view=hours&purpose=leak"),
                      ("installer", f"/meters/{meter.text}?view=hours&purpose=leak"), ("installer", hours),
                      ("reader", hours + "?purpose=leak")):
        answer = ground.page(path, who)
        if answer.status == 200 and (">137<" in answer.text or "100.137" in answer.text or "csrf" in answer.text
                                     and path in ("/users", "/audit")):
            return f"{who} sees {path}"
    if ground.api(hours, reader)[0] == 200:
        return "a reader's program sees hours"
    if ground.page(f"{hours}", "operations").status == 200:
        return "hours are shown without a purpose"
    shown = ground.page(f"{hours}?purpose=leak", "operations")
    with contextlib.closing(Accounts(ground.directory.access)) as accounts:
        told = [line for line in accounts.audit.latest() if meter.text in str(line)]
    if shown.status != 200:
        raise SetupFailed(f"operations do not see hours with a purpose: {shown.status}")
    return None if told else f"hours are shown without a line in the log ({lines} before)"


@attack("user", quick=False)
def home_of_another(ground):
    """Who has the link of one home asks for another's with it: other ids, secrets that are made up, cut, its own with
    the other's meter. Held where each shows nothing of the other."""
    mine, other = ground.gateway(name="Fyrveien 3"), ground.gateway(name="Havnegata 9")
    meter = ground.meter()
    ground.heard(other, [meter.plain(7_654_321, 1)])
    with ground.office() as office:
        office.homes.bind(other.id, meter.text, ground.clock())
        link = office.homes.make_link(mine.id, ground.clock() - 30 * DAY)
        theirs = office.homes.make_link(other.id, ground.clock() - 40 * DAY)
    wrong = [link[:-1] + ("A" if link[-1] != "A" else "B"), theirs[:-1], theirs.swapcase(), "", other.id, meter.text,
             f"{link}/../{other.id}", f"{link}?gateway={other.id}&meter={meter.text}", f"{link}%2f{other.id}"]
    marks = ("Havnegata", "7654")

    def shows(secret):
        answer = ground.web(f"/home/{secret}", headers={"Host": HOST})
        if answer.status >= 500:
            return f"it is answered {answer.status}"
        text = answer.text.replace(urllib.parse.unquote(secret), "").replace(secret, "")
        for space in ("\xa0", "\u202f", ",", " "):
            text = text.replace(space, "")
        return [mark for mark in marks if mark in text] if answer.status == 200 else []
    end = time.monotonic() + 5
    while not shows(theirs):
        if time.monotonic() > end:
            raise SetupFailed("the home's own link shows nothing")
        time.sleep(0.3)
    for secret in [link, *wrong]:
        if seen := shows(secret):
            return f"/home/{secret[:40]}: {seen}"
    return None


@attack("user", quick=False)
def statements_in_queries(ground):
    """SQL, patterns and endless numbers in what lists are searched, sorted, filtered and paged by, and in periods. Held
    where none is answered 500, takes long, or shows another number of rows than a search for such a text does."""
    gateway, meter = ground.gateway(), ground.meter()
    ground.heard(gateway, [meter.plain(1, 1)])
    odd = ("' OR 1=1 --", "1; DROP TABLE meters", "%", "_", "\\", "\x00", "%00", "a" * 5000, "-1", "1e999", "9" * 400,
           "m.meter; SELECT 1", "(SELECT hash FROM users)", "🦆" * 300, "%' ESCAPE '")
    for path in ("/v1/meters", "/v1/gateways", "/v1/alarms", f"/v1/meters/{meter.text}/readings", "/v1/readings",
                 "/v1/audit"):
        for value in odd:
            for names in (("q",), ("sort",), ("from",), ("show", "limit", "page", "to", "format", "resolution")):
                query = urllib.parse.urlencode(dict.fromkeys(names, value))
                answer = attempt(ground.web, f"{path}?{query}", "GET", None,
                                 {"Host": HOST, "Authorization": f"Bearer {ground.bearer}"})
                if answer is None or answer.status >= 500:
                    return f"{path}?{query[:50]} is answered {answer and answer.status}"
    found = ground.api("/v1/meters?" + urllib.parse.urlencode({"q": "' OR 1=1 --"}))[1]["found"]
    return None if not found else f"a search for a statement finds {found} meters"


@attack("user", quick=False)
def formulas_in_exports(ground):
    """A gateway is called by a formula, which a spreadsheet would carry out when an export is opened in it. Held where
    no cell of an export begins with one."""
    names = ("=HYPERLINK(\"http://attacker.example\",\"x\")", "+1+1", "-1+1|cmd", "@SUM(1)", "\t=1+1", "\r=1+1")
    for name in names:
        ground.gateway(name=name)
    answer = ground.web("/v1/gateways?format=csv", headers={"Host": HOST, "Authorization": f"Bearer {ground.bearer}"})
    cells = [cell for row in csv.reader(io.StringIO(answer.text)) for cell in row]
    bad = [cell for cell in cells if cell[:1] in "=+@\t\r" and cell or cell.startswith("-1+")]
    if not any("SUM(1)" in cell for cell in cells):
        raise SetupFailed("the names are not in the export")
    return f"cells begin with {bad[0][:20]!r}" if bad else None


@attack("user", alone=True, quick=False)
def keys_in_the_open(ground):
    """Meter keys, right and wrong ones, are looked for in all that a receiver writes and answers: files, log, pages,
    API, what /proc tells others. Held where they stand nowhere in any writing."""
    gateway = ground.gateway()
    secret = bytes.fromhex("8d3f1b7796c0452ea9d1135cf7be2460")
    meter, other = ground.meter(secret), Water(KEY)
    other.key = secret
    ground.heard(gateway, [meter.mode5(4321, 1), other.mode5(1, 1)])
    ground.netti("keys", "import", "--dir", ground.directory.path, _csv(ground, f"{secret.hex()};{meter.text}\n"),
                 check=False)
    ground.netti("keys", "list", "--dir", ground.directory.path, check=False)
    ground.settled()
    if ground.litres(meter) != 4321:
        raise SetupFailed("the key opens nothing")
    forms = [secret, secret.hex().encode(), secret.hex().upper().encode(), base64.b64encode(secret)[:20],
             repr(secret)[2:-1].encode()[:24], " ".join(f"{b:02x}" for b in secret).encode()]
    places = [(str(p), p.read_bytes()) for p in ground.directory.path.rglob("*") if p.is_file()]
    places.append(("the log", ground.log.read_bytes()))
    for path in (f"/meters/{meter.text}", "/meters", f"/v1/meters/{meter.text}", "/audit"):
        places.append((path, ground.page(path, "administrator").body))
    for name in ("cmdline", "environ"):
        with open(f"/proc/{ground.process.pid}/{name}", "rb") as f:
            places.append((f"/proc/{name}", f.read()))
    shown = [name for name, data in places if any(form in data for form in forms)]
    return f"a key stands in {shown}" if shown else None


def _csv(ground, text):
    path = ground.folder / f"import{os.urandom(3).hex()}.csv"
    path.write_text(text)
    return path


@attack("user", alone=True, quick=False)
def what_an_erasure_leaves(ground):
    """A home's residents are erased; then every byte of the receiver's folder, of its database, of its logs and of the
    commands that wait is looked through for their telegrams, events, names and hours. Held where there are none."""
    gateway, meter = ground.gateway(name="Ringerike Testfamilie"), ground.meter()
    words = [f"hendelse{n}grønnsak" for n in range(40)]
    heard, at = [], ground.clock() - 3 * DAY
    for n in range(70):
        heard.append((meter.plain(100_000 + 37 * n, n), at + n * HOUR))
    ground.heard(gateway, heard)
    ground.through(gateway.batch([wire_records.event(gateway.next(), at + n * HOUR, "observed", word)
                                  for n, word in enumerate(words)]))
    ground.through(gateway.batch([wire_records.han_hour(gateway.next(), at, at // HOUR * HOUR + n * HOUR, 3_917_555 + n,
                                                        0, False) for n in range(40)]))
    with ground.office() as office:
        office.homes.bind(gateway.id, meter.text, at)
        link = office.homes.make_link(gateway.id, at)
        office.accounts.put("ringerikeola", PASSWORD, at, "homeowner", gateway.id)
    ground.page(f"/meters/{meter.text}")
    traces = {"telegrams": [data for data, _ in heard[:-1]], "events": [w.encode() for w in words],
              "names": [b"Ringerike Testfamilie", b"ringerikeola"], "links": [link.encode()]}
    if not {"telegrams", "events", "names"} <= set(_left(ground, traces)):
        raise SetupFailed("what is to be erased is not there")
    time.sleep(2)  # what comes in the second of the erasure is not from before it
    said = ground.netti("person", "erase", ground.directory.path, gateway.id, "--yes", "--simulated-clock",
                        f"{time.time():.0f}:{ground.clock()}:1")[1]
    end = time.monotonic() + 40
    left = None
    while time.monotonic() < end:  # it is done when the receiver comes to it
        left = _left(ground, traces)
        if not left:
            return None
        time.sleep(1)
    return f"left after an erasure that said {said[:30]!r}: {left}"


def _left(ground, traces):
    """{kind: where} of what stands in the files of a receiver."""
    files = [p for p in ground.folder.rglob("*") if p.is_file()]
    if ground.dsn:
        from urllib.parse import urlparse

        import postgres
        postgres.order("CHECKPOINT")  # what is in memory only would be overlooked
        rows = ground.sql("SELECT setting FROM pg_settings WHERE name = 'data_directory'")
        from pathlib import Path
        base = Path(rows[0][0]) if rows else None
        oid = ground.sql("SELECT oid FROM pg_database WHERE datname = ?", urlparse(ground.dsn).path[1:])[0][0]
        files += [p for p in (base / "base" / str(oid)).iterdir() if p.is_file()] if base else []
    left: dict = {}
    for path in files:
        with contextlib.suppress(OSError):
            data = path.read_bytes()
            for kind, marks in traces.items():
                if any(mark in data for mark in marks):
                    left.setdefault(kind, []).append(path.name)
    return left


@attack("stranger")
def second_factor_gone_around(ground):
    """Who knows an administrator's password has not the second factor: no code, guessed ones, one that has been used or
    is minutes old, a recovery code for the second time. Held where none of these begins a session, and the owner's own
    code does."""
    name = f"admin{os.urandom(3).hex()}"
    with contextlib.closing(Accounts(ground.directory.access)) as accounts:
        accounts.put(name, PASSWORD, ground.clock(), "administrator", None)
        secret = accounts.second.begin(name)
        earlier = ground.clock() - 10 * STEP_S
        [recovery, *_] = accounts.second.confirm(name, code_of(secret, earlier // STEP_S), earlier)

    def post(path, cookies="", **fields):
        return ground.web(path, "POST", urllib.parse.urlencode(fields), {
            "Host": HOST, "Origin": f"https://{HOST}", "Cookie": cookies, "X-Forwarded-For": "198.51.100.15", **FORM})

    def given(answer):
        return "; ".join(c.split(";")[0] for c in answer.headers.get_all("Set-Cookie") or ())

    def gets_in(code):
        """Whether password and code begin a session."""
        step = given(post("/login", name=name, password=PASSWORD))
        if code is not None:
            step = given(post("/login/code", step, code=code)) or step
        return ground.web("/users", headers={"Host": HOST, "Cookie": step}).status == 200
    now = ground.clock() // STEP_S
    mine = code_of(secret, now + 1)
    for what, code in (("no code", None), ("a code of minutes ago", code_of(secret, now - 5)), ("no digits", "")):
        if gets_in(code):
            return f"{what} begins a session"
    if not gets_in(mine):
        raise SetupFailed("the owner's code does not begin a session")
    if gets_in(mine):
        return "a code is good twice"
    if not gets_in(recovery):
        raise SetupFailed("a recovery code does not begin a session")
    if gets_in(recovery):
        return "a recovery code is good twice"
    step = given(post("/login", name=name, password=PASSWORD))
    statuses = [post("/login/code", step, code=f"{n:06}").status for n in range(40)]
    return None if statuses[-1] in (403, 429) and 429 in statuses else f"forty guesses are answered {set(statuses)}"


@attack("user", quick=False)
def session_made_by_others(ground):
    """A session that somebody else chose before the log-in, cookies without the prefix, a session after log-out.
    Held where each is nobody's."""
    chosen = "A" * 32
    answer = ground.web("/login", "POST", urllib.parse.urlencode({"name": "reader", "password": PASSWORD}),
                        {"Host": HOST, "Cookie": f"__Host-netti={chosen}", "Origin": f"https://{HOST}", **FORM})
    if answer.status != 303:
        raise SetupFailed(f"log-in is answered {answer.status}")
    given = answer.headers["Set-Cookie"]
    if chosen in given:
        return "the chosen session is used"
    lacking = [word for word in ("Secure", "HttpOnly", "SameSite", "Path=/") if word.lower() not in given.lower()]
    if lacking or not given.startswith("__Host-"):
        return f"the cookie lacks {lacking}"
    cookie = given.split(";")[0]

    def gets(header):
        return ground.web("/meters", headers={"Host": HOST, "Cookie": header}).status == 200
    if gets(f"__Host-netti={chosen}") or gets(cookie.replace("__Host-", "")):
        return "a session of others is somebody's"
    with contextlib.closing(Accounts(ground.directory.access)) as accounts:
        csrf = accounts.session(cookie.split("=", 1)[1], ground.clock()).csrf
    left = ground.web("/logout", "POST", urllib.parse.urlencode({"csrf": csrf}),
                      {"Host": HOST, "Cookie": cookie, "Origin": f"https://{HOST}", **FORM})
    if left.status != 303:
        raise SetupFailed(f"log-out is answered {left.status}")
    return "a session goes on after it was ended" if gets(cookie) else None


