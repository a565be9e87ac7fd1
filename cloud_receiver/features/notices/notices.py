"""Notices to the works by e-mail and webhook: gateways that fell silent, meters that report an alarm.

What stands is noticed once, when it is first seen; it is noticed again only after it had ended. What was noticed and
what is to be sent are one transaction of one file (notices.sqlite), so that a restart loses nothing and sends nothing
anew. Sending is tried until it succeeds, at growing intervals, for three days. A process that is killed between the
other side's yes and its own note sends that one again, under the same id (Message-ID, Idempotency-Key), by which the
other side can tell.

notices.json in the receiver's directory says where to; without it nothing is watched.
"""

import asyncio
import email.message
import email.utils
import hashlib
import hmac
import json
import logging
import os
import smtplib
import sqlite3
import ssl

import aiohttp

from ...data.clock import DAY, HOUR
from ...office.files import database, transaction
from ...stores import Busy, StoreError, queries
from ...web import words
from .settings import Email, Webhook, load

log = logging.getLogger("netti.notices")

LOOK_S = 60.0  # between looks at the store
SEND_S = 5.0  # between looks at the outbox
RETRY_S = (30, 60, 300, 900, HOUR)  # after each failure; the last again and again
GIVE_UP_S = 3 * DAY
TIMEOUT_S = 30
MOST_LINES = 50  # of one notice
MOST_ALARMS = 1_000_000
CHANNELS = ("email", "webhook")
SCHEMA = """
CREATE TABLE IF NOT EXISTS standing (what TEXT PRIMARY KEY, since INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS outbox (
  id INTEGER PRIMARY KEY, channel TEXT NOT NULL, body TEXT NOT NULL, made INTEGER NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL, ended INTEGER, error TEXT) STRICT;
"""


class Notices:
    """The notices of a receiver."""

    def __init__(self, receiver):
        self.receiver, self.store, self.clock = receiver, receiver.store, receiver.clock
        self.settings = load(receiver.directory.notices_settings)
        self.db: "sqlite3.Connection | None" = None
        if self.settings is not None:
            self.db = database(receiver.directory.notices, SCHEMA, timeout=5)

    def waiting(self) -> int:
        """Notices that are to be sent still."""
        if self.db is None:
            return 0
        return self.db.execute("SELECT count(*) FROM outbox WHERE ended IS NULL").fetchone()[0]

    def gauges(self) -> "dict[str, tuple[str, int]]":
        """For the metrics: name -> (text, value)."""
        return {"netti_notices_waiting": ("Notices not delivered yet", self.waiting())}

    async def run(self) -> None:
        """Watch and send until cancelled."""
        if self.db is None:
            return
        looked = -LOOK_S
        loop = asyncio.get_running_loop()
        while True:
            try:
                if loop.time() - looked >= LOOK_S:
                    looked = loop.time()
                    await self.look()
                await self.send()
            except (StoreError, Busy, sqlite3.Error) as e:
                log.warning("notices wait: %s", type(e).__name__)
            await asyncio.sleep(SEND_S)

    # --- what is to be noticed

    async def look(self) -> int:
        """Enter what is new among what stands; returns how many things that is."""
        assert self.settings is not None and self.db is not None
        now = self.clock.seconds()
        standing = {}
        if "gateways" in self.settings.of:
            rows = await self.store.read(queries.gateways.silent, now)
            revoked = self.receiver.office.enrolled.revoked()
            for gateway, _name, contact in rows:  # the name may be a home's address: mail is no place for it
                if gateway not in revoked:
                    standing[f"gateway {gateway}"] = {"kind": "silent gateway", "gateway": gateway, "since": contact}
        if "alarms" in self.settings.of:
            everything, _ = await self.store.read(queries.alarms.page, "all", "", "-since", MOST_ALARMS, 0)
            for a in everything:
                if a["alarm"] in self.settings.alarms or not self.settings.alarms:
                    standing[f"alarm {a['id']} {a['alarm']}"] = {"kind": "alarm", "meter": a["id"], "alarm": a["alarm"],
                                                              "since": a["since"]}
        known = {row[0] for row in self.db.execute("SELECT what FROM standing")}
        new = [what for what in standing if what not in known]
        with transaction(self.db):
            self.db.executemany("DELETE FROM standing WHERE what = ?", [(k,) for k in known - standing.keys()])
            self.db.executemany("INSERT INTO standing VALUES (?,?)", [(k, now) for k in new])
            if new:
                body = json.dumps({"works": self.receiver.settings.works, "time": now,
                                   "notices": [standing[k] for k in new]})
                for channel in CHANNELS:
                    if getattr(self.settings, channel) is not None:
                        self.db.execute("INSERT INTO outbox (channel, body, made, next) VALUES (?,?,?,?)",
                                        (channel, body, now, now))
        return len(new)

    # --- what is to be sent

    async def send(self) -> int:
        """Try what is due; returns how many were delivered."""
        assert self.db is not None
        now, done = self.clock.seconds(), 0
        for number, channel, body, made, tries in self.db.execute(
                "SELECT id, channel, body, made, tries FROM outbox WHERE ended IS NULL AND next <= ? ORDER BY id",
                (now,)).fetchall():
            try:
                where = getattr(self.settings, channel)
                if where is None:
                    raise Undelivered("no longer set up")
                await (self._email if channel == "email" else self._webhook)(where, number, json.loads(body))
            except Exception as e:  # noqa: BLE001 - the other side may fail in any way
                error = reason(e)
                ended = now if now - made > GIVE_UP_S else None
                wait = RETRY_S[min(tries, len(RETRY_S) - 1)]
                log.warning("notice %d by %s not delivered (%s), %s", number, channel, error,
                            "given up" if ended else f"next try in {wait} s")
                self.db.execute("UPDATE outbox SET tries = tries + 1, next = ?, ended = ?, error = ? WHERE id = ?",
                                (now + wait, ended, error, number))
            else:
                done += 1
                self.db.execute("UPDATE outbox SET tries = tries + 1, ended = ?, error = NULL WHERE id = ?",
                                (now, number))
        self.db.execute("DELETE FROM outbox WHERE ended < ?", (now - 30 * DAY,))
        return done

    def _id(self, number):
        """A notice's id, the same at each try."""
        return hashlib.sha256(f"{self.receiver.settings.works} {number}".encode()).hexdigest()[:16] + f"-{number}"

    async def _webhook(self, where: Webhook, number, body):
        data = json.dumps(dict(body, id=self._id(number))).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": self._id(number)}
        secret = os.environ.get("NETTI_WEBHOOK_SECRET")
        if secret:
            headers["X-Netti-Signature"] = "sha256=" + hmac.new(secret.encode(), data, "sha256").hexdigest()
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.post(
                where.url, data=data, headers=headers, allow_redirects=False) as answer:
            if not 200 <= answer.status < 300:
                raise Undelivered(f"answered {answer.status}")

    def _link(self, path: str) -> str:
        """The address of a page, as people at the works reach it; "" where none is known or there is no such page."""
        assert self.settings is not None
        link = self.settings.link
        return link + path if link and self.receiver.site.has(path) else ""

    async def _email(self, where: Email, number, body):
        mail = email.message.EmailMessage()
        mail["From"], mail["To"] = where.sender, ", ".join(where.recipients)
        assert self.settings is not None
        subject, text = mail_text(body, self.receiver.settings.name, self.settings.language, self._link)
        mail["Subject"] = subject
        mail["Date"] = email.utils.formatdate(body["time"])
        mail["Message-ID"] = f"<{self._id(number)}@{where.sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text)
        await asyncio.get_running_loop().run_in_executor(None, send_mail, where, mail)

    def close(self) -> None:
        """Close the outbox."""
        if self.db is not None:
            self.db.close()


class Undelivered(Exception):
    """The other side did not take a notice; the text is a few words for the log, without addresses."""


def reason(e: Exception) -> str:
    """Why a notice was not delivered, for the log: never what the other side wrote, which may repeat addresses."""
    if isinstance(e, Undelivered):
        return str(e)
    name = type(e).__name__
    return f"{name} {e.smtp_code}" if isinstance(e, smtplib.SMTPResponseException) else name


def mail_text(body: dict, works: str, language: str, link) -> "tuple[str, str]":
    """(subject, text) of a notice; link(path) is the address of a page, or ""."""
    w = words.Words(language, body["time"])

    def line(name, text, address):
        return f"{name}: {text}" + (f"\n  {address}" if address else "")
    lines = []
    for n in body["notices"][:MOST_LINES]:
        if n["kind"] == "alarm":
            since = w.text("since %(time)s", time=w.time(n["since"]))
            lines.append(line(n["meter"], f"{w.code(n['alarm'])}, {since}", link(f"/meters/{n['meter']}")))
        else:
            contact = w.text("Enrolled, not heard from yet") if n["since"] is None else \
                w.text("No contact for %(span)s", span=w.span(body["time"] - n["since"]))
            lines.append(line(n["gateway"], contact, link(f"/gateways/{n['gateway']}")))
    more = len(body["notices"]) - len(lines)
    if more:
        lines.append(w.text("and %(count)s more", count=w.number(more)))
    alarms = sum(n["kind"] == "alarm" for n in body["notices"])
    silent = len(body["notices"]) - alarms
    counts = []
    if alarms:
        counts.append(w.plural("%(count)s alarm", "%(count)s alarms", alarms, count=w.number(alarms)))
    if silent:
        counts.append(w.plural("%(count)s silent gateway", "%(count)s silent gateways", silent,
                               count=w.number(silent)))
    return f"{works}: {', '.join(counts)}", "\n".join(lines) + "\n"


def send_mail(where: Email, mail: email.message.EmailMessage) -> None:
    """Hand a mail to the server of the settings; raises OSError or smtplib.SMTPException."""
    host, port = where.host, where.port
    with smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=ssl.create_default_context()) \
            if where.security == "tls" else smtplib.SMTP(host, port, timeout=TIMEOUT_S) as server:
        if where.security == "starttls":
            server.starttls(context=ssl.create_default_context())
        password = os.environ.get("NETTI_SMTP_PASSWORD")
        if where.user and password:
            server.login(where.user, password)
        refused = server.send_message(mail)
        if refused:
            log.warning("a notice was refused for %d of %d recipients", len(refused), len(where.recipients))
