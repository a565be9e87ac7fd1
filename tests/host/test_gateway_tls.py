"""Real gateway processes, on CPython and on MicroPython at the device's heap, against a receiver over real TLS."""

import sys
from pathlib import Path

import pytest

from firmware.wire import records

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import wmbus_cases as cases  # noqa: E402
from gateway_rig import (  # noqa: E402
    COMMAND_KEY,
    LOST,
    MICROPYTHON,
    RUNTIMES,
    Bridge,
    Ca,
    Process,
    Receiver,
    Rig,
    command,
    public,
)

both = pytest.mark.parametrize("runtime", RUNTIMES)


def meters(n, first=0):
    return [cases.mode5(who=cases.address(number="%08d" % (first + i))) for i in range(n)]


@pytest.fixture(autouse=True)
def _runs_here():
    if not MICROPYTHON.exists():
        pytest.fail("no micropython binary in this environment")


@both
@pytest.mark.parametrize("step", [401, 403, 409, 413, (429, {"Retry-After": "60"}), (503, {"Retry-After": "60"}), 500,
                                  302, LOST, b"", b"nonsense", b"\xa4"], ids=str)
def test_after_every_answer_all_arrives_once(tmp_path, runtime, step):
    with Rig(tmp_path / "g", runtime) as rig:
        sent = meters(12)
        rig.receiver.script = [500] * 3
        rig.gateway.start()
        rig.feed(sent)
        rig.receiver.script = [step, step]
        rig.until(lambda: not rig.receiver.script and set(rig.receiver.telegrams()) == set(sent))
        assert rig.receiver.wrong == []
        telegrams = rig.receiver.records(records.TELEGRAM)
        # A new epoch sends again what the old one held; within an epoch nothing comes twice.
        assert len(telegrams) == 12 or step == 409
        assert rig.gateway.errors == "" and rig.gateway.stop() == (0 if runtime == "cpython" else -15)


@both
def test_killed_at_any_time_it_loses_nothing_it_kept(tmp_path, runtime):
    with Rig(tmp_path / "g", runtime) as rig:
        rig.receiver.script = [LOST, 200, LOST, 500, LOST, 409, LOST, 200, LOST]
        total = []
        for life in range(5):
            rig.gateway.lines = []
            rig.gateway.start()
            new = meters(20, 100 * life)
            rig.feed(new)
            total += new
            rig.gateway.kill()
            rig.bridge.forget()
        rig.gateway.lines = []
        rig.gateway.start()
        rig.until(lambda: set(rig.receiver.telegrams()) == set(total))
        assert rig.receiver.wrong == []
        assert rig.receiver.records(records.LOST) == []
        boots = {h.boot for h in rig.receiver.heads}
        assert max(boots) >= 5


@both
def test_many_batches_go_over_one_connection(tmp_path, runtime):
    with Rig(tmp_path / "g", runtime) as rig:
        rig.receiver.script = [500] * 40
        rig.gateway.start()
        sent = meters(300)
        rig.feed(sent)
        rig.receiver.script = []
        rig.until(lambda: set(rig.receiver.telegrams()) == set(sent))
        assert rig.receiver.wrong == [] and max(h.last - h.first for h in rig.receiver.heads) > 100


@both
def test_a_stranger_with_another_ca_gets_nothing(tmp_path, runtime):
    stranger = Ca("Somebody else")
    with Rig(tmp_path / "g", runtime, anchors=[stranger.pem]) as rig:
        rig.gateway.start()
        rig.until(lambda: rig.gateway.status().get("errors", 0) >= 2)
        assert rig.receiver.requests == 0
        assert "cert" in rig.gateway.status()["last_error"].lower()


@both
def test_the_second_anchor_counts_as_well(tmp_path, runtime):
    with Rig(tmp_path / "g", runtime) as rig:
        import json
        path = rig.folder / "works.json"
        works = json.loads(path.read_text())
        works["anchors"] = [Ca("Replaced").pem, rig.ca.pem]
        path.write_text(json.dumps(works))
        rig.gateway.start()
        rig.until(lambda: rig.gateway.status().get("acknowledged"))


@both
def test_a_certificate_for_another_host_is_refused(tmp_path, runtime):
    ca = Ca()
    (tmp_path / "g").mkdir()
    tls = ca.server(tmp_path / "g", host="other.example")
    with Rig(tmp_path / "g", runtime, tls=tls, anchors=[ca.pem]) as rig:
        rig.gateway.start()
        rig.until(lambda: rig.gateway.status().get("errors", 0) >= 2)
        assert rig.receiver.requests == 0


@both
def test_an_expired_certificate_is_refused(tmp_path, runtime):
    ca = Ca()
    (tmp_path / "g").mkdir()
    # On the device the chip's clock is set first; here MicroPython's TLS has the system's.
    tls = ca.server(tmp_path / "g", first_day=-900, last_day=-400)
    with Rig(tmp_path / "g", runtime, tls=tls, anchors=[ca.pem]) as rig:
        rig.gateway.start()
        rig.until(lambda: rig.gateway.status().get("errors", 0) >= 2)
        assert rig.receiver.requests == 0


FAR = 1 << 40


@both
def test_commands_are_executed_once_and_outlive_a_restart(tmp_path, runtime):
    with Rig(tmp_path / "g", runtime) as rig:
        me, receiver = rig.me, rig.receiver
        meter = "NET-00000005-01-07"
        receiver.commands = [
            (3, command(me, 3, "relay", {"window": 3600, "media": [7], "meters": [meter]}, FAR)),
            (4, command(me, 4, "own-meters", {"meters": [{"meter": meter, "key": cases.KEY}]}, FAR)),
            (5, command(me, 5, "close-valve", {}, FAR)),
        ]
        rig.gateway.start()
        rig.until(lambda: len(receiver.records(records.RESULT)) == 3)
        assert [r[3:5] for r in receiver.records(records.RESULT)] == [[3, 0], [4, 0], [5, 1]]
        rig.feed(meters(10))
        rig.until(lambda: receiver.telegrams() == [meters(10)[5]])
        assert rig.gateway.status()["own"] == 1
        rig.gateway.kill()
        rig.bridge.forget()
        rig.gateway.lines = []
        rig.gateway.start()
        rig.feed(meters(10))
        rig.until(lambda: rig.gateway.status().get("own") == 1 and rig.gateway.status()["foreign"] == 9)
        # The own meter's key has been in no record.
        assert cases.KEY not in b"".join(receiver.raw.values())
        assert [r[3] for r in receiver.records(records.RESULT)] == [3, 4, 5]


@both
def test_trust_moves_to_another_receiver_and_back_from_a_mistake(tmp_path, runtime):
    with Rig(tmp_path / "g", runtime) as rig:
        other_ca = Ca("The next anchor")
        other = Receiver(other_ca.server(tmp_path), rig.me)
        other.stored, other.raw = rig.receiver.stored, rig.receiver.raw  # the same works behind both
        try:
            keys = [public(COMMAND_KEY)]
            mistake = {"url": f"https://localhost:{other.port}", "anchors": [Ca("Wrong").pem], "command_keys": keys}
            right = dict(mistake, anchors=[other_ca.pem, rig.ca.pem])
            rig.receiver.commands = [(1, command(rig.me, 1, "trust", mistake, FAR))]
            rig.gateway.start()
            rig.until(lambda: (rig.folder / "works.old.json").exists())
            before = rig.receiver.requests
            rig.until(lambda: rig.receiver.requests >= before + 2)
            assert other.requests == 0
            rig.receiver.commands.append((2, command(rig.me, 2, "trust", right, FAR)))
            rig.until(lambda: other.requests >= 2)
            rig.until(lambda: not (rig.folder / "works.old.json").exists())
            before = rig.receiver.requests
            rig.feed(meters(3))
            rig.until(lambda: set(other.telegrams()) == set(meters(3)))
            assert rig.receiver.requests == before
        finally:
            other.close()


@both
def test_a_meter_that_says_2040_does_not_lock_the_receiver_out(tmp_path, runtime):
    import han_vectors as v
    line = Bridge()
    try:
        with Rig(tmp_path / "g", runtime, han={"port": f"tcp://127.0.0.1:{line.port}"}) as rig:
            rig.receiver.script = [500] * 10000

            def frame(uptime):
                now = v.date_time(2040, 1, 1 + uptime // 86400, uptime // 3600 % 24, uptime // 60 % 60, uptime % 60)
                data = v.notification(v.structure(v.u32(1234)), v.tagged_time(now))
                return v.frame(v.LLC + data, b"\x01\x02\x01", 0x10)
            rig.gateway.start()
            rig.until(lambda: line.send_raw(frame(0)))
            rig.until(lambda: rig.gateway.status().get("han"))
            assert rig.gateway.status()["time"] is None  # no single message moves it so far
            rig.until(lambda: line.send_raw(frame(rig.gateway.status()["uptime"])) and rig.gateway.status()["time"])
            assert rig.gateway.status()["time"] > 2208900000
            rig.receiver.script = []
            rig.until(lambda: rig.gateway.status().get("acknowledged"))
            rig.until(lambda: rig.gateway.status()["clock"] == "answer" and rig.gateway.status()["time"] < 2100000000)
    finally:
        line.close()


@both
def test_a_serial_line_is_read(tmp_path, runtime):
    import fcntl
    import os
    import termios

    import han_vectors as v
    master, slave = os.openpty()

    def raw():
        return not termios.tcgetattr(slave)[3] & (termios.ICANON | termios.ECHO | termios.ISIG)

    def taken():
        return fcntl.ioctl(slave, termios.FIONREAD, bytes(4)) == bytes(4)
    try:
        frame = v.frame(v.LLC + v.kaifa(1), b"\x01\x02\x01", 0x10)
        with Rig(tmp_path / "g", runtime, scale=1, interval=600, han={"port": os.ttyname(slave) + ":2400:8N1"}) as rig:
            rig.gateway.start()
            rig.until(raw)
            # Bytes of every value, with what a terminal would make of them.
            os.write(master, bytes(range(32)) + frame[:9])
            rig.until(taken)
            os.write(master, frame[9:])
            rig.until(lambda: rig.gateway.status().get("han") == 1)
    finally:
        os.close(master)
        os.close(slave)


def test_micropython_lives_in_its_heap(tmp_path):
    key = cases.KEY.hex()
    with Rig(tmp_path / "g", "micropython", own_meters=[{"meter": "NET-12345678-01-07", "key": key}]) as rig:
        rig.gateway.start()
        rig.until(lambda: "heap" in rig.gateway.status())
        start = rig.gateway.status()["heap"]
        for i in range(5):
            rig.feed((meters(39, 1000 * i) + [cases.mode5()]) * 5)
        rig.until(lambda: rig.gateway.status().get("acknowledged", 0) > 200)
        after = rig.gateway.status()
        print("heap (free, used) after start", start, "after", after["heard"], "telegrams", after["heap"])
        assert after["heard"] == 1000 and after["own"] == 25
        # 128wK live on this machine's words.
        assert after["heap"][1] <= 128 * 1024 * 2
        assert rig.gateway.errors == ""


@both
def test_what_is_wrong_is_said_in_one_line(tmp_path, runtime):
    process = Process(tmp_path, runtime)
    process.start()
    assert process.ended() == 2
    assert process.errors.strip() == "gateway: works.json: no such file"
