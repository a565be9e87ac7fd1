"""The runtime's edge: AES, time, files and streams behave alike on both runtimes."""

import asyncio
import sys

from firmware import port
from firmware.port import files

FOLDER = "/tmp/netti-test-port-" + ("mp" if port.MICROPYTHON else "c")


def empty():
    files.make_folder(FOLDER + "/a/b")
    for folder in (FOLDER + "/a/b", FOLDER + "/a", FOLDER):
        for name in files.names(folder):
            files.remove(folder + "/" + name)
    return FOLDER


def test_aes_vectors_of_fips_197():
    plain = bytes.fromhex("00112233445566778899aabbccddeeff")
    for key, cipher in ((bytes(range(16)), "69c4e0d86a7b0430d8cdb78070b4c55a"),
                        (bytes(range(32)), "8ea2b7ca516745bfeafc49904b496089")):
        a = port.aes(key)
        assert a.ecb_encrypt(plain) == bytes.fromhex(cipher)
        assert a.ecb_decrypt(bytes.fromhex(cipher) * 3) == plain * 3
        assert a.ecb_encrypt(plain) == bytes.fromhex(cipher)


def test_a_file_is_appended_to_and_replaced():
    folder = empty()
    path = folder + "/f"
    out = files.appender(path)
    out.write(b"one")
    assert files.read_whole(path) == b"one"
    out.write(memoryview(b"-two-")[1:4])
    out.sync()
    out.close()
    out = files.appender(path)
    out.write(b"!")
    out.close()
    with files.reader(path) as f:
        assert f.read(3) == b"one"
        f.seek(0, 2)
        assert f.tell() == 7
    files.write_whole(path, b"new")
    assert files.read_whole(path) == b"new" and "f" in files.names(folder) and "f.new" not in files.names(folder)
    files.remove(path)
    files.remove(path)
    assert files.read_whole(path) is None and files.names(folder + "/none") == []


def test_a_folder_is_made_with_those_above_it():
    folder = empty()
    files.make_folder(folder + "/a/b")
    files.make_folder(folder + "/a/b")
    assert files.names(folder + "/a") == ["b"]


async def _over_before(seconds, real):
    # Whether a sleep of the gateway's time ends before one of the loop's own.
    async def of_the_loop():
        await asyncio.sleep(real)
    other = asyncio.create_task(of_the_loop())
    await port.sleep(seconds)
    before = not other.done()
    other.cancel()
    return before


def test_time_goes_on_and_can_be_made_faster():
    before = port.uptime_ms()
    assert not asyncio.run(_over_before(0.02, 0))
    assert port.uptime_ms() - before >= 15
    try:
        port.set_scale(1000)
        before = port.uptime_ms()
        assert asyncio.run(_over_before(20, 1))
        assert port.uptime_ms() - before >= 15000
    finally:
        port.set_scale(1)


def test_a_simulation_has_the_system_clock_it_is_given():
    try:
        port.set_scale(1000)
        assert port.system_time() is None
        port.set_scale(1000, 946684800)
        began = port.system_time()
        assert 946684800 <= began < 946684800 + 3600
        asyncio.run(port.sleep(20))
        assert port.system_time() >= began + 15
    finally:
        port.set_scale(1)


def test_waiting_is_bounded():
    async def go():
        event = asyncio.Event()
        came = await port.wait_event(event, 0.01)
        event.set()
        return came, await port.wait_event(event, 10)

    async def never():
        await asyncio.Event().wait()

    async def bounded():
        try:
            await port.within(0.01, never())
        except OSError as e:
            return str(e)
    assert asyncio.run(go()) == (False, True)
    assert asyncio.run(bounded()) == "timed out"


def test_a_stream_can_be_read_until_it_closes():
    async def serve(_reader, writer):
        writer.write(b"hello")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def go():
        server = await asyncio.start_server(serve, "127.0.0.1", 17863)
        stream, end = await port.open_stream("tcp://localhost:17863")
        got = b""
        while True:
            data = await stream.read(3)
            if not data:
                break
            got += data
        await port.close(end)
        server.close()
        return got
    assert asyncio.run(go()) == b"hello"


def test_nobody_there_is_an_oserror():
    async def go():
        try:
            stream, _end = await port.open_stream("tcp://127.0.0.1:9")
            # MicroPython connects in the background: it shows with the first byte.
            return await stream.read(1)
        except OSError:
            return "refused"
    assert asyncio.run(go()) in ("refused", b"")


def test_random_bytes_and_jitter():
    assert len(port.random_bytes(32)) == 32 and port.random_bytes(32) != port.random_bytes(32)
    assert len(port.jitter_entropy(64)) == 64


def test_a_module_that_has_done_its_work_holds_nothing_any_more():
    from firmware import sntp
    port.empty("firmware.sntp")
    assert hasattr(sntp, "ask") != port.MICROPYTHON and ("firmware.sntp" in sys.modules) != port.MICROPYTHON
    from firmware import sntp as anew
    assert anew.SIZE == 48 and hasattr(anew, "ask")
