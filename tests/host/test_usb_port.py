"""The PORT `usb`: the only adapter of an operating system, and the console of a chip, which no byte interrupts."""

import os
import subprocess

import needs
import pytest

from firmware.port import usb

CHIP = """
import asyncio, sys
from firmware import port
usb = __import__("firmware.port.usb", None, None, ("os",))

class Chip:
    def listdir(self, path):
        raise OSError(2)

async def go():
    usb.os = Chip()
    stream, end = await port.open_stream("usb:57600:8N1")
    print("open")
    got = b""
    while len(got) < 300:
        data = await stream.read(200)
        assert 0 < len(data) <= 200, data
        got += data
    end.write(b"heard\\n")
    await end.drain()
    await port.close(end)
    print(got == bytes(range(256)) + b"x" * 44)
asyncio.run(go())
"""


def test_the_only_adapter_is_taken(monkeypatch):
    monkeypatch.setattr(usb.os, "listdir", lambda path: ["tty0", "ttyACM0", "null"])
    assert usb.found("usb:9600") == "/dev/ttyACM0:9600"
    for devices, said in (([], "no serial adapter"), (["ttyUSB1", "ttyACM0"], "name one: /dev/ttyACM0, /dev/ttyUSB1")):
        monkeypatch.setattr(usb.os, "listdir", lambda path, devices=devices: devices)
        with pytest.raises(OSError, match=said):
            usb.found("usb")


@pytest.mark.needs("micropython")
def test_a_chips_own_usb_is_its_console_and_no_byte_interrupts():
    """Byte 3 is Ctrl-C there."""
    with subprocess.Popen([needs.micropython(), "-X", "heapsize=192wK", "-c", CHIP], cwd=needs.ROOT,
                          env=dict(os.environ, MICROPYPATH=f"{needs.ROOT}:.frozen"), stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        out, _ = process.communicate(bytes(range(256)) + b"x" * 44, timeout=60)
    assert out.split() == [b"open", b"heard", b"True"], out
