"""A second factor: asked for after the password, good once, replaced by recovery codes, required where a works says."""

import hashlib
import re
import subprocess
import urllib.parse

import pytest
from access_rig import FORM, PASSWORD
from account_rig import stop_time
from receiver_support import NOW, Process

from cloud_receiver.features.account import limits as account_limits
from cloud_receiver.features.account import steps
from cloud_receiver.office import second_factor
from cloud_receiver.office.second_factor import STEP_S, SecondFactors, address_of, code_of
from cloud_receiver.web import qr

NAME = "administrator"


def post(town, path, headers=None, **fields):
    return town.receiver.web(path, "POST", urllib.parse.urlencode(fields),
                             {"Host": town.host, "Accept-Language": "en", **FORM, **(headers or {})})


def cookies(answer):
    """The cookies an answer sets, as they are sent back."""
    found = [c.split(";")[0] for c in answer.headers.get_all("Set-Cookie") or ()]
    return {"Cookie": "; ".join(c for c in found if not c.endswith(('=""', "=")))}


def password(town, **headers):
    """The step after the right password."""
    answer = post(town, "/login", headers, name=NAME, password=PASSWORD)
    assert answer.status == 303 and answer.headers["Location"] == "/login/code", answer.status
    assert "__Host-netti=" not in str(answer.headers)
    return cookies(answer)


def set_up(town):
    """Set one up as its owner does; returns the secret and the recovery codes."""
    with town.receiver.people() as people:
        secret = people.second.begin(NAME)
    town.log_in(NAME)
    answer = change(town, "confirm", code_of(secret, town.receiver.clock.at // STEP_S))
    assert answer.status == 200, answer.text
    codes = re.findall("<code>([A-Z2-7]{4}(?:-[A-Z2-7]{4}){3})</code>", answer.text)
    assert len(set(codes)) == second_factor.CODES
    town.receiver.clock.at += STEP_S
    return secret, codes


def change(town, do, code):
    return town.ask(NAME, "/account/second", "POST", urllib.parse.urlencode(
        {"csrf": town.csrf(NAME), "do": do, "code": code}))


def now_code(town, secret, ahead=0):
    return code_of(secret, town.receiver.clock.at // STEP_S + ahead)


def test_codes_are_those_of_rfc_6238():
    """Appendix B, the last six digits."""
    secret = b"12345678901234567890"
    assert [code_of(secret, at // STEP_S) for at in (59, 1111111109, 1111111111, 1234567890, 2000000000, 20000000000)] \
        == ["287082", "081804", "050471", "005924", "279037", "353130"]


def test_an_address_fits_into_the_picture():
    for name, works in (("vakt", "works"), ("å" * 64, "æ" * 64), ("a" * 64, "b" * 64)):
        address = address_of(bytes(20), name, works, qr.MOST)
        assert len(address) <= qr.MOST and "?secret=" + "A" * 32 in address and address.startswith("otpauth://totp/")


def test_the_picture_is_a_qr_code():
    """Of 106 bytes as other encoders make it; of fewer as it reads back, without an error to correct."""
    whole = qr.matrix(bytes(range(106)))
    assert hashlib.sha256(bytes(sum(whole, []))).hexdigest() == GOLDEN
    for data in (b"", b"otpauth://totp/x", bytes(106)):
        words = read_back(qr.matrix(data))
        assert words[0] >> 4 == 4 and (words[0] & 15) << 4 | words[1] >> 4 == len(data)
        assert bytes((a & 15) << 4 | b >> 4 for a, b in zip(words[1:], words[2:]))[:len(data)] == data
        assert words[108:] == qr._check(words[:108])
    with pytest.raises(ValueError, match="106"):
        qr.matrix(bytes(107))


GOLDEN = "a71417d76e9851b6b65811a6e912405265125a361153b3cc92971d99ae6324f2"


def read_back(modules):
    fixed = qr._patterns()[1]
    order = [(x, y) for right in [*range(36, 7, -2), 5, 3, 1]
             for y in (range(36, -1, -1) if (right + 1) & 2 == 0 else range(37)) for x in (right, right - 1)]
    bits = [modules[y][x] ^ ((x + y) % 2 == 0) for x, y in order if not fixed[y][x]]
    return [int("".join(str(int(b)) for b in bits[n:n + 8]), 2) for n in range(0, 134 * 8, 8)]


def test_the_password_alone_begins_no_session(town):
    secret, _ = set_up(town)
    step = password(town)
    assert town.receiver.web("/audit", headers={"Host": town.host, **step}).status == 303
    assert post(town, "/login/code", step, code="000000").status == 403
    assert post(town, "/login/code", {}, code=now_code(town, secret)).status == 403, "without the password"
    done = post(town, "/login/code", step, code=now_code(town, secret))
    assert done.status == 303 and done.headers["Location"] == "/"
    session = cookies(done)
    assert town.receiver.web("/audit", headers={"Host": town.host, **session}).status == 200
    assert post(town, "/login/code", step, code=now_code(town, secret, 1)).status == 403, "a step serves once"
    with town.receiver.people() as people:
        salt, expected = people.salt_and_hash(NAME)
        assert people.begin(NAME, expected, NOW) is None, "whatever page forgets to ask"


@pytest.mark.parametrize("ahead, good", [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_clocks_may_differ_by_one_step(town, ahead, good):
    secret, _ = set_up(town)
    town.receiver.clock.at += 3 * STEP_S
    done = post(town, "/login/code", password(town), code=now_code(town, secret, ahead))
    assert done.status == (303 if good else 403)


def test_a_code_is_good_once(town):
    secret, _ = set_up(town)
    code = now_code(town, secret)
    assert post(town, "/login/code", password(town), code=code).status == 303
    assert post(town, "/login/code", password(town), code=code).status == 403, "used before"
    assert post(town, "/login/code", password(town), code=now_code(town, secret, -1)).status == 403, "an earlier one"
    assert post(town, "/login/code", password(town), code=now_code(town, secret, 1)).status == 303


def test_seen_where_a_code_is_good_twice_or_nobody_is_asked(town, monkeypatch):
    """Known-bad."""
    real = SecondFactors._good_once

    def again(self, user, code, now):
        self._db.execute("UPDATE second_factors SET last = 0")
        return real(self, user, code, now)
    with monkeypatch.context() as patched:
        patched.setattr(SecondFactors, "_good_once", again)
        with pytest.raises(AssertionError, match="used before"):
            test_a_code_is_good_once(town)
    monkeypatch.setattr(SecondFactors, "has", lambda self, user: False)
    with pytest.raises(AssertionError):
        password(town)


def test_a_recovery_code_is_good_once(town):
    _, codes = set_up(town)
    assert post(town, "/login/code", password(town), code=codes[3].lower().replace("-", " ")).status == 303
    assert town.audit()[0].what == "recovery code used"
    assert post(town, "/login/code", password(town), code=codes[3]).status == 403
    assert post(town, "/login/code", password(town), code=codes[4]).status == 303
    assert codes[5].replace("-", "").encode() not in town.receiver.directory.access.read_bytes()


def test_codes_are_not_to_be_guessed(town):
    secret, _ = set_up(town)
    stop_time(town.receiver)
    found = [post(town, "/login/code", password(town, **{"X-Forwarded-For": f"198.51.{n}.7"}),
                  code=f"{n:06}").status for n in range(account_limits.FREE_CODES + 1)]
    assert found == [403] * account_limits.FREE_CODES + [429]
    step = password(town, **{"X-Forwarded-For": "203.0.113.9"})
    assert post(town, "/login/code", {**step, "X-Forwarded-For": "203.0.113.9"},
                code=now_code(town, secret)).status == 429, "from wherever they come"


def test_a_step_ends(town):
    now = [0.0]
    s = steps.Steps(lambda: now[0])
    cookie = s.add("what")
    assert s.get(cookie) == "what" and s.get("other") is None
    now[0] = steps.STEP_S + 1
    assert s.get(cookie) is None
    cookie = s.add("what")
    assert [s.get(cookie) for _ in range(steps.TRIES + 1)][-2:] == ["what", None]
    for _ in range(steps.MOST + 5):
        s.add("what")
    assert len(s._proved) <= steps.MOST


def test_it_is_changed_and_ended_with_a_code(town):
    secret, codes = set_up(town)
    page = town.ask(NAME, "/account/second").text
    assert "10 recovery codes are left" in page and "otpauth" not in page, "the secret is shown no more"
    assert change(town, "confirm", now_code(town, secret)).status == 400
    assert change(town, "end", "000000").status == 403
    answer = change(town, "codes", now_code(town, secret))
    assert answer.status == 200 and codes[0] not in answer.text
    assert change(town, "end", codes[0]).status == 403, "replaced by the new ones"
    town.receiver.clock.at += STEP_S
    assert change(town, "end", now_code(town, secret)).status == 303
    assert town.enter(NAME, PASSWORD) is not None
    assert [line.what for line in town.audit()[:3]] == ["second factor ended", "recovery codes made",
                                                       "second factor set up"]


def test_a_wrong_code_sets_nothing_up(town):
    town.log_in(NAME)
    assert town.ask(NAME, "/account/second").status == 200
    assert change(town, "confirm", "000000").status == 403
    assert town.enter(NAME, PASSWORD) is not None


def test_a_works_that_requires_it(town):
    where = town.receiver.directory.path
    town.log_in(NAME)
    assert "set up a second factor before" in netti("second-factor", where, "administrators")
    for path in ("/audit", "/account", "/users"):
        assert town.ask(NAME, path).headers["Location"] == "/account/second", path
    assert town.ask("operations", town.page()).status == 200, "administrators alone"
    assert town.ask("token:operations", town.api()).status == 200, "and no program"
    secret, _ = set_up(town)
    assert town.ask(NAME, "/audit").status == 200
    assert change(town, "end", now_code(town, secret)).status == 400
    assert "second factor" in netti("list", where)
    assert "password alone" in netti("reset-second-factor", where, NAME)
    assert town.ask(NAME, "/audit").headers["Location"] == "/login", "its sessions have ended"
    town.forget(NAME)
    assert town.ask(NAME, "/audit").headers["Location"] == "/account/second"
    netti("second-factor", where, "nobody")
    assert town.ask(NAME, "/audit").status == 200


def netti(action, *arguments):
    done = subprocess.run([Process.NETTI, "user", action, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_is_left_of_an_account_that_ends(town):
    set_up(town)
    with town.receiver.people() as people:
        people.remove(NAME)
        assert people.db.execute("SELECT count(*) FROM second_factors").fetchone() == (0,)
        assert people.db.execute("SELECT count(*) FROM recovery_codes").fetchone() == (0,)
