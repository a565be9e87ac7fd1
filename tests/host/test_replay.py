"""`netti replay`: what is played is what was captured, at its pace, and other people's software reads it."""

import asyncio
import os
import socket
import threading
import time

import pytest
import serial
from dsmr_parser import telegram_specifications
from dsmr_parser.clients import SERIAL_SETTINGS_V5, SerialReader, SocketReader
from han.autodecoder import AutoDecoder
from han.hdlc import HdlcFrameReader
from han.tcp_connection_factory import create_tcp_message_connection
from netti_tools import cli
from netti_tools.captures import playing
from own_vectors import KEY, format_a, hdlc, kaifa_list_1, on_air, p1, telegram
from replay_rig import connected, free_port, read_all, until

from firmware.radios import bursts, rtlwmbus


class Replay:
    """`netti replay` in a thread of its own; leaving the block waits for its end."""

    def __init__(self, *args):
        self.args, self.status = args, None
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        self.status = cli.main(["replay", *map(str, self.args)])

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.thread.join(20)
        assert not self.thread.is_alive()


@pytest.fixture
def capture(tmp_path):
    def write(content):
        path = tmp_path / "capture"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path
    return write


def played(path, *options):
    """All bytes a replay of this capture sends to one that connects."""
    port = free_port()
    with Replay(path, "--to", f"tcp-listen://{port}", "--fast", *options) as replay:
        data = read_all(connected(port))
    assert replay.status == 0
    return data


# --- the bytes ------------------------------------------------------------------------------------------------------

def test_a_port_s_bytes_are_played_as_they_are_faults_and_noise_included(capture):
    bad = bytearray(kaifa_list_1(2))
    bad[30] ^= 1
    raw = b"\x01\x02\x03" + kaifa_list_1(1) + bytes(bad) + kaifa_list_1(3)[1:] + b"\xff\xfe" + kaifa_list_1(4)[:25]
    assert played(capture(raw)) == raw
    assert played(capture(p1(1) + p1(2)[:200] + p1(3))) == p1(1) + p1(2)[:200] + p1(3)


def test_hex_dumps_are_played_as_bytes(capture):
    raw = kaifa_list_1(1) + kaifa_list_1(2)
    assert played(capture(raw.hex()[:60] + "\n# comment\n" + raw.hex()[60:] + "\n")) == raw


def test_telegrams_are_played_as_a_radio_bridge_sends_them(capture):
    one, two = telegram(), telegram(KEY, number="00000002")
    data = played(capture(f"{one.hex()}\n{format_a(two).hex()}\nnonsense\n{one.hex()[:30]}\n"))
    radio = bursts.Radio()
    assert [t for t, _ in radio.feed(data)] == [one, two] and radio.rejected == 0


def test_captured_bursts_are_played_as_they_are(capture):
    bad = bytearray(on_air(telegram()))
    bad[-1] ^= 1
    raw = b"".join((len(b) + 1).to_bytes(2, "big") + b"\xb0" + bytes(b) for b in (on_air(telegram()), bad))
    assert played(capture(raw)) == raw


def test_a_radio_s_stream_is_cut_into_bursts(capture):
    stream = b"".join(b"\x55\x54" + on_air(telegram(number=f"{n:08d}")) for n in range(200))
    assert len(stream) > 8192
    assert len(bursts.Radio().feed(played(capture(stream)))) == 200


def test_telegrams_as_lines_of_rtl_wmbus(capture):
    data = played(capture(f"{telegram().hex()}\ntelegram=|{telegram(KEY).hex()}|+3\n"), "--format", "rtlwmbus")
    assert [t for t, _ in rtlwmbus.Radio().feed(data)] == [telegram(), telegram(KEY)]


def test_a_mixed_capture_asks_which(capture, capsys):
    path = capture(f"{telegram().hex()}\n{kaifa_list_1(1).hex()}\n")
    assert cli.main(["replay", str(path), "--to", "-"]) == 2
    assert "--only" in capsys.readouterr().err
    assert played(path, "--only", "han") == kaifa_list_1(1)
    assert bursts.Radio().feed(played(path, "--only", "wmbus"))[0][0] == telegram()


def test_it_connects_to_a_port_too(capture, capsys):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with Replay(capture(kaifa_list_1(1)), "--to", f"tcp://127.0.0.1:{port}", "--fast") as replay:
            data = read_all(server.accept()[0])
    assert (data, replay.status) == (kaifa_list_1(1), 0)
    err = capsys.readouterr().err.splitlines()
    assert err[-1].startswith(f"netti replay: 1 frames, {len(data)} bytes in ")


# --- other people's software ----------------------------------------------------------------------------------------

def test_amshan_reads_a_norwegian_port_over_tcp(capture):
    """amshan's own connection, reader and decoder on the replayed stream, noise and a broken frame in it."""
    bad = bytearray(kaifa_list_1(99))
    bad[30] ^= 1
    path = capture(b"\x13\x37" + kaifa_list_1(1001) + bytes(bad) + kaifa_list_1(1002) + kaifa_list_1(1003))
    port = free_port()

    async def read():
        queue = asyncio.Queue()
        for _ in range(500):
            try:
                _, protocol = await create_tcp_message_connection(queue, None, None, host="127.0.0.1", port=port)
                break
            except OSError:
                await asyncio.sleep(0.01)
        await protocol.done
        decoder = AutoDecoder()
        return [decoder.decode_message(queue.get_nowait()) for _ in range(queue.qsize())]

    with Replay(path, "--to", f"tcp-listen://{port}", "--fast"):
        readings = asyncio.run(asyncio.wait_for(read(), 20))
    assert [r["active_power_import"] for r in readings if r] == [1001, 1002, 1003]


def test_amshan_reads_a_norwegian_port_from_a_terminal(capture, tmp_path):
    link = tmp_path / "port"
    reader, decoder, powers = HdlcFrameReader(False), AutoDecoder(), []
    # amshan takes a 7E inside a frame for its end: such frames are no test of the replay.
    watts = [w for w in range(1000, 1050) if b"\x7e" not in kaifa_list_1(w)[1:-1]][:40]
    frames = b"".join(map(kaifa_list_1, watts))
    with Replay(capture(frames), "--to", f"pty:{link}", "--speed", "400", "--interval", "2") as replay:
        until(lambda: os.path.exists(link))
        with serial.Serial(str(link), 2400, parity="E", timeout=5) as port:
            while len(powers) < 40 and (data := port.read(max(port.in_waiting, 1))):
                powers += [decoder.decode_message(m)["active_power_import"] for m in reader.read(data)]
            until(lambda: not replay.thread.is_alive())
    assert powers == watts and replay.status == 0 and not os.path.lexists(link)


def telegrams_of(reader, count):
    """The first readings of a dsmr_parser client, as (time, kWh, V)."""
    telegrams = []
    for one in reader.read():
        telegrams.append((one.P1_MESSAGE_TIMESTAMP.value.second, float(one.ELECTRICITY_USED_TARIFF_1.value),
                      float(one.INSTANTANEOUS_VOLTAGE_L1.value)))
        if len(telegrams) == count:
            break
    return telegrams


EXPECTED = [(1, 1234.567, 230.1), (2, 1234.568, 230.1)]


def test_dsmr_parser_reads_p1_from_a_terminal(capture, tmp_path):
    link = tmp_path / "port"
    path = capture(p1(1) + p1(9).replace(b"230.1", b"230.2") + p1(2, 1234.568))
    with Replay(path, "--to", f"pty:{link}", "--fast") as replay:
        until(lambda: os.path.exists(link))
        client = SerialReader(str(link), dict(SERIAL_SETTINGS_V5), telegram_specifications.V5)
        assert telegrams_of(client, 2) == EXPECTED
    assert replay.status == 0


def test_dsmr_parser_reads_p1_over_tcp(capture):
    port = free_port()
    with Replay(capture(p1(1) + p1(2, 1234.568)), "--to", f"tcp-listen://{port}", "--fast") as replay:
        connection = connected(port)
        # dsmr_parser connects itself: hand it what the first connection gets.
        with socket.create_server(("127.0.0.1", 0)) as relay:
            client = SocketReader("127.0.0.1", relay.getsockname()[1], telegram_specifications.V5)
            thread = threading.Thread(target=lambda: relay.accept()[0].sendall(read_all(connection)), daemon=True)
            thread.start()
            assert telegrams_of(client, 2) == EXPECTED
    assert replay.status == 0


# --- pace -----------------------------------------------------------------------------------------------------------

def test_times_come_from_the_lines_or_from_the_message_itself(capture):
    from netti_tools.captures import pieces

    def times(content):
        with open(capture(content), "rb") as f:
            return [f.time for f in playing.frames(pieces(f, ""), {})]
    text = telegram().hex()
    assert times(f"telegram=|{text}|+7\ntelegram=|{text}|+9\n") == [7, 9]
    a, b = times(f"2026-11-24 10:00:00.5 {text}\nC1;1;1;2026-11-24 10:00:02.000;1;1;0;0x{text}\n")
    assert b - a == 1.5
    a, b = times(p1(1) + p1(11))
    assert b - a == 10
    stamped = hdlc(kaifa_list_1()[12:-3])
    assert isinstance(times(stamped.hex())[0], (int, float))


def test_real_pace_is_kept(capture):
    text = telegram().hex()
    path = capture("".join(f"telegram=|{text}|+{10 + n}\n" for n in range(3)))
    port = free_port()
    began = time.monotonic()
    with Replay(path, "--to", f"tcp-listen://{port}", "--speed", "5"):
        connection = connected(port)
        first = connection.recv(1)
        at = time.monotonic()
        rest = read_all(connection)
    # Two gaps of 0.2 s; what must not happen is that all came at once. No upper bound: a machine may be busy.
    assert first and rest and time.monotonic() - at >= 0.35 and time.monotonic() - began >= 0.4


# --- wrong usage ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("url,words", [
    ("tcp://127.0.0.1:1", "127.0.0.1:1"), ("tcp://nowhere", "HOST:PORT"), ("ftp://x", "--to ftp://x"),
    ("http://localhost", "https only"), ("https://localhost", "--gateway"), ("pty:/no/such/dir/x", "No such file"),
])
def test_wrong_targets_are_one_line_and_status_2(capture, capsys, url, words):
    status = cli.main(["replay", str(capture(telegram().hex())), "--to", url])
    err = capsys.readouterr().err.splitlines()
    assert status == 2 and err[-1].startswith("netti replay: ") and words in err[-1] and "Traceback" not in str(err)


@pytest.mark.parametrize("options", [("--speed", "0"), ("--speed", "nan"), ("--speed", "1e-300"), ("--interval", "-1"),
                                     ("--interval", "inf"), ("--times", "captured")])
def test_a_pace_or_times_that_cannot_be_are_one_line(capture, capsys, options):
    assert cli.main(["replay", str(capture(telegram().hex())), "--to", "-", *options]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_nothing_to_play_says_why(capture, capsys):
    path = capture("nonsense\n" + kaifa_list_1()[12:-3].hex() + "\n")
    assert cli.main(["replay", str(path), "--to", "-"]) == 2
    err = capsys.readouterr().err
    assert "nothing to play" in err and "1 damaged" in err and "1 without the frame" in err


def test_a_reader_that_goes_away_is_noticed(capture, capsys):
    port = free_port()
    path = capture(f"{telegram().hex()}\n" * 200)
    with Replay(path, "--to", f"tcp-listen://{port}", "--speed", "200", "--interval", "2") as replay:
        connection = connected(port)
        connection.recv(10)
        connection.close()
    assert replay.status == 2 and "the reader has gone after" in capsys.readouterr().err
