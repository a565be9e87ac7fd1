"""What a chip's work costs a gateway, in instructions of the real MicroPython: for the clock of bench/radios.py.

Counted by callgrind in one run: the CC1101 driver's visits to the FIFO, over firmware.port.spi with an SPI and pins
that do nothing (what the SPI costs here, being Python, is taken off), a wake-up of the loop, frames to
telegrams, a telegram that is relayed, an own meter's decoding, records read for a batch, the steps of a signature, and
a collection of garbage in the heap of a whole gateway. `bytes` are what the heap gives away meanwhile.
"""

import json
import re
import statistics
import tempfile

from bench import _callgrind, sign
from bench import wmbus as codec

SCRIPT = """
import gc, sys, json, asyncio
sys.path[:0] = [".", "tests"]
import wmbus
import wmbus_cases as cases
from firmware import config, port
from firmware.clock import Clock
from firmware.folder import restored
from firmware.gateway import Gateway
from firmware.port.spi import Bus
from firmware.radios import cc1101
from firmware.spool import blocks
from firmware.wire import records
from firmware.crypto import ed25519

mark = gc.isenabled
gc.threshold(-1)
names, told = [], {}

def counted(name):
    names.append(name)

class Pin:
    IN, OUT, IRQ_RISING = 1, 3, 1
    def __init__(self, *_a, **_k):
        self.value = int

class Far:
    waits, at, swaps = 0, 0, [0, 0, 0]
    def __init__(self, *_a, **_k):
        pass
    def write_readinto(self, out, into):
        if out[0] == 0xFB:
            Far.swaps[0] += 1
            into[1] = into[3] = into[5] = Far.waits
        elif out[0] == 0xFF:
            Far.swaps[1] += 1
            n = len(out) - 1
            into[1:] = frame[Far.at:Far.at + n]
            Far.at += n
            Far.waits -= n
        else:
            Far.swaps[2] += 1

bus = Bus(("cc1101", 1, 1, 2, 3, 4, 5, None), 4000000, Far, Pin)
radio = cc1101.Radio(bus)
radio._deaf = False
telegram = cases.telegram(bytes(range(70)))
body = cases.coded(cases.frame_a(telegram))
swaps = []

def visit(name, n, warm):
    Far.waits += n
    Far.swaps = [0, 0, 0]
    if warm:
        radio.service()
        return
    mark()
    radio.service()
    mark()
    counted(name)
    swaps.append(Far.swaps)

def receive(warm):
    global frame
    frame = (b"\\0" if radio._old else b"") + body + b"\\x10\\x20"
    Far.at = 0
    visit("idle", 0, warm)
    visit("head", 8 - Far.waits, warm)
    while len(frame) - Far.at > 16:
        visit("body", 16 - Far.waits, warm)
    visit("end", len(frame) - Far.at - Far.waits, warm)
    assert len(radio._frames.waiting) == 1, (radio._frames.waiting, radio._size, radio._at)

receive(True)
radio._frames.take()
receive(True)
radio._frames.take()
receive(False)

def link(n):
    before = gc.mem_alloc()
    mark()
    heard, _rssi, _offset = radio._frames.take()
    mark()
    counted("link")
    told["link"] = gc.mem_alloc() - before
    assert heard == telegram

far = bus._spi
for name, out in (("far0", b"\\xfb\\0\\xfb\\0\\xfb\\0"), ("far1", bytes([255] * 16)), ("far2", b"\\xf2\\0")):
    into = bytearray(len(out))
    Far.at = 0
    far.write_readinto(out, into)
    mark()
    far.write_readinto(out, into)
    mark()
    counted(name)

link(1)

async def wake():
    for _ in range(2):
        await asyncio.sleep(0.001)
    mark()
    for _ in range(20):
        await asyncio.sleep(0.001)
    mark()
    counted("wake")

asyncio.run(wake())

class Ram:
    def __init__(self):
        self.blocks = {}
    def ioctl(self, what, block):
        if what == 6:
            self.blocks[block] = bytearray(b"\\xff" * 4096)
        return {4: 16, 5: 4096}.get(what, 0)
    def readblocks(self, block, data, offset):
        if block in self.blocks:
            data[:] = self.blocks[block][offset:offset + len(data)]
        else:
            data[:] = bytes(len(data))
    def writeblocks(self, block, data, offset):
        self.blocks[block][offset:offset + len(data)] = data

now = [0]
clock = Clock(lambda: now[0], 1767225600)
ram = Ram()
rings = blocks.open_rings(ram, lambda n: b"e" * n, clock.record_time)
g = Gateway(port, config.check({}, {"window": 3600, "interval": 900}), None, clock, rings, restored({}), None, None)
clock.offer(1795503600000, records.CLOCK_ANSWER)
for n in range(100):
    g.telegram(cases.short(who=cases.address("NET", "%08d" % (12345678 + n))), -70)
rings[1].flush()
one = cases.short(who=cases.address("NET", "%08d" % (12345678 + 5)))
gc.collect()
before = gc.mem_alloc()
for n in range(8):
    g.telegram(one, -70)
told["telegram"] = (gc.mem_alloc() - before) // 8
last = g.telegrams.last
for _ in g.telegrams.read(last - 17, last):
    pass
mark()
for _ in g.telegrams.read(last - 17, last):
    pass
mark()
counted("record")
steps = ed25519.sign_steps(bytes(32), bytes(32), bytes(112))
allocated, n = [], 0
gc.collect()
before = gc.mem_alloc()
for _ in steps:
    n += 1
    if n % 64 == 0:
        allocated.append((gc.mem_alloc() - before) // 64)
        gc.collect()
        before = gc.mem_alloc()
told["step"] = max(allocated)
gc.collect()
junk = [bytes(100) for _ in range(400)]
junk = None
mark()
gc.collect()
mark()
counted("collect")
mark()
port.memory()
mark()
counted("memory")
print(json.dumps({"names": names, "bytes": told, "swaps": swaps, "live": gc.mem_alloc(), "size": len(body)}))
"""


VISITS = ("idle", "head", "body", "end")


def measure() -> "dict":
    """The instructions of each kind of work, and the bytes of heap it takes."""
    with tempfile.TemporaryDirectory() as folder:
        script = folder + "/costs.py"
        with open(script, "w", encoding="ascii") as f:
            f.write(SCRIPT)
        parts, printed = _callgrind.counts(script)
        row = json.loads(re.search(r"^\{.*$", printed, re.M)[0])
        counts = list(zip(row["names"], parts[1::2]))
        each = {}
        for name, n in counts:
            each[name] = max(each.get(name, 0), n)
        # A visit's Python, shared out among its transfers: what the driver costs where it makes one.
        far = [each["far%d" % i] for i in range(3)]
        visits = [(name, n - sum(a * b for a, b in zip(swaps, far)), sum(swaps)) for (name, n), swaps in zip(
            (row for row in counts if row[0] in VISITS), row["swaps"])]
        for name in VISITS:
            each[name] = round(statistics.median(n for what, n, _ in visits if what == name))
        swap = max(statistics.median(n / swaps for what, n, swaps in visits if what == name) for name in VISITS)
        steps, _ = sign.counts("sign", folder)
        plain = sorted(n for n, collected in steps if not collected)
        codecs = codec.counted(folder)
    return {"visit": {name: each[name] for name in VISITS}, "swap": round(swap),
            "link": each["link"] / row["size"], "wake": each["wake"] // 20, "record": each["record"] // 17,
            "relay": codecs["relay"], "decode": codecs["decode"], "collect": each["collect"], "memory": each["memory"],
            "steps": [n if not collected else plain[len(plain) // 2] for n, collected in steps],
            "bytes": row["bytes"], "live": row["live"]}


if __name__ == "__main__":
    costs = measure()
    costs["steps"] = [len(costs["steps"]), max(costs["steps"]), sum(costs["steps"])]
    print(json.dumps(costs))
