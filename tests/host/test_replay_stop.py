"""Ctrl-C and SIGTERM end a replay at a frame, with a line that says how far it came, and exit status 0."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys

import pytest
import serial
from netti_tools.captures import playing
from netti_tools.simulate import serve, wmbus_encoder
from own_vectors import kaifa_list_1, telegram
from replay_rig import connected, free_port, until

TELEGRAMS = [telegram(number=f"{n:08d}") for n in range(40)]  # without times: --interval is their pace
FRAMES = [serve.bursts(playing.UNKNOWN_DBM, wmbus_encoder.burst(one, "C1A")) for one in TELEGRAMS]
SIGNALS = [signal.SIGINT, signal.SIGTERM]


class Replay:
    """`netti replay` as a process; its words are on standard error."""

    def __init__(self, *arguments, **streams):
        self.process = subprocess.Popen([sys.executable, "-m", "netti_tools.cli", "replay", *map(str, arguments)],
                                        stderr=subprocess.PIPE, text=True, **streams)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def word(self, pattern):
        """Wait for a line that holds this."""
        for line in self.process.stderr:
            if match := re.search(pattern, line):
                return match
        raise AssertionError(f"no {pattern!r}")

    def ends(self, number):
        """Give it a signal; its last line and exit status."""
        self.process.send_signal(number)
        lines = self.process.stderr.read().splitlines()
        return lines[-1] if lines else "", self.process.wait()


@pytest.fixture
def capture(tmp_path):
    path = tmp_path / "capture"
    path.write_text("".join(one.hex() + "\n" for one in TELEGRAMS))
    return path


def frames_and_status(replay, number):
    last, status = replay.ends(number)
    match = re.fullmatch(r"netti replay: stopped after (\d+) of 40 frames, (\d+) bytes in [\d.]+ s to .*", last)
    assert match and status == 0, (last, status)
    return int(match[1]), int(match[2])


@pytest.mark.parametrize("number", SIGNALS)
def test_over_tcp_a_reader_has_whole_frames(capture, number):
    port = free_port()
    with Replay(capture, "--to", f"tcp-listen://{port}", "--interval", "0.05") as replay:
        replay.word("waiting for a reader")
        with connected(port) as reader:
            data = reader.recv(1)
            while len(data) < 3 * len(FRAMES[0]):
                data += reader.recv(4096)
            count, size = frames_and_status(replay, number)
            while more := reader.recv(4096):
                data += more
    assert data == b"".join(FRAMES[:count]) and len(data) == size and 3 <= count < 40


def test_on_a_terminal_too_and_its_name_is_gone(capture, tmp_path):
    link = tmp_path / "port"
    with Replay(capture, "--to", f"pty:{link}", "--interval", "0.05") as replay:
        replay.word("waiting for a reader")
        with serial.Serial(str(link), 2400, timeout=5) as port:
            data = port.read(2 * len(FRAMES[0]))
            replay.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(serial.SerialException):  # the port is gone
                while more := port.read(max(port.in_waiting, 1)):
                    data += more
        count = int(replay.word(r"stopped after (\d+) of 40 frames")[1])
        assert replay.process.wait() == 0
    assert data == b"".join(FRAMES[:count]) and 2 <= count < 40 and not os.path.lexists(link)


def test_to_standard_output(capture):
    with Replay(capture, "--to", "-", "--interval", "0.05", stdout=subprocess.PIPE) as replay:
        out = replay.process.stdout.buffer
        data = out.read(2 * len(FRAMES[0]))
        count, _ = frames_and_status(replay, signal.SIGINT)
        data += out.read()
        replay.process.stdout.close()
    assert data == b"".join(FRAMES[:count]) and 2 <= count < 40


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("target", ["tcp-listen://{port}", "pty:{link}"])
def test_while_it_waits_for_a_reader(capture, tmp_path, target, number):
    link = tmp_path / "port"
    with Replay(capture, "--to", target.format(port=free_port(), link=link)) as replay:
        replay.word("waiting for a reader")
        assert replay.ends(number) == ("netti replay: stopped before anything was played", 0)
    assert not os.path.lexists(link)


def test_while_it_waits_for_its_input(tmp_path):
    with Replay("-", "--to", f"tcp-listen://{free_port()}", stdin=subprocess.PIPE) as replay:
        replay.process.stdin.write(telegram().hex() + "\n")
        replay.process.stdin.flush()
        # Its handlers stand before it reads: Python's own for Ctrl-C is seen to be replaced.
        until(lambda: _catches(replay.process.pid, signal.SIGTERM))
        assert replay.ends(signal.SIGTERM) == ("netti replay: stopped before anything was played", 0)
        replay.process.stdin.close()


def _catches(pid, number):
    with open(f"/proc/{pid}/status") as f:
        mask = next(int(line.split()[1], 16) for line in f if line.startswith("SigCgt"))
    return mask >> (number - 1) & 1


def test_a_reader_that_does_not_read_holds_nobody_up(tmp_path):
    path, port = tmp_path / "long", free_port()
    path.write_bytes(kaifa_list_1() * 80_000)  # more than the kernel holds for a reader
    with Replay(path, "--to", f"tcp-listen://{port}", "--fast") as replay:
        replay.word("waiting for a reader")
        with connected(port) as reader:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            replay.word("frames, .* of the capture")
            last, status = replay.ends(signal.SIGINT)
    assert status == 0 and re.search(r"stopped after \d+ of 80000 frames", last), last


SECOND = """
import os, signal, time
from netti_tools.stopping import Stop, Stopped

with Stop() as stop:
    os.kill(os.getpid(), signal.SIGTERM)  # nothing waits: it is only noted
    print("asked", stop.asked)
    try:
        stop.sleep(3600)
    except Stopped:
        print("stopped")
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(3600)
    except KeyboardInterrupt:
        print("ended")
print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, signal.getsignal(signal.SIGINT) != stop._take)
"""


def test_a_first_is_noted_and_a_second_ends_what_takes_long():
    done = subprocess.run([sys.executable, "-c", SECOND], capture_output=True, text=True)
    assert done.stdout == "asked True\nstopped\nended\nTrue True\n", done.stdout + done.stderr
