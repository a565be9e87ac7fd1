"""What the tests of access share: a receiver with people of every role, tokens, a home, and values to recognise."""

import contextlib
import http.cookies
import urllib.parse

from receiver_support import DAY, HOUR, NOW, Gateway, Meter

import firmware.wire.records as wire_records
from cloud_receiver.office.accounts import Accounts
from cloud_receiver.office.office import Office
from cloud_receiver.office.roles import ROLES

HOST = "vann.example"
PASSWORD = "riktig hest batteri stift"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


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
            body = urllib.parse.urlencode({"name": role, "password": PASSWORD})
            answer = self.receiver.web("/login", "POST", body, {"Host": self.host, **FORM})
            assert answer.status == 303, answer.text
            self._cookies[role] = answer.headers["Set-Cookie"].split(";")[0]
        return self._cookies[role]

    def forget(self, role):
        """Log in anew next time."""
        self._cookies.pop(role, None)

    def csrf(self, role):
        """The CSRF token of a role's session."""
        text = self.ask(role, "/account").text
        return text.split('name="csrf" value="')[1].split('"')[0]

    def headers(self, who):
        """The headers of `nobody`, a role's session, or `token:` and a role."""
        found = {"Host": self.host, "Accept-Language": "en"}
        if who.startswith("token:"):
            found["Authorization"] = "Bearer " + self.bearers[who[6:]]
        elif who != "nobody":
            found["Cookie"] = self.log_in(who)
        return found

    def path(self, canonical):
        """An address of a route that shows something."""
        meter = "meters" in canonical
        return canonical.replace("{id}", self.meter.text if meter else self.gateway.id) \
            .replace("{secret}", self.secret).replace("{name}", "netti.css")

    def ask(self, who, path, method="GET", body=None, **headers):
        """An answer for somebody."""
        form = FORM if body is not None else {}
        return self.receiver.web(path, method, body, {**self.headers(who), **form, **headers})

    def audit(self):
        """The audit log's lines, newest first."""
        with contextlib.closing(Accounts(self.receiver.directory.access)) as accounts:
            return accounts.audit.latest()


def routes(app):
    """(method, canonical path) of every route of an app."""
    return {(r.method, r.resource.canonical) for r in app.router.routes() if r.method != "HEAD"}


def cookie_of(answer):
    """The session cookie an answer sets, with its attributes."""
    return http.cookies.SimpleCookie(answer.headers["Set-Cookie"])["__Host-netti"]
