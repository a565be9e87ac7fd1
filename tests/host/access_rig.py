"""What the tests of access share: a receiver with people of every role, tokens, a home, and values to recognise."""

import contextlib
import http.cookies
import urllib.parse

import installed
from receiver_support import DAY, HOUR, NOW, Gateway, Meter

import firmware.wire.records as wire_records
from cloud_receiver.office.accounts import Accounts, password_hash
from cloud_receiver.office.office import Office
from cloud_receiver.office.roles import ROLES
from cloud_receiver.web.gate import COOKIE

HOST = "vann.example"
PASSWORD = "riktig hest batteri stift"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ODD = ("", "æøå", "\udcff", "a" * 5000, "\x00", "' OR 1=1 --", "{{7*7}}", "<script>", "../../etc/passwd", "%00", "%ff",
       "\u202e", "1e999", "-1", "NaN")


class Town:
    """A works behind a public name: one home with a meter read every hour, people and programs."""

    def __init__(self, running, host=HOST, meter=None, step=137):
        self.receiver, self.host, self.meter = running, host, meter or Meter(12345678)
        self.step = step
        self.gateway = running.enrol(Gateway(running.directory.load().works), name="Fyrveien 3")
        records = [wire_records.telegram(self.gateway.next(), NOW - (71 - n) * HOUR, -70,
                                  self.meter.telegram(4_200_000 + n * step)) for n in range(72)]
        running.through(self.gateway.batch(records))
        running.through(self.gateway.batch([wire_records.han_hour(self.gateway.next(), NOW, NOW - HOUR, 3_917_555, 0,
                                                                  False)]))
        with Office(running.directory) as office:
            office.homes.bind(self.gateway.id, self.meter.text, NOW)
            self.secret = office.homes.make_link(self.gateway.id, NOW - 30 * DAY)
        self.bearers = {}
        with contextlib.closing(Accounts(running.directory.access)) as accounts:
            for role in ROLES:
                accounts.put(role, PASSWORD, NOW, role, self.gateway.id if role == "homeowner" else None)
            for role in ROLES[:3]:
                self.bearers[role] = accounts.make_token(f"program-{role}", role, 10, NOW - DAY)
            self.bearers["expired"] = accounts.make_token("expired", "operations", 1, NOW - DAY)
            self.bearers["ended"] = accounts.make_token("ended", "operations", 10, NOW - DAY)
            accounts.revoke_token("ended", NOW)
            accounts.db.execute("DELETE FROM sessions")
        self._cookies = {}

    def log_in(self, role):
        """The cookie of a role's session, begun at first use."""
        if role not in self._cookies:
            self._cookies[role] = self.enter(role, PASSWORD)["Cookie"]
        return self._cookies[role]

    def enter(self, name, password):
        """The headers of a new session; None where there is none to be had."""
        cookie = enter(self.receiver, name, password)
        return None if cookie is None else {"Host": self.host, "Cookie": cookie}

    def forget(self, role):
        """Log in anew next time."""
        self._cookies.pop(role, None)

    def csrf(self, role):
        """The CSRF token of a role's session."""
        cookie = self.log_in(role).split("=", 1)[1]
        with contextlib.closing(Accounts(self.receiver.directory.access)) as accounts:
            return accounts.session(cookie, self.receiver.now()).csrf

    def headers(self, who):
        """The headers of `nobody`, a role's session, or `token:` and a role."""
        headers = {"Host": self.host, "Accept-Language": "en"}
        if who.startswith("token:"):
            headers["Authorization"] = "Bearer " + self.bearers[who[6:]]
        elif who != "nobody":
            headers["Cookie"] = self.log_in(who)
        return headers

    @property
    def ids(self):
        """What addresses are filled with."""
        return {"meter": self.meter.text, "gateway": self.gateway.id, "secret": self.secret}

    def path(self, canonical):
        """An address of a route that shows something."""
        return installed.address(canonical, self.ids).replace("{name}", "netti.css")

    def page(self, role="operations"):
        """Some page that a role may see."""
        return installed.kept_to(role, self.ids)[0]

    def api(self, role="operations"):
        """Some route of the API that a role may use."""
        return installed.kept_to(role, self.ids, api=True)[0]

    def ask(self, who, path, method="GET", body=None, **headers):
        """An answer for somebody."""
        form = FORM if body is not None else {}
        return self.receiver.web(path, method, body, {**self.headers(who), **form, **headers})

    def audit(self):
        """The audit log's lines, newest first."""
        with contextlib.closing(Accounts(self.receiver.directory.access)) as accounts:
            return accounts.audit.latest()


def enter(receiver, name, password):
    """The cookie of a new session, as a page for logging in would begin it; None where it would not."""
    with contextlib.closing(Accounts(receiver.directory.access)) as accounts:
        salt, expected = accounts.salt_and_hash(name)
        given = password_hash(password, salt)
        cookie = accounts.begin(name, given, receiver.now()) if given == expected else None
    return None if cookie is None else f"{COOKIE}={cookie}"


def encoded_odd(odd):
    """One of ODD as it stands in an address."""
    return urllib.parse.quote(odd.encode("utf-8", "surrogateescape"), safe="")


def routes(app):
    """(method, canonical path) of every route of an app."""
    return {(r.method, r.resource.canonical) for r in app.router.routes() if r.method != "HEAD"}


def sees_hours(town, who):
    """The addresses at which somebody sees a value that only hours, or only readings, have."""
    hour, total = f">{town.step} ", ("4209.", "4,209.", "4 209,")
    pages = []
    for method, canonical in sorted(routes(town.receiver.receiver.web)):
        for query in ("", "?view=hours", "?view=hours&purpose=leak", "?purpose=leak", "?view=months", "?format=csv",
                      "?resolution=hours", "?resolution=hours&purpose=leak"):
            if method != "GET" or "{secret}" in canonical:
                continue
            text = town.ask(who, town.path(canonical) + query).text.replace("\xa0", " ")
            if f">{town.step}<" in text or hour in text or "view=hours" in query and "Litres per hour" in text:
                pages.append(canonical + query)
            elif any(t in text for t in total):
                pages.append("total " + canonical + query)
    return pages


def cookie_of(answer):
    """The session cookie an answer sets, with its attributes."""
    return http.cookies.SimpleCookie(answer.headers["Set-Cookie"])["__Host-netti"]
