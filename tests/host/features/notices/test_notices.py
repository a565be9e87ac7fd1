"""Notices by a real SMTP server and a real webhook: once each, also over failures, restarts and kills."""

import asyncio
import contextlib
import email
import hmac
import http.server
import json
import socket
import sqlite3
import threading
import typing

import needs
import pytest
from receiver_support import DAY, HOUR, NOW, FixedClock, Meter, Running, make

from cloud_receiver.features.notices import notices
from cloud_receiver.features.notices.settings import NoticeSettings
from cloud_receiver.office.directory import SettingsError
from cloud_receiver.web import words

controller = needs.module("aiosmtpd.controller")
METER = Meter(12345678)


class Post:
    """An SMTP server that keeps what it takes, or refuses."""

    def __init__(self):
        self.mails, self.refuse = [], 0

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        if self.refuse:
            self.refuse -= 1
            return "451 later"
        self.mails.append(email.message_from_bytes(envelope.content))
        return "250 taken"


class Hook:
    """A webhook that keeps what it is sent, or answers 500."""

    def __init__(self):
        self.posts, self.refuse, self.signatures = [], 0, []
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802 - http.server's name
                data = self.rfile.read(int(self.headers["Content-Length"]))
                refused = hook.refuse > 0
                hook.refuse -= refused
                if not refused:
                    hook.posts.append((self.headers["Idempotency-Key"], json.loads(data)))
                    hook.signatures.append((self.headers["X-Netti-Signature"], data))
                self.send_response(500 if refused else 204)
                self.end_headers()

            def log_message(self, *args):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/netti"


@pytest.fixture
def others():
    """(SMTP server, webhook, their settings)."""
    post, hook = Post(), Hook()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    smtp = controller.Controller(post, hostname="127.0.0.1", port=port)
    smtp.start()
    settings = {"language": "en", "link": "https://vann.example/", "webhook": {"url": hook.url},
                "email": {"host": "127.0.0.1", "port": port, "security": "none",
                          "from": "netti@vann.example", "to": ["drift@vann.example", "vakt@vann.example"]}}
    yield post, hook, settings
    smtp.stop()
    hook.server.shutdown()


@pytest.fixture
def by_hand(monkeypatch):
    """Nothing is looked at or sent but where the test says so."""
    async def nothing(self):
        await asyncio.sleep(1e6)
    monkeypatch.setattr(notices.Notices, "run", nothing)


def works(tmp_path, settings):
    directory = make(tmp_path / "works")
    (directory.path / "notices.json").write_text(json.dumps(settings))
    return directory


def step(running):
    """A look and a try to send: (new things, delivered)."""
    service = running.receiver.services["notices"]
    return running.run(service.look()), running.run(service.send())


def waiting(running):
    """How many are to be sent still."""
    async def ask():
        return running.receiver.services["notices"].waiting()
    return running.run(ask())


def alarming(running, gateway, at):
    running.through(gateway.telegrams([METER.telegram(5, status=4)], time=at))
    running.wait_for(lambda s: s["pending"] == 0)


def test_a_silent_gateway_and_an_alarm_are_told_once_each(tmp_path, others, by_hand, monkeypatch):
    post, hook, settings = others
    monkeypatch.setenv("NETTI_WEBHOOK_SECRET", "s3cret")
    clock = FixedClock()
    with Running(works(tmp_path, settings), clock) as running:
        gateway = running.enrol(name="Fyrveien 3")
        running.through(gateway.batch([]))
        assert step(running) == (0, 0), "all is well"
        clock.at += 2 * HOUR
        assert step(running) == (1, 2) and step(running) == (0, 0)
        [mail] = post.mails
        assert mail["Subject"] == "Prøveby vannverk: 1 silent gateway" or "silent gateway" in str(
            email.header.make_header(email.header.decode_header(mail["Subject"])))
        text = mail.get_payload(decode=True).decode()
        assert f"{gateway.id}: No contact for 2 hours" in text
        assert "Fyrveien" not in mail.as_string() + text + json.dumps(hook.posts), "a home's address stays here"
        assert f"https://vann.example/gateways/{gateway.id}" in text and mail["To"].count("@") == 2
        [(number, told)] = hook.posts
        assert told["notices"][0]["gateway"] == gateway.id and number == told["id"]
        assert mail["Message-ID"].startswith("<") and mail["Message-ID"].endswith("@vann.example>")
        [(signature, data)] = hook.signatures
        assert signature == "sha256=" + hmac.new(b"s3cret", data, "sha256").hexdigest()
        alarming(running, gateway, clock.at)
        assert step(running) == (1, 2)
        assert hook.posts[1][1]["notices"][0] | {"since": 0} == {
            "kind": "alarm", "meter": METER.text, "alarm": "low_battery", "since": 0}
        # It came back, and falls silent anew: that is news.
        clock.at += 2 * HOUR
        assert step(running) == (1, 2) and len(post.mails) == 3


def test_what_fails_is_tried_again_until_it_is_taken(tmp_path, others, by_hand, caplog):
    post, hook, settings = others
    post.refuse, hook.refuse, clock = 2, 3, FixedClock()
    with Running(works(tmp_path, settings), clock) as running:
        alarming(running, running.enrol(), NOW)
        assert step(running) == (1, 0) and waiting(running) == 2
        assert "by webhook not delivered (answered 500)" in caplog.text
        assert "by email not delivered (SMTPDataError 451)" in caplog.text
        assert "@" not in caplog.text, "why, and no address"
        assert step(running) == (0, 0), "not at once"
        for wait in notices.RETRY_S:
            clock.at += wait
            running.run(running.receiver.services["notices"].send())
        assert len(post.mails) == len(hook.posts) == 1 and waiting(running) == 0


def test_one_channel_that_is_down_does_not_hold_up_the_other_and_is_given_up_some_day(tmp_path, others, by_hand):
    post, hook, settings = others
    settings["email"]["port"], clock = 1, FixedClock()
    with Running(works(tmp_path, settings), clock) as running:
        alarming(running, running.enrol(), NOW)
        assert step(running) == (1, 1) and len(hook.posts) == 1 and waiting(running) == 1
        clock.at += 4 * DAY
        running.run(running.receiver.services["notices"].send())
        assert waiting(running) == 0 and post.mails == []


def told_over_restarts(tmp_path, others):
    """How often each channel was told of one alarm, with restarts between look and sending and after it."""
    post, hook, settings = others
    directory = works(tmp_path, settings)
    with Running(directory) as running:
        alarming(running, running.enrol(), NOW)
        running.run(running.receiver.services["notices"].look())
    for _ in range(2):
        with Running(directory) as running:
            step(running)
    return len(post.mails), len(hook.posts)


def test_a_restart_loses_none_and_doubles_none(tmp_path, others, by_hand):
    assert told_over_restarts(tmp_path, others) == (1, 1)


def test_seen_where_what_was_told_is_kept_in_memory(tmp_path, others, by_hand, monkeypatch):
    """Known-bad: an outbox that a restart forgets."""
    connect = sqlite3.connect
    monkeypatch.setattr(notices.sqlite3, "connect", lambda path, **k: connect(
        ":memory:" if str(path).endswith("notices.sqlite") else path, **k))
    assert told_over_restarts(tmp_path, others) != (1, 1)


def test_killed_between_taken_and_noted_it_comes_again_under_the_same_id(tmp_path, others, by_hand):
    post, hook, settings = others
    directory = works(tmp_path, settings)
    with Running(directory) as running:
        alarming(running, running.enrol(), NOW)
        assert step(running) == (1, 2)
    with contextlib.closing(sqlite3.connect(directory.path / "notices.sqlite")) as db:
        db.execute("UPDATE outbox SET ended = NULL, tries = 0")
        db.commit()
    with Running(directory) as running:
        step(running)
    assert len(hook.posts) == 2 and len({number for number, _ in hook.posts}) == 1
    assert len({m["Message-ID"] for m in post.mails}) == 1


def test_it_watches_by_itself(tmp_path, others, monkeypatch):
    post, hook, settings = others
    monkeypatch.setattr(notices, "LOOK_S", 0.05)
    monkeypatch.setattr(notices, "SEND_S", 0.05)
    with Running(works(tmp_path, settings)) as running:
        alarming(running, running.enrol(), NOW)
        running.wait_for_answer(lambda: post.mails and hook.posts)


def test_settings_are_checked(tmp_path):
    path = tmp_path / "notices.json"
    assert notices.load(path) is None
    mail = {"host": "h", "from": "a@b", "to": ["c@d"]}
    path.write_text(json.dumps({"email": mail, "link": "https://vann.example/"}))
    settings = notices.load(path)
    assert (settings.email.port, settings.email.security, settings.email.sender, settings.email.recipients) == (
        587, "starttls", "a@b", ["c@d"])
    assert (settings.of, settings.alarms, settings.link, settings.webhook) == (
        ["gateways", "alarms"], [], "https://vann.example", None)
    for wrong, says in (("{", "ends too soon"), ("{}", "neither email nor webhook"), ("[]", "expected object"),
                        ('{"webhook": {}}', "webhook: url is missing"),
                        ('{"webhook": {"url": "http://example.com"}}', "webhook.url"),
                        ('{"email": {}}', "email: host is missing"), ('{"language": "de"}',
                                                                      "language: there is no 'de'"),
                        (json.dumps({"email": dict(mail, security="ssl")}), "email.security: there is no 'ssl'"),
                        (json.dumps({"email": dict(mail, to="c@d")}), "email.to: expected array"),
                        (json.dumps({"email": dict(mail, to=[])}), "email.to"),
                        (json.dumps({"email": dict(mail, port="25")}), "email.port: expected int"),
                        (json.dumps({"email": mail, "of": ["all"]}), "of[0]: there is no 'all'")):
        path.write_text(wrong)
        with pytest.raises(SettingsError) as e:
            notices.load(path)
        assert "\n" not in str(e.value) and str(e.value).startswith(f"{path}: ") and says in str(e.value), wrong


def test_the_languages_of_mails_are_those_of_the_pages():
    language = typing.get_type_hints(NoticeSettings)["language"]
    assert typing.get_args(language) == words.LANGUAGES


def test_the_text_in_bokmal_and_a_long_list_is_cut():
    body = {"time": NOW, "notices": [{"kind": "alarm", "meter": f"KAM-{n:08d}-1B-16", "alarm": "leak", "since": NOW}
                                     for n in range(70)]}
    subject, text = notices.mail_text(body, "Prøveby vannverk", "nb", lambda path: "")
    assert subject == "Prøveby vannverk: 70 alarmer" and text.count("lekkasje, siden 24.11.2026 08:00") == 50
    assert text.endswith("og 20 til\n")
