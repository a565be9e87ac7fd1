"""Whatever comes in, nothing escapes but DecodeError, and nothing is read that no check vouches for."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import han_mutants
import han_vectors as v

import han_reader
from han_reader import accel, p1, p1_list, plan

OWN = han_mutants.own()


def live(data, size):
    """The messages of a live reader fed in pieces, each independently found good."""
    reader = han_reader.Reader()
    messages = []
    for at in range(0, len(data), size):
        messages += reader.feed(data[at:at + size])
    messages += reader.finish()
    return messages


def outcome(function, *args):
    """What a function gives, or None where it refuses."""
    try:
        return function(*args)
    except han_reader.DecodeError:
        return None


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=600), st.integers(1, 64))
def test_any_bytes(data, size):
    for message in live(data, size):
        outcome(han_reader.decode, message)
    outcome(han_reader.read_all, data)
    han_reader.explain(data)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=200))
def test_any_apdu(data):
    """Any bytes as a DataNotification's body, bare and in a good frame: the plan gives what the plain path gives."""
    apdu = v.notification(data)
    assert outcome(plan.Plans().reading, apdu) == outcome(plan.plain, apdu)
    if len(data) < 1000:
        outcome(han_reader.decode, v.frame(v.LLC + apdu))


def test_plans_that_many_mutants_left():
    """Whatever plans the skeletons of mutants leave behind, each message is read as on the plain path."""
    rng = random.Random(3)
    plans = plan.Plans(200)
    lists = [v.aidon(2), v.aidon(3), v.kaifa(2), v.kaifa(3), v.kamstrup(1), v.kamstrup(2, phases=1),
             v.notification(v.structure(v.octets(b"ABCDEF"), v.octets(b"\x01\x00\x01\x07\x00\xff"), v.u32(1))),
             v.notification(v.structure(v.octets(b"NAME"), v.octets(b"twelve bytes"), v.octets(b"sixsix"), v.u16(3)))]
    for _ in range(6000):
        apdu = bytearray(rng.choice(lists))
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            apdu[rng.randrange(6, len(apdu))] = rng.choice((rng.randrange(256), 7, 8, 0xFF, 6, 9, 0))
        apdu = bytes(apdu)
        assert outcome(plans.reading, apdu) == outcome(plan.plain, apdu), apdu.hex()


def test_telegram_plans_that_many_mutants_left():
    rng = random.Random(4)
    for _ in range(1000):
        text = bytearray(v.telegram(v.P1_LINES))
        line = text.find(b"\r\n\r\n")
        mark = text.find(b"!")
        for _ in range(rng.choice((0, 1, 1, 2))):
            text[rng.randrange(line + 4, mark - 2)] = rng.choice(b"0123456789:;<?().*-SW \r\n/ABmkW")
        del text[text.rfind(b"!"):]
        text += b"!"
        message = bytes(text) + b"%04X" % v.crc(text, 0xA001, 0)
        first = outcome(han_reader.decode, message)
        assert first == outcome(telegram, message), message


def telegram(message):
    """The reading of a telegram by the plain path."""
    line, mark = p1.checked(message)
    return p1_list.plain(message, line, mark)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60), max_size=12))
def test_any_telegram(lines):
    """Any lines of text under a right CRC."""
    wire = v.telegram(lines)
    for message in live(wire, 50):
        first = outcome(han_reader.decode, message)
        assert first == outcome(han_reader.decode, message)


@settings(max_examples=600, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 80))
def test_mutants(seed, size):
    _, data = han_mutants.mutant(random.Random(seed), OWN)
    for message in live(data, size):
        if outcome(han_reader.decode, message) is not None:
            assert han_mutants.vouched(message)
    outcome(han_reader.read_all, data)
    han_reader.explain(data)


EK, AK = bytes(range(16)), bytes(range(0x10, 0x20))


def test_mutants_of_ciphered_messages():
    """Under right frame checks, with the encryption key alone and with both: no escape, and with both no reading."""
    rng = random.Random(21)
    sealed = [v.security(apdu, v.aes, EK, AK, control=control) for apdu in (v.kaifa(2), v.telegram(v.P1_LINES[:5]))
              for control in (0x30, 0x20, 0x10)]
    extra = b"\x08" + bytes(8) + b"\x08NET00001\x08NETTI001\x00\x00"
    sealed.append(v.general(v.kaifa(1), v.aes, EK, AK, extra))
    for _ in range(3000):
        glo = bytearray(rng.choice(sealed))
        kept = bytes(glo)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(glo))
            if rng.random() < 0.2:
                del glo[at]
            else:
                glo[at] = rng.randrange(256)
        wire = v.frame(v.LLC + bytes(glo))
        outcome(han_reader.decode, wire, EK, None, v.aes)
        outcome(han_reader.read_all, bytes(glo), EK, None, v.aes)
        han_reader.explain(wire, EK, AK, v.aes)
        if bytes(glo) != kept:
            assert outcome(han_reader.decode, wire, EK, AK, v.aes) is None


def unvouched(count):
    """How many readings of many mutants no check vouches for."""
    rng = random.Random(5)
    passed = 0
    for _ in range(count):
        _, data = han_mutants.mutant(rng, OWN)
        for message in live(data, 40):
            if outcome(han_reader.decode, message) is not None:
                passed += not han_mutants.vouched(message)
    return passed


def test_the_judge_has_teeth(monkeypatch):
    """Known-bad: without the frame check, mutants are read that nothing vouches for."""
    assert unvouched(300) == 0
    monkeypatch.setattr(accel, "x25_ok", lambda data, start, end: True)
    assert unvouched(300) > 0


def test_random_noise_and_good_messages_between():
    """A good message is read from between stretches of noise, which cost nothing but themselves."""
    rng = random.Random(11)
    for _ in range(100):
        wire = rng.choice(OWN[:12])
        noise = [bytes(rng.randrange(256) for _ in range(rng.randrange(1, 200))) for _ in range(2)]
        got = live(noise[0] + wire + noise[1], rng.randrange(1, 60))
        assert wire.rstrip(b"\r\n") in got


@pytest.mark.parametrize("codec", ["han", "wmbus"])
def test_the_campaign_runs_for_either_codec(codec):
    done = subprocess.run([sys.executable, ROOT / "bench" / "fuzz.py", "--codec", codec, "--mutants", "300", "--json"],
                          cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["mutants"] == 300 and result["escapes"] == 0 and {"slow", "growth_kb"} <= set(result)
    assert codec == "wmbus" or result["unvouched"] == 0 and result["read"] > 0
