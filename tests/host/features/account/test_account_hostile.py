"""Whatever is sent to log-in, log-out and the own password: no 500, no session, no more than a few hashes at once."""

import concurrent.futures
import os
import random
import threading
import time
import urllib.parse

import pytest
from access_rig import FORM, ODD, PASSWORD
from account_rig import limits

from cloud_receiver.features.account import limits as account_limits
from cloud_receiver.features.account import page as account


@pytest.fixture
def town(town):
    """As many attempts as somebody likes."""
    limits(town.receiver).by_address.burst = limits(town.receiver).delays.free = 1e9
    return town


@pytest.fixture
def quick(monkeypatch):
    """No time for real hashes: what is tried here is the way to them."""
    monkeypatch.setattr(account, "password_hash", lambda password, salt: bytes(31))


def encoded(*fields):
    return "&".join(f"{name}={urllib.parse.quote(value.encode('utf-8', 'surrogateescape'))}" for name, value in fields)


def test_no_form_makes_it_fail(town, quick):
    rng = random.Random(8)
    for odd in ODD:
        for body in (encoded(("name", odd), ("password", odd)), encoded(("csrf", odd), ("new", odd)), os.urandom(200),
                     odd.encode("utf-8", "surrogateescape"), "&" * 3000,
                     encoded(("name", "reader"), ("name", odd), ("password", odd))):
            for path in ("/login", "/account", "/logout"):
                for kind in ("application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=x",
                             "multipart/form-data; boundary=x",
                             "multipart/form-data", "application/json", "text/plain; charset=\xe6", ""):
                    if rng.random() < 0.3:
                        answer = town.receiver.web(path, "POST", body, {"Host": town.host, "Content-Type": kind})
                        assert answer.status in (303, 400, 403, 413, 429), (path, kind, body[:40], answer.status)
                        assert "Set-Cookie" not in answer.headers


def test_no_header_makes_log_in_fail(town, quick):
    for odd in ODD:
        raw = odd.encode("utf-8", "surrogateescape")
        for name in ("Cookie", "Authorization", "X-Forwarded-For", "Origin", "X-CSRF-Token", "Sec-Fetch-Site"):
            if b"\x00" in raw:
                continue
            value = b"__Host-netti=" + raw if name == "Cookie" else raw
            for path in ("/login", "/logout"):
                status = town.receiver.web(path, "POST", "", {"Host": town.host, **FORM, name: value}).status
                assert 300 <= status < 500, (name, odd, path, status)


def hashed(town, monkeypatch, one=None):
    """Sixty names at once, each hash a while: how many were hashed."""
    running, most, lock = [0], [0], threading.Lock()

    def slow(password, salt):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.2)
        with lock:
            running[0] -= 1
        return bytes(31)
    monkeypatch.setattr(account, "password_hash", slow)
    with concurrent.futures.ThreadPoolExecutor(60) as pool:
        found = list(pool.map(lambda n: town.receiver.web("/login", "POST", f"name=u{n}&password=x", {
            "Host": town.host, **FORM, "X-Forwarded-For": one or f"10.{n % 9}.{n}.1"}).status, range(60)))
    assert most[0] <= account_limits.HASHING and set(found) == {403, 429}
    return found.count(403)


def test_few_passwords_are_hashed_at_once_and_few_wait(town, monkeypatch):
    assert hashed(town, monkeypatch) >= account_limits.MOST_WAITING


def test_a_sender_waits_behind_himself(town, monkeypatch):
    """One that tries sixty names at once gets few hashed, and somebody from elsewhere is next."""
    tried = threading.Thread(target=lambda: counted.append(one_sender(town, monkeypatch)))
    counted: list = []
    tried.start()
    end = time.monotonic() + 20
    while limits(town.receiver).hashing.waiting < account_limits.MOST_OF_A_SENDER and time.monotonic() < end:
        time.sleep(0.01)
    other = town.receiver.web("/login", "POST", "name=x&password=x", {
        "Host": town.host, **FORM, "X-Forwarded-For": "203.0.113.5"}).status
    tried.join()
    assert other == 403 and counted[0] < 30


def one_sender(town, monkeypatch):
    return hashed(town, monkeypatch, one="198.51.100.7")


def test_seen_where_all_are_hashed_at_once(town, monkeypatch):
    """Known-bad: no bound."""
    limits(town.receiver).hashing.at_once = 1000
    with pytest.raises(AssertionError):
        hashed(town, monkeypatch)


def test_a_password_as_long_as_it_may_be(town):
    with town.receiver.people() as people:
        people.put("long", "å" * 200, 0, "reader")
        people.put("short", PASSWORD, 0, "reader")
    for name, password, status in (("long", "å" * 200, 303), ("long", "å" * 199, 403), ("short", PASSWORD, 303)):
        assert town.receiver.web("/login", "POST", encoded(("name", name), ("password", password)), {
            "Host": town.host, **FORM}).status == status
