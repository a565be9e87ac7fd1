"""A gateway's folder with a spool on flash, and the gateway that starts from it on a board made up for the test."""

import asyncio
import binascii
import json
import os
import sys

from firmware import port
from firmware.port import files

port.tidy()  # before the imports: what they leave would lie all over a small heap

from firmware import identity, start

# One of each tree: a folder is for one gateway, and another tree's tests may be running.
FOLDER = "/tmp/netti-test-boards-%s%08x" % ("mp" if port.MICROPYTHON else "c", binascii.crc32(os.getcwd().encode()))
ME = identity.of_seed(bytes(range(32)))


class Machine:
    """A chip whose converter sees `supply` millivolts behind 33 and 22 kilohms at pin 10."""

    supply = 3300
    looks = 0

    class Pin:
        def __init__(self, number):
            self.number = number

    class ADC:
        ATTN_11DB = 3

        def __init__(self, pin, atten):
            assert pin.number == 10 and atten == 3

        def read_uv(self):
            Machine.looks += 1
            return Machine.supply * 22 // 55 * 1000


def folder(name, **settings):
    """A gateway's folder with a spool on flash."""
    path = FOLDER + "-" + name
    files.make_folder(path)
    for old in files.names(path):
        files.remove(path + "/" + old)
    works = {"works": "demo", "url": "https://localhost:1", "anchors": ["-----BEGIN CERTIFICATE-----"],
             "gateway": ME.gateway}
    files.write_whole(path + "/identity.json", identity.dump(ME))
    files.write_whole(path + "/works.json", json.dumps(works).encode())
    files.write_whole(path + "/config.json", json.dumps(dict(settings, spool="flash")).encode())
    return path


def made(path, machine=Machine):
    """The gateway of a folder, on a machine; its uplink rests."""
    before = sys.modules.get("machine")
    if machine is not None:
        sys.modules["machine"] = machine
    try:
        g = start.make(path)
    finally:
        if machine is not None:
            del sys.modules["machine"]
            if before:
                sys.modules["machine"] = before

    async def rest():
        await asyncio.sleep(3600)
    g.uplink.run = rest
    g.flush_rule.most_s = 3600  # so that age is not what flushes, however slow the machine is
    g.tasks.flush_if_due()
    return g
